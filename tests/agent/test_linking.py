"""Linking over a small catalog of books: nothing in it knows about films."""

from dataclasses import replace

import pytest

from agent.belief import BeliefState, BeliefUpdate, Limit, Preference, Question, Shown, apply
from agent.linking import Linker
from agent.linking.words import Message, stem
from agent.transcripts import update_as_dict
from retrieval.catalog import Alias, Catalog, CatalogSchema, Column, Item

BOOKS = (
    ("b1", "The Silent Harbour", ("Ada Finch",), ("Crime", "History"), ("dark", "slow burn"), "English", 1994, 320),
    ("b2", "Up", ("Bruno Keller",), ("Comedy",), ("funny", "warm"), "German", 2004, 180),
    ("b3", "Lantern Street", ("Carla Soto",), ("Fantasy", "Comedy"), ("funny", "dragons"), "Spanish", 2012, 410),
    ("b4", "The Compass War", ("Ada Finch",), ("History",), ("dark", "sea voyage"), "English", 1978, 640),
    ("b5", "Meadow of Glass", ("Dev Rao",), ("Romance",), ("warm", "sea voyage"), "English", 2019, 250),
    ("b6", "Nine Kettles", ("Gus Hale",), ("Crime", "Comedy"), ("funny", "heist"), "English", 1986, 290),
)


@pytest.fixture(scope="module")
def books() -> Catalog:
    schema = CatalogSchema(
        columns=(
            Column(name="id", role="id"),
            Column(name="title", role="title"),
            Column(name="authors", role="facet", people=True, singular="author"),
            Column(name="genres", role="facet", singular="genre"),
            Column(name="tags", role="facet", singular="tag"),
            Column(name="language", role="facet", many=False),
            Column(name="year", role="number", unit="year"),
            Column(name="length", role="number", unit="pages"),
        ),
        noun="book",
        nouns="books",
        aliases={
            "whodunit": (Alias(attribute="genres", value="Crime"),),
            "translated": (Alias(attribute="language", value="not English"),),
            "brief": (Alias(attribute="length", value="short"),),
        },
        titles={"harbour book": "b1"},
        slices={"length.short": 200},
    )
    names = ("authors", "genres", "tags", "language", "year", "length")
    return Catalog(
        schema,
        [
            Item(
                id=row[0],
                title=row[1],
                text="",
                attributes={
                    name: (value,) if name == "language" else value for name, value in zip(names, row[2:], strict=True)
                },
            )
            for row in BOOKS
        ],
    )


@pytest.fixture(scope="module")
def linker(books: Catalog) -> Linker:
    return Linker(books)


def shown(books: Catalog, *ids: str) -> BeliefState:
    belief = apply(BeliefState(), BeliefUpdate())
    lines = tuple(
        Shown(item_id=item, title=books.label(books[item]), position=place, turn=1) for place, item in enumerate(ids, 1)
    )
    return belief.after_reply(lines, None)


def limits(update: BeliefUpdate) -> set[tuple[str, str, object]]:
    return {(entry.attribute, entry.op, entry.value) for entry in update.set}


def said(update: BeliefUpdate) -> set[tuple[str | None, str]]:
    return {(entry.item_id, entry.verdict) for entry in update.items}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a crime novel", ("genres", "is", "Crime")),
        ("I want a whodunit", ("genres", "is", "Crime")),
        ("no fantasy please", ("genres", "is_not", "Fantasy")),
        ("nothing by Ada Finch", ("authors", "is_not", "Ada Finch")),
        ("something by carla soto", ("authors", "is", "Carla Soto")),
        ("under 300 pages", ("length", "at_most", 299)),
        ("at most 300 pages", ("length", "at_most", 300)),
        ("before 1990", ("year", "at_most", 1989)),
        ("from 1985 to 1995", ("year", "at_least", 1985)),
        ("something from the nineties", ("year", "at_most", 1999)),
        ("nothing before 2000", ("year", "at_least", 2000)),
    ],
)
def test_a_plain_wish_becomes_a_limit_in_the_catalogs_own_words(
    linker: Linker, text: str, expected: tuple[str, str, object]
) -> None:
    assert expected in limits(linker.link(text, BeliefState()).update)


def test_descriptive_tags_are_soft_wishes(linker: Linker) -> None:
    update = linker.link("in the mood for something with dragons", BeliefState()).update
    assert ("tags", "dragons") in {(entry.attribute, entry.value) for entry in update.prefer}


def test_negation_reaches_over_a_list_with_or_and_ends_at_but(linker: Linker) -> None:
    update = linker.link("no crime or romance but a comedy", BeliefState()).update
    assert limits(update) == {
        ("genres", "is_not", "Crime"),
        ("genres", "is_not", "Romance"),
        ("genres", "is", "Comedy"),
    }


