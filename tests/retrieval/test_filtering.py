"""Vectorised filtering agrees with the one-item definition of every constraint."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.catalog import Catalog, CatalogSchema, Column, Item
from retrieval.constraints import Constraint
from retrieval.filtering import Filter

VALUES = ["Red", "red", "dark  red", "B\u00fcrgi", "BU\u0308RGI", "1999", "", "7.5", "true"]
SCHEMA = CatalogSchema(
    columns=(Column(name="t", role="title"), Column(name="tags", role="facet"), Column(name="n", role="number"),
             Column(name="f", role="flag"))
)  # fmt: skip

items = st.lists(
    st.fixed_dictionaries(
        {
            "tags": st.none() | st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple),
            "n": st.none() | st.integers(-3, 3) | st.just(1999) | st.just(7.5),
            "f": st.none() | st.booleans(),
        }
    ),
    max_size=8,
)
constraints = st.one_of(
    st.builds(
        lambda attribute, op, value: Constraint(attribute=attribute, op=op, value=value),
        st.sampled_from(["tags", "n", "f", "absent"]),
        st.sampled_from(["is", "is_not", "contains"]),
        st.sampled_from([*VALUES, 1999, 7.5, 2]),
    ),
    st.builds(
        lambda attribute, op, value: Constraint(attribute=attribute, op=op, value=value),
        st.sampled_from(["n", "tags", "f", "absent"]),
        st.sampled_from(["at_least", "at_most"]),
        st.sampled_from([-1, 0, 1.5, 7.5, 1999]),
    ),
)


def catalog_of(rows: list[dict[str, Any]]) -> Catalog:
    return Catalog(SCHEMA, (Item(str(place), f"T{place}", "some red text", row) for place, row in enumerate(rows)))


@settings(max_examples=150, deadline=None)
@given(items, st.lists(constraints, max_size=3), st.sets(st.sampled_from(["0", "1", "5", "none"])))
def test_the_mask_is_what_the_constraints_say_item_by_item(
    rows: list[dict[str, Any]], limits: list[Constraint], exclude: set[str]
) -> None:
    catalog = catalog_of(rows)
    mask = Filter(catalog).allowed(limits, exclude)
    expected = [item.id not in exclude and all(limit.allows(item) for limit in limits) for item in catalog]
    assert mask.tolist() == expected


def test_no_constraint_allows_everything_and_an_empty_catalog_has_an_empty_mask() -> None:
    assert Filter(catalog_of([{}, {}])).allowed(()).tolist() == [True, True]
    limit = Constraint(attribute="tags", op="contains", value="x")
    assert Filter(catalog_of([])).allowed([limit]).tolist() == []


def test_a_bound_that_is_no_number_is_the_callers_bug() -> None:
    with pytest.raises(ValueError, match="soon"):
        Filter(catalog_of([{"n": 1}])).allowed([Constraint(attribute="n", op="at_least", value="soon")])
