from __future__ import annotations

from small_world import CATALOG, limit, verdict, wish

from agent.belief import BeliefState, BeliefUpdate, Limit, Preference, Shown, apply
from agent.querying import query_of
from retrieval.constraints import Constraint
from retrieval.query import Named, Wish


def belief_with(*updates: BeliefUpdate) -> BeliefState:
    belief = BeliefState()
    for update in updates:
        belief = apply(belief, update)
    return belief


def test_filler_does_not_drive_the_search() -> None:
    belief = belief_with(BeliefUpdate(prefer=(wish("moods", "dark"),)))
    assert query_of(belief, "hi there, I had a long day and my cat is ill", CATALOG, 10).text == "dark"


def test_nothing_known_is_the_empty_query() -> None:
    query = query_of(BeliefState(), "hello you", CATALOG, 10)
    assert (query.text, query.wishes, query.constraints, query.like) == ("", (), (), ())


def test_a_search_in_which_nothing_was_understood_looks_for_its_words() -> None:
    assert query_of(BeliefState(intent="search"), "the anvil of ledger", CATALOG, 10).text == "the anvil of ledger"


def test_words_come_from_wishes_and_limits_that_are_wanted() -> None:
    belief = belief_with(
        BeliefUpdate(
            set=(
                limit("subjects", "is", "crime"),
                limit("subjects", "is_not", "space"),
                limit("year", "at_least", 1990),
            ),
            prefer=(wish("text", "rainy evenings"), wish("moods", "dark"), wish("moods", "funny", -1.0)),
        )
    )
    query = query_of(belief, "", CATALOG, 10)
    assert query.text == "rainy evenings dark crime"
    assert Wish("moods", "funny", -1.0) in query.wishes and Wish("moods", "dark", 1.0) in query.wishes
    assert Constraint(attribute="subjects", op="is_not", value="space") in query.constraints


def test_a_wish_on_a_number_is_not_a_word_to_look_for() -> None:
    query = query_of(belief_with(BeliefUpdate(prefer=(wish("length", "short"),))), "", CATALOG, 10)
    assert (query.text, query.wishes) == ("", (Wish("length", "short", 1.0, direction=-1),))


def test_free_words_to_avoid_go_where_avoided_things_go() -> None:
    query = query_of(belief_with(BeliefUpdate(prefer=(wish("text", "talking animals", -1.0),))), "", CATALOG, 10)
    assert (query.text, query.wishes) == ("", (Wish("text", "talking animals", -1.0),))


def test_examples_are_resembled_the_latest_last_and_not_returned() -> None:
    belief = belief_with(
        BeliefUpdate(items=(verdict("b01", "like_this"), verdict("b02", "liked"))),
        BeliefUpdate(items=(verdict("b03", "accepted"), verdict("b04", "unlike_this"), verdict("b05", "seen"))),
    )
    query = query_of(belief, "", CATALOG, 10)
    assert query.like == ("b03", "b02", "b01")
    assert query.unlike == ("b04",)
    assert query.exclude == {"b01", "b02", "b03", "b04", "b05"}


def test_an_item_liked_once_and_rejected_now_is_no_example() -> None:
    belief = belief_with(
        BeliefUpdate(items=(verdict("b01", "liked"),)), BeliefUpdate(items=(verdict("b01", "rejected"),))
    )
    query = query_of(belief, "", CATALOG, 10)
    assert query.like == () and "b01" in query.exclude


def test_a_title_that_the_catalog_lacks_is_no_example() -> None:
    belief = belief_with(BeliefUpdate(items=(verdict(None, "like_this", "Nowhere"),)))
    assert query_of(belief, "", CATALOG, 10).like == ()


def test_every_limit_in_force_goes_into_the_query() -> None:
    rules: tuple[Limit, ...] = tuple(limit("year", "at_least", year) for year in (1990,))
    wishes: tuple[Preference, ...] = ()
    query = query_of(belief_with(BeliefUpdate(set=rules, prefer=wishes)), "x", CATALOG, 7)
    assert (len(query.constraints), query.limit) == (1, 7)


# What a learned order reads


def test_items_named_stand_once_in_the_order_of_last_mention() -> None:
    belief = belief_with(BeliefUpdate(items=(verdict("b01", "like_this"), verdict("b02", "seen"))))
    belief = belief.after_reply(ledger(belief, "b03", "b04", "b01"), None)
    belief = apply(belief, BeliefUpdate(items=(verdict("b03", "rejected"),)))
    named = query_of(belief, "", CATALOG, 10).named
    assert named == (Named("b02", "liked"), Named("b04", "shown"), Named("b01", "liked"), Named("b03", "against"))


def test_what_a_profile_knows_was_not_named_in_the_conversation() -> None:
    known = verdict("b05", "liked").model_copy(update={"turn": 0})
    assert query_of(BeliefState(items=(known,), turn=2), "", CATALOG, 10).named == ()


def test_the_message_is_the_end_of_what_was_said() -> None:
    query = query_of(BeliefState(), "older ones", CATALOG, 10, said="a film about trains")
    assert (query.message, query.said) == ("older ones", "a film about trains older ones")
    assert query_of(BeliefState(), "older ones", CATALOG, 10).said == "older ones"


def ledger(belief: BeliefState, *items: str) -> tuple[Shown, ...]:
    return tuple(
        Shown(item_id=item, title=CATALOG[item].title, position=place, turn=belief.turn)
        for place, item in enumerate(items, start=1)
    )
