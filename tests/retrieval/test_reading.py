"""From a catalog file to typed items: what is read, what is left out and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrieval.catalog import UserError
from retrieval.reading import Reading, demo_catalog, percentiles, read_catalog, slug


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def reasons(reading: Reading) -> list[tuple[int, str, bool]]:
    return [(problem.line, problem.reason, problem.kept) for problem in reading.problems]


def test_items_are_typed_by_their_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,title,tags,year,fresh,sales\n1,A,x|y,2008.0,yes,10\n2,B,y,,no,30\n3,1984,x,1984,no,\n", "utf-8")
    catalog = read_catalog(path).catalog
    assert catalog["1"].attributes == {"tags": ("x", "y"), "year": 2008, "fresh": True}
    assert catalog["2"].attributes == {"tags": ("y",), "year": None, "fresh": False}
    assert [item.popularity for item in catalog] == [0.5, 1.0, 0.0]
    assert catalog["3"].title == "1984"


def test_every_bad_row_is_reported_with_its_line_and_the_good_ones_stay(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "a.jsonl",
        {"id": "a", "title": "A", "year": 2000},
        "{broken",
        {"title": "no id", "year": 2000},
        {"id": "c", "year": 2000},
        {"id": "d", "title": ["D"], "year": 2000},
        {"id": "a", "title": "A again", "year": 2000},
        {"id": True, "title": "F", "year": 2000},
        *({"id": f"g{place}", "title": "G", "year": 2000} for place in range(20)),
        {"id": "h", "title": "H", "year": "soon"},
    )
    reading = read_catalog(path)
    assert len(reading.catalog) == 22
    found = reasons(reading)
    assert found[0][0] == 2 and found[0][1].startswith("bad JSON")
    assert found[1:] == [
        (3, "missing id", False),
        (4, "missing title", False),
        (5, "wrong type: title is list", False),
        (6, "duplicate id 'a', first at line 1", False),
        (7, "wrong type: id is bool", False),
        (28, "wrong type: year 'soon' is no number; left unknown", True),
    ]
    assert reading.catalog["a"].title == "A" and reading.catalog["h"].attributes["year"] is None
    assert str(reading.problems[1]) == f"{path}:3: missing id"


def test_strict_stops_on_the_first_bad_row(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"id": "a", "title": "A"}, {"id": "a", "title": "B"}, "{broken")
    with pytest.raises(UserError, match=r"a\.jsonl:3: bad JSON"):
        read_catalog(path, strict=True)
    path = jsonl(tmp_path / "b.jsonl", {"id": "a", "title": "A"}, {"id": "a", "title": "B"})
    with pytest.raises(UserError, match=r"b\.jsonl:2: duplicate id"):
        read_catalog(path, strict=True)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", "", "the catalog is empty"),
        ("a.csv", "", "the catalog is empty"),
        ("a.csv", "id,title\n", "the catalog is empty"),
        ("a.jsonl", "{\n", "the first problem is at line 1: bad JSON"),
        ("a.jsonl", '{"id": null, "title": "A"}\n', "no row can be used; the first problem is at line 1: missing id"),
    ],
)
def test_a_catalog_without_a_usable_row_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=words):
        read_catalog(tmp_path / name)


def test_one_item_without_text_is_a_catalog(tmp_path: Path) -> None:
    catalog = read_catalog(jsonl(tmp_path / "a.jsonl", {"id": 7, "title": "Only"})).catalog
    assert [(item.id, item.title, item.text) for item in catalog] == [("7", "Only", "")]


def test_ids_are_made_of_titles_where_there_is_no_id_column(tmp_path: Path) -> None:
    rows = [
        {"title": "The Thing!", "year": 1982, "shade": "x"},
        {"title": "The Thing!", "year": 2011, "shade": "x"},
        {"title": "The Thing!", "year": 1982, "shade": "y"},
        {"title": "The Thing!", "year": 1982, "shade": "x"},
        {"title": "\u00c9t\u00e9 \u6771\u4eac", "year": 1990, "shade": "x"},
    ]
    reading = read_catalog(jsonl(tmp_path / "a.jsonl", *rows))
    ids = [item.id for item in reading.catalog]
    assert ids == ["the-thing-1982", "the-thing-2011", "the-thing-1982-2", "ete-\u6771\u4eac-1990"]
    assert reasons(reading) == [(4, "duplicate id 'the-thing-1982', first at line 1", False)]


def test_a_year_is_taken_from_dates_where_a_catalog_has_no_year(tmp_path: Path) -> None:
    catalog = read_catalog(jsonl(tmp_path / "a.jsonl", {"id": 1, "title": "A", "released": "1999-05-01"})).catalog
    assert catalog["1"].attributes == {"released": "1999-05-01", "year": 1999}
    assert catalog.label(catalog["1"]) == "A (1999)"


def test_the_schema_file_beside_the_catalog_is_used_and_a_given_one_wins(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"id": "x", "title": "A", "kind": "p, q"})
    (tmp_path / "a.toml").write_text("noun = 'thing'\n[columns.kind]\nmany = true")
    catalog = read_catalog(path).catalog
    assert catalog.schema.noun == "thing" and catalog["x"].attributes["kind"] == ("p", "q")
    (tmp_path / "other.toml").write_text("noun = 'other'")
    assert read_catalog(path, tmp_path / "other.toml").catalog.schema.noun == "other"


@pytest.mark.parametrize(
    ("file", "noun", "nouns"),
    [
        ("books_10k.csv", "book", "books"),
        ("movies.csv", "movie", "movies"),
        ("my-stories.csv", "story", "stories"),
        ("dishes.csv", "dish", "dishes"),
        ("catalog.csv", "item", "items"),
        ("glass.csv", "item", "items"),
        ("series.csv", "item", "items"),
    ],
)
def test_items_are_called_what_the_file_is_called(tmp_path: Path, file: str, noun: str, nouns: str) -> None:
    (tmp_path / file).write_text("title,kind\nOne,p\nTwo,q\n", "utf-8")
    schema = read_catalog(tmp_path / file).catalog.schema
    assert (schema.noun, schema.nouns) == (noun, nouns)


def test_a_title_alias_for_an_unknown_item_is_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"id": "x", "title": "A"})
    (tmp_path / "a.toml").write_text("[titles]\nay = 'y'")
    with pytest.raises(UserError, match="names the item 'y'"):
        read_catalog(path)


def test_odd_unicode_is_normalised_in_titles_and_values(tmp_path: Path) -> None:
    row = {"id": "x", "title": "Cafe\u0301\u0000 \u202etxt", "tags": ["e\u0301", "\u00e9", "\ud83d\ude80"]}
    catalog = read_catalog(jsonl(tmp_path / "a.jsonl", row)).catalog
    assert catalog["x"].title == "Caf\u00e9 txt"
    assert catalog["x"].attributes["tags"] == ("\u00e9", "\U0001f680")


def test_percentiles_rank_equal_values_alike_and_leave_shares_as_they_are() -> None:
    assert percentiles([5, 1, 5, None]) == [1.0, 0.3333, 1.0, 0.0]
    assert percentiles([0.2, 1.0, None]) == [0.2, 1.0, 0.0]
    assert percentiles([]) == []


def test_slugs_are_never_empty() -> None:
    assert slug("!!!") == "item" and slug("A  B", "2000") == "a-b-2000"


def test_the_demo_catalog_reads_without_a_problem() -> None:
    catalog = demo_catalog()
    assert len(catalog) > 2000
    assert {column.name for column in catalog.schema.with_role("facet") if column.people} == {"directors", "cast"}
