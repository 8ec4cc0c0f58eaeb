"""The student ranker as it serves: what it reads, what it does without, and what a file keeps of it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.learned.comparison import Features
from retrieval.learned.student import Student, inputs

COLUMNS = ("search", "votes", "year")


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    """Let a division by zero or a NaN that numpy only warns of fail the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def student() -> Student:
    rng = np.random.default_rng(0)
    draw = [rng.normal(size=size).astype(np.float32) for size in ((6, 8), (8,), (8,))]
    return Student(COLUMNS, np.array([0.5, 2e5, 1990], np.float32), np.array([1e-6, 9e4, 20], np.float32), *draw)


def turn(size: int, seed: int = 1) -> Features:
    rng = np.random.default_rng(seed)
    return {
        "search": (0.5 + 1e-6 * rng.normal(size=size)).astype(np.float32),
        "votes": rng.uniform(0, 4e5, size).astype(np.float32),
        "year": rng.uniform(1950, 2020, size).astype(np.float32),
    }


def test_no_candidates_have_no_scores(student: Student) -> None:
    nothing = [student.scores({}), student.scores(turn(0))]
    assert [(scores.shape, scores.dtype) for scores in nothing] == [((0,), np.float32)] * 2


def test_a_candidate_is_also_read_against_the_others_of_its_list() -> None:
    read = inputs({"year": np.array([1980, 2000], np.float32)}, ("year",), np.float32([1980]), np.float32([20]))
    assert read.tolist() == [[0, -0.5], [1, 0.5]]


def test_the_order_of_the_candidates_does_not_change_their_scores(student: Student) -> None:
    features, shuffled = turn(9), np.random.default_rng(2).permutation(9)
    again = student.scores({name: values[shuffled] for name, values in features.items()})
    assert again == pytest.approx(student.scores(features)[shuffled], abs=1e-5)


def test_a_feature_that_is_not_there_counts_as_its_mean(student: Student) -> None:
    features = turn(5)
    mean = features | {"votes": np.full(5, 2e5, np.float32)}
    absent = {name: values for name, values in features.items() if name != "votes"}
    unknown = [features | {"votes": np.full(5, value, np.float32)} for value in (np.nan, np.inf, -np.inf)]
    for case in (absent, *unknown):
        assert student.scores(case).tolist() == student.scores(mean).tolist()


def test_one_unknown_value_leaves_the_other_candidates_a_number(student: Student) -> None:
    features = turn(5)
    features["year"][2] = np.nan
    assert np.isfinite(student.scores(features)).all()


def test_a_feature_that_it_never_learned_changes_nothing(student: Student) -> None:
    features = turn(5)
    assert student.scores(features | {"new": features["year"]}).tolist() == student.scores(features).tolist()


def test_a_feature_that_never_varied_stays_silent_when_it_does() -> None:
    read = inputs({"rated": np.array([0, 900], np.float32)}, ("rated",), np.float32([0]), np.float32([np.inf]))
    assert not read.any()


def test_a_file_keeps_the_scores_within_half_precision(student: Student) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **student.arrays())  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as data:
        again = Student.of_arrays({name: data[name] for name in data.files})
    assert again.columns == COLUMNS
    assert again.mean.tolist() == student.mean.tolist() and again.scale.tolist() == student.scale.tolist()
    assert again.scores(turn(30)) == pytest.approx(student.scores(turn(30)), abs=2e-2)
