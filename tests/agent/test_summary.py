"""A profile in words: what was said of a taste, and what the items that were judged share."""

from __future__ import annotations

import pytest
from small_world import CATALOG

from agent.belief import ITEMS
from agent.profile import Kind, ProfileEntry
from agent.summary import FEWEST, summary, traits
from retrieval.catalog import Catalog, CatalogSchema, Column, Item

MUSIC = [f"m{n}" for n in range(4)]
CALM = [f"c{n}" for n in range(16)]
SHELF = Catalog(
    CatalogSchema(
        columns=(
            Column(name="title", role="title"),
            Column(name="moods", role="facet", singular="mood"),
            Column(name="subjects", role="facet", singular="subject"),
        ),
        noun="book",
        nouns="books",
    ),
    [Item(one, one, "", {"moods": ("loud",), "subjects": ("music",)}) for one in MUSIC]
    + [Item(one, one, "", {"moods": ("calm",), "subjects": ("sea",)}) for one in CALM],
)


def entry(kind: Kind, value: str, attribute: str = ITEMS) -> ProfileEntry:
    return ProfileEntry(kind=kind, attribute=attribute, value=value, title="" if attribute == ITEMS else value)


def items(kind: Kind, *ids: str) -> list[ProfileEntry]:
    return [entry(kind, one) for one in ids]


def test_nothing_is_said_of_an_empty_profile_or_of_few_items() -> None:
    assert summary((), SHELF) == ""
    assert summary(items("liked", *MUSIC[: FEWEST - 1]), SHELF) == ""


def test_it_says_what_was_said_and_what_the_items_share() -> None:
    profile = [entry("liked", "history", "subjects"), *items("liked", *MUSIC), entry("disliked", "war", "subjects")]
    assert summary(profile, SHELF) == (
        "You like history; many of the books you liked have mood loud, subject music. You dislike war."
    )


def test_what_was_accepted_counts_as_liked_and_what_was_seen_tells_nothing() -> None:
    assert "music" in summary(items("accepted", *MUSIC), SHELF)
    assert summary(items("seen", *MUSIC), SHELF) == ""


def test_a_value_that_was_spoken_of_is_not_told_twice() -> None:
    assert summary([entry("liked", "Music", "subjects"), *items("liked", *MUSIC)], SHELF).lower().count("music") == 1


def test_what_liked_and_disliked_items_share_is_left_out() -> None:
    mixed = [*items("liked", *MUSIC), *items("disliked", *MUSIC)]
    assert summary(mixed, SHELF) == ""


def test_common_values_say_nothing() -> None:
    assert traits(CALM[:4], SHELF) == ()


@pytest.mark.parametrize("ids", [MUSIC, [*MUSIC, *MUSIC, "no such book"]])
def test_unknown_and_repeated_items_do_not_count(ids: list[str]) -> None:
    assert {(one.attribute, one.value, one.holders) for one in traits(ids, SHELF)} == {
        ("moods", "loud", 4),
        ("subjects", "music", 4),
    }


def test_it_works_over_a_catalog_of_any_kind() -> None:
    assert isinstance(summary(items("liked", *[item.id for item in CATALOG][:10]), CATALOG), str)
