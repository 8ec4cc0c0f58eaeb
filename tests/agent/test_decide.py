from __future__ import annotations

from typing import Any

import pytest
from small_world import CATALOG, BruteForce, limit, verdict, wish

from agent.belief import BeliefState, BeliefUpdate, Question, Shown, apply
from agent.decide import Decision, decide, look
from agent.small_talk import heard_in

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


NOTHING = BeliefUpdate(set=(limit("language", "is", "Klingon"), limit("authors", "is", "Ada Finch")))


def test_a_way_out_is_offered_with_the_number_of_items_it_brings() -> None:
    decision = decided(NOTHING)
    assert decision.question is not None and decision.question.asks
    fitting = COUNT([limit("authors", "is", "Ada Finch").constraint], frozenset())
    assert f"Dropping “Klingon” would give {fitting} books." in decision.question.text
    update = BeliefUpdate(set=(limit("subjects", "is", "crime"), limit("year", "at_least", 2020)))
    moved = decided(update)
    assert moved.relaxation is not None and moved.relaxation.bound is not None and moved.question is not None
    assert f"Allowing “{moved.relaxation.bound.value} or later” would give 1 book." in moved.question.text


def test_a_way_out_that_was_offered_is_not_asked_for_again_but_told() -> None:
    first = decided(NOTHING)
    assert first.question is not None
    before = apply(BeliefState(), NOTHING).after_reply((), first.question)
    between = apply(before, BeliefUpdate(intent="chat")).after_reply((), None)
    second = decided(BeliefUpdate(intent="refine"), between)
    assert second.question is not None and not second.question.asks
    assert second.question.yes == first.question.yes


def test_after_one_way_out_the_next_is_told_and_waits_for_a_yes() -> None:
    update = BeliefUpdate(
        set=(limit("subjects", "is", "crime"), limit("title", "contains", "The Harbour of Compass 0"))
    )
    first = decided(update)
    assert first.question is not None and first.question.asks
    before = apply(BeliefState(), update).after_reply((), first.question)
    second = decided(BeliefUpdate(intent="refine"), before)
    assert second.question is not None and not second.question.asks, "two questions in a row"
    assert second.question.yes is not None and second.question.yes.drop != first.question.yes.drop  # type: ignore[union-attr]


def test_a_no_to_an_offer_is_taken_as_one() -> None:
    first = decided(NOTHING)
    before = apply(BeliefState(), NOTHING).after_reply((), first.question)
    update = BeliefUpdate(intent="refine")
    after = apply(before, update)
    no = decide(after, update, look(after, CATALOG, COUNT), CATALOG, heard_in("no"))
    assert (no.action, no.question, no.search) == ("chat", None, False)


def test_a_no_to_a_question_about_wishes_is_no_end_of_the_talk() -> None:
    asked = Question(attribute="moods", text="Any mood in particular: dark or calm?", turn=1)
    before = BeliefState(turn=1, questions=(asked,))
    update = BeliefUpdate(intent="refine")
    after = apply(before, update)
    assert decide(after, update, look(after, CATALOG, COUNT), CATALOG, heard_in("no")).action == "recommend"


@pytest.mark.parametrize(
    ("text", "intent", "action"),
    [
        ("hi", "chat", "recommend"),
        ("hello, how are you?", "chat", "recommend"),
        ("surprise me", "chat", "recommend"),
        ("what should i read next?", "ask", "recommend"),
        ("thanks!", "recommend", "chat"),
        ("how are you today?", "ask", "chat"),
        ("haha ok", "refine", "chat"),
        ("what can you do?", "recommend", "chat"),
        ("my cat is ill", "chat", "chat"),
        ("who wrote it?", "ask", "ask"),
        ("more", "refine", "recommend"),
    ],
)
def test_small_talk_is_no_request_and_an_empty_request_is_one(text: str, intent: Any, action: str) -> None:
    update = BeliefUpdate(intent=intent)
    after = apply(BeliefState(), update)
    decision = decide(after, update, look(after, CATALOG, COUNT), CATALOG, heard_in(text))
    assert (decision.action, decision.search) == (action, action == "recommend")


def test_a_greeting_brings_no_list_once_there_was_one() -> None:
    shown = BeliefState(turn=1).after_reply((Shown(item_id="b00", title="T", position=1, turn=1),), None)
    update = BeliefUpdate(intent="chat")
    after = apply(shown, update)
    assert decide(after, update, look(after, CATALOG, COUNT), CATALOG, heard_in("hi")).action == "chat"


def test_a_verdict_with_an_empty_request_brings_items() -> None:
    update = BeliefUpdate(intent="feedback", items=(verdict("b00", "liked"),))
    after = apply(BeliefState(), update)
    talk = heard_in("i loved it. what should i read next?")
    assert decide(after, update, look(after, CATALOG, COUNT), CATALOG, talk).action == "recommend"
