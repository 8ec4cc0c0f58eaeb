"""Logged turns whose lists chance drew, and what they weigh for another way of drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.exploring import EXPLORED
from agent.reactions import GOOD, Reacted
from agent.versions import digest
from evals.offpolicy.drawing import Drawing
from evals.offpolicy.estimators import Weighed
from evals.offpolicy.reward_model import cross_fitted
from retrieval.catalog import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnTurn:
    """One logged turn whose list was drawn."""

    turn: Reacted
    drawn: tuple[str, ...]
    """What was drawn, in order."""
    chance: float
    """Its probability."""
    logged: Drawing
    """What could have been drawn."""

    @property
    def forced(self) -> tuple[str, ...]:
        """What was shown without being drawn: the items shown before, where too few were left."""
        return tuple(one.item_id for one in self.turn.exposures if one.item_id not in self.drawn)

    @property
    def taken(self) -> Mapping[str, float]:
        """Item -> its share of the reward: what was liked or accepted; they share it evenly."""
        good = self.turn.with_verdict(GOOD)
        return dict.fromkeys(good, 1 / len(good)) if good else {}


def drawn_turns(reacted: Iterable[Reacted], index: str) -> tuple[list[DrawnTurn], Counter[str]]:
    """Return the turns whose lists were drawn from the items of `index`, and why others were left out, counted.

    UserError when nothing was drawn: who was always shown the first ones never saw what others would have shown.
    """
    found: list[DrawnTurn] = []
    left_out: Counter[str] = Counter()
    for turn in reacted:
        if not turn.exposures:
            left_out["turns without a list"] += 1
        elif turn.explore <= 0:
            left_out["lists shown for certain"] += 1
        elif turn.index != index:
            left_out["turns over another index"] += 1
        elif (one := _drawn(turn)).drawn:
            found.append(one)
        else:
            left_out["lists of nothing new"] += 1
    if all(one.chance == 1 for one in found):
        left_out["lists shown for certain"] += len(found)
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count) or "no turns at all"
        raise UserError(
            f"no list in the log was drawn by chance ({why}): lists shown for certain, with a propensity of 1, do not "
            "tell what others would have got; set explore = 0.3 (or TASTEMAKER_EXPLORE=0.3) and let people talk"
        )
    return found, left_out


def unheard(turns: Sequence[DrawnTurn], heard: Collection[str], name: str) -> list[DrawnTurn]:
    """Return the turns of conversations whose digests are not in `heard`, which version `name` has learned from.

    Who knows what was taken in a turn shows it there again, and would seem better than they are. UserError when none
    is left.
    """
    found = [one for one in turns if digest(one.turn.conversation) not in heard]
    if not found:
        raise UserError(
            f"{name} has learned from all {len(turns)} turns whose lists were drawn by chance, so they do not tell how "
            "it does with others: let more people talk, with explore above 0"
        )
    return found


def weighed(turns: Sequence[DrawnTurn], targets: Sequence[Drawing], scores: Sequence[Mapping[str, Any]]) -> Weighed:
    """Return what n turns weigh for a target that draws in them by `targets`.

    `scores`: of each turn, item -> source -> score, which the reward model reads beside the two probabilities.
    """
    assert len(turns) == len(targets) == len(scores) > 0, (len(turns), len(targets), len(scores))
    names, conversation = np.unique([one.turn.conversation for one in turns], return_inverse=True)
    n, s = len(turns), max(len(one.turn.exposures) for one in turns)
    k = max(len(target.weights) for target in targets)
    sources = sorted({source for own in scores for found in own.values() for source in found})
    log: dict[str, Array] = {name: np.zeros((n, s)) for name in ("items", "taken", "drawn", "shown")}
    marginals, lists, unsupported = np.zeros((n, k)), np.zeros(n), np.zeros(n)
    rows, asked = np.zeros((n, s, 2 + len(sources))), np.zeros((n, k, 2 + len(sources)))
    for place, (one, target, known) in enumerate(zip(turns, targets, scores, strict=True)):
        lists[place] = target.chance(one.drawn) / one.chance
        unsupported[place] = 1 - target.share_within([item for item, w in one.logged.weights.items() if w > 0])
        features = _Features(one.logged, target, known, sources)
        taken = one.taken
        for column, item in enumerate((*one.drawn, *one.forced)):
            log["shown"][place, column] = 1.0
            log["taken"][place, column] = taken.get(item, 0.0)
            if item in one.drawn:
                log["items"][place, column] = target.marginals.get(item, 0.0) / one.logged.marginals[item]
                log["drawn"][place, column] = 1.0
                rows[place, column] = features.of(item)
            else:
                log["items"][place, column] = 1.0
        for column, (item, share) in enumerate(target.marginals.items()):
            marginals[place, column] = share
            asked[place, column] = features.of(item)
    predicted, others = cross_fitted(conversation, rows, log["drawn"] > 0, log["taken"], asked)
    return Weighed(
        conversation=conversation,
        reward=log["taken"].sum(1),
        lists=lists,
        items=log["items"],
        shown=log["shown"] > 0,
        taken=log["taken"],
        expected=(marginals * others).sum(1),
        predicted=predicted,
        unsupported=unsupported,
    )


@dataclass(frozen=True)
class _Features:
    """What the reward model reads of the items of one turn."""

    logged: Drawing
    target: Drawing
    scores: Mapping[str, Any]
    sources: Sequence[str]

    def of(self, item: str) -> list[float]:
        """Return how far an item is behind the best in either's eyes, and the scores of the sources."""
        known = self.scores.get(item, {})
        behind = [one.behind(item) for one in (self.logged, self.target)]
        return [*behind, *(float(known.get(source, 0.0)) for source in self.sources)]


def _drawn(turn: Reacted) -> DrawnTurn:
    order = tuple(one.item_id for one in sorted(turn.exposures, key=lambda one: one.position))
    able = [one for one in turn.candidates if one["probability"] > 0][: max(EXPLORED, len(order))]
    chances = {one["item_id"]: one["propensity"] for one in able}
    drawn = tuple(item for item in order if chances.get(item))
    items, probabilities = tuple(one["item_id"] for one in able), tuple(one["probability"] for one in able)
    chance = float(np.prod([chances[item] for item in drawn]))
    return DrawnTurn(turn, drawn, chance, Drawing(items, probabilities, turn.explore, len(drawn)))
