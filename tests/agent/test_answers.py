from __future__ import annotations

from typing import Any

import pytest
from small_world import CATALOG, limit, verdict, wish

from agent.answers import Answers, Heard
from agent.belief import BeliefState, BeliefUpdate, ItemVerdict, Shown, apply
from agent.explaining import Recorded
from agent.inflection import kin
from retrieval.catalog import Catalog, CatalogSchema, Column, Item

ANSWERS = Answers(CATALOG)
SHELF = Catalog(
    CatalogSchema(
        columns=(
            Column(name="id", role="id"),
            Column(name="title", role="title"),
            Column(name="blurb", role="text"),
            Column(name="moods", role="facet", singular="mood"),
            Column(name="authors", role="facet", people=True, singular="author"),
            Column(name="translators", role="facet", people=True, singular="translator"),
            Column(name="language", role="facet", many=False, singular="language"),
            Column(name="year", role="number", unit="year"),
            Column(name="length", role="number", unit="pages"),
            Column(name="price", role="number", unit="euros"),
        ),
        noun="book",
        nouns="books",
    ),
    [
        Item(
            "salt", "Salt Roads", "A courier crosses a drowned city.",
            {"moods": ("dark", "funny"), "authors": ("Ada Finch",), "translators": ("Bo Lind", "Cy Marsh"),
             "language": ("Danish",), "year": 1990, "length": 320, "price": 12.5},
        ),
        Item(
            "long", "The Long Night", "A watchman counts bells.",
            {"moods": ("calm",), "authors": ("Dev Rao",), "translators": (), "language": ("Hindi",),
             "year": 2005, "length": 110, "price": 30.0},
        ),
        Item(
            "blue", "Blue Ledger", "",
            {"moods": (), "authors": ("Femi Ade",), "translators": (), "language": ("English",),
             "year": 2012, "length": None, "price": None},
        ),
    ],
)  # fmt: skip
TALK = Answers(SHELF)


def asked(text: str, *targets: str, action: str = "ask", belief: BeliefState | None = None) -> str:
    update = BeliefUpdate(intent=action, targets=targets)  # type: ignore[arg-type]
    before = belief or shown("salt", "long")
    return TALK.answer(Heard(apply(before, update), update, text, before), action)


def shown(*ids: str) -> BeliefState:
    ledger = tuple(Shown(item_id=one, title=SHELF[one].title, position=p, turn=1) for p, one in enumerate(ids, 1))
    return BeliefState(turn=1).after_reply(ledger, None)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("who is the author?", "Salt Roads (1990): author Ada Finch."),
        ("Who translated it?", "Salt Roads (1990): translators Bo Lind and Cy Marsh."),
        ("how long is it", "Salt Roads (1990): length 320 pages."),
        ("when is it from?", "Salt Roads (1990): year 1990."),
        ("what language is it in", "Salt Roads (1990): language Danish."),
        ("how much does it cost?", "Salt Roads (1990): price 12.5 euros."),
        ("is it dark?", "Salt Roads (1990): yes, dark (mood)."),
        ("is it calm", "Salt Roads (1990): my notes do not list calm; moods dark and funny."),
        ("is it by Finch?", "Salt Roads (1990): yes, Ada Finch (author)."),
        ("what is it about?", "Salt Roads (1990): A courier crosses a drowned city."),
        (
            "does it have dragons?",
            "Salt Roads (1990): my notes do not say; they have moods dark and funny; language Danish.",
        ),
    ],
)
def test_a_question_is_answered_from_the_item_s_data(question: str, answer: str) -> None:
    assert asked(question, "salt") == answer


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert asked("how many pages?", "blue") == "Blue Ledger (2012): its length is not in my notes."
    assert asked("what is it about", "blue") == "Blue Ledger (2012): I have no description of it; language English."


def test_words_of_the_title_are_not_what_is_asked_about() -> None:
    assert asked("is The Long Night dark?", "long") == "The Long Night (2005): my notes do not list dark; mood calm."


def test_only_the_question_is_answered_not_what_was_said_before_it() -> None:
    assert asked("Calm is good. How long is it?", "salt") == "Salt Roads (1990): length 320 pages."


