"""Estimates of the reward per turn that a target would get, from turns whose lists another one has drawn.

A turn x shows a list s, drawn with the probability b(s|x), and gets the reward r: 1 when something in it was taken,
else 0. A target draws with the probability t(s|x).

- Over lists: the weight w = t(s|x) / b(s|x) turns one expectation into the other (inverse propensity scoring; Horvitz
  and Thompson, 1952). Whatever a reward depends on, the mean of w r is without bias where b is never 0 and t is not;
  but a list of four is rarely drawn twice, so w is large or 0. Clipped at `CLIP` (Ionides, 2008) it varies less and is
  too low; divided by the mean of w instead of 1 it is self-normalised, within [0, 1] and nearly without bias
  (Swaminathan and Joachims, The Self-Normalized Estimator for Counterfactual Learning, NeurIPS 2015).
- Over items: if an item is taken for itself, whatever stands beside it and wherever, w = P_t(i in s) / P_b(i in s) is
  enough, for each item that was taken (the item estimator of Li et al., 2018, arXiv:1804.10488). Where people take the
  first of several that they would, or look at the top of the list only, that is not so, and it is biased.
- Doubly robust: a small model says what each item would get, and the weights correct it where it was seen to be wrong
  (Dudik, Langford and Li, 2011, arXiv:1103.4601): without bias if the weights or the model are right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CLIP = 10.0
"""Largest weight of the clipped estimator."""
DRAWS = 1000
"""Resamples of the bootstrap."""


@dataclass(frozen=True)
class Weighed:
    """n logged turns with at most s items each, weighed for one target. Of absent items all is 0."""

    conversation: NDArray[np.int64]
    """(n,) number of its conversation, from 0 on."""
    reward: Array
    """(n,)"""
    lists: Array
    """(n,) weight of the list."""
    items: Array
    """(n, s) weight of each item shown."""
    shown: NDArray[np.bool_]
    """(n, s)"""
    taken: Array
    """(n, s) the share of the reward that an item got; sums to the reward."""
    expected: Array
    """(n,) what the reward model says that the target gets."""
    predicted: Array
    """(n, s) what it says that each item shown gets."""
    unsupported: Array
    """(n,) the probability that the target draws a list that could not be drawn."""


@dataclass(frozen=True)
class Estimated:
    """What one estimator makes of a target's reward per turn."""

    name: str
    value: float | None
    """None where nothing that was shown could be the target's."""
    error: float
    """Standard deviation of the bootstrap over conversations."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    effective: float
    """How many turns of the target's own the weighed ones are worth (Kish, 1965): (sum of w)^2 / sum of w^2."""
    largest: float
    """The largest weight."""


Parts = tuple[Array, Array]
"""(n,) numerators and (n,) denominators of turns; the estimate is the ratio of their sums."""


def _ones(log: Weighed) -> Array:
    return np.ones_like(log.reward)


def _corrected(log: Weighed, weights: Array) -> Array:
    return np.asarray(log.expected + (weights * (log.taken - log.predicted)).sum(1), np.float64)


ESTIMATORS: Mapping[str, Callable[[Weighed], Parts]] = {
    "IPS, lists": lambda log: (log.lists * log.reward, _ones(log)),
    "IPS, lists, clipped": lambda log: (np.minimum(log.lists, CLIP) * log.reward, _ones(log)),
    "SNIPS, lists": lambda log: (log.lists * log.reward, log.lists),
    "DR, lists": lambda log: (_corrected(log, log.lists[:, None]), _ones(log)),
    "IPS, items": lambda log: ((log.items * log.taken).sum(1), _ones(log)),
    "SNIPS, items": lambda log: ((log.items * log.taken).sum(1), log.items.sum(1) / log.shown.sum(1)),
    "DR, items": lambda log: (_corrected(log, log.items), _ones(log)),
}
"""The mean weight of a turn's items is 1 on average over its lists, as the weight of its list is."""


def estimates(log: Weighed, seed: int = 0, draws: int = DRAWS) -> list[Estimated]:
    """Return what every estimator makes of a log of at least one turn.

    Conversations are resampled, not turns: those of one person go together.
    """
    parts = {name: estimator(log) for name, estimator in ESTIMATORS.items()}
    sums = np.stack([_by_conversation(log, part) for pair in parts.values() for part in pair], 1)
    counts = resampled(len(sums), draws, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        totals = counts @ sums
        found = totals[:, ::2] / totals[:, 1::2]
        values = sums.sum(0)[::2] / sums.sum(0)[1::2]
    return [
        _estimated(name, float(value), again, log)
        for name, value, again in zip(parts, values.tolist(), found.T, strict=True)
    ]


def resampled(units: int, draws: int, seed: int) -> Array:
    """Return (draws, units) how often each unit is in each of some samples of as many, with replacement."""
    drawn = np.random.default_rng(seed).integers(0, units, (draws, units))
    drawn += units * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * units).reshape(draws, units).astype(np.float64)


def _by_conversation(log: Weighed, part: Array) -> Array:
    return np.bincount(log.conversation, part).astype(np.float64)


def _estimated(name: str, value: float, again: Array, log: Weighed) -> Estimated:
    weights = log.lists if "lists" in name else log.items[log.shown]
    if "clipped" in name:
        weights = np.minimum(weights, CLIP)
    squares = float((weights**2).sum())
    effective = float(weights.sum()) ** 2 / squares * len(log.reward) / len(weights) if squares else 0.0
    largest = float(weights.max())
    if not largest or not np.isfinite(value):
        return Estimated(name, None, 0.0, 0.0, 0.0, effective, largest)
    known = again[np.isfinite(again)]
    low, high = np.quantile(known, (0.025, 0.975))
    return Estimated(name, value, float(known.std()), float(low), float(high), effective, largest)
