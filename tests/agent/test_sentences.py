from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import AUTHORS, CATALOG

from agent.belief import BeliefState, ItemVerdict, Limit, Preference
from agent.grammar import OneOf
from agent.llm import ScriptedLanguageModel
from agent.phrases import Fact, denied, noun_phrase, pattern
from agent.reasons import Explainer, alike
from agent.sentences import LONGEST, SHORTEST
from retrieval.catalog import Catalog, CatalogSchema, Column, Item

BOOKS = Explainer(ScriptedLanguageModel(), CATALOG)
END = 0


def encode(text: str) -> list[int]:
    return [ord(character) for character in text]


def a_belief(chance: random.Random) -> BeliefState:
    """Draw wishes of every kind; many of them the catalog cannot fulfil together."""
    columns = [column.name for column in CATALOG.schema.with_role("facet")]
    values = [(column, chance.choice(sorted(CATALOG.vocabulary[column]))) for column in columns]
    limits = [
        Limit(attribute=column, op=chance.choice(("is", "is_not")), value=value)
        for column, value in values
        if chance.random() < 0.3
    ]
    if chance.random() < 0.3:
        limits.append(Limit(attribute="year", op=chance.choice(("at_least", "at_most")), value=1990))
    wishes = [
        Preference(attribute=column, value=value, weight=chance.choice((1, -1)))
        for column, value in values
        if chance.random() < 0.3
    ]
    if chance.random() < 0.3:
        words = chance.choice(("for a rainy day", "not too dark", "<b>bold</b>"))
        wishes.append(Preference(attribute="text", value=words, words=words))
    liked = [CATALOG.items[chance.randrange(len(CATALOG))].id] if chance.random() < 0.3 else []
    return BeliefState(
        constraints=tuple(limits),
        preferences=tuple(wishes),
        items=tuple(ItemVerdict(ref=item, verdict="liked", item_id=item) for item in liked),
        turn=chance.randrange(9),
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 5))
def test_whatever_the_model_prefers_a_sentence_is_grounded_in_length_and_names_are_whole(seed: int, size: int) -> None:
    chance = random.Random(seed)
    belief, items = a_belief(chance), chance.sample(CATALOG.items, size)
    for item, texts in zip(items, BOOKS.open_to(belief, items), strict=True):
        state = OneOf(texts).begin(encode, END)
        while state.decided is None:
            state = state.after(chance.choice(state.allowed()))
        text = state.decided
        assert text in texts
        assert BOOKS.check.unsupported(text, item, belief) == [], text
        assert SHORTEST <= len(text.split()) <= LONGEST, text
        rest = text
        for name in AUTHORS:
            rest = rest.replace(name, "")
        assert not {part for name in AUTHORS for part in name.split()} & set(re.findall(r"\w+", rest)), text


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_two_reasons_of_a_slate_are_alike_while_the_facts_allow_and_each_keeps_to_the_length(seed: int) -> None:
    chance = random.Random(seed)
    belief, items = a_belief(chance), chance.sample(CATALOG.items, 4)
    texts = [reason.text for reason in BOOKS.from_facts(belief, [item.id for item in items])]
    for place, open_to in enumerate(BOOKS.open_to(belief, items)):
        told = texts[:place]
        if any(not any(alike(text, other) for other in told) for text in open_to):
            assert not any(alike(texts[place], other) for other in told), texts
    assert len(set(texts)) == len(texts)
    assert all(SHORTEST <= len(text.split()) <= LONGEST for text in texts)


def test_a_wish_that_the_item_fulfils_is_named_and_one_that_it_does_not_is_not(wines: Catalog) -> None:
    belief = BeliefState(
        preferences=(
            Preference(attribute="grapes", value="Riesling", words="riesling"),
            Preference(attribute="grapes", value="Syrah", words="or syrah"),
        )
    )
    [texts] = Explainer(ScriptedLanguageModel(), wines).open_to(belief, [wines["stone-terrace"]])
    assert all("Riesling" in text and "Syrah" not in text for text in texts)


