from __future__ import annotations

from itertools import combinations
from statistics import fmean

import pytest
from small_world import CATALOG, limit, verdict, wish

from agent.belief import BeliefState, BeliefUpdate, apply
from agent.variety import diverse, evenness, likeness, nothing_wanted
from retrieval.catalog import Catalog, Item

POPULAR = [item.id for item in CATALOG.items[:30]]


def spread(ids: list[str]) -> float:
    """Return the mean share of facet values that two items do not have in common."""
    names = [column.name for column in CATALOG.schema.with_role("facet")]
    sets = [{(name, value) for name in names for value in item.values(name)} for item in map(CATALOG.__getitem__, ids)]
    return fmean(1 - len(a & b) / len(a | b) for a, b in combinations(sets, 2))


def test_a_first_list_is_more_varied_than_the_most_popular_items() -> None:
    chosen = diverse(POPULAR, 4, CATALOG)
    assert len(set(chosen)) == 4 and chosen[0] == POPULAR[0]
    assert spread(chosen) > spread(POPULAR[:4])
    assert spread(chosen) >= fmean(spread(list(four)) for four in combinations(POPULAR[:8], 4))


def test_items_that_are_all_alike_come_in_their_order() -> None:
    own = CATALOG.items[0].attributes
    alike = Catalog(CATALOG.schema, [Item(f"i{n}", f"T {n}", "", own) for n in range(6)])
    ids = [item.id for item in alike]
    assert diverse(ids, 3, alike) == ids[:3]
    assert diverse(ids[:2], 3, alike) == ids[:2]
    assert diverse([], 3, CATALOG) == []


def test_likeness_is_the_weighted_overlap_of_the_facets_that_are_known() -> None:
    left = [frozenset("ab"), frozenset("x"), frozenset()]
    right = [frozenset("bc"), frozenset("x"), frozenset()]
    assert likeness(left, right, [1, 1, 1]) == pytest.approx((1 / 3 + 1) / 2)
    assert likeness(left, right, [1, 0, 1]) == pytest.approx(1 / 3)
    assert likeness([frozenset()], [frozenset()], [1]) == 0


def test_a_facet_in_which_all_are_alike_counts_nothing() -> None:
    attributes = [{"subjects": (subject,), "language": ("English",)} for subject in ("crime", "space")]
    two = Catalog(CATALOG.schema, [Item(f"i{n}", f"T {n}", "", own) for n, own in enumerate(attributes)])
    assert (evenness(two, "subjects"), evenness(two, "language"), evenness(two, "moods")) == (1, 0, 0)


@pytest.mark.parametrize(
    ("update", "empty"),
    [
        ({}, True),
        ({"set": (limit("moods", "is_not", "dark"),)}, True),
        ({"items": (verdict("b00", "seen"),)}, True),
        ({"set": (limit("year", "at_least", 1990),)}, False),
        ({"prefer": (wish("text", "rainy evenings"),)}, False),
        ({"items": (verdict("b00", "liked"),)}, False),
    ],
)
def test_what_is_left_out_is_not_yet_what_is_wanted(update: dict[str, object], empty: bool) -> None:
    assert nothing_wanted(apply(BeliefState(), BeliefUpdate(**update))) == empty  # type: ignore[arg-type]