def test_a_choice_of_two_values_is_not_asked_of_one_item(linker: Linker) -> None:
    update = linker.link("crime or fantasy", BeliefState()).update
    assert not update.set and {entry.value for entry in update.prefer} == {"Crime", "Fantasy"}


def test_an_alias_may_stand_for_anything_but_a_value(linker: Linker) -> None:
    update = linker.link("something translated", BeliefState()).update
    assert [(entry.attribute, entry.value) for entry in update.set] == [("language", "English")]
    assert update.set[0].op == "is_not"


def test_a_misspelt_name_is_still_the_person(linker: Linker) -> None:
    update = linker.link("anything by bruno kelller", BeliefState()).update
    assert ("authors", "is", "Bruno Keller") in limits(update)


def test_every_entry_carries_the_words_it_came_from(linker: Linker) -> None:
    update = linker.link("No Fantasy, and under 300 pages", BeliefState()).update
    assert {entry.words.casefold() for entry in update.set} == {"fantasy", "under 300 pages"}


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("something like Up (2004)", "b2"),
        ("I have seen Up (2004).", "b2"),
        ("Up (2003)?", "b2"),
        ("I have seen Up (1990)", None),
        ("I loved The Unwritten Book (2004)", None),
    ],
)
def test_a_year_after_a_title_says_which_is_meant_and_limits_nothing(
    linker: Linker, text: str, item: str | None
) -> None:
    assert not limits(linker.link(text, BeliefState()).update)
    assert linker.named(text, BeliefState()) == ((item,) if item else ())


def test_a_bound_after_from_counts(linker: Linker) -> None:
    assert limits(linker.link("a book from 1995 or earlier", BeliefState()).update) == {("year", "at_most", 1995)}
    assert limits(linker.link("a book from 1995 or later", BeliefState()).update) == {("year", "at_least", 1995)}
    assert limits(linker.link("a book from 1994", BeliefState()).update) == {("year", "is", 1994)}


def test_a_title_that_is_an_ordinary_word_needs_evidence(linker: Linker) -> None:
    assert linker.link("I am up for anything", BeliefState()).update.targets == ()
    assert linker.link('something like "Up"', BeliefState()).update.targets == ("b2",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seen the first one", {("b1", "seen")}),
        ("seen all of them", {("b1", "seen"), ("b3", "seen"), ("b5", "seen")}),
        ("loved #2, hated the third", {("b3", "liked"), ("b5", "disliked")}),
        ("I've already read Lantern Street, going with the last one", {("b5", "accepted")}),
        ("I'll take lantern street", {("b3", "accepted")}),
        ("skip the spanish one", {("b3", "rejected")}),
        ("more like the second", {("b3", "like_this")}),
    ],
)
def test_references_resolve_through_what_was_shown(
    linker: Linker, books: Catalog, text: str, expected: set[tuple[str, str]]
) -> None:
    assert expected <= said(linker.link(text, shown(books, "b1", "b3", "b5")).update)


@pytest.mark.parametrize(
    "text",
    [
        "no three hour books", "3 comedies please", "2 books for the train", "a story in which no one dies",
        "we are 4 tonight", "from the last two decades", "the last 3 years", "the 20th century", "the first 3 seasons",
    ],
)  # fmt: skip
def test_counts_are_no_positions(linker: Linker, books: Catalog, text: str) -> None:
    assert not linker.references.link(linker.sight(text, BeliefState()).message, shown(books, "b1", "b2", "b3", "b4"))


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("none of these", "#1 #2 #3 #4 #5 #6"), ("neither", "#1 #2"), ("the sixth one", "#6"), ("#6", "#6"),
        ("number six", "#6"), ("the 6th", "#6"), ("no 3", "#3"), ("the last two", "#5 #6"),
        ("6", "#6"), ("take 6 please", "#6"), ("seen 5 and 6", "#5 #6"), ("12", ""),
    ],
)  # fmt: skip
def test_positions_reach_to_the_end_of_the_list(linker: Linker, books: Catalog, text: str, places: str) -> None:
    found = linker.references.link(Message(text), shown(books, "b1", "b2", "b3", "b4", "b5", "b6"))
    assert {mention.ref for mention in found} == ({places} if places else set())


def test_a_position_that_was_not_shown_names_nothing(linker: Linker, books: Catalog) -> None:
    assert linker.link("the fourth one", shown(books, "b1", "b3")).update.targets == ()


def test_a_question_about_an_item_changes_no_wish(linker: Linker, books: Catalog) -> None:
    update = linker.link("is the second one funny?", shown(books, "b1", "b3")).update
    assert update.targets == ("b3",) and not update.set and not update.prefer and not update.items


