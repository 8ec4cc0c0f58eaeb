"""The benchmark of critiques: who is critiqued, what counts as an answer, and figures that can be wrong."""

from __future__ import annotations

from collections import Counter

import pytest
from typer.testing import CliRunner

from evals.bench.commands import app
from evals.bench.critique import ALIKE, FIRST, OURS, PLAIN, cases, critiques, measure, queries
from evals.results import Result
from retrieval.catalog import Catalog, CatalogSchema, Column, Item
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.remembered import Remembering
from retrieval.search import Retriever

MOODS = ("funny", "dark", "calm", "violent")


@pytest.fixture(scope="module")
def games() -> Catalog:
    """Eighty board games whose price is unknown now and then."""
    schema = CatalogSchema(
        columns=(
            Column(name="title", role="title"),
            Column(name="text", role="text"),
            Column(name="moods", role="facet", singular="mood"),
            Column(name="makers", role="facet", people=True),
            Column(name="price", role="number", unit="euros"),
        ),
        noun="game",
        nouns="games",
    )
    return Catalog(
        schema,
        [
            Item(
                f"g{place}", f"Game {place}", f"A {MOODS[place % 4]} game for the table.",
                {
                    "moods": (MOODS[place % 4], "short" if place % 3 else "long"), "makers": ("Ann Lee",),
                    "price": None if place % 11 == 10 else 5.0 + place * 7 % 80,
                },
                popularity=1 - place / 80,
            )
            for place in range(80)
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def retriever(games: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(games, tmp_path_factory.mktemp("games"), HashingEncoder()), Remembering(HashingEncoder()))


def test_everything_that_can_be_critiqued_is_and_people_are_not(games: Catalog) -> None:
    kinds = Counter(critique.kind for critique in critiques(games))
    assert kinds["number"] == 2
    assert kinds["value gained"] == kinds["value lost"] == kinds["even more"] == kinds["words"] == 5
    assert kinds["adjective"] > 0
    assert not any(critique.wish.value == "Ann Lee" for critique in critiques(games))


def test_the_two_halves_have_no_item_in_common_and_a_seed_gives_the_same_draw(games: Catalog) -> None:
    chosen, reported = cases(games, 5, "validation", 1), cases(games, 5, "test", 1)
    assert not {case.item.id for case in chosen} & {case.item.id for case in reported}
    assert [case.unit for case in reported] == [case.unit for case in cases(games, 5, "test", 1)]
    assert [case.unit for case in reported] != [case.unit for case in cases(games, 5, "test", 2)]


def test_an_item_is_critiqued_only_where_something_can_answer(games: Catalog) -> None:
    for case in cases(games, 100, "test", 0):
        answers = sum(map(case.critique.answered(case.item), games))
        if case.critique.kind == "number":
            assert answers >= FIRST
        if case.critique.kind == "value gained":
            assert not case.critique.answered(case.item)(case.item)


def test_the_item_itself_is_never_an_answer_that_is_returned(games: Catalog) -> None:
    for case in cases(games, 1, "test", 0):
        for query in queries(case, games).values():
            assert case.item.id in query.exclude | set(query.like)


def test_comparing_moves_numbers_further_than_the_wish_alone_and_than_likeness(retriever: Retriever) -> None:
    found = [case for case in cases(retriever.catalog, 8, "test", 0) if case.critique.kind == "number"]
    result = Result("bench critique", {}, measure(retriever, found), {})
    ours, plain, alike = (result.estimate(system, "number: moved").value for system in (OURS, PLAIN, ALIKE))
    assert ours is not None and plain is not None and alike is not None
    assert ours > max(plain, alike) and ours > 0.9
    assert result.estimate(OURS, "number: moved").n == len(found)


def test_another_split_is_refused_in_one_line() -> None:
    from retrieval.catalog import UserError

    result = CliRunner().invoke(app, ["critique", "--split", "dev"])
    assert isinstance(result.exception, UserError) and "validation or test" in str(result.exception)
