"""The student learns what an ensemble makes of candidates, and what it keeps of the order is measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from finetune.ranker.student import Lesson, Teaching, kept, teach
from retrieval.learned.student import Student

COLUMNS = ("fame", "search", "year")
WEIGHTS = np.array([0.8, 2.0, -1.2])
QUICK = Teaching(hidden=24, epochs=12, batch=8)
SHORT = Teaching(hidden=8, epochs=2, batch=4, temperature=2.0)


def lesson(seed: int, size: int | None = None) -> Lesson:
    """Draw candidates whose teacher is linear in features of different scales."""
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(rng.integers(15, 40) if size is None else size, 3))
    scaled = (plain * [3e5, 1e-4, 20] + [1e6, 0, 1990]).astype(np.float32)
    teacher = plain @ WEIGHTS
    head = np.where(np.argsort(np.argsort(-teacher)) < 5, teacher, np.nan)
    parts = {"search": plain[:, 1], "trees": teacher, "language model": head}
    return Lesson(dict(zip(COLUMNS, scaled.T, strict=True)), teacher, parts)


@pytest.fixture(scope="module")
def unseen() -> list[Lesson]:
    return [lesson(seed) for seed in range(1000, 1020)]


@pytest.fixture(scope="module")
def student() -> Student:
    return teach([lesson(seed) for seed in range(120)], COLUMNS, QUICK)


def best(lessons: Sequence[Lesson], count: int = 3) -> list[NDArray[np.bool_]]:
    return [one.teacher >= np.sort(one.teacher)[-count] for one in lessons]


def same(first: Student, second: Student) -> bool:
    ours, theirs = first.arrays(), second.arrays()
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


# Learning


def test_a_linear_teacher_is_learned_nearly_perfectly_on_lists_never_seen(
    student: Student, unseen: list[Lesson]
) -> None:
    found = kept(student, unseen, best(unseen))
    assert found["kept"]["mean"] > 0.98 and found["kendall tau"]["mean"] > 0.93


def test_scores_differ_by_as_much_as_the_teachers(student: Student, unseen: list[Lesson]) -> None:
    warmer = teach([lesson(seed) for seed in range(120)], COLUMNS, QUICK.model_copy(update={"temperature": 2.0}))
    for one in (student, warmer):
        spreads = [one.scores(each.features).std() / each.teacher.std() for each in unseen]
        assert 0.8 < np.mean(spreads) < 1.2


def test_the_same_seed_gives_the_same_student_and_leaves_other_randomness_alone() -> None:
    lessons = [lesson(seed) for seed in range(9)]
    torch.manual_seed(5)
    first = teach(lessons, COLUMNS, SHORT)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.rand(1) == drawn
    assert same(first, teach(lessons, COLUMNS, SHORT))
    assert not same(first, teach(lessons, COLUMNS, SHORT.model_copy(update={"seed": 1})))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_parts_that_scored_little_or_nothing_leave_the_weights_numbers(value: float) -> None:
    lessons = [lesson(seed) for seed in range(9)]
    for place, one in enumerate(lessons):
        gaps = {"nothing": np.full(len(one.teacher), value), "alike": np.ones(len(one.teacher))}
        first = np.where(np.arange(len(one.teacher)) == 0, 1.0, value)
        lessons[place] = one._replace(parts={**gaps, "one": first} if place % 2 else {})
    assert all(np.isfinite(array).all() for name, array in teach(lessons, COLUMNS, SHORT).arrays().items()
               if name != "columns")  # fmt: skip


def test_parts_teach_what_is_common_to_them_and_the_whole() -> None:
    lessons = [lesson(seed) for seed in range(9)]
    alone = [one._replace(parts={}) for one in lessons]
    assert not same(teach(lessons, COLUMNS, SHORT), teach(alone, COLUMNS, SHORT))
    assert np.isfinite(teach(alone, COLUMNS, SHORT).second).all()


def test_features_that_are_unknown_or_not_there_do_not_break_learning(unseen: list[Lesson]) -> None:
    lessons = [lesson(seed) for seed in range(120)]
    for place, one in enumerate(lessons):
        if place % 3 == 0:
            del one.features["year"]
        if place % 3 == 1:
            one.features["fame"][::2] = np.nan
    learned = teach(lessons, (*COLUMNS, "never there"), QUICK)
    assert np.isinf(learned.scale[3]) and np.isfinite(learned.first).all()
    assert kept(learned, unseen, best(unseen))["kendall tau"]["mean"] > 0.8


def test_lists_of_any_length_are_learned_together() -> None:
    lessons = [lesson(seed, size) for seed, size in enumerate((0, 1, 2, 30, 5))]
    assert np.isfinite(teach(lessons, COLUMNS, SHORT).scores(lesson(9).features)).all()
    with pytest.raises(ValueError, match="none of 2 lessons has two candidates"):
        teach(lessons[:2], COLUMNS, SHORT)


def test_a_candidate_that_may_not_be_returned_is_not_learned_from() -> None:
    lessons = [lesson(seed) for seed in range(9)]
    barred = [one._replace(teacher=np.where(np.arange(len(one.teacher)) < 2, -np.inf, one.teacher)) for one in lessons]
    learned = teach(barred, COLUMNS, SHORT)
    assert np.isfinite(learned.first).all()
    marks = [np.arange(len(one.teacher)) < 2 for one in lessons]
    assert kept(learned, barred, marks)["student"]["n"] == 0


def test_a_teacher_that_gives_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="numbers or -inf"):
        teach([lesson(0)._replace(teacher=np.array([1.0, np.nan]))], COLUMNS, SHORT)


# What is kept


def test_an_order_that_is_the_teachers_is_kept_whole(student: Student, unseen: list[Lesson]) -> None:
    echoes = [one._replace(teacher=student.scores(one.features)) for one in unseen]
    found = kept(student, echoes, best(unseen))
    assert found["kept"] == {"mean": 1.0, "stderr": 0.0, "n": 20}
    assert found["difference"] == {"mean": 0.0, "stderr": 0.0, "n": 20}
    assert found["kendall tau"]["mean"] == pytest.approx(1)


def test_an_order_turned_round_has_the_opposite_tau_and_keeps_little(student: Student, unseen: list[Lesson]) -> None:
    opposite = [one._replace(teacher=-student.scores(one.features)) for one in unseen]
    found = kept(student, opposite, best(opposite))
    assert found["kendall tau"]["mean"] == pytest.approx(-1)
    assert found["teacher"]["mean"] == 1 and found["kept"]["mean"] < 0.3
    assert found["difference"]["mean"] == pytest.approx(found["student"]["mean"] - 1)


def test_ndcg_is_what_counting_by_hand_gives(student: Student) -> None:
    one = lesson(0, 12)
    place = np.argsort(np.argsort(-one.teacher))
    found = kept(student, [one, one], [np.isin(place, (1, 4)), np.isin(place, (11,)).astype(np.int64)])
    expected = (1 / np.log2(3) + 1 / np.log2(6)) / (1 + 1 / np.log2(3))
    assert found["teacher"]["mean"] == pytest.approx(expected / 2)
    assert found["teacher"]["stderr"] == pytest.approx(expected / 2) and found["teacher"]["n"] == 2


def test_turns_without_anything_right_cannot_be_measured(student: Student, unseen: list[Lesson]) -> None:
    found = kept(student, unseen, [np.zeros(len(one.teacher)) for one in unseen])
    assert found["kept"]["n"] == 0 and np.isnan(found["kept"]["mean"]) and np.isnan(found["difference"]["stderr"])
    assert found["kendall tau"]["n"] == 20
    with pytest.raises(ValueError, match="marks for"):
        kept(student, unseen[:1], [np.zeros(1)])
