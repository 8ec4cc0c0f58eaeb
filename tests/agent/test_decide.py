from __future__ import annotations

from typing import Any

import pytest
from small_world import CATALOG, BruteForce, limit, verdict, wish

from agent.belief import BeliefState, BeliefUpdate, Question, apply
from agent.decide import Decision, decide, look, question_about

COUNT = BruteForce().count


def decided(update: BeliefUpdate, belief: BeliefState | None = None) -> Decision:
    after = apply(belief or BeliefState(), update)
    return decide(after, update, look(after, CATALOG, COUNT), CATALOG)


@pytest.mark.parametrize(
    ("update", "action", "search"),
    [
        ({"intent": "recommend"}, "recommend", True),
        ({"intent": "restart"}, "recommend", True),
        ({"intent": "search"}, "search", True),
        ({"intent": "ask"}, "ask", False),
        ({"intent": "ask", "items": (verdict("b00", "seen"),)}, "ask", False),
        ({"intent": "compare"}, "compare", False),
        ({"intent": "explain"}, "explain", False),
        ({"intent": "chat"}, "chat", False),
        ({"intent": "chat", "prefer": (wish("moods", "dark"),)}, "recommend", True),
        ({"intent": "feedback", "items": (verdict("b00", "accepted"),)}, "chat", False),
        ({"intent": "feedback", "items": (verdict("b00", "seen"), verdict("b01", "accepted"))}, "chat", False),
        ({"intent": "feedback", "items": (verdict("b00", "liked"),)}, "chat", False),
        ({"intent": "feedback", "items": (verdict("b00", "rejected"),)}, "recommend", True),
        ({"intent": "feedback", "items": (verdict("b00", "seen"),)}, "recommend", True),
        ({"intent": "feedback", "items": (verdict("b00", "disliked"),)}, "recommend", True),
    ],
)
def test_the_action_follows_from_what_was_said(update: dict[str, Any], action: str, search: bool) -> None:
    decision = decided(BeliefUpdate(**update))
    assert (decision.action, decision.search) == (action, search)


def test_a_limit_that_no_item_meets_is_named_and_offered_up() -> None:
    update = BeliefUpdate(set=(limit("language", "is", "Klingon"), limit("year", "at_least", 1990)))
    belief = apply(BeliefState(), update)
    facts = look(belief, CATALOG, COUNT)
    assert [entry.value for entry in facts.impossible] == ["Klingon"]
    decision = decided(update)
    assert not decision.search and decision.question is not None and decision.question.yes is not None
    relaxed = apply(belief, decision.question.yes)
    assert [entry.attribute for entry in relaxed.constraints] == ["year"]
    assert decision.relaxation is not None
    assert COUNT([entry.constraint for entry in relaxed.constraints], frozenset()) == decision.relaxation.fitting > 0


def test_a_bound_that_is_nearly_met_is_moved_no_further_than_needed() -> None:
    crime = max(item.number("year") or 0 for item in CATALOG if "crime" in item.values("subjects"))
    update = BeliefUpdate(set=(limit("subjects", "is", "crime"), limit("year", "at_least", crime + 1)))
    decision = decided(update)
    assert decision.question is not None and decision.question.yes is not None
    assert [(entry.op, entry.value) for entry in decision.question.yes.set] == [("at_least", crime)]
    relaxed = apply(apply(BeliefState(), update), decision.question.yes)
    fitting = COUNT([entry.constraint for entry in relaxed.constraints], frozenset())
    assert decision.relaxation is not None and fitting == decision.relaxation.fitting == 1


def test_a_bound_far_out_of_reach_is_not_moved_when_dropping_a_value_frees_more() -> None:
    update = BeliefUpdate(set=(limit("subjects", "is", "crime"), limit("year", "at_least", 3000)))
    decision = decided(update)
    assert decision.relaxation is not None and decision.relaxation.bound is None
    assert [entry.attribute for entry in decision.relaxation.limits] == ["year"]


