"""Critiques go beyond the items that they are compared with, by the schema alone: these are wines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.catalog import Catalog
from retrieval.critique import Critiques
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.query import Query, Wish
from retrieval.search import Retriever


@pytest.fixture(scope="module")
def retriever(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(wines, tmp_path_factory.mktemp("critique"), HashingEncoder()), HashingEncoder())


@pytest.fixture(scope="module")
def critiques(retriever: Retriever) -> Critiques:
    return retriever.critiques


def liked(critiques: Critiques, wish: Wish) -> dict[str, float]:
    """Return item id -> score, of the items that score at all."""
    scores = critiques.score(wish)
    return {critiques.catalog.items[place].id: float(scores[place]) for place in np.flatnonzero(scores)}


def older(*than: str, weight: float = 1.0) -> Wish:
    return Wish("vintage", "older", weight, -1, than)


def newer(*than: str) -> Wish:
    return Wish("vintage", "newer", 1.0, 1, than)


def year(catalog: Catalog, item_id: str) -> float:
    return catalog[item_id].number("vintage") or 0.0


def test_only_items_beyond_the_reference_count(critiques: Critiques, wines: Catalog) -> None:
    found = liked(critiques, older("black-oak"))
    assert set(found) == {item.id for item in wines if year(wines, item.id) < 2017}


def test_newer_than_several_is_newer_than_all_of_them(critiques: Critiques, wines: Catalog) -> None:
    found = liked(critiques, newer("old-cellar", "sun-path"))
    assert set(found) == {item.id for item in wines if year(wines, item.id) > 2020}


def test_a_bit_beyond_is_enough_and_far_beyond_counts_less(critiques: Critiques) -> None:
    found = liked(critiques, newer("old-cellar"))
    assert found["chalk-field"] == max(found.values())
    assert found["green-gate"] < found["white-tower"]
    assert found["green-gate"] > 0


def test_not_older_is_newer(critiques: Critiques) -> None:
    assert liked(critiques, older("black-oak", weight=-1.0)) == liked(critiques, newer("black-oak"))


def test_nothing_lies_beyond_the_last(critiques: Critiques) -> None:
    assert liked(critiques, newer("green-gate")) == {}


def test_an_unknown_number_is_never_beyond(critiques: Critiques) -> None:
    assert "high-plain" not in liked(critiques, Wish("price", "cheaper", 1.0, -1, ("old-cellar",)))


@pytest.mark.parametrize("than", [(), ("gone",)])
def test_without_a_reference_the_middle_of_the_catalog_stands_in(
    critiques: Critiques, wines: Catalog, than: tuple[str, ...]
) -> None:
    median = float(np.median([year(wines, item.id) for item in wines]))
    found = liked(critiques, older(*than))
    assert set(found) == {item.id for item in wines if year(wines, item.id) < median}
    assert found["old-cellar"] == 1.0, "older is older: nothing is too old"


def test_a_reference_whose_number_is_unknown_leaves_the_middle(critiques: Critiques) -> None:
    cheaper = Wish("price", "cheaper", 1.0, -1)
    unknown = Wish("price", "cheaper", 1.0, -1, ("high-plain",))
    assert liked(critiques, cheaper) == liked(critiques, unknown)


def test_a_word_of_the_schema_points_to_the_end_that_it_stands_for(critiques: Critiques) -> None:
    found = liked(critiques, Wish("price", "cheap", than=("stone-terrace",)))
    assert set(found) == {"river-bend", "sun-path", "black-oak", "green-gate"}


def test_a_word_that_points_nowhere_says_nothing(critiques: Critiques) -> None:
    assert liked(critiques, Wish("price", "whatever", than=("stone-terrace",))) == {}


def test_a_value_that_the_reference_lacks_is_what_is_asked_for(critiques: Critiques) -> None:
    found = liked(critiques, Wish("grapes", "Riesling", than=("old-cellar",)))
    assert found == {"stone-terrace": 1.0, "slate-garden": 1.0, "river-bend": 1.0}


def test_of_a_value_that_the_reference_has_more_is_asked_for(critiques: Critiques) -> None:
    found = liked(critiques, Wish("grapes", "Riesling", than=("river-bend",)))
    assert found["stone-terrace"] > found["river-bend"]
    assert found["slate-garden"] > found.get("old-cellar", 0.0)


def test_less_of_a_value_is_not_having_it(critiques: Critiques) -> None:
    found = liked(critiques, Wish("grapes", "Riesling", -1.0, than=("stone-terrace",)))
    assert not {"stone-terrace", "slate-garden", "river-bend"} & {item for item, score in found.items() if score > 0.5}
    assert found["old-cellar"] == 1.0


def test_free_words_are_followed_along_their_meaning(critiques: Critiques) -> None:
    found = liked(critiques, Wish("text", "Malbec Mendoza", than=("old-cellar",)))
    best = sorted(found, key=lambda item: -found[item])[:2]
    assert set(best) == {"black-oak", "high-plain"} and "old-cellar" not in found
    away = liked(critiques, Wish("text", "Malbec Mendoza", -1.0, than=("black-oak",)))
    assert "black-oak" not in away and "old-cellar" in away


def test_the_meaning_of_an_adjective_is_the_way_from_its_opposite(critiques: Critiques) -> None:
    wish = Wish("text", "", towards=("Malbec", "from Mendoza"), away=("Riesling", "from Mosel"))
    found = liked(critiques, replace(wish, than=("old-cellar",)))
    assert found["black-oak"] == max(found.values()) and "stone-terrace" not in found
    less = liked(critiques, replace(wish, weight=-1.0))
    assert less["stone-terrace"] == max(less.values()) and "black-oak" not in less


def test_a_value_that_no_item_has_is_followed_by_its_words(critiques: Critiques) -> None:
    found = liked(critiques, Wish("grapes", "a Syrah from Rhone", than=("old-cellar",)))
    assert found and max(found, key=lambda item: found[item]) in ("long-valley", "sun-path")


def test_a_search_brings_what_is_like_the_item_and_beyond_it(retriever: Retriever) -> None:
    query = Query(like=("slate-garden",), wishes=(newer("slate-garden"),))
    candidates = retriever.search(query)
    assert {candidate.item_id for candidate in candidates[:2]} == {"stone-terrace", "river-bend"}
    assert set(candidates[0].scores) == {"critiques", "similar", "popularity"}
    alone = retriever.search(Query(wishes=(older("white-tower"),)))
    assert {candidate.item_id for candidate in alone[:2]} == {"chalk-field", "old-cellar"}


def test_free_words_that_are_compared_are_not_only_looked_for(retriever: Retriever) -> None:
    found = retriever.search(Query(text="Malbec", wishes=(Wish("text", "Malbec", than=("old-cellar",)),)))
    assert found[0].item_id in ("black-oak", "high-plain") and found[0].scores["critiques"] > 0


WISHES = st.builds(
    Wish,
    st.sampled_from(["vintage", "price", "grapes", "region", "organic", "text", "absent"]),
    st.sampled_from(["older", "cheap", "Riesling", "burgundy", "true", 2015, "a light one", ""]),
    st.sampled_from([1.0, -1.0, 0.5]),
    st.sampled_from([-1, 0, 1]),
    st.lists(st.sampled_from(["old-cellar", "high-plain", "green-gate", "gone"]), max_size=3).map(tuple),
)


@settings(max_examples=120, deadline=None)
@given(wishes=st.lists(WISHES, max_size=3))
def test_every_critique_scores_between_nothing_and_one(critiques: Critiques, wishes: list[Wish]) -> None:
    scores = critiques.scores(wishes)
    assert scores.shape == (12,) and np.isfinite(scores).all()
    assert (scores >= 0).all() and (scores <= 1.0001).all()


@settings(max_examples=60, deadline=None)
@given(
    than=st.sampled_from(["old-cellar", "red-hill", "green-gate", "black-oak"]),
    attribute=st.sampled_from(["vintage", "price"]),
    way=st.sampled_from([-1, 1]),
)
def test_a_number_is_never_met_by_the_reference_or_what_lies_behind_it(
    critiques: Critiques, wines: Catalog, than: str, attribute: str, way: int
) -> None:
    start = wines[than].number(attribute) or 0.0
    for item in liked(critiques, Wish(attribute, "x", 1.0, way, (than,))):
        assert way * ((wines[item].number(attribute) or 0.0) - start) > 0