def test_without_a_target_the_latest_list_is_meant() -> None:
    answer = asked("who wrote these, which authors?")
    assert "Salt Roads (1990): author Ada Finch." in answer and "The Long Night (2005): author Dev Rao." in answer


def test_an_item_judged_in_the_same_breath_is_not_the_one_asked_about() -> None:
    update = BeliefUpdate(
        intent="ask",
        items=(ItemVerdict(ref="#1", verdict="seen", item_id="salt"),),
        targets=("salt", "long"),
    )
    answer = TALK.answer(Heard(shown("salt", "long"), update, "seen the first, how long is the other?"), "ask")
    assert answer == "You have seen Salt Roads (1990). The Long Night (2005): length 110 pages."


def test_asking_before_anything_was_shown_asks_back() -> None:
    assert asked("how long is it?", belief=BeliefState()) == "Which book do you mean? Nothing has been shown yet."


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("which is shorter?", "By length: The Long Night (110 pages), then Salt Roads (320 pages)."),
        ("which is the longest", "By length: Salt Roads (320 pages), then The Long Night (110 pages)."),
        ("which one is newer", "By year: The Long Night (2005), then Salt Roads (1990)."),
        ("the cheaper one?", "By price: Salt Roads (12.5 euros), then The Long Night (30 euros)."),
        ("which is funnier?", "Salt Roads is listed with funny (mood); The Long Night without."),
        ("which is less dark?", "The Long Night is listed without dark (mood)."),
        (
            "how do they differ?",
            "Salt Roads (1990): moods dark and funny; language Danish; length 320 pages. "
            "The Long Night (2005): mood calm; language Hindi; length 110 pages.",
        ),
    ],
)
def test_a_comparison_names_the_facts_that_differ(question: str, answer: str) -> None:
    assert asked(question, action="compare") == answer


def test_a_comparison_says_which_number_is_unknown() -> None:
    answer = asked("which is longer?", "salt", "blue", action="compare")
    assert answer == "By length: Salt Roads (320 pages); the length of Blue Ledger is not in my notes."


def test_a_why_quotes_what_was_said_and_the_facts_behind_it() -> None:
    belief = apply(
        shown("salt", "long"),
        BeliefUpdate(
            set=(limit("year", "at_most", 1999, "before 2000"), limit("moods", "is_not", "calm", "nothing calm")),
            prefer=(wish("moods", "dark", words="gloomy"), wish("moods", "funny", words="funny")),
        ),
    )
    answer = asked("why the first?", "salt", action="explain", belief=belief)
    assert answer == (
        "Salt Roads (1990): you asked for “before 2000” (year 1990), “gloomy” (dark) and funny; "
        "it is without calm, as you asked."
    )


def test_a_why_without_anything_said_claims_nothing() -> None:
    answer = asked("why?", "salt", action="explain")
    assert answer == "Salt Roads (1990): you named nothing that singles it out."


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("accepted", "{} it is."),
        ("liked", "Noted: you liked {}."),
        ("seen", "You have seen {}."),
        ("rejected", "No {} then."),
        ("disliked", "Noted: {} was not for you."),
    ],
)
def test_a_verdict_is_acknowledged_with_the_title(kind: Any, answer: str) -> None:
    update = BeliefUpdate(intent="feedback", items=(verdict("b00", kind),))
    said = ANSWERS.answer(Heard(apply(BeliefState(), update), update, "x"), "chat")
    assert said == answer.format(CATALOG.label(CATALOG["b00"]))


def test_a_title_that_is_not_there_is_said_not_to_be_there() -> None:
    update = BeliefUpdate(intent="ask", items=(ItemVerdict(ref="Nowhere", verdict="seen"),))
    heard = Heard(BeliefState(), update, "who wrote Nowhere?")
    assert ANSWERS.answer(heard, "ask") == "“Nowhere” is not in this catalog."


@pytest.mark.parametrize(
    ("text", "start"),
    [("thanks!", "You are welcome"), ("hello", "Hello!"), ("bye", "Until"), ("", "Tell me"), ("my cat is ill", "I h")],
)
def test_small_talk_is_short_and_leads_back(text: str, start: str) -> None:
    assert asked(text, action="chat").startswith(start)


