from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import permutations
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import CATALOG, limit, verdict, wish

from agent.asking import (
    MOST_QUESTIONS,
    WORTH,
    expected_gain,
    openness,
    probabilities,
    question_about,
)
from agent.belief import BeliefState, BeliefUpdate, Question, Shown, apply

ALL = {item.id: 1 / len(CATALOG) for item in CATALOG}
SLATE = [item.id for item in CATALOG.items[:4]]
VALUES = "abcd"
WORLDS = st.lists(st.tuples(st.integers(1, 20), st.sets(st.sampled_from(VALUES)).map(sorted)), min_size=1, max_size=12)
OFFERS = st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique=True)
World = list[tuple[int, list[str]]]


def chances(world: World) -> tuple[dict[str, float], dict[str, list[str]]]:
    total = sum(weight for weight, _ in world)
    names = [f"i{place}" for place in range(len(world))]
    return (
        {name: weight / total for name, (weight, _) in zip(names, world, strict=True)},
        {name: values for name, (_, values) in zip(names, world, strict=True)},
    )


def gain_of(p: dict[str, float], values: Mapping[str, Collection[str]], offered: Sequence[str]) -> float:
    holds = np.array([[value in values[item] for value in offered] for item in p])
    return float(expected_gain(np.array(list(p.values())), holds))


def by_definition(p: dict[str, float], values: dict[str, list[str]], offered: list[str]) -> float:
    """Return sum over items and answers of p(i, a) log2 p(i, a) / (p(i) p(a)), from the joint table."""
    joint: dict[tuple[str, str], float] = {}
    for item, chance in p.items():
        answers = [value for value in offered if value in values[item]] or ["none of these"]
        for answer in answers:
            joint[item, answer] = chance / len(answers)
    said = {answer: sum(n for (_, a), n in joint.items() if a == answer) for _, answer in joint}
    return sum(n * log2(n / (p[item] * said[answer])) for (item, answer), n in joint.items())


@given(WORLDS, OFFERS)
@settings(max_examples=200, deadline=None)
def test_the_gain_is_the_mutual_information_of_item_and_answer(world: World, offered: list[str]) -> None:
    p, values = chances(world)
    gain = gain_of(p, values, offered)
    assert gain == pytest.approx(by_definition(p, values, offered), abs=1e-9)
    entropy = -sum(chance * log2(chance) for chance in p.values())
    assert 0 <= gain <= min(log2(len(offered) + 1), entropy) + 1e-9
    for order in permutations(offered):
        assert gain_of(p, values, order) == pytest.approx(gain)


@given(WORLDS, OFFERS, st.sampled_from(VALUES))
@settings(max_examples=100, deadline=None)
def test_an_answer_that_is_known_already_tells_nothing(world: World, offered: list[str], common: str) -> None:
    p, values = chances([(weight, [common]) for weight, _ in world])
    assert gain_of(p, values, offered) == pytest.approx(0, abs=1e-9)


