from __future__ import annotations

import math
import random
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import Told, limit, open_world

from agent.exploring import EXPLORED, chance_of, draw


@pytest.fixture
def told() -> Told:
    return Told()


FALLING = st.lists(st.floats(1e-6, 1), min_size=1, max_size=30).map(lambda given: sorted(given, reverse=True))


@given(FALLING, st.integers(1, 8))
def test_without_exploring_the_first_ones_are_shown_for_certain(probabilities: list[float], size: int) -> None:
    order, chances = draw(probabilities, size, 0.0, random.Random(0))
    assert order == list(range(min(size, len(probabilities)))) and set(chances) == {1.0}
    assert chance_of(probabilities, order, 0.0) == 1.0


@given(FALLING, st.integers(1, 25), st.floats(0.05, 3), st.integers())
def test_a_list_holds_each_candidate_once_and_as_many_as_there_are(
    probabilities: list[float], size: int, temperature: float, seed: int
) -> None:
    order, chances = draw(probabilities, size, temperature, random.Random(seed))
    assert len(order) == len(set(order)) == len(chances) == min(size, len(probabilities))
    assert all(0 < one <= 1.0000001 for one in chances)


@given(FALLING, st.integers(1, 4), st.floats(0.2, 3), st.integers())
def test_the_chances_of_the_places_multiply_to_that_of_the_list(
    probabilities: list[float], size: int, temperature: float, seed: int
) -> None:
    order, chances = draw(probabilities, size, temperature, random.Random(seed))
    product = 1.0
    for one in chances:
        product *= one
    assert chance_of(probabilities, order, temperature) == pytest.approx(product)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=5).map(lambda given: sorted(given, reverse=True)))
def test_the_chances_of_all_lists_sum_to_one(probabilities: list[float]) -> None:
    lists = permutations(range(len(probabilities)), 2)
    assert sum(chance_of(probabilities, order, 0.7) for order in lists) == pytest.approx(1)


def test_lists_come_as_often_as_their_chance_says() -> None:
    probabilities, chance = [0.5, 0.3, 0.2], random.Random(7)
    counts = Counter(tuple(draw(probabilities, 2, 1.0, chance)[0]) for _ in range(20_000))
    for order, count in counts.items():
        assert count / 20_000 == pytest.approx(chance_of(probabilities, order, 1.0), abs=0.012)


def test_what_stands_far_behind_is_never_drawn_before_what_stands_in_front() -> None:
    probabilities = [1 / 40] * 40
    for seed in range(50):
        assert max(draw(probabilities, 4, 5.0, random.Random(seed))[0]) < EXPLORED
    assert chance_of(probabilities, [EXPLORED], 5.0) == 0.0


def test_a_turn_logs_the_list_that_was_drawn_with_its_chances(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told, explore=1.0)
    lists = []
    for number in range(6):
        reply = rec.reply(f"c{number}", told.hears("crime", limit("subjects", "is", "crime")))
        [entry] = rec.tools.log.turns(f"c{number}")
        candidates = entry.content["candidates"]
        drawn = {one["item_id"]: one["propensity"] for one in candidates if one["propensity"]}
        assert set(drawn) == {item.id for item in reply.items} and all(0 < one < 1 for one in drawn.values())
        places = [[one["item_id"] for one in candidates].index(item.id) for item in reply.items]
        likely = chance_of([one["probability"] for one in candidates], places, entry.content["explore"])
        assert likely == pytest.approx(math.prod(drawn.values()), rel=1e-4)
        lists.append(places)
    assert len({tuple(places) for places in lists}) > 1


def test_a_conversation_is_drawn_the_same_again_and_a_title_is_looked_up_without_chance(
    tmp_path: Path, told: Told
) -> None:
    lists = []
    for name in ("one", "two"):
        rec = open_world(tmp_path / name, told, explore=1.0)
        lists.append([item.id for item in rec.reply("c", told.hears("dark", limit("subjects", "is", "crime"))).items])
        rec.reply("d", "hello")
        assert rec.tools.log.turns("d")[0].content["explore"] == 0.0
    assert lists[0] == lists[1]


def test_small_weights_behind_a_large_one_keep_their_proportions() -> None:
    assert chance_of([1.0, 1e-6, 1e-6], [0, 1], 0.25) == pytest.approx(0.5)
