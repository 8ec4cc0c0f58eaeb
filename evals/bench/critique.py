"""How well retrieval goes where a critique points: the first ten against the item that the critique is about."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.belief import BeliefState, ItemVerdict, Preference
from agent.directions import direction
from agent.opposites import AXES
from agent.querying import query_of
from retrieval.catalog import Catalog, Column, Item, fold
from retrieval.query import Query

if TYPE_CHECKING:
    from retrieval.search import Retriever

Answers = Callable[[Item], bool]
"""Tells whether an item does what a critique asks for."""
Values = dict[str, dict[str, dict[str, float | None]]]
FIRST = 10
"""Items of a list that are looked at."""
COMMON = 12
"""Values of a facet that critiques ask for: the most frequent."""
SHARES = (0.02, 0.6)
"""A value that a smaller or larger share of the items has is not asked for."""
FEW = 5
"""How many times more items are critiqued by a number or an adjective than by a value: there are few of these."""
FAR = 2.0
"""Standard deviations of a number that are too far for `a bit newer`."""
WORDS = {
    "year": ("older", "newer"), "minutes": ("shorter", "longer"), "pages": ("shorter", "longer"),
    "price": ("cheaper", "more expensive"),
}  # fmt: skip
"""Unit of a number -> how people ask for less and for more of it."""
OTHER = ("lower", "higher")
OURS, PLAIN, ALIKE, ALONE = "tastemaker", "compared with nothing", "likeness alone", "without likeness"


@dataclass(frozen=True, slots=True)
class Critique:
    """Something to ask for: which items can be critiqued so, and for such an item which others answer it."""

    kind: str
    """`number`, `value gained`, `value lost`, `even more` of a value that the item has, `words` that say a value,
    `adjective` of two opposite ones."""
    wish: Preference
    fits: Answers
    answered: Callable[[Item], Answers]


@dataclass(frozen=True, slots=True)
class Case:
    """One critique of one item."""

    critique: Critique
    item: Item

    @property
    def unit(self) -> str:
        """Names the case within its kind."""
        wish = self.critique.wish
        return f"{self.item.id}/{wish.attribute} {wish.value}"


def cases(catalog: Catalog, references: int, split: str, seed: int) -> list[Case]:
    """Return critiques of items drawn by the seed, `references` for each value that can be asked for.

    Items at even places of the catalog are for `validation`, to choose by, the others for `test`, to report.
    """
    chance = random.Random(seed)
    half = catalog.items[0 if split == "validation" else 1 :: 2]
    found: list[Case] = []
    for critique in critiques(catalog):
        fitting = [item for item in half if critique.fits(item)]
        wanted = references * (FEW if critique.kind in ("number", "adjective") else 1)
        drawn = chance.sample(fitting, min(wanted, len(fitting)))
        found += [Case(critique, item) for item in drawn]
    return found


def critiques(catalog: Catalog) -> Iterator[Critique]:
    """Yield every number in both directions and the common values of facets: gained, lost, more of it, in words."""
    for column in catalog.schema.with_role("number"):
        for word in WORDS.get(column.unit, OTHER):
            yield _of_number(column, word, catalog)
    facts = {item.id: _facts(catalog, item) for item in catalog}
    for column in catalog.schema.with_role("facet"):
        for value in () if column.people else _common(column, catalog):
            yield from _of_value(column.name, value, catalog, facts)
    for axis in AXES:
        for towards, away in (axis, axis[::-1]):
            yield _of_adjective(towards, away, facts)


def _of_number(column: Column, word: str, catalog: Catalog) -> Critique:
    """Return the critique of items beyond which at least ten others lie."""
    way = direction(word, column)
    known = sorted(way * number for item in catalog if (number := item.number(column.name)) is not None)
    last = known[-FIRST] if len(known) > FIRST else -math.inf

    def beyond(item: Item) -> float:
        number = item.number(column.name)
        return -math.inf if number is None else way * number

    return Critique(
        "number",
        Preference(attribute=column.name, value=word),
        lambda item: -math.inf < beyond(item) < last,
        lambda reference: lambda item: beyond(item) > beyond(reference),
    )


def _of_value(
    attribute: str, value: str, catalog: Catalog, facts: Mapping[str, frozenset[tuple[str, str]]]
) -> Iterator[Critique]:
    wanted = (attribute, fold(value))
    degree = _degree(wanted, facts)

    def has(item: Item) -> bool:
        return wanted in facts[item.id]

    def lacks(item: Item) -> bool:
        return bool(item.values(attribute)) and not has(item)

    wish = Preference(attribute=attribute, value=value)
    yield Critique("value gained", wish, lacks, lambda reference: has)
    less = wish.model_copy(update={"weight": -1.0})
    yield Critique("value lost", less, has, lambda reference: lambda item: not has(item))
    more = partial(_more_of, has, degree)
    yield Critique("even more", wish, has, lambda reference: partial(more, reference))
    yield Critique("words", Preference(attribute="text", value=value), lacks, lambda reference: has)


def _of_adjective(
    towards: tuple[str, ...], away: tuple[str, ...], facts: Mapping[str, frozenset[tuple[str, str]]]
) -> Critique:
    """Return the critique of items that have more values called as the other end than as the one asked for."""

    def balance(item: Item) -> int:
        values = [value for _, value in facts[item.id]]
        return sum(value in towards for value in values) - sum(value in away for value in values)

    return Critique(
        "adjective",
        Preference(attribute="text", value=f"more {towards[0]}"),
        lambda item: balance(item) < 0,
        lambda reference: lambda item: balance(item) > balance(reference),
    )


def _more_of(has: Answers, degree: Callable[[str], float], reference: Item, item: Item) -> bool:
    return has(item) and degree(item.id) > degree(reference.id)


def _degree(wanted: tuple[str, str], facts: Mapping[str, frozenset[tuple[str, str]]]) -> Callable[[str], float]:
    """Return item id -> how much an item is what `wanted` says, by its other facet values.

    The sum of their pointwise mutual information with it; knows nothing of vectors and texts.
    """
    everywhere = Counter(fact for own in facts.values() for fact in own)
    together = Counter(fact for own in facts.values() if wanted in own for fact in own)
    share = together[wanted] / len(facts)

    @cache
    def degree(item_id: str) -> float:
        others = sorted(facts[item_id] - {wanted})
        return math.fsum(math.log((together[fact] + share) / (share * (everywhere[fact] + 1))) for fact in others)

    return degree


def _common(column: Column, catalog: Catalog) -> list[str]:
    counts = catalog.vocabulary[column.name]
    least, most = (share * len(catalog) for share in SHARES)
    return [value for value in sorted(counts, key=lambda v: (-counts[v], v)) if least <= counts[value] <= most][:COMMON]


def queries(case: Case, catalog: Catalog) -> dict[str, Query]:
    """Return system -> what it asks of retrieval: ours, the wish compared with nothing, and likeness alone.

    All but `ALONE`, which is ours without likeness, look for what resembles the item; none may return it.
    """
    wish = case.critique.wish
    compared = wish.model_copy(update={"than": (case.item.id,)})
    example = ItemVerdict(ref="", verdict="like_this", item_id=case.item.id)
    beliefs = {
        OURS: BeliefState(preferences=(compared,), items=(example,)),
        PLAIN: BeliefState(preferences=(wish,), items=(example,)),
        ALIKE: BeliefState(items=(example,)),
        ALONE: BeliefState(preferences=(compared,)),
    }
    found = {system: query_of(belief, "", catalog, FIRST) for system, belief in beliefs.items()}
    return {system: replace(query, exclude=query.exclude | {case.item.id}) for system, query in found.items()}


def measure(
    retriever: Retriever, found: list[Case], tell: Callable[[int, int], None] = lambda done, of: None
) -> Values:
    """Return system -> metric -> case -> value.

    `moved`: the share of the first ten that answer the critique; of a number also `near`, the share that answer it
    within two standard deviations. `like it`: mean cosine with the item. `shared`: the mean share of the item's facet
    values that they have, other than the one critiqued.
    """
    values: Values = {}
    for done, case in enumerate(found):
        tell(done, len(found))
        for system, query in queries(case, retriever.catalog).items():
            items = [retriever.catalog[candidate.item_id] for candidate in retriever.search(query)]
            for metric, value in _scores(retriever, case, items).items():
                table = values.setdefault(system, {}).setdefault(f"{case.critique.kind}: {metric}", {})
                table[case.unit] = value
    return values


def _scores(retriever: Retriever, case: Case, items: list[Item]) -> dict[str, float | None]:
    catalog, vectors, wish = retriever.catalog, retriever.index.vectors, case.critique.wish
    place, places = catalog.position[case.item.id], [catalog.position[item.id] for item in items]
    moved = np.array([case.critique.answered(case.item)(item) for item in items], float)
    own = _facts(catalog, case.item) - {(wish.attribute, fold(str(wish.value)))}
    shared = [len(own & _facts(catalog, item)) / len(own) for item in items] if own else []
    found: dict[str, float | None] = {"moved": _mean(moved)}
    if case.critique.kind == "number":
        numbers = retriever.index.filter.numbers(wish.attribute)
        found["near"] = _mean(moved * (np.abs(numbers[places] - numbers[place]) <= FAR * float(np.nanstd(numbers))))
    return {**found, "like it": _mean(vectors[places] @ vectors[place]), "shared": _mean(np.array(shared))}


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _facts(catalog: Catalog, item: Item) -> frozenset[tuple[str, str]]:
    facets = catalog.schema.with_role("facet")
    return frozenset((column.name, fold(value)) for column in facets for value in item.values(column.name))
