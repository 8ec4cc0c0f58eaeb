"""The belief algebra: what must hold for every sequence of updates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import limit, verdict, wish

from agent.belief import (
    NEVER_AGAIN,
    OPPOSITES,
    BeliefState,
    BeliefUpdate,
    Drop,
    ItemVerdict,
    Limit,
    Preference,
    Question,
    Shown,
    apply,
    same,
)

FACETS = st.sampled_from(["subjects", "moods"])
WORDS = st.sampled_from(["dark", "Dark", "funny", "crime"])
NUMBERS = st.sampled_from(["year", "length"])
YEARS = st.integers(1, 6)

LIMITS = st.one_of(
    st.builds(Limit, attribute=FACETS, op=st.sampled_from(["is", "is_not", "contains"]), value=WORDS),
    st.builds(Limit, attribute=NUMBERS, op=st.sampled_from(["at_least", "at_most", "is"]), value=YEARS),
)
WISHES = st.builds(Preference, attribute=FACETS, value=WORDS, weight=st.sampled_from([1.0, -1.0]))
DROPS = st.one_of(
    st.builds(Drop, attribute=FACETS, value=st.none() | WORDS), st.builds(Drop, attribute=NUMBERS, value=st.none())
)
VERDICTS = st.builds(
    ItemVerdict,
    ref=st.just("x"),
    item_id=st.sampled_from(["b00", "b01"]),
    verdict=st.sampled_from(["liked", "disliked", "seen", "rejected", "accepted", "like_this", "unlike_this"]),
)
UPDATES = st.builds(
    BeliefUpdate,
    intent=st.sampled_from(["recommend", "refine", "restart"]),
    set=st.lists(LIMITS, max_size=3).map(tuple),
    prefer=st.lists(WISHES, max_size=3).map(tuple),
    drop=st.lists(DROPS, max_size=2).map(tuple),
    items=st.lists(VERDICTS, max_size=3).map(tuple),
)
DIALOGUES = st.lists(UPDATES, max_size=6)


def after(updates: list[BeliefUpdate]) -> BeliefState:
    belief = BeliefState()
    for update in updates:
        belief = apply(belief, update)
    return belief


@given(DIALOGUES)
@settings(max_examples=150, deadline=None)
def test_no_two_entries_ever_contradict_each_other(updates: list[BeliefUpdate]) -> None:
    belief = after(updates)
    limits, wishes = belief.constraints, belief.preferences
    for place, one in enumerate(limits):
        for other in limits[place + 1 :]:
            if one.attribute != other.attribute:
                continue
            pair = {one.op, other.op}
            if pair == {"at_least", "at_most"}:
                low, high = (one, other) if one.op == "at_least" else (other, one)
                assert float(low.value) <= float(high.value)
            elif one.op == other.op:
                assert one.op in ("is", "is_not", "contains") and not same(one.value, other.value)
                assert one.op != "is" or isinstance(one.value, str), "a number has one value"
            else:
                assert pair != {"is", "is_not"} or not same(one.value, other.value)
                assert not ("is" in pair and not isinstance(one.value, str)), "a value beside a bound"
    for place, left in enumerate(wishes):
        assert not any(left.attribute == r.attribute and same(left.value, r.value) for r in wishes[place + 1 :])
        for rule in limits:
            if left.attribute == rule.attribute and same(left.value, rule.value):
                assert rule.op == "contains" or (rule.op == "is") == (left.weight > 0)
    said = [(entry.item_id, entry.verdict) for entry in belief.items]
    assert len(said) == len(set(said))
    assert not any((item, OPPOSITES.get(kind)) in said for item, kind in said)


@given(DIALOGUES, LIMITS)
@settings(max_examples=60, deadline=None)
def test_dropping_an_attribute_leaves_nothing_of_it(updates: list[BeliefUpdate], last: Limit) -> None:
    belief = apply(
        apply(after(updates), BeliefUpdate(set=(last,))), BeliefUpdate(drop=(Drop(attribute=last.attribute),))
    )
    assert last.attribute not in {entry.attribute for entry in belief.constraints}
    assert last.attribute not in {entry.attribute for entry in belief.preferences}


@given(DIALOGUES)
@settings(max_examples=60, deadline=None)
def test_a_restart_keeps_only_what_excludes_items_and_the_ledger(updates: list[BeliefUpdate]) -> None:
    belief = after(updates).after_reply((Shown(item_id="b00", title="T", position=1, turn=1),), None)
    fresh = apply(belief, BeliefUpdate(intent="restart"))
    assert (fresh.constraints, fresh.preferences, fresh.shown) == ((), (), belief.shown)
    assert fresh.excluded() == belief.excluded()
    assert {entry.verdict for entry in fresh.items} <= NEVER_AGAIN


def test_a_replacement_is_a_drop_and_a_set() -> None:
    belief = apply(BeliefState(), BeliefUpdate(set=(limit("subjects", "is", "crime"),)))
    update = BeliefUpdate(drop=(Drop(attribute="subjects", value="Crime"),), set=(limit("subjects", "is", "space"),))
    assert [entry.value for entry in apply(belief, update).constraints] == ["space"]


def test_actually_not_that_turns_a_wish_into_an_exclusion() -> None:
    belief = apply(BeliefState(), BeliefUpdate(prefer=(wish("moods", "dark"),)))
    belief = apply(belief, BeliefUpdate(set=(limit("moods", "is_not", "Dark"),)))
    assert belief.preferences == ()
    assert [(entry.op, entry.value) for entry in belief.constraints] == [("is_not", "Dark")]


def test_a_verdict_on_a_seen_item_stands_beside_the_seeing() -> None:
    update = BeliefUpdate(items=(verdict("b00", "seen"), verdict("b00", "liked")))
    belief = apply(BeliefState(), update)
    assert [entry.verdict for entry in belief.items] == ["seen", "liked"]
    belief = apply(belief, BeliefUpdate(items=(verdict("b00", "disliked"),)))
    assert [entry.verdict for entry in belief.items] == ["seen", "disliked"]


def test_titles_that_the_catalog_lacks_are_kept_apart_by_what_was_said() -> None:
    update = BeliefUpdate(items=(verdict(None, "liked", "One"), verdict(None, "liked", "Two")))
    assert [entry.ref for entry in apply(BeliefState(), update).items] == ["One", "Two"]


def test_every_entry_knows_the_turn_and_the_words_it_came_from() -> None:
    belief = apply(BeliefState(), BeliefUpdate(set=(limit("year", "at_least", 1990, "from the 90s"),)))
    belief = apply(belief, BeliefUpdate(prefer=(wish("moods", "dark", words="gloomy"),)))
    entries = (*belief.constraints, *belief.preferences)
    assert [(entry.turn, entry.words) for entry in entries] == [(1, "from the 90s"), (2, "gloomy")]


def test_the_latest_list_is_the_last_that_was_shown() -> None:
    belief = BeliefState()
    assert belief.last_shown() == ()
    for turn in (1, 3):
        belief = belief.after_reply((Shown(item_id=f"b0{turn}", title="T", position=1, turn=turn),), None)
    assert [entry.item_id for entry in belief.last_shown()] == ["b03"]


def test_a_belief_survives_json() -> None:
    yes = BeliefUpdate(drop=(Drop(attribute="year"),))
    question = Question(attribute="year", text="Any year?", yes=yes)
    belief = apply(BeliefState(), BeliefUpdate(set=(limit("year", "at_least", 1990),))).after_reply((), question)
    assert BeliefState.model_validate_json(belief.model_dump_json()) == belief


@pytest.mark.parametrize(("left", "right", "equal"), [(1990, "1990", True), ("Dark", "dark ", True), ("1", "a", False)])
def test_values_compare_as_people_mean_them(left: str | int, right: str, equal: bool) -> None:
    assert same(left, right) == equal
