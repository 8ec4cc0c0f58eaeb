"""Why an item suits: a sentence that the LLM chooses among those the facts allow, then checked fact by fact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agent.belief import BeliefState
from agent.fact_check import FactCheck, phrasing, stemmed
from agent.facts import all_facts, spoken
from agent.grammar import OneOf
from agent.llm import LanguageModel
from agent.sentences import sentences
from prompts import Prompt, render
from retrieval.catalog import Catalog, Item, fold

MAX_TOKENS = 48
ALIKE = 0.6
"""Share of their content words (Jaccard, stems) above which two reasons of a slate say the same."""
@dataclass(frozen=True, slots=True)
class Reason:
    """One reason and what it rests on."""

    text: str
    source: str
    """`llm` when the model's sentence passed the check, `facts` when one built from the facts took its place."""
    evidence: tuple[str, ...]
    """Facts of the item, matched ones first, such as `genres: Thriller`."""
    written: str | None = None
    """What the model wrote, whether or not it passed; None when none was asked."""


def reason_prompt(text: str, belief: BeliefState, item: Item, catalog: Catalog) -> Prompt:
    """Render the prompt for one item's reason; all prompts of a turn share their context."""
    return render("reason", facts=all_facts(item, catalog), **spoken(text, belief, catalog))


def likeness(one: str, other: str) -> float:
    """Return the share of content words (Jaccard, stems) that two reasons have in common."""
    left, right = (set(stemmed(text)) - phrasing() for text in (one, other))
    return len(left & right) / len(left | right) if left | right else 0.0


def alike(one: str, other: str) -> bool:
    """Tell whether two reasons say the same: they share more than `ALIKE` of their content words."""
    return likeness(one, other) > ALIKE


class Explainer:
    """Writes one reason per item; what the model says and the check refuses never leaves this class."""

    def __init__(self, llm: LanguageModel, catalog: Catalog) -> None:
        """Write with `llm` about items of `catalog`."""
        self.llm, self.catalog, self.check = llm, catalog, FactCheck(catalog)

    def open_to(self, belief: BeliefState, items: Sequence[Item]) -> list[list[str]]:
        """Return for each item of a slate the sentences that may be said of it, best first."""
        return sentences(
            items, belief, self.catalog, lambda words, item: not self.check.unsupported(words, item, belief)
        )

    def explain(self, text: str, belief: BeliefState, item_ids: Sequence[str]) -> Iterator[tuple[int, Reason]]:
        """Yield (place in `item_ids`, reason) as each is finished; no two are alike where the facts allow.

        A sentence that says too little, or something twice, fails like one that says what is not so. A model without
        an adapter has not learned to write reasons and is not asked.
        """
        if self.llm.adapter_id == "none":
            yield from enumerate(self.from_facts(belief, item_ids))
            return
        items = [self.catalog[item] for item in item_ids]
        choices = self.open_to(belief, items)
        prompts = [reason_prompt(text, belief, item, self.catalog) for item in items]
        told: list[str] = []
        for place, sentence in self.llm.write(prompts, [OneOf(texts) for texts in choices], MAX_TOKENS):
            said = [word for word in stemmed(sentence) if word not in phrasing()]
            new = len(said) >= 2 and not any(alike(sentence, other) for other in told)
            if new and not self.check.unsupported(sentence, items[place], belief):
                facts = evidence(items[place], belief, self.catalog)
                reason = Reason(sentence[:1].upper() + sentence[1:], "llm", (*facts[0], *facts[1]), sentence)
            else:
                reason = replace(self._plain(items[place], belief, choices[place], told), written=sentence)
            told.append(reason.text)
            yield place, reason

    def from_facts(self, belief: BeliefState, item_ids: Sequence[str]) -> list[Reason]:
        """Return reasons that need no language model, in order; no two alike where the facts allow."""
        items = [self.catalog[item] for item in item_ids]
        reasons: list[Reason] = []
        for item, texts in zip(items, self.open_to(belief, items), strict=True):
            reasons.append(self._plain(item, belief, texts, [reason.text for reason in reasons]))
        return reasons

    def _plain(self, item: Item, belief: BeliefState, texts: Sequence[str], told: Sequence[str]) -> Reason:
        """Take the first sentence that passes the check and is like none of `told`, or the one least like them."""
        true = (text for text in texts if not self.check.unsupported(text, item, belief))
        seen: list[str] = []
        for text in true:
            seen.append(text)
            if not any(alike(text, other) for other in told):
                break
        else:
            text = min(seen, key=lambda own: max(likeness(own, other) for other in told), default=f"{item.title} fits.")
        matched, others = evidence(item, belief, self.catalog)
        return Reason(text, "facts", (*matched, *others))


def evidence(item: Item, belief: BeliefState, catalog: Catalog) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the item's facts as `attribute: value`: those that the belief asks for, and the others."""
    asked = {(fold(entry.attribute), fold(str(entry.value))) for entry in belief.constraints if entry.op != "is_not"}
    asked |= {(fold(entry.attribute), fold(str(entry.value))) for entry in belief.preferences if entry.weight > 0}
    bounds = {fold(entry.attribute) for entry in belief.constraints if entry.op in ("at_least", "at_most")}
    matched: list[str] = []
    others: list[str] = []
    for column in catalog.schema.with_role("facet", "number", "date"):
        for value in item.values(column.name):
            hit = (fold(column.name), fold(value)) in asked or fold(column.name) in bounds
            unit = f" {column.unit}" if column.unit and column.unit != "year" else ""
            (matched if hit else others).append(f"{column.name}: {value}{unit}")
    return tuple(matched), tuple(others)