@given(st.dictionaries(st.sampled_from(list(ALL)), st.floats(-5, 5), min_size=1), st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_probabilities_sum_to_one_and_follow_the_scores(scores: dict[str, float], temperature: float) -> None:
    found = probabilities(scores, temperature)
    assert sum(found.values()) == pytest.approx(1)
    order = sorted(scores, key=scores.__getitem__)
    assert all(found[low] <= found[high] for low, high in zip(order, order[1:], strict=False))


def test_the_more_was_said_the_less_is_open() -> None:
    belief, before = BeliefState(), 1.0
    for name, value in (("moods", "dark"), ("subjects", "crime"), ("language", "English")):
        assert openness(belief) < before
        before = openness(belief)
        belief = apply(belief, BeliefUpdate(prefer=(wish(name, value),)))
    example = apply(BeliefState(), BeliefUpdate(items=(verdict("b00", "like_this"),)))
    assert openness(example) < openness(BeliefState())
    refused = apply(BeliefState(), BeliefUpdate(set=(limit("moods", "is_not", "dark"),)))
    assert openness(refused) == openness(BeliefState()), "what is not wanted leaves open what is"


def test_an_empty_belief_gets_a_question_whose_every_answer_changes_the_list() -> None:
    question = question_about(BeliefState(turn=1), ALL, SLATE, CATALOG)
    assert question is not None and question.asks
    column = CATALOG.schema.column(question.attribute)
    assert column is not None and not column.people and column.singular in question.text
    offered = [value for value in CATALOG.vocabulary[column.name] if value in question.text]
    assert len(offered) >= 2
    for value in offered:
        holders = {item.id for item in CATALOG if value in item.values(column.name)}
        assert len(holders) >= len(SLATE) and not set(SLATE) <= holders


def test_the_question_is_the_one_that_is_expected_to_tell_most() -> None:
    question = question_about(BeliefState(turn=1), ALL, SLATE, CATALOG)
    assert question is not None

    def gain(name: str, offered: list[str]) -> float:
        return gain_of(ALL, {item: CATALOG[item].values(name) for item in ALL}, offered)

    asked = [value for value in CATALOG.vocabulary[question.attribute] if value in question.text]
    for name in ("subjects", "moods", "language"):
        common = sorted(CATALOG.vocabulary[name], key=lambda value: -CATALOG.vocabulary[name][value])[:3]
        assert gain(question.attribute, asked) >= gain(name, common) - 1e-9


def test_nothing_is_asked_where_nothing_new_is_left() -> None:
    assert question_about(BeliefState(turn=1), {}, SLATE, CATALOG) is None


def test_scores_that_leave_little_open_leave_nothing_to_ask() -> None:
    scores = {item: 1.0 if item in SLATE[:1] else 0.0 for item in ALL}
    sure, unsure = (probabilities(scores, temperature) for temperature in (0.1, 1.0))
    assert question_about(BeliefState(turn=1), sure, SLATE, CATALOG) is None
    assert question_about(BeliefState(turn=1), unsure, SLATE, CATALOG) is not None


def test_no_attribute_is_asked_about_twice_nor_one_that_was_spoken_of() -> None:
    belief, asked = BeliefState(turn=1), []
    for turn in range(1, 20):
        belief = belief.model_copy(update={"turn": turn})
        question = question_about(belief, ALL, SLATE, CATALOG)
        if question is not None:
            asked.append(question.attribute)
        belief = belief.after_reply((), question)
    assert 2 <= len(asked) == len(set(asked)) <= MOST_QUESTIONS
    refused = apply(BeliefState(), BeliefUpdate(prefer=(wish(asked[0], "dark", -1.0),)))
    again = question_about(refused, ALL, SLATE, CATALOG)
    assert again is None or again.attribute != asked[0]


def test_no_two_turns_in_a_row_ask() -> None:
    belief = BeliefState(turn=1)
    belief = belief.after_reply((), question_about(belief, ALL, SLATE, CATALOG))
    assert belief.questions
    for turn, asks in ((2, False), (3, True)):
        later = belief.model_copy(update={"turn": turn})
        assert (question_about(later, ALL, SLATE, CATALOG) is not None) == asks
    offer = Question(attribute="year", text="Dropping it would give 3 books. Shall I?", turn=1, yes=BeliefUpdate())
    told = offer.model_copy(update={"text": "Dropping it would give 3 books."})
    for last, asks in ((offer, False), (told, True)):
        after = BeliefState(turn=2, questions=(last,))
        assert (question_about(after, ALL, SLATE, CATALOG) is not None) == asks


def test_starting_over_does_not_repeat_a_question() -> None:
    belief = BeliefState(turn=1)
    belief = belief.after_reply((Shown(item_id="b00", title="T", position=1, turn=1),), None)
    first = question_about(belief, ALL, SLATE, CATALOG)
    assert first is not None
    anew = apply(belief.after_reply((), first), BeliefUpdate(intent="restart"), turn=5)
    second = question_about(anew, ALL, SLATE, CATALOG)
    assert second is None or second.attribute != first.attribute


def test_no_question_is_asked_when_enough_is_known() -> None:
    belief = apply(BeliefState(), BeliefUpdate(prefer=(wish("moods", "dark"), wish("subjects", "crime"))))
    assert question_about(belief, ALL, SLATE, CATALOG) is None
    assert openness(belief) * 2 < WORTH, "no question with three answers could be worth it"


def test_no_question_is_asked_when_the_candidates_are_all_shown_or_none() -> None:
    assert question_about(BeliefState(), dict.fromkeys(SLATE, 1 / len(SLATE)), SLATE, CATALOG) is None
    assert question_about(BeliefState(), {}, [], CATALOG) is None
    assert question_about(BeliefState(), ALL, [], CATALOG) is None


def test_an_offer_to_relax_does_not_count_as_a_question_about_wishes() -> None:
    offer = Question(attribute="year", text="Shall I drop it?", yes=BeliefUpdate())
    belief = BeliefState(questions=(offer,) * 5)
    assert question_about(belief, ALL, SLATE, CATALOG) is not None
