"""Comparatives and what they compare with, over a few books: nothing here is a film."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.belief import BeliefState, BeliefUpdate, ItemVerdict, Limit, Preference, Shown, apply
from agent.directions import direction
from agent.linking import Linker
from agent.linking.comparatives import comparatives, compare, is_comparative
from agent.linking.mentions import Mention
from agent.linking.words import Message
from agent.opposites import contrast
from agent.querying import query_of
from agent.understanding import Understanding
from retrieval.catalog import Catalog, CatalogSchema, Column, Item
from retrieval.query import Wish

BOOKS = (
    ("b1", "The Silent Harbour", ("dark", "slow"), 1994, 320, 12.5),
    ("b2", "Copper Lanterns", ("funny", "warm"), 2004, 180, 9.0),
    ("b3", "Nine Kettles", ("funny", "violent"), 1986, 290, 7.99),
    ("b4", "The Compass War", ("dark", "violent"), 1978, 640, 20.0),
)


@pytest.fixture(scope="module")
def books() -> Catalog:
    schema = CatalogSchema(
        columns=(
            Column(name="title", role="title"),
            Column(name="moods", role="facet", singular="mood"),
            Column(name="year", role="number", unit="year"),
            Column(name="length", role="number", unit="pages"),
            Column(name="price", role="number", unit="euros"),
        ),
        noun="book",
        nouns="books",
        slices={"year.recent": 2000},
    )
    names = ("moods", "year", "length", "price")
    return Catalog(schema, [Item(row[0], row[1], "", dict(zip(names, row[2:], strict=True))) for row in BOOKS])


@pytest.fixture(scope="module")
def linker(books: Catalog) -> Linker:
    return Linker(books)


def shown(*ids: str, focus: tuple[str, ...] = ()) -> BeliefState:
    belief = apply(BeliefState(), BeliefUpdate(targets=focus))
    lines = tuple(Shown(item_id=item, title=item, position=place, turn=1) for place, item in enumerate(ids, 1))
    return belief.after_reply(lines, None).model_copy(update={"focus": focus})


LIST = shown("b1", "b2", "b3")
NOTHING = BeliefState()


def than(linker: Linker, text: str, words: str, belief: BeliefState = LIST, **more: object) -> tuple[str, ...]:
    """Return what a wish that came from `words` of `text` is compared with."""
    wish = Preference(attribute="text", value=words, words=words)
    update = BeliefUpdate.model_validate({"prefer": (wish,), **more})
    sighting = linker.sight(text, belief)
    return compare(update, sighting.message, sighting.mentions, belief).prefer[0].than


@pytest.mark.parametrize("word", ["darker", "funnier", "sadder", "nicer", "simpler", "better", "worse", "newer"])
def test_a_comparative_is_known_by_its_ending(word: str) -> None:
    assert is_comparative(word)


@pytest.mark.parametrize("word", ["thriller", "soldier", "killer", "monster", "winter", "dark", "pier", "lawyer"])
def test_not_every_word_in_er_is_a_comparative(word: str) -> None:
    assert not is_comparative(word)


@pytest.mark.parametrize(
    ("text", "governed"),
    [
        ("something lighter", ["lighter"]),
        ("less violent, more jokes", ["less violent", "more jokes"]),
        ("not as dark as the second", ["not as dark"]),
        ("that is too slow", ["too slow"]),
        ("a bit more of that", []),
        ("any more like it", []),
        ("me too", []),
        ("no more thrillers", []),
    ],
)
def test_comparatives_govern_the_words_they_stand_before(text: str, governed: list[str]) -> None:
    message = Message(text)
    found = [message.written(one.start, one.end) for one in comparatives(message, (), LIST)]
    assert found == governed


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("funnier than the second", "funnier", ("b2",)),
        ("funnier than the first and the third", "funnier", ("b1", "b3")),
        ("funnier than Copper Lanterns please", "funnier", ("b2",)),
        ("shorter than the second", "shorter", ("b2",)),
        ("shorter than those", "shorter than those", ("b1", "b2", "b3")),
        ("lighter than those", "lighter", ("b1", "b2", "b3")),
        ("lighter than all of them", "lighter", ("b1", "b2", "b3")),
        ("between the first and the third, but lighter than both", "lighter", ("b1", "b3")),
        ("not as dark as the third one", "dark", ("b3",)),
        ("more like the second but funnier", "funnier", ("b2",)),
        ("something like The Compass War but shorter", "shorter", ("b4",)),
        ("something lighter", "lighter", ("b1", "b2", "b3")),
        ("less violent", "violent", ("b1", "b2", "b3")),
        ("the first is too slow", "slow", ("b1",)),
        ("1 is too dark, 2 too warm", "warm", ("b2",)),
    ],
)
def test_a_wish_is_compared_with_what_is_named_or_was_shown(
    linker: Linker, text: str, words: str, expected: tuple[str, ...]
) -> None:
    assert than(linker, text, words) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("something dark", "dark"),
        ("less soppy than usual", "soppy"),
        ("darker than I can stand", "darker"),
        ("a long one, nothing lighter", "long one"),
    ],
)
def test_a_wish_without_a_comparison_with_items_has_none(linker: Linker, text: str, words: str) -> None:
    assert than(linker, text, words) == ()


def test_nothing_shown_and_nothing_named_compares_with_nothing(linker: Linker) -> None:
    assert than(linker, "something lighter", "lighter", NOTHING) == ()


def test_the_item_in_focus_comes_before_the_list(linker: Linker) -> None:
    belief = shown("b1", "b2", "b3", focus=("b3",))
    assert than(linker, "something lighter", "lighter", belief) == ("b3",)
    assert than(linker, "lighter than that", "lighter", belief) == ("b3",)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((("b1", "rejected"),), ("b1",)),
        ((("b1", "seen"), ("b2", "liked"), ("b3", "like_this")), ("b3",)),
        ((("b1", "seen"), ("b2", "disliked")), ("b2",)),
    ],
)
def test_a_bare_comparative_is_about_the_items_of_its_message(
    linker: Linker, verdicts: tuple[tuple[str, str], ...], expected: tuple[str, ...]
) -> None:
    items = tuple(ItemVerdict.model_validate({"ref": i, "item_id": i, "verdict": verdict}) for i, verdict in verdicts)
    assert than(linker, "nah. something lighter", "lighter", items=items) == expected


def test_a_new_start_is_not_compared_with_the_old_list(linker: Linker) -> None:
    assert than(linker, "start over. something lighter", "lighter", intent="restart") == ()


def test_only_the_compared_wish_of_several_has_a_reference() -> None:
    message = Message("warm and less violent than the second")
    update = BeliefUpdate(
        prefer=(
            Preference(attribute="moods", value="warm", words="warm"),
            Preference(attribute="moods", value="violent", weight=-1, words="violent"),
        )
    )
    second = Mention(5, 7, "item", item_ids=("b2",), ref="#2")
    assert [wish.than for wish in compare(update, message, (second,), LIST).prefer] == [(), ("b2",)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("newer than those", ("year", "at_least", 2005)),
        ("older than the second", ("year", "at_most", 2003)),
        ("shorter than the first one", ("length", "at_most", 319)),
        ("longer than Nine Kettles", ("length", "at_least", 291)),
        ("more recent than the third", ("year", "at_least", 1987)),
        ("earlier then those", ("year", "at_most", 1985)),
        ("cheaper than the second", ("price", "at_most", 8.99)),
        ("less expensive than those", ("price", "at_most", 7.98)),
        ("nothing longer than the second", ("length", "at_most", 180)),
        ("no older than the third", ("year", "at_least", 1986)),
        ("ten years older than the first", ("year", "at_most", 1984)),
        ("a decade newer than the third", ("year", "at_least", 1996)),
        ("at least 100 pages longer than the second", ("length", "at_least", 280)),
    ],
)
def test_a_limit_is_relative_to_the_item_that_is_named(
    linker: Linker, text: str, expected: tuple[str, str, float]
) -> None:
    mentions = linker.sight(text, LIST).mentions
    bounds = [bound for mention in mentions for bound in mention.bounds]
    assert [(bound.attribute, bound.op, bound.value) for bound in bounds] == [expected]


def test_a_comparative_alone_is_a_wish_in_its_own_words(linker: Linker) -> None:
    (found,) = Understanding(linker).understand("something lighter", LIST).prefer
    assert (found.attribute, found.value, found.than) == ("text", "lighter", ("b1", "b2", "b3"))


def test_an_item_that_is_only_a_measure_is_not_spoken_of(linker: Linker) -> None:
    update = linker.link("older than the first one please", LIST).update
    assert [(limit.op, limit.value) for limit in update.set] == [("at_most", 1993)]
    assert not update.items and not update.targets
    assert linker.named("older than the first one please", LIST) == ("b1",)


def test_the_same_decade_is_that_of_the_item(linker: Linker) -> None:
    mentions = linker.sight("another from the same decade as the third", LIST).mentions
    assert [(bound.op, bound.value) for mention in mentions for bound in mention.bounds] == [
        ("at_least", 1980),
        ("at_most", 1989),
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("before 1995", {("at_least", 1980), ("at_most", 1994)}),
        ("nothing before 1985", {("at_least", 1985), ("at_most", 1999)}),
        ("newer than the second", {("at_least", 2005)}),
        ("from 1960 to 1970", {("at_least", 1960), ("at_most", 1970)}),
    ],
)
def test_a_new_end_of_a_range_leaves_the_other_end_unless_they_cross(
    linker: Linker, text: str, left: set[tuple[str, float]]
) -> None:
    nineties = tuple(Limit.model_validate({"attribute": "year", "op": op, "value": value})
                     for op, value in (("at_least", 1980), ("at_most", 1999)))  # fmt: skip
    belief = apply(LIST, BeliefUpdate(set=nineties)).model_copy(update={"shown": LIST.shown})
    after = apply(belief, linker.link(text, belief).update)
    assert {(limit.op, limit.value) for limit in after.constraints} == left


@pytest.mark.parametrize("text", ["older than me", "longer than two hours", "better than those", "rather than that"])
def test_other_comparisons_set_no_relative_limit(linker: Linker, text: str) -> None:
    assert not linker.relative.link(Message(text), (), LIST)


@pytest.mark.parametrize(
    ("phrase", "attribute", "way"),
    [
        ("older", "year", -1), ("newest", "year", 1), ("more recent", "year", 1), ("a little longer", "length", 1),
        ("not too long", "length", -1), ("less expensive", "price", -1), ("cheap", "price", -1), ("lower", "price", -1),
        ("1990s", "year", 0), ("funny", "length", 0),
    ],
)  # fmt: skip
def test_words_point_one_way_along_a_number(books: Catalog, phrase: str, attribute: str, way: int) -> None:
    column = books.schema.column(attribute)
    assert column is not None and direction(phrase, column) == way


def wish(attribute: str, value: str, *than: str, weight: float = 1.0) -> Preference:
    return Preference(attribute=attribute, value=value, weight=weight, than=than)


def asked(books: Catalog, *wishes: Preference) -> tuple[Wish, ...]:
    return query_of(BeliefState(preferences=wishes), "", books, 5).wishes


def test_a_query_says_which_way_and_beyond_which_items_of_the_catalog(books: Catalog) -> None:
    assert asked(books, wish("year", "older", "b1", "gone")) == (Wish("year", "older", 1.0, -1, ("b1",)),)
    assert asked(books, wish("length", "short")) == (Wish("length", "short", 1.0, -1),)


def test_a_slice_of_the_schema_keeps_its_bound_until_it_is_compared(books: Catalog) -> None:
    assert asked(books, wish("year", "recent")) == (Wish("year", "recent"),)
    assert asked(books, wish("year", "recent", "b1")) == (Wish("year", "recent", 1.0, 1, ("b1",)),)


@pytest.mark.parametrize(("spoken", "middle"), [("1980s", 1984.5), ("the nineties", 1994.5), ("early 2000s", 2002.0)])
def test_a_decade_that_is_only_preferred_is_looked_for_around_its_middle(
    books: Catalog, spoken: str, middle: float
) -> None:
    assert asked(books, wish("year", spoken)) == (Wish("year", middle),)


def test_a_number_that_is_wished_for_is_compared_with_no_item(books: Catalog) -> None:
    entry = Preference(attribute="length", value=250, than=("b1",))
    assert asked(books, entry) == (Wish("length", 250),)


def test_of_two_opposite_ways_the_later_counts(books: Catalog) -> None:
    found = asked(books, wish("year", "older"), wish("length", "short"), wish("year", "newer"))
    assert [wish.value for wish in found] == ["short", "newer"]
    assert [wish.value for wish in asked(books, wish("length", "long"), wish("length", "long", weight=-1))] == ["long"]


def test_compared_free_words_are_looked_for_and_followed(books: Catalog) -> None:
    query = query_of(BeliefState(preferences=(wish("text", "more sea", "b1"),)), "", books, 5)
    assert (query.text, query.wishes) == ("more sea", (Wish("text", "more sea", 1.0, 0, ("b1",)),))


@pytest.mark.parametrize(
    ("phrase", "towards", "away", "rest"),
    [
        ("lighter", "lighthearted", "dark", ""),
        ("a bit heavier", "grim", "cheerful", ""),
        ("less grim", "funny", "dark", ""),
        ("too heavy", "grim", "cheerful", ""),
        ("calmer, with porches", "quiet", "loud", "with porches"),
        ("happier ending", "cheerful", "tragic", "ending"),
    ],
)
def test_an_adjective_with_an_opposite_points_from_the_one_to_the_other(
    phrase: str, towards: str, away: str, rest: str
) -> None:
    found = contrast(phrase)
    assert found is not None and found.rest == rest
    assert towards in found.towards and away in found.away


def test_other_words_point_nowhere_of_their_own() -> None:
    assert contrast("more porches") is None and contrast("") is None


def test_a_query_names_both_ends_in_the_catalogs_noun_and_looks_for_the_rest(books: Catalog) -> None:
    query = query_of(BeliefState(preferences=(wish("text", "lighter, with porches", "b1"),)), "", books, 5)
    assert query.text == "with porches"
    (found,) = query.wishes
    assert "a cheerful book" in found.towards and "a dark book" in found.away and found.than == ("b1",)


def test_an_adjective_that_compares_with_nothing_is_only_words(books: Catalog) -> None:
    query = query_of(BeliefState(preferences=(wish("text", "light"),)), "", books, 5)
    assert (query.text, query.wishes) == ("light", ())
    assert query_of(BeliefState(preferences=(wish("text", "lighter"),)), "", books, 5).wishes[0].towards


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("from the 80s", "from the 80s"), {("at_least", 1988)}),
        (("from 1980", "up to 1989"), {("at_least", 1988), ("at_most", 1989)}),
    ],
)
def test_what_is_newer_than_those_leaves_a_decade_but_not_a_limit_of_its_own(
    books: Catalog, words: tuple[str, str], left: set[tuple[str, float]]
) -> None:
    ends = (("at_least", 1980, words[0]), ("at_most", 1989, words[1]))
    given = tuple(Limit(attribute="year", op=op, value=value, words=said) for op, value, said in ends)  # type: ignore[arg-type]
    older = {"b1": 1981, "b2": 1987}
    items = [
        replace(item, attributes={**item.attributes, "year": older.get(item.id, item.number("year"))}) for item in books
    ]
    catalog = Catalog(books.schema, items)
    ledger = shown("b1", "b2")
    belief = apply(ledger, BeliefUpdate(set=given)).model_copy(update={"shown": ledger.shown})
    after = apply(belief, Linker(catalog).link("something newer than those", belief).update)
    assert {(limit.op, limit.value) for limit in after.constraints} == left
