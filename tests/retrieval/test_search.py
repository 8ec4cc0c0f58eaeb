"""What a search returns: limits inside, five sources kept apart, a deterministic order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.catalog import Catalog
from retrieval.constraints import Constraint
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.query import Query, Wish
from retrieval.search import Retriever, Weights


@pytest.fixture(scope="module")
def home_of_wines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def retriever(wines: Catalog, home_of_wines: Path) -> Retriever:
    return Retriever(build(wines, home_of_wines, HashingEncoder()), HashingEncoder())


def found(retriever: Retriever, **query: object) -> list[str]:
    return [candidate.item_id for candidate in retriever.search(Query(**query))]  # type: ignore[arg-type]


def limit(attribute: str, op: str, value: str | float) -> Constraint:
    return Constraint.model_validate({"attribute": attribute, "op": op, "value": value})


def test_the_empty_query_ranks_by_popularity(retriever: Retriever, wines: Catalog) -> None:
    assert found(retriever) == [item.id for item in wines]


def test_free_words_use_the_dense_and_the_lexical_source(retriever: Retriever) -> None:
    first = retriever.search(Query(text="a Malbec from Mendoza"))[0]
    assert first.item_id in ("black-oak", "high-plain")
    assert set(first.scores) == {"dense", "lexical", "popularity"}
    assert first.scores["lexical"] == 1.0


def test_inflected_words_match_by_their_stems(retriever: Retriever) -> None:
    scores = retriever.index.lexical.scores("terraces of stones")
    assert scores.argmax() == 0 and scores[0] > 0


def test_words_that_no_item_has_match_nothing_and_break_nothing(retriever: Retriever) -> None:
    assert not retriever.index.lexical.scores("zzz \U0001f680 the").any()
    assert len(found(retriever, text="zzz")) == 12


def test_a_wish_brings_items_with_the_value_up_and_a_negative_one_down(retriever: Retriever) -> None:
    assert found(retriever, wishes=(Wish("grapes", "pinot noir"),))[:2] == ["old-cellar", "red-hill"]
    down = found(retriever, wishes=(Wish("grapes", "Riesling", -1),))
    assert set(down[-3:]) == {"stone-terrace", "slate-garden", "river-bend"}


def test_a_rare_value_counts_more_than_a_frequent_one(retriever: Retriever) -> None:
    first = found(retriever, wishes=(Wish("region", "Burgundy"), Wish("region", "Loire")))[0]
    assert first == "green-gate"


def test_a_value_with_all_words_of_the_wish_counts_half(retriever: Retriever) -> None:
    match = retriever.attributes.match(Wish("grapes", "blanc"))
    assert match is not None and match.max() == 0.5 and match.argmax() == 11


def test_soft_number_words_use_the_schemas_slices_and_numbers_their_distance(retriever: Retriever) -> None:
    cheap = retriever.attributes.match(Wish("price", "cheap"))
    assert cheap is not None and {retriever.catalog.items[place].id for place in np.flatnonzero(cheap)} == {
        "river-bend", "sun-path", "black-oak", "green-gate",
    }  # fmt: skip
    near = retriever.attributes.match(Wish("vintage", 2010))
    assert near is not None and retriever.catalog.items[int(near.argmax())].id == "old-cellar"
    assert retriever.attributes.match(Wish("price", "whatever")) is None


def test_wishes_that_fit_no_attribute_are_read_as_free_words(retriever: Retriever) -> None:
    assert found(retriever, wishes=(Wish("text", "Malbec"),))[0] == "black-oak"
    assert found(retriever, wishes=(Wish("text", "Malbec", -1),))[-1] in ("high-plain", "black-oak")


def test_examples_bring_what_resembles_them_and_are_not_returned(retriever: Retriever) -> None:
    like = found(retriever, like=("stone-terrace", "unknown"))
    assert set(like[:2]) == {"slate-garden", "river-bend"} and "stone-terrace" not in like
    unlike = found(retriever, unlike=("stone-terrace",))
    assert unlike[-1] in ("slate-garden", "river-bend") and "stone-terrace" not in unlike


def test_the_last_example_counts_most(retriever: Retriever) -> None:
    assert found(retriever, like=("stone-terrace", "old-cellar"))[0] == "red-hill"
    assert found(retriever, like=("old-cellar", "stone-terrace"))[0] in ("slate-garden", "river-bend")


def test_nothing_allowed_gives_nothing(retriever: Retriever) -> None:
    nothing = (limit("price", "at_most", 1),)
    assert found(retriever, text="riesling", wishes=(Wish("grapes", "Syrah"),), constraints=nothing) == []
    assert retriever.count(nothing) == 0


def test_counts_follow_constraints_and_exclusions(retriever: Retriever) -> None:
    assert retriever.count(()) == 12
    assert retriever.count((limit("grapes", "is", "riesling"),), frozenset({"river-bend"})) == 2


def test_the_limit_cuts_the_list(retriever: Retriever) -> None:
    assert len(found(retriever, limit=3)) == 3 and found(retriever, limit=0) == []


queries = st.builds(
    Query,
    text=st.sampled_from(["", "riesling", "a red wine from the hills"]),
    wishes=st.lists(
        st.builds(Wish, st.sampled_from(["grapes", "region", "vintage", "text", "absent"]),
                  st.sampled_from(["Riesling", "burgundy", 2015, "cheap"]), st.sampled_from([1.0, -1.0, 0.5])),
        max_size=3,
    ).map(tuple),
    constraints=st.lists(
        st.sampled_from([limit("vintage", "at_least", 2015), limit("grapes", "is_not", "riesling"),
                         limit("price", "at_most", 20), limit("notes", "contains", "from")]),
        max_size=3,
    ).map(tuple),
    exclude=st.frozensets(st.sampled_from(["river-bend", "red-hill", "gone"])),
    like=st.lists(st.sampled_from(["old-cellar", "gone", "black-oak"]), max_size=2).map(tuple),
    unlike=st.lists(st.sampled_from(["sun-path"]), max_size=1).map(tuple),
    limit=st.integers(0, 13),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(query=queries)
def test_every_search_keeps_its_promises(retriever: Retriever, query: Query) -> None:
    candidates = retriever.search(query)
    hidden = query.exclude | {*query.like, *query.unlike}
    fitting = {
        item.id
        for item in retriever.catalog
        if item.id not in hidden and all(constraint.allows(item) for constraint in query.constraints)
    }
    assert {candidate.item_id for candidate in candidates} <= fitting
    assert len(candidates) == min(query.limit, len(fitting))
    assert candidates == retriever.search(query)
    order = [(-candidate.score, retriever.catalog.position[candidate.item_id]) for candidate in candidates]
    assert order == sorted(order)
    assert all(0 <= score <= 1 for candidate in candidates for score in candidate.scores.values())
    scores = retriever.all_scores(query)
    assert {retriever.catalog.items[place].id for place in np.flatnonzero(np.isfinite(scores))} == fitting
    for candidate in candidates:
        assert scores[retriever.catalog.position[candidate.item_id]] == pytest.approx(candidate.score)


def test_a_large_catalog_takes_its_dense_candidates_from_the_index(
    wines: Catalog, home_of_wines: Path, retriever: Retriever
) -> None:
    large = Retriever(retriever.index, HashingEncoder(), Weights(nearest=3, lexical=0.0, popularity=0.0))
    candidates = large.search(Query(text="malbec mendoza", constraints=(limit("region", "is_not", "Loire"),)))
    assert sum(candidate.scores["dense"] > 0 for candidate in candidates) <= 3
    assert candidates[0].item_id in ("black-oak", "high-plain")


def test_an_encoder_other_than_the_indexs_is_the_callers_bug(retriever: Retriever) -> None:
    other = HashingEncoder()
    other.name = "other"
    with pytest.raises(AssertionError, match="other"):
        Retriever(retriever.index, other)
