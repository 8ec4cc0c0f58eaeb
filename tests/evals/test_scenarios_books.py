"""The scenarios about books hold over the first rows of a public catalog, built here without weights."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from agent import Recommender, Settings
from evals.reading import Script, check_all, read_all
from evals.run import play
from retrieval.encoder import open_encoder
from retrieval.index import build
from retrieval.reading import read_catalog

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("TASTEMAKER_SHARED", ROOT.parent / "shared"))
BOOKS = SHARED / "data" / "catalogs" / "books_10k.csv"
ROWS = 2_000
SCRIPTS = read_all([ROOT / "evals" / "scenarios" / "books"])
KNOWN_GAPS = [script for script in SCRIPTS if script.scenario.gap]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    """Open the recommender over the first rows of the catalog."""
    if not BOOKS.is_file():
        pytest.skip(f"{BOOKS} is absent: set TASTEMAKER_SHARED to the folder that holds data/catalogs")
    home = tmp_path_factory.mktemp("books")
    few = home / "books.csv"
    with BOOKS.open(encoding="utf-8", newline="") as whole, few.open("w", encoding="utf-8", newline="") as part:
        csv.writer(part).writerows(islice(csv.reader(whole), ROWS + 1))
    build(read_catalog(few).catalog, home, open_encoder("hashing"))
    rec = Recommender.open(Settings(home=home, model="scripted", encoder="hashing", adapter="none"))
    yield rec
    rec.close()


@pytest.mark.parametrize(
    "script", [script for script in SCRIPTS if script not in KNOWN_GAPS], ids=lambda script: script.path.stem
)
def test_a_scenario_about_books_holds_without_weights(script: Script, books: Recommender) -> None:
    played = play(script, books)
    failures = [(turn, check.expected, check.got) for turn, check, _ in played.failures()]
    assert not failures and not played.error, played.error or failures


def test_every_scenario_about_books_is_possible_over_the_catalog(books: Recommender) -> None:
    check_all(SCRIPTS, books.catalog)


def test_at_most_a_quarter_of_the_scenarios_about_books_are_known_gaps() -> None:
    assert len(SCRIPTS) >= 11
    assert len(KNOWN_GAPS) <= len(SCRIPTS) / 4
