"""Labelled turns: what counts as right, the figures by hand, and the floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from evals.bench.understanding import BARE, Scores, as_result, majority, score
from retrieval.catalog import Catalog

Plain = dict[str, Any]


def dialogue(*labels: Plain, name: str = "d1") -> Plain:
    return {"id": name, "turns": [{"user": f"m{place}", "update": label} for place, label in enumerate(labels)]}


def scored(wines: Catalog, label: Plain, answer: Plain) -> Scores:
    return score(lambda earlier, text: answer, [dialogue(label)], wines)


def exact(scores: Scores, metric: str = "exact turn") -> float | None:
    (value,) = scores.turns[metric].values()
    return value


MOSEL = {"attribute": "region", "op": "is", "value": "Mosel"}


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ({"intent": "recommend", "set": [{"attribute": "Region", "op": "is", "value": "mosel"}]}, 1),
        ({"intent": "refine", "set": [MOSEL]}, 0),
        ({"intent": "recommend"}, 0),
        ({"intent": "recommend", "set": [{**MOSEL, "op": "is_not"}]}, 0),
        ({"intent": "recommend", "set": [MOSEL, {"attribute": "price", "op": "at_most", "value": 9}]}, 0),
    ],
)
def test_a_turn_is_exact_when_intent_and_every_entry_are_right(wines: Catalog, answer: Plain, right: int) -> None:
    assert exact(scored(wines, {"intent": "recommend", "set": [MOSEL]}, answer)) == right


@pytest.mark.parametrize(("value", "right"), [(1999, 1), (2000, 1), (2001, 1), (2002, 0)])
def test_a_number_may_miss_the_spoken_bound_by_one(wines: Catalog, value: int, right: int) -> None:
    label, answer = (
        {"intent": "search", "set": [{"attribute": "vintage", "op": "at_most", "value": bound}]}
        for bound in (2000, value)
    )
    assert exact(scored(wines, label, answer)) == right


def test_of_a_wish_the_sign_counts_and_not_the_weight(wines: Catalog) -> None:
    def wish(weight: float) -> Plain:
        return {"intent": "refine", "prefer": [{"attribute": "grapes", "value": "Syrah", "weight": weight}]}

    assert exact(scored(wines, wish(1), wish(0.5))) == 1
    assert exact(scored(wines, wish(1), wish(-1))) == 0


def test_items_compare_by_what_they_refer_to(wines: Catalog) -> None:
    label = {"intent": "feedback", "items": [{"ref": "#2", "verdict": "seen"}]}
    shown = {"user": "hi", "update": {}, "shown": [{"title": "Red Hill (2018)"}, {"title": "Old Cellar"}]}
    one = dialogue(label)
    one["turns"].insert(0, shown)
    answer = {"intent": "feedback", "items": [{"ref": "Old Cellar", "verdict": "seen"}]}
    scores = score(lambda earlier, text: answer if earlier else {}, [one], wines)
    assert scores.turns["items"] == {"d1/1": None, "d1/2": 1}


def test_free_words_count_for_the_exact_turn_and_not_for_the_exact_update(wines: Catalog) -> None:
    label = {"intent": "refine", "prefer": [{"attribute": "text", "value": "for a rainy day", "weight": 1}]}
    scores = scored(wines, label, {"intent": "refine", "prefer": [{**label["prefer"][0], "value": "rainy"}]})  # type: ignore[index]
    assert (exact(scores), exact(scores, "exact update")) == (0, 1)
    assert exact(scores, BARE) is None
    assert scores.kind("prefer").f1.value == 0
    assert scores.kind(BARE).f1.value is None


def test_precision_recall_and_f1_are_micro_averages(wines: Catalog) -> None:
    labels = [{"set": [MOSEL]}, {"set": [MOSEL, {"attribute": "grapes", "op": "is", "value": "Riesling"}]}, {}]
    answers = iter([{"set": [MOSEL]}, {"set": [MOSEL]}, {"set": [MOSEL]}])
    three = [dialogue(label, name=str(number)) for number, label in enumerate(labels)]
    scores = score(lambda earlier, text: next(answers), three, wines)
    one = scores.kind("set")
    assert one.precision.value == pytest.approx(2 / 3)
    assert one.recall.value == pytest.approx(2 / 3)
    assert one.f1.value == pytest.approx(2 / 3)
    assert one.labels == 3
    # Leaving out one dialogue at a time gives F1 of 1/2, 2/3 and 4/5: the jackknife error by hand.
    values = [0.5, 2 / 3, 0.8]
    mean = sum(values) / 3
    assert one.f1.error == pytest.approx((2 / 3 * sum((value - mean) ** 2 for value in values)) ** 0.5)


def test_the_floor_answers_the_most_frequent_intent_and_changes_nothing(wines: Catalog) -> None:
    labelled = [dialogue({"intent": "refine", "set": [MOSEL]}, {"intent": "refine"}, {"intent": "chat"})]
    floor = score(majority(labelled), labelled, wines)
    result = as_result({"floor": floor}, {})
    assert result.estimate("floor", "intent").value == pytest.approx(2 / 3)
    assert result.estimate("floor", "exact turn").value == pytest.approx(1 / 3)
    assert result.notes["kinds"]["floor"]["set"] == {"precision": None, "recall": 0.0, "f1": 0.0, "labels": 1}


def test_every_turn_is_judged_in_the_context_of_the_gold_turns_before_it(wines: Catalog) -> None:
    lengths = []

    def understand(earlier: Sequence[Mapping[str, Any]], text: str) -> Plain:
        lengths.append((len(earlier), text))
        return {}

    score(understand, [dialogue({}, {}, {})], wines)
    assert lengths == [(0, "m0"), (1, "m1"), (2, "m2")]
