"""Draw a list instead of always showing the same best, so that what is logged can judge other orders.

Plackett-Luce: the next place goes to a candidate with a probability proportional to its weight among those left (Luce
1959; Plackett 1975). Every probability is logged, which is what off-policy estimates rest on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

EXPLORED = 20
"""First candidates that may be drawn: what is shown stays good."""


def weights(probabilities: Sequence[float], temperature: float) -> list[float]:
    """Return the weights of the first `EXPLORED` of (k,) falling probabilities, the largest 1.

    `temperature` above 0: near 0 the order stays as it is, at 1 the weights are the probabilities.
    """
    best = probabilities[0] if probabilities else 0.0
    if best <= 0:
        return [1.0] * min(len(probabilities), EXPLORED)
    return [(max(one, 0.0) / best) ** (1 / temperature) for one in probabilities[:EXPLORED]]


def draw(
    probabilities: Sequence[float], size: int, temperature: float, chance: random.Random
) -> tuple[list[int], list[float]]:
    """Return the places of `size` candidates in the order drawn, and the probability of each among those left then.

    `probabilities`: (k,) falling. Temperature 0 takes the first ones, each with probability 1; candidates behind the
    first `EXPLORED` are taken in order, with probability 1, once those are used up.
    """
    first = list(range(min(size, len(probabilities))))
    if temperature <= 0:
        return first, [1.0] * len(first)
    left = dict(enumerate(weights(probabilities, temperature)))
    order: list[int] = []
    chances: list[float] = []
    while left and len(order) < size:
        total = sum(left.values())
        if total <= 0:  # what is left has underflowed: the order as it was
            place, one = min(left), 1.0
        else:
            place = chance.choices(list(left), list(left.values()))[0]
            one = left[place] / total
        del left[place]
        order.append(place)
        chances.append(one)
    behind = [place for place in range(EXPLORED, len(probabilities))][: size - len(order)]
    return order + behind, chances + [1.0] * len(behind)


def chance_of(probabilities: Sequence[float], order: Sequence[int], temperature: float) -> float:
    """Return the probability that `draw` gives exactly this order of places; 0 for one that it never gives."""
    if temperature <= 0:
        return float(list(order) == list(range(len(order))))
    left, product = dict(enumerate(weights(probabilities, temperature))), 1.0
    for place in order:
        if place not in left:
            return 0.0
        total = sum(left.values())  # not what was, less what is gone: the last ones may be smaller than its rounding
        product *= left[place] / total if total > 0 else float(place == min(left))
        del left[place]
    return product
