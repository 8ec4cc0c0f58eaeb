from __future__ import annotations

from typing import Any

import pytest
from small_world import CATALOG, limit, verdict, wish

from agent.answers import Answers, Heard
from agent.belief import BeliefState, BeliefUpdate, ItemVerdict, Shown, apply
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
            "Salt Roads (1990): my notes do not say; what they have is moods dark and funny; language Danish.",
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
