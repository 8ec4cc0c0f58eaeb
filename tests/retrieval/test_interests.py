"""What a history of liked items becomes: groups of alike items, one vector and one share each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.interests import history_scores, interests, recency
from retrieval.query import Query
from retrieval.search import Retriever

Rows = NDArray[np.float32]


def near(directions: list[int], size: int = 8) -> Rows:
    """Return one unit vector a direction, turned a little so that no two are equal."""
    rows = np.full((len(directions), size), 0.02, np.float32)
    for place, direction in enumerate(directions):
        rows[place, direction] = 1.0
        rows[place, (direction + 1) % size] += 0.01 * place
    unit: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def test_alike_items_are_one_interest_and_others_their_own() -> None:
    found = interests(near([0, 0, 4, 0, 4, 6]), recency(6, 1.0), most=10)
    assert [int(row.argmax()) for row in found.vectors] == [0, 4, 6]
    assert found.weights == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_one_interest_is_the_mean() -> None:
    rows = near([0, 4])
    [vector] = interests(rows, recency(2, 1.0), most=1).vectors
    assert vector == pytest.approx(rows.sum(0) / np.linalg.norm(rows.sum(0)))


def test_there_are_never_more_than_asked_for() -> None:
    assert len(interests(near(list(range(8))), recency(8, 1.0), most=3).vectors) <= 3


@given(st.lists(st.integers(0, 7), min_size=1, max_size=12), st.randoms())
def test_the_order_of_the_rows_is_irrelevant_and_shares_sum_to_one(directions: list[int], chance: object) -> None:
    rows, heavy = near(directions), recency(len(directions), 0.9)
    order = list(range(len(directions)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    one, other = interests(rows, heavy, 5), interests(rows[order], heavy[order], 5)
    assert one.weights == pytest.approx(other.weights, abs=1e-5)
    assert one.weights.sum() == pytest.approx(1.0)
    assert np.linalg.norm(one.vectors, axis=1) == pytest.approx(np.ones(len(one.vectors)), abs=1e-5)


def test_what_was_liked_last_weighs_most() -> None:
    assert recency(3, 0.5) == pytest.approx([0.25, 0.5, 1.0])


def test_a_small_interest_still_brings_up_its_own_items() -> None:
    rows = near([0, 0, 0, 4, 0, 4, 2])
    places = np.array([0, 1, 2, 3], np.int64)
    several = history_scores(rows, places, np.ones(7, bool), 5, 1.0)
    one = history_scores(rows, places, np.ones(7, bool), 1, 1.0)
    assert several[4] > several[5] > several[6]
    assert several[5] - several[6] > one[5] - one[6]


def test_a_history_moves_the_order_and_is_not_returned(
    wines: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("history")
    retriever = Retriever(build(wines, home, HashingEncoder()), HashingEncoder())
    plain = [one.item_id for one in retriever.search(Query())]
    liked = plain[-1]
    found = retriever.search(Query(history=(liked, "no such wine")))
    assert liked not in [one.item_id for one in found]
    assert [one.item_id for one in found] != [item for item in plain if item != liked]
    assert all("history" in one.scores for one in found)
    assert retriever.search(Query(history=("no such wine",)))[0].item_id == plain[0]
