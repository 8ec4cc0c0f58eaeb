"""How likely a way of drawing lists is to show an item, or a list, in one turn."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agent.exploring import EXPLORED, chance_of, weights

Array = NDArray[np.float64]
TINY = 1e-12
STEP = 0.25
"""Step of the quadrature, in the logarithm of time."""
EARLY, LATE = 25.0, 40.0
"""The quadrature begins e^-EARLY before the first arrival is due, and ends LATE times the last one's mean time."""


@dataclass(frozen=True)
class Drawing:
    """What a version may show in one turn: its candidates, and how freely a list of them is drawn."""

    items: tuple[str, ...]
    """Ids, best first."""
    probabilities: tuple[float, ...]
    """(k,) falling."""
    temperature: float
    """As `agent.exploring.draw` takes it; 0 for the first ones."""
    size: int
    """Items drawn, at most k."""

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Item -> weight with which the first place is drawn, of those that can be drawn."""
        if self.temperature <= 0:
            return dict.fromkeys(self.items[: self.size], 1.0)
        return dict(zip(self.items, weights(self.probabilities, self.temperature), strict=False))

    def chance(self, order: Sequence[str]) -> float:
        """Return the probability of exactly this list, 0 for one that is never drawn."""
        places = {item: place for place, item in enumerate(self.items)}
        if not all(item in places for item in order):
            return 0.0
        return chance_of(self.probabilities, [places[item] for item in order], self.temperature)

    def behind(self, item: str) -> float:
        """Return log of an item's probability over the best one's; what cannot be drawn is where the last one is."""
        first = self.probabilities[:EXPLORED]
        place = self.items.index(item) if item in self.items[:EXPLORED] else len(first) - 1
        return math.log(max(first[place], TINY) / max(first[0], TINY))

    @cached_property
    def marginals(self) -> Mapping[str, float]:
        """Item -> probability that it is in the list, of those that can be drawn; they sum to the list's length."""
        found = marginals(list(self.weights.values()), self.size)
        return dict(zip(self.weights, found.tolist(), strict=True))

    def share_within(self, items: Collection[str]) -> float:
        """Return the probability that every item of the list is among `items`."""
        inside = [item in items for item in self.weights]
        if self.temperature <= 0:
            return float(all(inside))
        return share_within(list(self.weights.values()), inside, self.size)


def marginals(weights: Sequence[float], size: int) -> Array:
    """Return (k,) the probability that each of k candidates is among the first `size` of a Plackett-Luce order.

    Candidates arrive at times that are exponential with their weights as rates; the order of arrival is the
    Plackett-Luce order (Luce 1959). So i is among the first `size` with the probability that fewer others have arrived
    before it, the integral over t of w_i exp(-w_i t) P(fewer than `size` of the others until t). By the trapezoid rule
    in log t, which is exact to about 1e-9 here; no draw of lists is needed, whose zeros would divide by nothing.
    Candidates without weight come in order once the others are used up, as `agent.exploring.draw` has it.
    """
    given = np.asarray(weights, np.float64)
    found = np.zeros(len(given))
    [able] = np.nonzero(given > 0)
    if len(able) <= size:
        [unable] = np.nonzero(given <= 0)
        found[[*able, *unable[: size - len(able)]]] = 1.0
        return found
    rates = given[able]
    times = _times(rates, size)
    before = _others_arrived(rates, times, size).sum(0)
    found[able] = STEP * (rates * times[:, None] * np.exp(-rates * times[:, None]) * before).sum(0)
    return found


def share_within(weights: Sequence[float], inside: Sequence[bool], size: int) -> float:
    """Return the probability that the first `size` of a Plackett-Luce order are all `inside`; order as `marginals`.

    The last of them, i, arrives when `size` - 1 of the others inside have, and nobody outside.
    """
    given, chosen = np.asarray(weights, np.float64), np.asarray(inside, bool)
    able = given > 0
    if able.sum() <= size:
        [places] = np.nonzero(marginals(weights, size) > 0)
        return float(chosen[places].all())
    rates, outside = given[able & chosen], given[able & ~chosen].sum()
    if outside == 0 or len(rates) < size:
        return float(outside == 0)
    times = _times(given[able], size)
    last = _others_arrived(rates, times, size)[size - 1]
    arriving = rates * times[:, None] * np.exp(-(rates + outside) * times[:, None])
    return float(STEP * (arriving * last).sum())


def chances(weights: Array, orders: NDArray[np.int64]) -> Array:
    """Return (n,) the probability of each of n lists: (n, k) weights, (n, size) places; 0 for what has no weight."""
    left, product = np.array(weights, np.float64), np.ones(len(weights))
    for places in orders.T[..., None]:  # what is left is summed anew: it may be smaller than the rounding of what went
        taken, total = np.take_along_axis(left, places, 1)[:, 0], left.sum(1)
        product *= np.divide(taken, total, out=np.zeros_like(total), where=total > 0)
        np.put_along_axis(left, places, 0.0, 1)
    return product


def _times(rates: Array, size: int) -> Array:
    """Return the nodes of the quadrature, evenly spaced in log t."""
    first = -EARLY - np.log(rates.sum())
    last = np.log(LATE / np.sort(rates)[-size])
    return np.exp(np.arange(first, last + STEP, STEP))


def _others_arrived(rates: Array, times: Array, size: int) -> Array:
    """Return (size, t, k): [m, ., i] the probability that exactly m of the others than i have arrived by a time.

    The Poisson binomial law of their number, by adding one after another.
    """
    arrived = -np.expm1(-rates * times[:, None])
    found = np.zeros((size, len(times), len(rates)))
    found[0] = 1.0
    for one in range(len(rates)):
        p = np.repeat(arrived[:, one, None], len(rates), 1)
        p[:, one] = 0.0
        for count in range(size - 1, 0, -1):
            found[count] += (found[count - 1] - found[count]) * p
        found[0] *= 1 - p
    return found
