"""Column roles are guessed from names and values; nothing here is a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from retrieval.catalog import CatalogSchema, UserError
from retrieval.schema import infer, number_of, separator_of, singular_of, split, unit_of


def schema_of(**columns: Sequence[Any]) -> CatalogSchema:
    size = max(map(len, columns.values()))
    rows = [{name: values[place % len(values)] for name, values in columns.items()} for place in range(size)]
    return infer(rows)


def names(count: int) -> list[str]:
    return [f"Thing {place}" for place in range(count)]


def role(schema: CatalogSchema, name: str) -> str:
    column = schema.column(name)
    assert column is not None
    return column.role


def test_ordinary_columns_get_their_roles() -> None:
    schema = schema_of(
        sku=[f"s{place}" for place in range(100)],
        title=names(100),
        blurb=[
            f"Number {place} is a long description that nobody would mistake for a single value."
            for place in range(100)
        ],
        categories=[["a", "b"], ["c"]],
        colour=["red", "blue"],
        price=[1.5, 2, None],
        in_stock=["yes", "no"],
        added=["2020-01-02", "2021-02-03"],
        views=list(range(100)),
        cover=["https://example.org/a.jpg"],
        page=["https://example.org/a"],
    )
    assert {column.name: column.role for column in schema.columns} == {
        "sku": "id", "title": "title", "blurb": "text", "categories": "facet", "colour": "facet", "price": "number",
        "in_stock": "flag", "added": "date", "views": "popularity", "cover": "image", "page": "link",
    }  # fmt: skip
    columns = {column.name: column for column in schema.columns}
    assert (columns["categories"].many, columns["categories"].singular) == (True, "category")
    assert columns["colour"].many is False
    assert columns["price"].unit == "price"


def test_numbers_written_as_text_are_numbers_and_other_identifiers_are_ignored() -> None:
    schema = schema_of(
        id=names(60), title=names(60), runtime=["90", "120", ""], shop_id=list(range(60)), ean=["1", "2"]
    )
    assert (
        role(schema, "runtime") == "number" and role(schema, "shop_id") == "ignore" and role(schema, "ean") == "ignore"
    )


def test_of_several_texts_and_counts_one_is_kept() -> None:
    long = [f"This is text number {place}, and it goes on for quite a while in many words." for place in range(60)]
    schema = schema_of(
        title=names(60),
        teaser=long,
        description=[f"{text} {text}" for text in long],
        ratings_count=list(range(60)),
        review_count=list(range(60)),
        ratings_5=list(range(60)),
    )
    assert role(schema, "description") == "text" and role(schema, "teaser") == "ignore"
    assert role(schema, "ratings_count") == "popularity"
    assert role(schema, "review_count") == "ignore" and role(schema, "ratings_5") == "ignore"


def test_people_are_told_by_the_columns_name_or_by_the_shape_of_its_values() -> None:
    firsts, lasts = ["Ada", "Ben", "Cleo", "Dan", "Eva"], [f"Last{chr(97 + place)}" for place in range(26)]
    people = [f"{first} {last}" for first in firsts for last in lasts]
    schema = schema_of(title=names(260), authors=[["X"]], starring=[[person] for person in people],
                       places=[[f"City{place} Town"] for place in range(130)])  # fmt: skip
    flags = {column.name: column.people for column in schema.columns}
    assert flags["authors"] and flags["starring"] and not flags["places"]


@pytest.mark.parametrize(
    ("values", "separator"),
    [
        (["a|b", "b|c", "a"], "|"),
        (["a; b", "b"], ";"),
        (["Ann, Bob", "Bob, Cy", "Ann"], ","),
        (["Washington, D.C.", "Paris", "Rome, Italy"], None),
        (["plain", "words"], None),
        (["a|b", ["c"]], None),
        ([], None),
    ],
)
def test_several_values_in_one_string_are_split_only_when_consistent(values: list[Any], separator: str | None) -> None:
    assert separator_of(values) == separator


def test_a_catalog_without_a_title_column_takes_the_first_with_different_short_strings() -> None:
    schema = schema_of(kind=["a", "b"], what=names(60))
    assert role(schema, "what") == "title"


def test_no_possible_title_is_the_users_to_mend() -> None:
    with pytest.raises(UserError, match="no column can be the title: found n, m"):
        schema_of(n=[1, 2], m=[3, 4])


def test_one_row_is_enough_to_infer_from() -> None:
    schema = schema_of(id=[7], title=["Only"], tags=[["x"]], year=[1999])
    assert [column.role for column in schema.columns] == ["id", "title", "facet", "number"]
    unit = schema.with_unit("year")
    assert unit is not None and unit.name == "year"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12", 12),
        ("12.50", 12.5),
        (2008.0, 2008),
        (True, None),
        ("x", None),
        ("nan", None),
        ("inf", None),
        (None, None),
        ("", None),
    ],
)
def test_numbers_are_finite_and_whole_ones_are_ints(value: object, number: float | None) -> None:
    assert number_of(value) == number
    assert type(number_of(value)) is type(number)


@pytest.mark.parametrize(
    ("name", "unit"), [("original_publication_year", "year"), ("numPages", "pages"), ("Runtime", "minutes"), ("x", "")]
)
def test_units_come_from_names(name: str, unit: str) -> None:
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("name", "singular"),
    [("categories", "category"), ("moods", "mood"), ("cast", "cast"), ("bus", "bus"), ("ml_tags", "ml tag")],
)
def test_singular_names(name: str, singular: str) -> None:
    assert singular_of(name) == singular


@pytest.mark.parametrize(
    ("values", "separator"),
    [
        (["Ada Finch, Gus Hale", "Bruno Keller"], ","),
        (["Ada Finch, Jr.", "Bruno Keller"], None),
        (["Finch, Ada", "Keller, Bruno"], None),
    ],
)
def test_people_in_one_string_are_split_at_commas_unless_the_surname_comes_first(
    values: list[Any], separator: str | None
) -> None:
    assert separator_of(values, people=True) == separator


def test_a_comma_before_junior_does_not_split_a_name() -> None:
    assert split("Kurt Vonnegut, Jr., Ada Finch", ",") == ["Kurt Vonnegut, Jr.", "Ada Finch"]