def test_what_was_just_said_is_not_the_first_to_be_given_up() -> None:
    first = apply(BeliefState(), BeliefUpdate(set=(limit("authors", "is", "Ada Finch"),)))
    author = COUNT([limit("authors", "is", "Ada Finch").constraint], frozenset())
    rare = next(
        limit("title", "contains", item.title)
        for item in CATALOG
        if "Ada Finch" not in item.values("authors") and author > 1
    )
    decision = decided(BeliefUpdate(set=(rare,)), first)
    assert decision.relaxation is not None
    assert [entry.attribute for entry in decision.relaxation.limits] == ["authors"]


def test_when_no_single_limit_is_to_blame_the_fewest_are_given_up() -> None:
    update = BeliefUpdate(
        set=(limit("language", "is", "Klingon"), limit("authors", "is", "Nobody"), limit("subjects", "is", "crime"))
    )
    decision = decided(update)
    assert decision.relaxation is not None
    assert {entry.value for entry in decision.relaxation.limits} == {"Klingon", "Nobody"}


def test_items_that_were_all_seen_are_told_from_items_that_do_not_exist() -> None:
    fitting = [item.id for item in CATALOG if "crime" in item.values("subjects") and (item.number("year") or 0) > 2010]
    belief = apply(
        BeliefState(),
        BeliefUpdate(
            set=(limit("subjects", "is", "crime"), limit("year", "at_least", 2011)),
            items=tuple(verdict(item, "seen") for item in fitting),
        ),
    )
    facts = look(belief, CATALOG, COUNT)
    assert (facts.fitting, facts.used_up, facts.impossible) == (0, len(fitting), ())


ALL = list(CATALOG)


def test_a_thin_belief_gets_a_question_whose_every_answer_changes_the_list() -> None:
    slate = ALL[:4]
    question = question_about(BeliefState(turn=1), ALL, slate, CATALOG)
    assert question is not None
    column = CATALOG.schema.column(question.attribute)
    assert column is not None and not column.people and column.singular in question.text
    offered = [value for value in CATALOG.vocabulary[column.name] if value in question.text]
    assert len(offered) >= 2
    for value in offered:
        holders = [item for item in ALL if value in item.values(column.name)]
        assert len(holders) >= len(slate) and not all(item in holders for item in slate)


def test_no_attribute_is_asked_about_twice_nor_one_that_was_spoken_of() -> None:
    belief, asked = BeliefState(turn=1), []
    while (question := question_about(belief, ALL, ALL[:4], CATALOG)) is not None:
        asked.append(question.attribute)
        belief = belief.after_reply((), question)
    assert len(asked) == len(set(asked)) <= 3
    told = apply(BeliefState(), BeliefUpdate(prefer=(wish("moods", "dark"),)))
    question = question_about(told, ALL, ALL[:4], CATALOG)
    assert question is None or question.attribute != "moods"


def test_no_question_is_asked_when_enough_is_known() -> None:
    wishes = apply(BeliefState(), BeliefUpdate(prefer=(wish("moods", "dark"), wish("subjects", "crime"))))
    example = apply(BeliefState(), BeliefUpdate(items=(verdict("b00", "like_this"),)))
    for belief in (wishes, example):
        assert question_about(belief, ALL, ALL[:4], CATALOG) is None


def test_no_question_is_asked_when_the_candidates_are_all_alike_or_few() -> None:
    assert question_about(BeliefState(), ALL[:4], ALL[:4], CATALOG) is None
    assert question_about(BeliefState(), [], [], CATALOG) is None


def test_an_offer_to_relax_does_not_count_as_a_question_about_wishes() -> None:
    offer = Question(attribute="year", text="Shall I drop it?", yes=BeliefUpdate())
    belief = BeliefState(questions=(offer,) * 5)
    assert question_about(belief, ALL, ALL[:4], CATALOG) is not None
