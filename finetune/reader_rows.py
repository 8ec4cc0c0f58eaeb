"""Labelled dialogues as rows for the reader: what a message may be about, and what it says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.belief import INTENTS, ITEMS, BeliefUpdate
from agent.linking import Linker
from agent.linking.assembly import TAKEN_BACK
from agent.linking.judging import STANCES, LinearJudge
from agent.linking.options import Option
from agent.reader import Nearness, encoded
from agent.reader.encoding import ITEM_LABELS, Encoded
from finetune.cues import FOLDS, collect, fit, stance_to
from retrieval.catalog import Catalog

_STOP = frozenset("a an the of too to that really very more in with is it not no so and".split())
_ALIKE = 0.5
"""Share of words (F1) from which free words count as those of a label."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled turn for the network."""

    scene: Encoded
    labels: tuple[tuple[float, ...] | int, ...]
    """For every option the verdicts that hold, or the number of its stance."""
    intent: int
    fold: int


def rows_of(
    dialogues: Sequence[Mapping[str, Any]],
    catalog: Catalog,
    tokenizer: Any,
    nearness: Nearness,
    linear: LinearJudge | None = None,
) -> list[Row]:
    """Return every turn of `dialogues` as a row.

    The evidence comes from linear judges fitted on the other folds, or from `linear` where the rows are not trained on.
    """
    turns = collect(dialogues, catalog, Linker(catalog), nearness)
    rows = []
    for fold in range(FOLDS):
        judge = linear or LinearJudge(fit([turn for turn in turns if turn.fold != fold], catalog), catalog)
        rows += [
            Row(
                encoded(turn.scene, judge, tokenizer),
                tuple(label_of(option, turn.gold) for option in turn.scene.options),
                INTENTS.index(turn.gold.intent),
                fold,
            )
            for turn in turns
            if turn.fold == fold
        ]
    return rows


def label_of(option: Option, gold: BeliefUpdate) -> tuple[float, ...] | int:
    """Return which verdicts hold of an item, or the number of the stance to anything else."""
    if option.kind == "item":
        said = {entry.verdict for entry in gold.items if entry.item_id == option.item_id}
        back = any(drop.attribute == ITEMS and drop.value == option.item_id for drop in gold.drop)
        return tuple(float(name in said or (name == TAKEN_BACK and back)) for name in ITEM_LABELS)
    return STANCES.index(_stance(option, gold))


def _stance(option: Option, gold: BeliefUpdate) -> str:
    about = option.attribute
    if option.kind == "attribute":
        return "drop" if any(drop.attribute == about and drop.value is None for drop in gold.drop) else "none"
    if option.kind == "bound":
        if any(limit.attribute == about for limit in gold.set):
            return "is"
        if any(wish.attribute == about for wish in gold.prefer):
            return "wish"
        return "drop" if any(drop.attribute == about for drop in gold.drop) else "none"
    if option.kind == "words":
        alike = [wish for wish in gold.prefer if wish.attribute == about and _alike(str(wish.value), str(option.value))]
        return "none" if not alike else "wish" if alike[0].weight > 0 else "avoid"
    return stance_to(about, option.value, option.negated, gold)


def _alike(left: str, right: str) -> bool:
    one, other = ({word.strip(".,!?") for word in text.lower().split()} - _STOP for text in (left, right))
    return bool(one & other) and 2 * len(one & other) >= _ALIKE * (len(one) + len(other))
