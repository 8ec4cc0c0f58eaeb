"""Larger catalogs of other makers, where they are at hand: the schema is sensible without a schema file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from retrieval.catalog import Catalog
from retrieval.reading import read_catalog

SHARED = Path(os.environ.get("TASTEMAKER_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def read(name: str) -> Catalog:
    path = SHARED / "data" / "catalogs" / name
    if not path.is_file():
        pytest.skip(f"{path} is absent: set TASTEMAKER_SHARED to the folder that holds data/catalogs")
    reading = read_catalog(path)
    assert not [problem for problem in reading.problems if not problem.kept]
    return reading.catalog


def test_ten_thousand_books_in_csv() -> None:
    books = read("books_10k.csv")
    assert len(books) == 10_000
    roles = {column.name: column.role for column in books.schema.columns}
    assert {name for name, role in roles.items() if role != "ignore"} == {
        "book_id", "title", "authors", "original_publication_year", "language_code", "average_rating", "ratings_count",
        "image_url",
    }  # fmt: skip
    authors = books.schema.column("authors")
    assert authors is not None and authors.people and authors.many
    second = books["2"]
    assert second.attributes["authors"] == ("J.K. Rowling", "Mary GrandPr\u00e9")
    assert second.attributes["original_publication_year"] == 1997
    assert second.image is not None and second.popularity > 0.99
    assert books.label(second).endswith("(1997)")


def test_twenty_five_thousand_films_in_gzipped_jsonl() -> None:
    films = read("movies_25k.jsonl.gz")
    assert len(films) == 25_127
    roles = {column.name: column.role for column in films.schema.columns}
    assert roles["overview"] == "text" and roles["keywords"] == "facet" and roles["vote_count"] == "popularity"
    assert roles["runtime"] == "number" and roles["redial_ids"] == roles["imdb_id"] == "ignore"
    assert {column.name for column in films.schema.columns if column.people} >= {"cast", "directors", "writers"}
