"""Wording by a language model: the same facts in other words, or the template's words where a fact got lost."""

from __future__ import annotations

from agent.fact_check import connecting_words, words_of
from agent.grammar import Words
from agent.llm import LanguageModel
from evals.simulation.user import Move
from prompts import render
from retrieval.catalog import fold

MAX_TOKENS = 40


class Rephraser:
    """Rephrases messages with a language model that may use their own words and connecting words alone."""

    def __init__(self, llm: LanguageModel) -> None:
        """Ask `llm`."""
        self.llm = llm

    def __call__(self, move: Move) -> Move:
        """Return the move in the model's words when each value, number, title and negation is still there."""
        if not (move.facts or move.named):
            return move
        words = set(words_of(move.text)) | connecting_words()
        written = dict(self.llm.write([render("rephrase", text=move.text)], [Words(words)], MAX_TOKENS)).get(0, "")
        return move.model_copy(update={"text": written, "rephrased": True}) if faithful(written, move) else move


def faithful(text: str, move: Move) -> bool:
    """Tell whether `text` says what the template says: all of its values, numbers and titles, and as much negation."""
    plain, said = fold(text), fold(move.text)
    kept = [fold(title) for title in move.named]
    kept += [value for fact in move.facts for rule in fact.rules if (value := fold(str(rule.value))) in said]
    kept += [word for word in words_of(said) if any(character.isdigit() for character in word)]
    return bool(plain) and all(value in plain for value in kept) and _against(plain) == _against(said)


def _against(text: str) -> int:
    return sum(word in _NEGATIONS for word in words_of(text))


_NEGATIONS = frozenset({"no", "not", "without", "never", "nothing", "none", "less", "older", "newer", "shorter",
                        "longer", "higher", "lower", "earlier", "later", "least", "most"})  # fmt: skip
