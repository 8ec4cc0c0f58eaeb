"""Fit the judges of the linking from labelled dialogues: `python -m finetune.cues` rewrites their packaged weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.belief import INTENTS, VERDICTS, BeliefUpdate, Limit, same
from agent.linking.assembly import assemble
from agent.linking.drafts import ItemSight, ValueSight
from agent.linking.judges import Judges, LinearModel
from agent.linking.judging import STANCES, LinearJudge, features_of_intent
from agent.linking.linker import Linker, Nearby
from agent.linking.options import Scene
from agent.transcripts import belief_from_turns, update_from_dict
from retrieval.catalog import Catalog

FOLDS = 5
POWER = {"item": 0.5, "focus": 0.5, "value": 0.15, "intent": 0.5}
"""Inverse strength of the regularisation of each judge, chosen by folds."""
CUE_SCALE = 2.0
"""Cues written by hand count for more than single words until the data says otherwise."""
Row = tuple[list[str], tuple[str, ...]]


@dataclass
class Labelled:
    """One labelled turn as the linker sights it; turns of one dialogue share a fold."""

    scene: Scene
    gold: BeliefUpdate
    fold: int


def collect(
    dialogues: Iterable[Mapping[str, Any]], catalog: Catalog, linker: Linker, near: Nearby | None = None
) -> list[Labelled]:
    """Return every turn of `dialogues` in its gold context; `near` brings up values close in meaning."""
    turns = []
    for number, dialogue in enumerate(dialogues):
        for place, turn in enumerate(dialogue["turns"]):
            belief = belief_from_turns(dialogue["turns"][:place], catalog)
            gold = update_from_dict(turn["update"], catalog, belief)
            turns.append(Labelled(linker.scene(turn["user"], belief, near), gold, number % FOLDS))
    return turns


def fit(turns: Sequence[Labelled], catalog: Catalog) -> Judges:
    """Fit the judges; that of intents learns from updates which judges fitted on other folds made, not from labels."""
    judges = _fit_entries(turns)
    rows: list[Row] = []
    for fold in sorted({turn.fold for turn in turns}):
        others = LinearJudge(_fit_entries([turn for turn in turns if turn.fold != fold]), catalog)
        for turn in turns:
            if turn.fold == fold:
                said = [others.said(turn.scene, option) for option in turn.scene.options]
                features = features_of_intent(turn.scene, assemble(turn.scene, said, catalog))
                rows.append((features, (turn.gold.intent,)))
    return replace(judges, intent=_fit(rows, INTENTS, True, POWER["intent"]))


def _fit_entries(turns: Sequence[Labelled]) -> Judges:
    items: list[Row] = []
    focus: list[Row] = []
    values: list[Row] = []
    for turn in turns:
        for item in turn.scene.sighting.items:
            (focus if item.mention.ref == "focus" else items).append((item.features, _verdicts(item, turn.gold)))
        values += [(value.features, (_stance(value, turn.gold),)) for value in turn.scene.sighting.values]
    return Judges(
        item=_fit(items, VERDICTS, False, POWER["item"]),
        focus=_fit(focus, VERDICTS, False, POWER["focus"]),
        value=_fit(values, STANCES, True, POWER["value"]),
        intent=LinearModel(("recommend",), (0.0,), {}, True),
    )


def _verdicts(sight: ItemSight, gold: BeliefUpdate) -> tuple[str, ...]:
    return tuple(entry.verdict for entry in gold.items if entry.item_id == sight.item_id)


def _stance(sight: ValueSight, gold: BeliefUpdate) -> str:
    attribute, value = sight.meaning.attribute, sight.meaning.value
    if sight.mention.kind != "value":
        if any(entry.attribute == attribute for entry in gold.set) and sight.mention.bounds:
            return "is"
        return "drop" if any(entry.attribute == attribute for entry in gold.drop) else "none"
    found = stance_to(attribute, value, sight.meaning.negated, gold)
    every = any(drop.attribute == attribute and drop.value is None for drop in gold.drop)
    return "drop" if found == "none" and every else found


def stance_to(attribute: str, value: str | int | float, negated: bool, gold: BeliefUpdate) -> str:
    """Return the stance that `gold` has to a value, or to anything else than it where the words are `negated`."""
    for entry in gold.wishes:
        if entry.attribute == attribute and same(entry.value, value):
            wanted = (entry.op != "is_not") if isinstance(entry, Limit) else entry.weight > 0
            return _STANCE[isinstance(entry, Limit), wanted != negated]
    dropped = any(drop.attribute == attribute and drop.value is not None and same(drop.value, value)
                  for drop in gold.drop)  # fmt: skip
    return "drop" if dropped else "none"


_STANCE = {(True, True): "is", (True, False): "is_not", (False, True): "wish", (False, False): "avoid"}


def _fit(rows: Sequence[Row], classes: Sequence[str], exclusive: bool, power: float, least: int = 3) -> LinearModel:
    """Fit one logistic regression a class on features that occur in `least` rows or more."""
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    counts = Counter(feature for features, _ in rows for feature in set(features))
    names = [feature for feature, count in counts.items() if count >= least]
    column = {feature: place for place, feature in enumerate(names)}
    scale = np.array([1.0 if "=" in name else CUE_SCALE for name in names])
    pairs = [(r, column[f]) for r, (features, _) in enumerate(rows) for f in sorted(set(features)) if f in column]
    entries = scale[[place for _, place in pairs]]
    matrix = csr_matrix((entries, tuple(zip(*pairs, strict=True))), shape=(len(rows), len(names)))
    weights = np.zeros((len(names), len(classes)))
    bias = np.full(len(classes), -6.0)
    for place, name in enumerate(classes):
        holds = np.array([name in labels for _, labels in rows])
        if 0 < holds.sum() < len(rows):
            model = LogisticRegression(C=power, solver="liblinear", max_iter=200).fit(matrix, holds)
            weights[:, place], bias[place] = model.coef_[0] * scale, model.intercept_[0]
    kept = {
        name: tuple(round(float(weight), 2) for weight in row)
        for name, row in zip(names, weights, strict=True)
        if np.abs(row).max() >= 0.03
    }
    return LinearModel(tuple(classes), tuple(round(float(value), 3) for value in bias), kept, exclusive)


def main() -> None:
    """Fit on the first train dialogues over the demo catalog, rewrite the packaged weights.

    More of them change nothing: docs/LOG.md.
    """
    from finetune.examples import read_dialogues
    from retrieval.reading import demo_catalog

    catalog = demo_catalog()
    fit(collect(read_dialogues(), catalog, Linker(catalog)), catalog).save()


if __name__ == "__main__":
    main()