def introduced(update: BeliefUpdate, slate: int, before: int = 0, wanted: int = 4) -> str:
    return ANSWERS.introduce(Heard(apply(BeliefState(), update), update), list(CATALOG)[:slate], before, wanted)


def test_a_list_is_introduced_by_what_is_believed() -> None:
    update = BeliefUpdate(
        set=(
            limit("subjects", "is", "crime"),
            limit("year", "at_least", 1990),
            limit("year", "at_most", 1999),
            limit("length", "at_most", 200),
            limit("subjects", "is_not", "space"),
        ),
        prefer=(wish("moods", "dark"), wish("moods", "funny", -1.0), wish("text", "rainy evenings")),
    )
    assert introduced(update, 4) == (
        "Here are 4 books for “crime, dark, ‘rainy evenings’; from 1990–1999, at most 200 pages; no space, less funny”."
    )


def test_an_empty_belief_is_introduced_without_pretending() -> None:
    assert introduced(BeliefUpdate(), 4) == "Here are 4 books of different kinds to choose from."


def test_a_short_list_is_said_to_be_all() -> None:
    update = BeliefUpdate(set=(limit("subjects", "is", "crime"),))
    assert introduced(update, 1) == "Only 1 book fits “crime”; that is all."


def test_examples_are_named() -> None:
    update = BeliefUpdate(intent="similar", items=(verdict("b07", "like_this"),))
    assert introduced(update, 4) == f"Here are 4 books like {CATALOG.label(CATALOG['b07'])}."


def test_items_that_are_measured_against_each_other_are_put_in_order_even_when_it_is_asked_of_each() -> None:
    assert asked("who is the shortest of them?").startswith("By length: The Long Night")
    assert asked("which are they about?").startswith("Salt Roads (1990): A courier")


def test_a_number_that_is_asked_about_is_told_however_it_is_put() -> None:
    for question in ("was it made in the nineties?", "is it from before 1995?", "is it older than 1980", "is it new?"):
        assert asked(question, "salt") == "Salt Roads (1990): year 1990."
    for question in ("is it under 200 pages?", "is it long", "is it over 90 mins?", "how many pages has it?"):
        assert asked(question, "salt") == "Salt Roads (1990): length 320 pages."


def test_who_names_the_people_that_are_asked_for_or_all() -> None:
    assert asked("who made it?", "salt") == "Salt Roads (1990): author Ada Finch; translators Bo Lind and Cy Marsh."
    assert asked("who is the translator", "salt") == "Salt Roads (1990): translators Bo Lind and Cy Marsh."


def test_words_of_the_same_root_as_a_value_ask_about_it() -> None:
    grim = Item("grim", "Grim", "", {"moods": ("violent",), "year": 1990})
    update = BeliefUpdate(intent="ask", targets=("grim",))
    heard = Heard(apply(BeliefState(), update), update, "is there much violence in it?")
    assert Answers(Catalog(SHELF.schema, [grim])).answer(heard, "ask") == "Grim (1990): yes, violent (mood)."
    assert kin("violence", "violent") and kin("adventurous", "adventure") and kin("directed", "director")
    assert not kin("heartbreaking", "heartwarming") and not kin("action", "actor")


def test_the_only_value_of_an_attribute_answers_with_a_no() -> None:
    assert asked("is it in english?", "salt") == "Salt Roads (1990): no, language Danish."


def test_words_that_are_no_values_are_looked_for_in_the_description() -> None:
    assert asked("are there couriers in it?", "salt") == (
        "Salt Roads (1990): its description says: A courier crosses a drowned city."
    )
    assert "do not say" in asked("how many prizes did it win?", "salt")
    assert "do not say" in asked("where can i buy it", "salt")


def test_other_ways_of_saying_a_value_are_understood(wines: Catalog) -> None:
    answers = Answers(wines)
    update = BeliefUpdate(intent="ask", targets=("sun-path",))
    heard = Heard(apply(BeliefState(), update), update, "is it a shiraz?")
    assert answers.answer(heard, "ask") == "Sun Path (2020): yes, Syrah (grape)."


