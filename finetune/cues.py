"""Fit the judges of the linking from labelled dialogues: `python -m finetune.cues` rewrites their packaged weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.belief import BeliefState, BeliefUpdate, same
from agent.linking.features import intent_features
from agent.linking.judges import Judges, LinearModel
from agent.linking.linker import ItemSight, Linker, ValueSight, facts_of
from agent.linking import intents
from agent.transcripts import belief_from_turns, update_from_dict
from retrieval.catalog import Catalog

VERDICTS = ("seen", "liked", "disliked", "rejected", "accepted", "like_this", "unlike_this")
STANCES = ("none", "is", "is_not", "wish", "avoid", "drop")
INTENTS = ("recommend", "search", "similar", "refine", "ask", "compare", "explain", "feedback", "chat", "restart")
Row = tuple[list[str], tuple[str, ...]]


@dataclass
class Rows:
    """Features and labels for each judge."""

    item: list[Row] = field(default_factory=list)
    focus: list[Row] = field(default_factory=list)
    value: list[Row] = field(default_factory=list)
    intent: list[Row] = field(default_factory=list)


def collect(dialogues: Iterable[Mapping[str, Any]], catalog: Catalog, linker: Linker) -> Rows:
    """Return one row for everything that the linker sights in the turns, labelled by the gold update."""
    rows = Rows()
    for dialogue in dialogues:
        turns: Sequence[Mapping[str, Any]] = dialogue["turns"]
        for place, turn in enumerate(turns):
            belief = belief_from_turns(turns[:place], catalog)
            gold = update_from_dict(turn["update"], catalog, belief)
            sighting = linker.sight(turn["user"], belief)
            for item in sighting.items:
                target = rows.focus if item.mention.ref == "focus" else rows.item
                target.append((item.features, _verdicts(item, gold)))
            for value in sighting.values:
                rows.value.append((value.features, (_stance(value, gold),)))
            facts = facts_of(gold.set, gold.prefer, gold.drop, gold.items)
            features = intent_features(sighting.message, sighting.mentions, belief, facts)
            if intents.RESTART.search(sighting.message.line):
                features.append("restart")
            rows.intent.append((features, (gold.intent,)))
    return rows


def fit(rows: Rows, strength: Mapping[str, float] | None = None) -> Judges:
    """Fit the four judges; `strength` is the inverse regularisation by judge."""
    power = {"item": 0.5, "focus": 0.5, "value": 0.5, "intent": 0.5, **(strength or {})}
    return Judges(
        item=_fit(rows.item, VERDICTS, False, power["item"]),
        focus=_fit(rows.focus, VERDICTS, False, power["focus"]),
        value=_fit(rows.value, STANCES, True, power["value"]),
        intent=_fit(rows.intent, INTENTS, True, power["intent"]),
    )


def _verdicts(sight: ItemSight, gold: BeliefUpdate) -> tuple[str, ...]:
    return tuple(entry.verdict for entry in gold.items if entry.item_id == sight.item_id)


def _stance(sight: ValueSight, gold: BeliefUpdate) -> str:
    attribute, value = sight.meaning.attribute, sight.meaning.value
    if sight.mention.kind != "value":
        if any(entry.attribute == attribute for entry in gold.set) and sight.mention.bounds:
            return "is"
        return "drop" if any(entry.attribute == attribute for entry in gold.drop) else "none"
    for limit in gold.set:
        if limit.attribute == attribute and same(limit.value, value) and limit.op in ("is", "is_not"):
            return limit.op
    for wish in gold.prefer:
        if wish.attribute == attribute and same(wish.value, value):
            return "wish" if wish.weight > 0 else "avoid"
    for drop in gold.drop:
        if drop.attribute == attribute and (drop.value is None or same(drop.value, value)):
            return "drop"
    return "none"


def _fit(rows: Sequence[Row], classes: Sequence[str], exclusive: bool, power: float, least: int = 3) -> LinearModel:
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    counts = Counter(feature for features, _ in rows for feature in set(features))
    names = [feature for feature, count in counts.items() if count >= least]
    column = {feature: place for place, feature in enumerate(names)}
    pairs = [(r, column[f]) for r, (features, _) in enumerate(rows) for f in set(features) if f in column]
    data = np.ones(len(pairs))
    matrix = csr_matrix((data, tuple(zip(*pairs, strict=True))), shape=(len(rows), len(names)))
    weights = np.zeros((len(names), len(classes)))
    bias = np.full(len(classes), -6.0)
    if exclusive:
        model = LogisticRegression(C=power, max_iter=400).fit(matrix, [labels[0] for _, labels in rows])
        for place, name in enumerate(model.classes_):
            weights[:, classes.index(name)] = model.coef_[place]
            bias[classes.index(name)] = model.intercept_[place]
    else:
        for place, name in enumerate(classes):
            holds = np.array([name in labels for _, labels in rows])
            if 0 < holds.sum() < len(rows):
                model = LogisticRegression(C=power, max_iter=400).fit(matrix, holds)
                weights[:, place], bias[place] = model.coef_[0], model.intercept_[0]
    kept = {
        name: tuple(round(float(weight), 2) for weight in row)
        for name, row in zip(names, weights, strict=True)
        if np.abs(row).max() >= 0.03
    }
    return LinearModel(tuple(classes), tuple(round(float(value), 3) for value in bias), kept, exclusive)


__all__ = ["BeliefState", "Rows", "collect", "fit"]
