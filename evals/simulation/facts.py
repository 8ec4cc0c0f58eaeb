"""What can be said of items by the catalog's schema: facet values, and bounds on numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence

from evals.simulation.user import Fact
from retrieval.catalog import Catalog, Column, Item
from retrieval.constraints import Constraint, Op

RARE = 2
"""A value that fewer items have would be a name; nobody says it."""
COMMON = 0.6
"""Share of the catalog above which a value says little: it comes to mind last."""
WIDESPREAD = 0.08
"""Share of the catalog from which people know a value well enough to rule it out."""
VALUES = 3
"""Values of one facet that come to mind."""
FIRST = 2
"""Attributes that come to mind before any name of a person, which would nearly give a target away."""
HARD = 0.3
"""Probability that a facet value is said as a limit."""


def facts_of(item: Item, catalog: Catalog, chance: random.Random) -> tuple[Fact, ...]:
    """Return what is true of `item`, a value of each attribute in turn, what says little next, what it lacks last.

    Dates enter by the year that the catalog reads off them; flags are not spoken of.
    """
    columns = list(catalog.schema.with_role("facet", "number"))
    chance.shuffle(columns)
    first = [column for column in columns if not column.people][:FIRST]
    columns.sort(key=lambda column: column not in first)
    told = list(in_turn([list(_known(item, column, catalog, chance)) for column in columns]))
    telling = [fact for fact in told if share(fact, catalog) <= COMMON]
    return (*telling, *(fact for fact in told if fact not in telling), *lacking(item, catalog))


def lacking(item: Item, catalog: Catalog) -> tuple[Fact, ...]:
    """Return the widespread values that `item` lacks, of facets of which it has others, as limits."""
    found = []
    for column in catalog.schema.with_role("facet"):
        own = item.values(column.name)
        if own and not column.people:
            for value, count in catalog.vocabulary[column.name].items():
                if value not in own and count >= WIDESPREAD * len(catalog) and count >= RARE:
                    found.append(value_fact(column.name, value, "is_not", hard=True))
    return tuple(found)


def value_fact(attribute: str, value: str, op: Op = "is", *, hard: bool = False) -> Fact:
    """Return the fact that an attribute has a value, or has it not."""
    return Fact(rules=(Constraint(attribute=attribute, op=op, value=value),), hard=hard)


def bound_of(numbers: Sequence[float], column: Column, catalog: Catalog) -> Fact | None:
    """Return the bound on a number that `numbers` satisfy, rounded outwards as people round; None when there is none.

    The bound is on the side where more of the catalog is ruled out.
    """
    known = sorted(n for item in catalog if (n := item.number(column.name)) is not None)
    if not numbers or len(known) < RARE or known[0] == known[-1]:
        return None
    spread = _deviation(known)
    step = 5.0 if column.unit == "year" else 10.0 ** math.floor(math.log10(spread))
    low, high = math.floor(min(numbers) / step) * step, math.ceil(max(numbers) / step) * step
    below, above = sum(n < low for n in known), sum(n > high for n in known)
    if not below and not above:
        return None
    op: Op = "at_least" if below > above else "at_most"
    return Fact(rules=(Constraint(attribute=column.name, op=op, value=_plain(low if below > above else high)),),
                hard=True)  # fmt: skip


def share(fact: Fact, catalog: Catalog) -> float:
    """Return the part of the catalog of which a fact is true."""
    counts = catalog.vocabulary.get(fact.attribute)
    if counts is not None and len(fact.rules) == 1:
        having = counts.get(str(fact.rules[0].value), 0) / len(catalog)
        return 1 - having if fact.against else having
    return sum(map(fact.holds, catalog)) / len(catalog)


def in_turn(columns: Iterable[Sequence[Fact]]) -> Iterator[Fact]:
    """Yield the first fact of each column, then the second of each, and so on."""
    lists = list(columns)
    for place in range(max(map(len, lists), default=0)):
        yield from (facts[place] for facts in lists if place < len(facts))


def _known(item: Item, column: Column, catalog: Catalog, chance: random.Random) -> Iterator[Fact]:
    return _values(item, column, catalog, chance) if column.role == "facet" else _bounds(item, column, catalog)


def _values(item: Item, column: Column, catalog: Catalog, chance: random.Random) -> Iterator[Fact]:
    counts = catalog.vocabulary[column.name]
    known = [value for value in item.values(column.name) if counts.get(value, 0) >= RARE]
    for value in chance.sample(known, min(VALUES, len(known))):
        yield value_fact(column.name, value, hard=chance.random() < HARD)


def _bounds(item: Item, column: Column, catalog: Catalog) -> Iterator[Fact]:
    """Yield a bound on a number of `item`, for years its decade before."""
    number = item.number(column.name)
    if number is None:
        return
    if column.unit == "year":
        decade = int(number) // 10 * 10
        first = Constraint(attribute=column.name, op="at_least", value=decade)
        last = Constraint(attribute=column.name, op="at_most", value=decade + 9)
        yield Fact(rules=(first, last), hard=True)
    bound = bound_of([number], column, catalog)
    if bound is not None and not (column.unit == "year" and bound.rules[0] in (first, last)):
        yield bound


def _deviation(numbers: Sequence[float]) -> float:
    mean = math.fsum(numbers) / len(numbers)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


def _plain(number: float) -> int | float:
    rounded = round(number, 6)
    return int(rounded) if float(rounded).is_integer() else rounded