def test_a_flag_is_told_as_what_it_is(wines: Catalog) -> None:
    for item, told in (("sun-path", "Sun Path (2020): organic."), ("black-oak", "Black Oak (2017): not organic.")):
        update = BeliefUpdate(intent="ask", targets=(item,))
        heard = Heard(apply(BeliefState(), update), update, "is it organic?")
        assert Answers(wines).answer(heard, "ask") == told


def test_names_of_columns_are_written_in_words_and_say_no_unit_twice() -> None:
    columns = (
        Column(name="id", role="id"),
        Column(name="title", role="title"),
        Column(name="makers", role="facet", people=True, singular="maker"),
        Column(name="average_rating", role="number", unit="rating"),
    )
    items = [
        Item(name, name, "", {"makers": (maker,), "average_rating": rating})
        for name, maker, rating in (("Low", "A. Koh, Bea Lund", 3.5), ("High", "Cy Marsh", 4.5))
    ]
    answers = Answers(Catalog(CatalogSchema(columns=columns), items))
    update = BeliefUpdate(intent="ask", targets=("Low",))
    for question, told in (
        ("is it any good?", "Low: average rating 3.5."),
        ("what is it rated?", "Low: average rating 3.5."),
        ("is it by Lund?", "Low: yes, A. Koh, Bea Lund (maker)."),
        ("is it by Koh?", "Low: yes, A. Koh, Bea Lund (maker)."),
    ):
        assert answers.answer(Heard(apply(BeliefState(), update), update, question), "ask") == told
    both = BeliefUpdate(intent="compare", targets=("Low", "High"))
    for question in ("which is rated highest?", "which is the best?"):
        heard = Heard(apply(BeliefState(), both), both, question)
        assert answers.answer(heard, "compare") == "By average rating: High (4.5), then Low (3.5)."


AGES = Catalog(
    CatalogSchema(
        columns=(
            Column(name="id", role="id"),
            Column(name="title", role="title"),
            Column(name="audience", role="facet", many=False),
            Column(name="year", role="number", unit="year"),
        )
    ),
    [
        Item("old", "Twice", "", {"audience": ("adults",), "year": 1950}),
        Item("new", "Twice", "", {"audience": ("children",), "year": 2020}),
    ],
)


@pytest.mark.parametrize(
    "question",
    ["is it ok for my 7 year old?", "can my brother who's 9 have it?", "what age is it for?", "suitable for kids?"],
)
def test_an_age_is_asked_of_the_audience_and_not_of_the_year(question: str) -> None:
    update = BeliefUpdate(intent="ask", targets=("old",))
    answer = Answers(AGES).answer(Heard(apply(BeliefState(), update), update, question), "ask")
    assert answer == "Twice (1950): audience adults. There is also Twice (2020)."


def test_items_of_the_same_title_are_told_apart() -> None:
    update = BeliefUpdate(intent="compare", targets=("old",))
    answer = Answers(AGES).answer(Heard(apply(BeliefState(), update), update, "which is newer?"), "compare")
    assert answer == "By year: Twice (2020) (2020), then Twice (1950) (1950)."


def test_a_comparison_says_what_is_shared_and_what_is_not() -> None:
    items = [
        Item(name, name, "", {"moods": ("dark", mood), "language": ("Danish",), "year": 1990, "length": 100})
        for name, mood in (("One", "calm"), ("Two", "funny"))
    ]
    answers = Answers(Catalog(SHELF.schema, items))
    update = BeliefUpdate(intent="compare", targets=("One", "Two"))
    assert answers.answer(Heard(apply(BeliefState(), update), update, "compare them"), "compare") == (
        "Both: mood dark; length 100 pages. One (1990): mood calm. Two (1990): mood funny."
    )


def explained(item: str, belief: BeliefState, recorded: Recorded | None = None) -> str:
    update = BeliefUpdate(intent="explain", targets=(item,))
    heard = Heard(apply(belief, update), update, "why?", belief)
    return TALK.answer(heard, "explain", {item: recorded} if recorded else {})


