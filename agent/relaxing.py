"""Ways out when nothing new fits: which limits to give up or move, nearest first, and how many items each brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from agent.belief import BeliefState, BeliefUpdate, Drop, Limit
from agent.wording import counted, listed, said
from retrieval.catalog import Catalog, CatalogSchema
from retrieval.constraints import Constraint

Count = Callable[[Sequence[Constraint], frozenset[str]], int]

NEAR = 0.5
"""A bound is moved rather than dropped when it has to move by at most this many standard deviations."""
YES = "yes"
"""The words that what an accepted offer changes comes from."""
MOST_COMBINED = 3
"""Limits that are given up together, at most."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Which limits to give up so that something fits again; `bound` moves the only one instead."""

    limits: tuple[Limit, ...]
    fitting: int
    """Items that fit then."""
    bound: Limit | None = None
    targets: tuple[str, ...] = ()
    """Ids of the items asked for by name, which are shown then."""

    def update(self) -> BeliefUpdate:
        """Return what a yes stands for."""
        drops = tuple(Drop(attribute=limit.attribute, value=limit.value, words=YES) for limit in self.limits)
        moved = (self.bound,) if self.bound else ()
        intent = "search" if self.targets else "refine"
        return BeliefUpdate(intent=intent, drop=drops, set=moved, targets=self.targets)

    def said(self, schema: CatalogSchema) -> str:
        """Write it with its count, such as `Dropping “no Horror” would give 14 films`, as a sentence."""
        if self.bound is not None:
            step = f"Allowing “{said(self.bound, schema)}”"
        else:
            step = f"Dropping {listed([f'“{said(limit, schema)}”' for limit in self.limits])}"
        return f"{step} would give {counted(self.fitting, schema)}."

    def offered_in(self, belief: BeliefState) -> bool:
        """Tell whether it was offered before, whatever its count was then."""
        offers = [question.yes for question in belief.questions if question.yes is not None]
        return any(_outcome(offer) == _outcome(self.update()) for offer in offers)


def ways_out(
    belief: BeliefState, catalog: Catalog, count: Count, hidden: frozenset[str]
) -> tuple[tuple[Relaxation, ...], tuple[Limit, ...]]:
    """Return the ways out, nearest first, and the limits without which something new fits, each taken alone.

    A bound that is almost met is moved, else one limit dropped, else as few as possible; rather one said long ago than
    in this turn, rather the one that brings more. `hidden` are the items that are not new.
    """

    def without(left_out: Iterable[Limit]) -> int:
        gone = tuple(left_out)
        return count([limit.constraint for limit in belief.constraints if limit not in gone], hidden)

    freed = {limit: n for limit in belief.constraints if (n := without([limit]))}
    moved = sorted(
        (step for limit in freed if (step := _moved(limit, belief, catalog, hidden))), key=lambda step: step[0]
    )
    order = sorted(freed, key=lambda limit: (limit.turn < belief.turn, freed[limit]), reverse=True)
    ways = [way for _, way in moved] + [Relaxation((limit,), freed[limit]) for limit in order]
    return tuple(ways or _together(belief, without)), tuple(freed)


def _together(belief: BeliefState, without: Callable[[Iterable[Limit]], int]) -> Iterator[Relaxation]:
    """Yield the smallest sets of limits that free something when dropped, the one that frees most first."""
    for size in range(2, len(belief.constraints) + 1):
        sets = [belief.constraints] if size > MOST_COMBINED else combinations(belief.constraints, size)
        ways = [Relaxation(limits, n) for limits in sets if (n := without(limits))]
        if ways:
            yield from sorted(ways, key=lambda way: way.fitting, reverse=True)
            return


def _moved(
    limit: Limit, belief: BeliefState, catalog: Catalog, hidden: frozenset[str]
) -> tuple[float, Relaxation] | None:
    """Return how far a bound has to move, in standard deviations, and the move; None when too far or no bound."""
    if limit.op not in ("at_least", "at_most"):
        return None
    others = [other.constraint for other in belief.constraints if other is not limit]
    numbers = [
        number
        for item in catalog
        if item.id not in hidden
        and (number := item.number(limit.attribute)) is not None
        and all(rule.allows(item) for rule in others)
    ]
    known = [number for item in catalog if (number := item.number(limit.attribute)) is not None]
    if not numbers or not known:
        return None
    mean = sum(known) / len(known)
    spread = (sum((number - mean) ** 2 for number in known) / len(known)) ** 0.5
    nearest = max(numbers) if limit.op == "at_least" else min(numbers)
    distance = abs(nearest - float(limit.value)) / spread if spread else 0.0
    if distance > NEAR:
        return None
    bound = limit.model_copy(update={"value": int(nearest) if nearest.is_integer() else nearest, "words": YES})
    fitting = sum(n >= nearest if limit.op == "at_least" else n <= nearest for n in numbers)
    return distance, Relaxation((limit,), fitting, bound)


def _outcome(update: BeliefUpdate) -> tuple[frozenset[tuple[object, ...]], tuple[str, ...]]:
    """Return what an update does, whatever words and turn it came from."""
    drops = {("drop", drop.attribute, drop.value) for drop in update.drop}
    return frozenset(drops | {(limit.op, limit.attribute, limit.value) for limit in update.set}), update.targets
