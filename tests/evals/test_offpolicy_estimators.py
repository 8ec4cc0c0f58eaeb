"""Laws that every estimate of a reward keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.offpolicy.estimators import CLIP, ESTIMATORS, Estimated, Weighed, estimates, resampled
from evals.offpolicy.reward_model import RewardModel, cross_fitted

LISTS = tuple(name for name in ESTIMATORS if "lists" in name)


def made(seed: int, turns: int, spread: float) -> Weighed:
    """Make a log with weights around 1."""
    rng = np.random.default_rng(seed)
    conversation = np.unique(rng.integers(0, max(1, turns // 2), turns), return_inverse=True)[1]
    taken = np.zeros((turns, 3))
    for row in np.flatnonzero(rng.random(turns) < 0.4):
        taken[row, rng.integers(0, 3)] = 1.0
    weights = np.exp(spread * rng.normal(size=(turns, 4)))
    predicted = rng.random((turns, 3)) * 0.3
    return Weighed(
        conversation=conversation,
        reward=taken.sum(1),
        lists=weights[:, 0],
        items=weights[:, 1:],
        shown=np.ones((turns, 3), bool),
        taken=taken,
        expected=predicted.sum(1),
        predicted=predicted,
        unsupported=np.zeros(turns),
    )


def by_name(log: Weighed) -> dict[str, Estimated]:
    return {one.name: one for one in estimates(log, draws=50)}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.integers(1, 40))
def test_who_logged_gets_what_was_logged(seed: int, turns: int) -> None:
    log = made(seed, turns, 0.0)
    for name, one in by_name(log).items():
        assert one.value == pytest.approx(log.reward.mean(), abs=1e-9), name
        assert one.effective == pytest.approx(turns) and one.largest == pytest.approx(1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.integers(2, 40), st.randoms())
def test_the_order_of_turns_does_not_matter(seed: int, turns: int, chance: object) -> None:
    log = made(seed, turns, 1.0)
    order = np.random.default_rng(seed).permutation(turns)
    other = Weighed(**{name: getattr(log, name)[order] for name in Weighed.__dataclass_fields__})
    for one, again in zip(estimates(log, draws=50), estimates(other, draws=50), strict=True):
        assert (one.value, one.error, one.low, one.high) == pytest.approx(
            (again.value, again.error, again.low, again.high), abs=1e-9
        )


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 999), st.integers(1, 40), st.floats(0, 6))
def test_the_self_normalised_estimate_stays_a_share(seed: int, turns: int, spread: float) -> None:
    one = by_name(made(seed, turns, spread))["SNIPS, lists"]
    assert one.value is not None and -1e-9 <= one.low and one.high <= 1 + 1e-9 and -1e-9 <= one.value <= 1 + 1e-9


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.floats(0, 4))
def test_clipping_never_adds(seed: int, spread: float) -> None:
    found = by_name(made(seed, 30, spread))
    clipped, plain = found["IPS, lists, clipped"], found["IPS, lists"]
    assert clipped.value is not None and plain.value is not None
    assert clipped.value <= plain.value + 1e-9 and clipped.largest <= CLIP


def test_what_could_not_be_seen_is_not_measured_rather_than_nothing() -> None:
    log = made(0, 20, 1.0)
    found = by_name(replace(log, lists=np.zeros(20)))
    assert all(found[name].value is None for name in LISTS)
    assert found["IPS, items"].value is not None


def test_conversations_are_resampled_whole() -> None:
    log = made(1, 60, 0.0)
    alone = by_name(replace(log, conversation=np.arange(60)))["SNIPS, lists"]
    doubled = Weighed(
        **{name: np.concatenate([getattr(log, name)] * 2) for name in Weighed.__dataclass_fields__},
    )
    twice = replace(doubled, conversation=np.tile(np.arange(60), 2))
    again = by_name(twice)["SNIPS, lists"]
    assert again.error == pytest.approx(alone.error, rel=1e-9), "the same said twice is no more evidence"
    assert resampled(5, 7, 0).sum(1).tolist() == [5.0] * 7


def test_the_reward_model_finds_what_is_taken() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 2))
    taken = (rng.random(4000) < 1 / (1 + np.exp(1 - 2 * rows[:, 0]))).astype(float)
    found = RewardModel(rows, taken).predict(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 5.0]]))
    expected = [1 / (1 + np.e), 1 / (1 + 1 / np.e), 1 / (1 + 1 / np.e)]
    assert found[:2] == pytest.approx(expected[:2], abs=0.04) and found[2] == pytest.approx(expected[2], abs=0.1)
    assert RewardModel(rows, np.zeros(4000)).predict(rows).max() < 0.01


def test_no_turn_is_predicted_by_what_has_seen_its_conversation() -> None:
    rng = np.random.default_rng(0)
    conversation = np.repeat(np.arange(10), 3)
    rows, taken = rng.normal(size=(30, 2, 1)), rng.integers(0, 2, (30, 2)).astype(float)
    present = np.ones((30, 2), bool)
    before, asked = cross_fitted(conversation, rows, present, taken, rows)
    other = taken.copy()
    other[conversation == 4] = 1 - other[conversation == 4]
    after, _ = cross_fitted(conversation, rows, present, other, rows)
    assert np.array_equal(before[conversation == 4], after[conversation == 4])
    assert not np.array_equal(before[conversation == 3], after[conversation == 3])
    assert np.array_equal(before, asked)
    alone, _ = cross_fitted(np.zeros(30, int), rows, present, taken, rows)
    assert not alone.any()
