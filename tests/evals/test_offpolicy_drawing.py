"""How likely a list is, and an item in one: against the sum over all lists, and against lists drawn."""

from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.exploring import EXPLORED, chance_of, draw
from evals.offpolicy.drawing import Drawing, chances, marginals, share_within

WEIGHTS = st.lists(st.floats(1e-9, 1), min_size=1, max_size=6)
FALLING = st.lists(st.floats(1e-6, 1), min_size=1, max_size=30).map(lambda given: sorted(given, reverse=True))


def of(probabilities: list[float], temperature: float, size: int) -> Drawing:
    names = tuple(f"i{place}" for place in range(len(probabilities)))
    return Drawing(names, tuple(probabilities), temperature, min(size, len(names)))


@settings(deadline=None, max_examples=60)
@given(WEIGHTS, st.integers(1, 4), st.lists(st.booleans(), min_size=6, max_size=6))
def test_the_integral_is_the_sum_over_all_lists(weights: list[float], size: int, inside: list[bool]) -> None:
    expected, within = np.zeros(len(weights)), 0.0
    for order in permutations(range(len(weights)), min(size, len(weights))):
        left, chance = sum(weights), 1.0
        for place in order:
            chance, left = chance * weights[place] / max(left, weights[place]), left - weights[place]
        expected[list(order)] += chance
        within += chance * all(inside[place] for place in order)
    assert marginals(weights, size) == pytest.approx(expected, abs=1e-6)
    assert share_within(weights, inside[: len(weights)], size) == pytest.approx(within, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(FALLING, st.integers(1, 8), st.floats(0, 3))
def test_the_probabilities_of_being_shown_sum_to_the_length_of_the_list(
    probabilities: list[float], size: int, temperature: float
) -> None:
    drawing = of(probabilities, temperature if temperature > 0.05 else 0.0, size)
    assert sum(drawing.marginals.values()) == pytest.approx(drawing.size, abs=1e-6)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in drawing.marginals.values())
    assert len(drawing.marginals) <= EXPLORED


def test_items_are_shown_as_often_as_their_probability_says() -> None:
    probabilities, chance = sorted(np.random.default_rng(0).random(25).tolist(), reverse=True), random.Random(1)
    drawing, shown = of(probabilities, 0.4, 4), np.zeros(25)
    for _ in range(20_000):
        shown[draw(probabilities, 4, 0.4, chance)[0]] += 1
    expected = [drawing.marginals.get(item, 0.0) for item in drawing.items]
    assert shown / 20_000 == pytest.approx(expected, abs=0.015)


def test_without_chance_the_first_ones_are_certain() -> None:
    drawing = of([0.4, 0.3, 0.2, 0.1], 0.0, 2)
    assert drawing.marginals == {"i0": 1.0, "i1": 1.0}
    assert drawing.chance(("i0", "i1")) == 1.0 and drawing.chance(("i1", "i0")) == 0.0
    assert drawing.share_within({"i0", "i1"}) == 1.0 and drawing.share_within({"i0", "i2"}) == 0.0


def test_what_has_no_weight_is_drawn_when_nothing_else_is_left() -> None:
    assert marginals([1.0, 0.0, 0.5, 0.0], 3).tolist() == [1.0, 1.0, 1.0, 0.0]
    assert share_within([1.0, 0.0, 0.5, 0.0], [True, False, True, True], 3) == 0.0
    assert share_within([1.0, 0.0, 0.5, 0.0], [True, True, True, False], 3) == 1.0
    assert share_within([1.0, 1.0, 1.0], [True, False, False], 2) == 0.0


@given(FALLING, st.integers(1, 4), st.floats(0.2, 3), st.integers())
def test_many_lists_at_once_have_the_chance_of_each(
    probabilities: list[float], size: int, temperature: float, seed: int
) -> None:
    drawing = of(probabilities, temperature, size)
    order, _ = draw(probabilities, drawing.size, temperature, random.Random(seed))
    [found] = chances(np.array([list(drawing.weights.values())]), np.array([order]))
    assert found == pytest.approx(chance_of(probabilities, order, temperature), rel=1e-6)
    assert drawing.chance([drawing.items[place] for place in order]) == pytest.approx(found, rel=1e-6)


def test_a_list_with_an_unknown_item_is_never_drawn() -> None:
    assert of([0.5, 0.5], 1.0, 2).chance(("i0", "elsewhere")) == 0.0
