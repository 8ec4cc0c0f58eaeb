"""How good reasons are: ours, those built from facts, and those that people wrote, for the same items and beliefs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from agent.belief import BeliefState
from agent.fact_check import FactCheck, stemmed
from agent.llm import ScriptedLanguageModel
from agent.reasons import Explainer, Reason, alike
from agent.sentences import LONGEST, SHORTEST
from agent.transcripts import belief_from_turns
from retrieval.catalog import Catalog, Item
from retrieval.constraints import Constraint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encode = Callable[[Sequence[str]], NDArray[np.float32]]

Explain = Callable[[str, BeliefState, Sequence[str]], Iterator[tuple[int, Reason]]]
Values = dict[str, dict[str, float | None]]
REFERENCES = "written by people"
SWAPPED = "people's, of another item"


@dataclass(frozen=True, slots=True)
class Slate:
    """The items shown in one labelled turn, what was believed then, and what people wrote beside them."""

    unit: str
    text: str
    belief: BeliefState
    items: tuple[str, ...]
    references: tuple[str, ...]


def slates(dialogues: Sequence[Mapping[str, Any]], catalog: Catalog, sample: int | None, seed: int) -> list[Slate]:
    """Return the turns that showed items with reasons, or `sample` of them drawn by the seed, in their order."""
    turns = [(d, place) for d in dialogues for place, turn in enumerate(d["turns"]) if turn.get("shown")]
    if sample is not None and sample < len(turns):
        turns = [turns[place] for place in sorted(random.Random(seed).sample(range(len(turns)), sample))]
    found = []
    for dialogue, place in turns:
        turn = dialogue["turns"][place]
        before = belief_from_turns([*dialogue["turns"][:place], {**turn, "shown": ()}], catalog)
        ledger = belief_from_turns(dialogue["turns"][: place + 1], catalog).last_shown()
        reasons = {line.item_id: turn["shown"][line.position - 1]["reason"] for line in ledger}
        if reasons:
            unit = f"{dialogue['id']}/{place + 1}"
            found.append(Slate(unit, turn["user"], before, tuple(reasons), tuple(reasons.values())))
    return found


def systems(explain: Explain, catalog: Catalog) -> dict[str, Callable[[Slate], list[Reason]]]:
    """Return ours, the fall-back alone, what people wrote, and the floor: what they wrote of the next item."""

    def ours(slate: Slate) -> list[Reason]:
        found = dict(explain(slate.text, slate.belief, slate.items))
        return [found[place] for place in range(len(slate.items))]

    plain = Explainer(ScriptedLanguageModel(), catalog)

    def facts(slate: Slate) -> list[Reason]:
        return plain.from_facts(slate.belief, slate.items)

    def people(slate: Slate) -> list[Reason]:
        return [Reason(text, "people", ()) for text in slate.references]

    def swapped(slate: Slate) -> list[Reason]:
        return [Reason(text, "people", ()) for text in (*slate.references[1:], *slate.references[:1])]

    return {"tastemaker": ours, "from the facts alone": facts, REFERENCES: people, SWAPPED: swapped}


def measure(slate: Slate, reasons: Sequence[Reason], catalog: Catalog, facts: FactCheck, encode: Encode) -> Values:
    """Return metric -> reason or slate -> value, all 0..1.

    `grounded`: the checker finds no unsupported fact, `as written` before it replaced anything. `covers`: of the wishes
    that the item fulfils, the share that the reason names. `distinct`: one minus the largest share of words (Jaccard)
    that two reasons of the slate have in common. `two alike`: some two of the slate say the same. `in length`: 10 to 25
    words. `coherent`: cosine of the vectors of request and reason. `by the model`: it passed the check as written.
    """
    units = [f"{slate.unit}/{place}" for place in range(1, len(reasons) + 1)]
    items = [catalog[item] for item in slate.items]
    texts = [reason.text for reason in reasons]
    request, *vectors = encode([slate.text, *texts])
    words = [set(stemmed(text)) for text in texts]
    shares = [len(a & b) / len(a | b) for a, b in combinations(words, 2) if a | b]

    def holds(text: str, item: Item) -> float:
        return float(bool(text) and not facts.unsupported(text, item, slate.belief))

    return {
        "as written": {
            unit: None if reason.written is None else holds(reason.written, item)
            for unit, reason, item in zip(units, reasons, items, strict=True)
        },
        "grounded": {unit: holds(text, item) for unit, text, item in zip(units, texts, items, strict=True)},
        "covers": {
            unit: _covered(own, _fulfilled(slate.belief, item.id, catalog))
            for unit, own, item in zip(units, words, items, strict=True)
        },
        "distinct": {slate.unit: 1 - max(shares) if shares else None},
        "two alike": {slate.unit: float(any(alike(a, b) for a, b in combinations(texts, 2))) if shares else None},
        "in length": {
            unit: float(SHORTEST <= len(text.split()) <= LONGEST) for unit, text in zip(units, texts, strict=True)
        },
        "coherent": {unit: float(vector @ request) for unit, vector in zip(units, vectors, strict=True)},
        "by the model": {unit: float(reason.source == "llm") for unit, reason in zip(units, reasons, strict=True)},
    }


def overlap(slate: Slate, reasons: Sequence[Reason]) -> Values:
    """Return ROUGE-L (F) and sentence BLEU of each reason against what people wrote, 0..1.

    There are many good reasons and one reference: low values say little.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    rouge, bleu = RougeScorer(["rougeL"], use_stemmer=False), BLEU(effective_order=True)
    found: Values = {"ROUGE-L": {}, "BLEU": {}}
    for place, (reason, wanted) in enumerate(zip(reasons, slate.references, strict=True), start=1):
        unit = f"{slate.unit}/{place}"
        found["ROUGE-L"][unit] = float(rouge.score(wanted, reason.text)["rougeL"].fmeasure)
        found["BLEU"][unit] = bleu.sentence_score(reason.text, [wanted]).score / 100
    return found


def score(
    slates: Sequence[Slate],
    explain: Explain,
    catalog: Catalog,
    encode: Encode,
    references: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Values]:
    """Measure every system on every slate; with `references` also the overlap with what people wrote."""
    facts = FactCheck(catalog)
    found: dict[str, Values] = {}
    for done, slate in enumerate(slates, start=1):
        for name, system in systems(explain, catalog).items():
            reasons = system(slate)
            values = measure(slate, reasons, catalog, facts, encode)
            if references and name != REFERENCES:
                values |= overlap(slate, reasons)
            for metric, units in values.items():
                found.setdefault(name, {}).setdefault(metric, {}).update(units)
        tell(done, len(slates))
    return found


def _fulfilled(belief: BeliefState, item_id: str, catalog: Catalog) -> list[set[str]]:
    """Return the stems of each wanted value that the item has; numbers and exclusions are not for naming."""
    item = catalog[item_id]
    wanted = [limit.constraint for limit in belief.constraints if limit.op in ("is", "contains")]
    wanted += [
        Constraint(attribute=wish.attribute, op="is", value=wish.value)
        for wish in belief.preferences
        if wish.weight > 0 and wish.attribute != "text"
    ]
    return [set(stemmed(str(limit.value))) for limit in wanted if limit.allows(item)]


def _covered(words: set[str], wanted: Sequence[set[str]]) -> float | None:
    return sum(one <= words for one in wanted) / len(wanted) if wanted else None
