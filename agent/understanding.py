"""What a message changes: linkers over the catalog's own words, and the LLM under a grammar for what they leave."""

from __future__ import annotations

from functools import cached_property

from agent.belief import BeliefState, BeliefUpdate, Preference
from agent.linking import Linked, Linker
from agent.llm import LanguageModel
from agent.reasons import words_of
from prompts import Prompt, render
from retrieval.catalog import Catalog, fold

MOST_LINES = 3
"""Wishes the LLM may add to one message."""
RARE = 8
"""Values that fewer items have are left to the linkers."""
WISHFUL = frozenset({"recommend", "refine", "similar", "restart"})
"""Intents whose unexplained words may hold a wish."""


def belief_prompt(text: str, linked: Linked) -> Prompt:
    """Render the prompt that asks what the words that no linker explained wish for."""
    known = [f"{entry.attribute} {entry.value}" for entry in linked.update.wishes]
    return render("belief", text=text[:300], known="; ".join(known), residue="; ".join(linked.residue)[:200])


def wish_lines(catalog: Catalog) -> dict[str, tuple[str, str, float]]:
    """Return every line the LLM may answer with -> (attribute, value, weight): `want moods cozy`, `avoid ...`."""
    lines = {}
    for column in catalog.schema.with_role("facet"):
        if not column.people:
            for value, count in catalog.vocabulary[column.name].items():
                if count >= RARE:
                    lines[f"want {column.name} {value}"] = (column.name, value, 1.0)
                    lines[f"avoid {column.name} {value}"] = (column.name, value, -1.0)
    return lines


def lines_of(update: BeliefUpdate, linked: BeliefUpdate, catalog: Catalog) -> list[str]:
    """Return the lines that would have completed `linked` to `update`, at most `MOST_LINES`: what training teaches."""
    found = {(fold(entry.attribute), fold(str(entry.value))) for entry in linked.wishes}
    wishes = [(entry.attribute, str(entry.value), entry.weight > 0) for entry in update.prefer]
    wishes += [(entry.attribute, str(entry.value), entry.op == "is") for entry in update.set]
    on_offer = {fold(line): line for line in wish_lines(catalog)}
    lines = [
        on_offer.get(fold(f"{'want' if positive else 'avoid'} {attribute} {value}"))
        for attribute, value, positive in wishes
        if (fold(attribute), fold(value)) not in found
    ]
    return [line for line in lines if line][:MOST_LINES]


class Understanding:
    """Turns a message into a belief update. Hard limits and verdicts come from linkers alone, wishes from both."""

    def __init__(self, linker: Linker, llm: LanguageModel, catalog: Catalog) -> None:
        """Ask `llm` only for what `linker` leaves; a model without an adapter is not asked."""
        self.linker, self.llm, self.catalog = linker, llm, catalog

    @cached_property
    def _lines(self) -> dict[str, tuple[str, str, float]]:
        return wish_lines(self.catalog)

    @cached_property
    def _offer(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def understand(self, text: str, belief: BeliefState) -> BeliefUpdate:
        """Return what `text` changes in `belief`; every entry carries the words it came from.

        A message of which nothing else was made becomes a wish in its own words, as far as the catalog knows them.
        """
        linked = self.linker.link(text, belief)
        update = linked.update
        if not linked.residue or update.intent not in WISHFUL:
            return update
        added = [] if self.llm.adapter_id == "none" else self._completed(text, linked)
        if not added and not update.changes():
            known = [phrase for phrase in linked.residue if self._words & set(words_of(fold(phrase)))]
            if known:
                added = [Preference(attribute="text", value=" ".join(known), words="; ".join(known))]
        return update.model_copy(update={"prefer": (*update.prefer, *added)})

    def _completed(self, text: str, linked: Linked) -> list[Preference]:
        """Ask the language model what the unexplained words wish for, beyond what was found."""
        lines = self.llm.choose_lines(belief_prompt(text, linked), self._offer, MOST_LINES)
        taken = {(fold(entry.attribute), fold(str(entry.value))) for entry in linked.update.wishes}
        words = "; ".join(linked.residue)
        return [
            Preference(attribute=attribute, value=value, weight=weight, words=words)
            for attribute, value, weight in map(self._lines.__getitem__, lines)
            if (fold(attribute), fold(value)) not in taken
        ]

    @cached_property
    def _words(self) -> frozenset[str]:
        """Words that the items' titles, texts and facets are made of: free words outside them find nothing."""
        facets = [column.name for column in self.catalog.schema.with_role("facet")]
        words: set[str] = set()
        for item in self.catalog:
            values = (value for facet in facets for value in item.values(facet))
            words.update(words_of(fold(" ".join((item.title, item.text, *values)))))
        return frozenset(words)