def test_a_why_is_answered_from_the_belief_that_the_recommendation_was_made_from() -> None:
    then = apply(BeliefState(), BeliefUpdate(set=(limit("moods", "is", "dark"),)))
    now = apply(shown("salt"), BeliefUpdate(set=(limit("year", "at_least", 1980),)))
    said = explained("salt", now, Recorded("A dark crossing with a funny side.", True, then))
    assert said == ("Salt Roads (1990): you asked for dark; what I said of it: “A dark crossing with a funny side”.")
    assert explained("salt", now, Recorded("As you asked: dark.", False, then)) == (
        "Salt Roads (1990): you asked for dark."
    )


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"set": (limit("year", "at_most", 1999),)}, "is here, but you asked for 1999 or earlier (year 2005)."),
        ({"set": (limit("moods", "is_not", "calm"),)}, "is here, but you asked for not calm."),
        (
            {"set": (limit("length", "at_least", 200),)},
            "is here, but you asked for at least 200 pages (length 110 pages).",
        ),
        ({"items": (ItemVerdict(ref="x", verdict="seen", item_id="long"),)}, "is here, but you have seen it."),
        (
            {"prefer": (wish("moods", "funny"),)},
            "is here and may be shown, but my notes do not list it with funny.",
        ),
        ({}, "is here, and nothing you said rules it out; others fitted better."),
    ],
)
def test_why_not_names_what_keeps_an_item_off_the_list(update: dict[str, Any], words: str) -> None:
    belief = apply(shown("salt"), BeliefUpdate(**update))
    assert explained("long", belief) == f"The Long Night (2005) {words}"


def test_what_a_message_overrules_is_said_before_the_list() -> None:
    before = apply(BeliefState(), BeliefUpdate(set=(limit("subjects", "is_not", "space"),)))
    update = BeliefUpdate(set=(limit("subjects", "is", "space"),))
    heard = Heard(apply(before, update), update, "space is fine after all, only space", before)
    assert ANSWERS.introduce(heard, list(CATALOG)[:4], 0, 4) == (
        "Now “space” instead of “no space”. Here are 4 books for “space”."
    )


def test_a_greeting_is_returned_with_the_first_list_only() -> None:
    update = BeliefUpdate(intent="chat")
    first = Heard(BeliefState(turn=1), update, "hi there")
    assert ANSWERS.introduce(first, list(CATALOG)[:4], 0, 4).startswith("Hello! Here are 4 books of different kinds")
    assert not ANSWERS.introduce(Heard(shown("salt"), update, "hi"), list(CATALOG)[:4], 0, 4).startswith("Hello")


def test_a_bound_without_words_is_told_with_the_number_that_meets_it() -> None:
    belief = apply(shown("salt"), BeliefUpdate(set=(limit("length", "at_most", 400),)))
    assert explained("salt", belief) == "Salt Roads (1990): you asked for at most 400 pages (length 320 pages)."


def test_the_one_that_has_something_is_named_when_it_is_asked_of_several() -> None:
    assert asked("are any of them funny?") == "Salt Roads is listed with funny (mood); The Long Night without."
    assert asked("which is the calm one", action="compare").startswith("The Long Night is listed with calm")


def test_of_two_values_asked_about_it_is_said_who_has_either() -> None:
    answer = asked("which one is by Ada Finch or Dev Rao?", action="compare", belief=shown("salt", "long", "blue"))
    assert "Salt Roads and The Long Night are listed with Ada Finch or Dev Rao (author); Blue Ledger without" in answer


def test_what_a_named_item_is_asked_to_be_is_not_a_reference() -> None:
    assert asked("is Salt Roads the Ada Finch one?", "salt") == "Salt Roads (1990): yes, Ada Finch (author)."
    assert asked("is Salt the Ada Finch one?", "salt") == "Salt Roads (1990): yes, Ada Finch (author)."


def test_the_sentence_that_asks_is_found_without_a_question_mark() -> None:
    assert asked("My aunt wants to know about moods. She faints.", "long") == "The Long Night (2005): mood calm."
    assert asked("como? how long i mean", "salt") == "Salt Roads (1990): length 320 pages."