def test_a_limit_that_is_kept_and_a_value_that_is_absent_are_told(wines: Catalog) -> None:
    belief = BeliefState(
        constraints=(
            Limit(attribute="price", op="at_most", value=20, words="under 20"),
            Limit(attribute="region", op="is_not", value="Burgundy", words="not burgundy"),
        )
    )
    [texts] = Explainer(ScriptedLanguageModel(), wines).open_to(belief, [wines["stone-terrace"]])
    assert all("14 euros, within your limit" in text and "not from Burgundy" in text for text in texts)


def test_likeness_to_a_named_item_is_said_of_what_both_have() -> None:
    one = CATALOG.items[0]
    other = next(item for item in CATALOG.items[1:] if set(item.values("moods")) & set(one.values("moods")))
    belief = BeliefState(items=(ItemVerdict(ref=one.title, verdict="like_this", item_id=one.id),))
    [texts] = BOOKS.open_to(belief, [other])
    both = set(one.values("moods")) & set(other.values("moods"))
    assert all(one.title in text and both & set(re.findall(r"\w+", text)) for text in texts)


def test_more_wishes_and_longer_titles_than_a_sentence_holds_do_not_lengthen_it() -> None:
    columns = (Column(name="title", role="title"), Column(name="shapes", role="facet", singular="shape"))
    values = tuple(f"very long value number {letter}" for letter in "abcdefgh")
    items = (Item("a", "one two three " * 9, "", {"shapes": values}), Item("b", "Dawn", "", {"shapes": values[:1]}))
    long = Catalog(CatalogSchema(columns=columns), items)
    belief = BeliefState(preferences=tuple(Preference(attribute="shapes", value=value) for value in values))
    for texts in Explainer(ScriptedLanguageModel(), long).open_to(belief, items):
        assert all(len(text.split()) <= LONGEST for text in texts), texts


def test_an_exclusion_is_told_in_the_turn_that_makes_it_and_not_again(wines: Catalog) -> None:
    limit = Limit(attribute="region", op="is_not", value="Burgundy", words="not burgundy", turn=1)
    now, later = (BeliefState(constraints=(limit,), turn=turn) for turn in (1, 2))
    explainer = Explainer(ScriptedLanguageModel(), wines)
    assert all("not from Burgundy" in text for text in explainer.open_to(now, [wines["stone-terrace"]])[0])
    assert not any("Burgundy" in text for text in explainer.open_to(later, [wines["stone-terrace"]])[0])


def test_where_facts_are_few_the_longest_sentence_they_permit_comes_out() -> None:
    columns = (Column(name="title", role="title"), Column(name="colour", role="facet", many=False, singular="colour"))
    items = (Item("a", "Dusk", "", {"colour": ("red",)}), Item("b", "Dawn", "", {"colour": None}))
    small = Catalog(CatalogSchema(columns=columns), items)
    texts = [r.text for r in Explainer(ScriptedLanguageModel(), small).from_facts(BeliefState(), ["a", "b"])]
    assert texts == [
        "Close to what you said: an item, with red as its colour.",
        "Dawn is an item that comes close to what you asked for.",
    ]


@pytest.mark.parametrize(
    ("column", "value", "phrase", "absence"),
    [
        (Column(name="authors", role="facet", people=True, singular="author"), "Ada Finch",
         "a book written by Ada Finch", "without Ada Finch"),
        (Column(name="guests", role="facet", people=True, singular="guest"), "Ada Finch",
         "a book with guest Ada Finch", "without Ada Finch"),
        (Column(name="moods", role="facet", singular="mood"), "Uneasy", "an uneasy book", "not uneasy"),
        (Column(name="genre", role="facet", singular="genre"), "Romance", "a romance book", "not a romance book"),
        (Column(name="shapes", role="facet", singular="shape"), "round", "a book with round among its shapes",
         "without round"),
        (Column(name="length", role="number", unit="pages"), "90", "a book of 90 pages", "not of 90 pages"),
        (Column(name="weight", role="number", unit="grams"), "90", "a book with a weight of 90 grams", "without 90"),
    ],
)  # fmt: skip
def test_a_value_is_said_as_its_column_is_spoken_of(column: Column, value: str, phrase: str, absence: str) -> None:
    assert noun_phrase([Fact(column, value)], CATALOG) == phrase
    assert denied(Fact(column, value), CATALOG) == absence
    assert pattern(column).count("{}") == 1