def test_newer_than_those_is_relative_to_the_ledger(linker: Linker, books: Catalog) -> None:
    assert limits(linker.link("newer than those", shown(books, "b1", "b3")).update) == {("year", "at_least", 2013)}


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("forget the year", "year"),
        ("any language is fine", "language"),
        ("actually crime is fine", "genres"),
        ("the length doesn't matter", "length"),
    ],
)
def test_what_is_taken_back_is_dropped_and_nothing_else(
    linker: Linker, books: Catalog, text: str, attribute: str
) -> None:
    before = BeliefUpdate(
        set=(
            Limit(attribute="year", op="at_most", value=1990),
            Limit(attribute="language", op="is", value="English"),
            Limit(attribute="genres", op="is_not", value="Crime"),
            Limit(attribute="length", op="at_most", value=200),
        )
    )
    belief = apply(shown(books, "b1"), before)
    update = linker.link(text, belief).update
    assert [entry.attribute for entry in update.drop] == [attribute] and not update.set
    assert len(apply(belief, update).constraints) == 3


def test_a_new_bound_replaces_the_old_one(linker: Linker, books: Catalog) -> None:
    belief = apply(shown(books, "b1"), BeliefUpdate(set=(Limit(attribute="length", op="at_most", value=200),)))
    after = apply(belief, linker.link("ok, up to 400 pages then", belief).update)
    assert [(entry.op, entry.value) for entry in after.constraints] == [("at_most", 400)]


def test_yes_to_the_question_of_the_last_turn_means_what_was_offered(linker: Linker, books: Catalog) -> None:
    yes = BeliefUpdate(drop=(), prefer=(Preference(attribute="tags", value="funny"),))
    question = Question(attribute="tags", text="Something funny?", yes=yes, turn=1)
    belief = shown(books, "b1", "b4").after_reply((), question)
    assert [entry.value for entry in linker.link("yes please", belief).update.prefer] == ["funny"]


def test_the_item_spoken_of_last_is_in_focus(linker: Linker, books: Catalog) -> None:
    belief = shown(books, "b1", "b3")
    after = apply(belief, linker.link("is lantern street long?", belief).update)
    assert after.focus == ("b3",)


def test_words_that_nothing_covers_are_left_for_others(linker: Linker) -> None:
    scene = linker.scene("a crime novel with some weight", BeliefState())
    assert str([option.value for option in scene.options if option.kind == "words"][-1]).endswith("weight")


def test_free_words_point_to_their_own_place_even_where_another_word_contains_them(linker: Linker) -> None:
    scene = linker.scene("a crime party, arty please", BeliefState())
    places = {option.value: option.span for option in scene.options if option.kind == "words"}
    assert places["arty"] == (15, 19)


@pytest.mark.parametrize("text", ["", "   ", "?!", "🙂🙂", "a" * 5000, "no " * 300, "#9 #0 the 12th", "𝔘𝔭"])
def test_odd_text_is_linked_without_complaint(linker: Linker, books: Catalog, text: str) -> None:
    update = linker.link(text, shown(books, "b1", "b3")).update
    assert update_as_dict(update)["intent"] == update.intent


def test_a_number_is_limited_by_the_name_that_stands_before_it(books: Catalog) -> None:
    schema = books.schema.model_copy(
        update={"columns": (*books.schema.columns, Column(name="average_rating", role="number", unit="rating"))}
    )
    rated = [
        replace(item, attributes={**item.attributes, "average_rating": 3.5 + place / 4})
        for place, item in enumerate(books)
    ]
    linker = Linker(Catalog(schema, rated))
    for text, value in (("something with a rating of at least 4.5", 4.5), ("rated over 4", 4)):
        [limit] = linker.link(text, BeliefState()).update.set
        assert (limit.attribute, limit.op, limit.value) == ("average_rating", "at_least", value)


def test_a_title_is_known_without_the_series_in_parentheses(books: Catalog) -> None:
    first, *rest = books
    linker = Linker(Catalog(books.schema, [replace(first, title="Lagoon (Tides, #1)"), *rest]))
    assert linker.link("i hated Lagoon", BeliefState()).update.targets == ("b1",)


def test_a_comma_before_three_digits_marks_thousands(linker: Linker) -> None:
    [limit] = linker.link("under 1,000 pages", BeliefState()).update.set
    assert (limit.attribute, limit.op, limit.value) == ("length", "at_most", 999)


def test_a_facet_without_another_name_is_named_by_its_own(linker: Linker, books: Catalog) -> None:
    assert "" not in linker.of_items.columns
    update = linker.link("the same language as Up", shown(books, "b1", "b3")).update
    assert [(entry.attribute, entry.value) for entry in update.wishes] == [("language", "German")]
    assert not linker.link("the weather is bad, the end", shown(books, "b1")).update.wishes


def test_news_is_no_plural_of_new() -> None:
    assert stem("news") == "news" and stem("new") == "new" and stem("films") == "film"
