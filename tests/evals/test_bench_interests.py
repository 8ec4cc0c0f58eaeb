"""What a history is worth: the cases, what is asked of each system, and the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.bench.commands import interests
from evals.bench.interests import HELD_OUT, cases, measure, systems, telling_value
from evals.simulation.ratings import Rating
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.search import Weights


def rated(*items: str, stars: float = 5.0) -> list[Rating]:
    return [Rating(item, stars, time) for time, item in enumerate(items)]


def test_a_case_holds_what_was_liked_before_and_what_after() -> None:
    ratings = {"ada": rated(*"abcdefgh"), "bo": rated(*"abcdefgh"), "cy": rated(*"abc")}
    [case] = cases(ratings, 2, "validation")
    assert (case.person, case.history, case.gold) == ("ada", ("b", "c"), tuple("defgh"))
    assert len(case.gold) == HELD_OUT
    assert case.seen == {"a", "b", "c"}
    assert [one.person for one in cases(ratings, 2, "test")] == ["bo"]


def test_an_item_rated_twice_is_looked_for_and_not_given() -> None:
    [case] = cases({"ada": rated(*"xabdefga")}, 3, "validation")
    assert "a" in case.gold
    assert "a" not in case.history
    assert "a" not in case.seen


def test_the_value_wished_for_is_common_but_tells_something(wines: Catalog) -> None:
    for item in wines:
        found = telling_value(wines, item.id)
        if found is not None:
            assert found[1] in item.values(found[0])
            assert wines.vocabulary[found[0]][found[1]] <= 0.1 * len(wines)


def test_every_system_ranks_every_case(wines: Catalog, tmp_path: Path) -> None:
    index = build(wines, tmp_path, HashingEncoder())
    ids = [item.id for item in wines]
    found = {2: cases({"ada": rated(*ids[:8])}, 2, "validation")}
    values = measure(systems(index, HashingEncoder(), Weights()), found, seed=0)
    assert set(values) == {"popularity", "latest liked", "one vector", "several", "example", "example, several"}
    for of_system in values.values():
        assert 0 <= of_system["2 liked: NDCG@10"]["ada"] <= 1  # type: ignore[operator]


def test_the_command_says_what_is_wrong_with_its_input(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--split dev: no such split: choose validation or test"):
        interests(tmp_path, split="dev")
