"""The learned order: what it counts and trains, that nothing ranks what taught it, and what it leaves behind."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from finetune.__main__ import app
from finetune.ranker import Config, Logged, cross_fitted, fit, learn
from finetune.ranker.fitting import LEARNED, SEARCH, Learner, fold_of
from finetune.ranker.logs import logged_turns, read_liked
from finetune.ranker.two_tower import Network
from retrieval.catalog import Catalog, CatalogSchema, Column, Item, UserError
from retrieval.constraints import Constraint
from retrieval.encoder import HashingEncoder
from retrieval.index import Index, build
from retrieval.learned import RECORD, CoLiking, LearnedRanker, ranker_folder
from retrieval.learned.comparison import Comparison
from retrieval.learned.ranker import Conversation
from retrieval.query import Named, Query, Wish
from retrieval.search import Retriever

FAMILIES = ("rose", "lily", "palm", "fern")
SIZE = 40
QUICK = Config(folds=3, towers=1, epochs=4, trees=60)


def plants(count: int = SIZE) -> Catalog:
    """Make plants of which number n and number n + 20 go together, which nothing in their data says."""
    columns = (
        Column(name="id", role="id"),
        Column(name="title", role="title"),
        Column(name="text", role="text"),
        Column(name="family", role="facet"),
        Column(name="breeders", role="facet", people=True),
        Column(name="height", role="number", unit="cm"),
    )
    chance = random.Random(3)
    items = [
        Item(
            f"p{place}",
            f"Plant {place}",
            f"A {chance.choice(FAMILIES)} for {chance.choice(('sun', 'shade'))}",
            {
                "family": (chance.choice(FAMILIES),),
                "breeders": (f"Breeder {place % 7}", f"Breeder {place % 5}"),
                "height": None if place % 9 == 8 else 10.0 * place,
            },
            popularity=1 - place / count,
        )
        for place in range(count)
    ]
    return Catalog(CatalogSchema(columns=columns), items)


def mate(place: int) -> int:
    return (place + SIZE // 2) % SIZE


def conversations(rounds: int = 6) -> list[Logged]:
    """Hold conversations in which somebody likes a plant and is shown the one that goes with it."""
    return [
        Logged(
            Query(message=f"something like plant {place}", said=f"something like plant {place}",
                  named=(Named(f"p{place}", "liked"),), exclude=frozenset({f"p{place}"}), limit=SIZE),
            (f"p{mate(place)}",),
            f"c{number}-{place}",
        )
        for number in range(rounds)
        for place in range(SIZE)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(plants(), tmp_path_factory.mktemp("plants"), HashingEncoder()), HashingEncoder())


@pytest.fixture(scope="module")
def ranker(retriever: Retriever) -> LearnedRanker:
    return fit(retriever, conversations(), config=QUICK)


def ordered(retriever: Retriever, ranker: LearnedRanker | None, query: Query) -> list[str]:
    search = Retriever(retriever.index, retriever.encoder, learned=ranker)
    return [candidate.item_id for candidate in search.search(query)]


# Counting


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 7)), max_size=8), st.lists(st.integers(0, 7), unique=True, max_size=3))
def test_co_liking_is_what_counting_by_hand_gives(groups: list[set[int]], named: list[int]) -> None:
    counted = CoLiking.of(groups, 8)
    for item in range(8):
        together = sum(
            sum(item in group and other in group for group in groups)
            / (sum(other in group for group in groups) + 1) ** 0.5
            for other in named
            if other != item
        )
        assert counted.scores(named)[item] == pytest.approx(together, abs=1e-5)
        assert counted.counts[item] == sum(item in group for group in groups)


def test_counts_follow_their_items_into_another_catalog() -> None:
    counted = CoLiking.of([{0, 1}, {0, 1, 2}], 3).for_items(np.array([2, -1, 0]))
    assert counted.counts.tolist() == [1, 0, 2]
    assert counted.together.toarray().tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    again = CoLiking.of_arrays(counted.arrays("x_"), "x_")
    assert again.scores([2]).tolist() == counted.scores([2]).tolist()


# Comparing


def test_candidates_are_compared_with_every_item_named() -> None:
    catalog = plants()
    from retrieval.filtering import Filter

    unit = np.eye(SIZE, dtype=np.float32)
    compared = Comparison.over(catalog, Filter(catalog), unit, unit)
    found = compared.features(np.array([7, 3, 8]), [2, 7])
    assert found["text beside named, best"].tolist() == [1, 0, 0]
    assert found["height beside named, latest"].tolist()[:2] == [0, -40]
    assert np.isnan(found["height beside named, best"][2]) and np.isnan(found["height"][2])
    shared = [len({"Breeder 0", "Breeder 2"} & set(catalog.items[place].values("breeders"))) for place in (7, 3, 8)]
    assert [value > 0 for value in found["breeders beside named, latest"]] == [count > 0 for count in shared]
    assert np.isnan(compared.features(np.array([1]), [])["family beside named, mean"]).all()


# The towers


def test_the_arrays_answer_as_the_network_that_was_trained() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = Network(rng.normal(size=(9, 5)).astype(np.float32), 6, rng.normal(size=9).astype(np.float32)).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    said = rng.normal(size=6).astype(np.float32) / 8
    named, kinds = [4, 1, 7], [0, 2, 1]
    padded = torch.full((1, 10), -1)
    padded[0, :3] = torch.tensor(named[::-1])
    held = torch.zeros((1, 10), dtype=torch.long)
    held[0, :3] = torch.tensor(kinds[::-1])
    with torch.no_grad():
        for places, of in ((padded, held), (torch.full((1, 10), -1), torch.zeros((1, 10), dtype=torch.long))):
            told = (named, kinds) if (places >= 0).any() else ([], [])
            expected = network(torch.tensor(said)[None], places, of)[0].numpy()
            assert network.frozen().logits(said, *told) == pytest.approx(expected, abs=1e-4)


# Learning


def test_what_goes_together_is_learned_from_conversations_alone(retriever: Retriever, ranker: LearnedRanker) -> None:
    asked = [one.query for one in conversations(rounds=1)]
    plain = [ordered(retriever, None, query).index(f"p{mate(place)}") for place, query in enumerate(asked)]
    found = [ordered(retriever, ranker, query).index(f"p{mate(place)}") for place, query in enumerate(asked)]
    assert np.mean(np.array(found) < 3) > 0.9 > np.mean(np.array(plain) < 3)


def test_no_conversation_is_ranked_by_what_it_taught(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[frozenset[str]] = []
    monkeypatch.setattr(Learner, "fit", lambda self, rows: seen.append(frozenset(row.conversation for row in rows)))
    monkeypatch.setattr(Learner, "scores", lambda self, row, ranker: {LEARNED: np.zeros(SIZE, np.float32)})
    logged = conversations(rounds=1)
    _, held = cross_fitted(retriever, logged, config=QUICK)
    assert sorted(one.logged.conversation for one in held) == sorted(one.conversation for one in logged)
    names = frozenset(one.conversation for one in logged)
    assert len(seen) == QUICK.folds
    for name in names:
        assert name not in seen[fold_of(name, QUICK.folds)]
        assert sum(name in taught for taught in seen) == QUICK.folds - 1


def test_the_order_of_a_conversation_learns_from_counts_that_do_not_know_it(retriever: Retriever) -> None:
    learner = Learner(retriever, conversations(rounds=1), (), QUICK, lambda _: None)
    known: list[frozenset[str]] = []
    told: list[tuple[str, frozenset[str]]] = []
    know, lesson = learner.know, learner.lesson
    learner.know = lambda rows: (known.append(frozenset(row.conversation for row in rows)), know(rows))[1]  # type: ignore
    learner.lesson = lambda row, part: (told.append((row.conversation, known[-1])), lesson(row, part))[1]  # type: ignore
    learner.fit(learner.rows)
    assert len(told) == len(learner.rows) and all(name not in others for name, others in told)


def test_the_same_logs_and_seed_give_the_same_order(retriever: Retriever, ranker: LearnedRanker) -> None:
    again = fit(retriever, conversations(), config=QUICK)
    query = conversations()[5].query
    assert ordered(retriever, again, query) == ordered(retriever, ranker, query)


def test_ratings_teach_without_a_conversation_about_the_item(retriever: Retriever) -> None:
    ratings = [(f"u{person}", f"p{place}") for person in range(5) for place in (person, mate(person))]
    rated = Learner(retriever, conversations(rounds=1), ratings, QUICK, lambda _: None).rated
    assert rated.counts.sum() == len(ratings)
    assert rated.scores([2]).argmax() == mate(2)


# Serving


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from(FAMILIES), max_size=3), st.integers(0, 300), st.sets(st.integers(0, SIZE - 1)))
def test_no_learned_order_breaks_a_limit(
    retriever: Retriever, ranker: LearnedRanker, families: set[str], height: int, named: set[int]
) -> None:
    limits = [Constraint(attribute="family", op="is_not", value=family) for family in sorted(families)]
    limits.append(Constraint(attribute="height", op="at_least", value=height))
    hidden = frozenset(f"p{place}" for place in named)
    shown = tuple(Named(item, "shown") for item in sorted(hidden))
    query = Query(constraints=tuple(limits), exclude=hidden, named=shown, limit=99)
    found = ordered(retriever, ranker, query)
    catalog = retriever.catalog
    allowed = {i.id for i in catalog if i.id not in hidden and all(limit.allows(i) for limit in limits)}
    assert set(found) == allowed and len(found) == len(allowed)


def test_candidates_carry_what_each_learned_source_gave(retriever: Retriever, ranker: LearnedRanker) -> None:
    search = Retriever(retriever.index, retriever.encoder, learned=ranker)
    first = search.search(conversations()[0].query)[0]
    assert {"two_tower", "co_liking", "logged", "popularity"} <= set(first.scores)
    assert all(0 <= score <= 1 for score in first.scores.values())


def test_what_was_turned_down_is_no_reason_for_what_goes_with_it(retriever: Retriever, ranker: LearnedRanker) -> None:
    heard = Conversation.of(Query(named=(Named("p1", "against"),)), retriever.catalog, retriever.encoder)
    assert not ranker.sources(heard)["co_liking"].any()


def test_what_is_compared_counts_whatever_logs_taught(retriever: Retriever, ranker: LearnedRanker) -> None:
    likes = conversations()[3].query
    shorter = Wish("height", "short", direction=-1, than=("p10",))
    assert ordered(retriever, ranker, likes)[0] == f"p{mate(3)}"
    heights = retriever.index.filter.numbers("height")
    first = ordered(retriever, ranker, replace(likes, wishes=(shorter,)))[0]
    assert heights[retriever.catalog.position[first]] < heights[10]


# What is left behind


def test_a_ranker_that_was_saved_ranks_as_before(retriever: Retriever, ranker: LearnedRanker, tmp_path: Path) -> None:
    ranker.save(tmp_path, retriever.index, {"data": "x"})
    again = LearnedRanker.open(tmp_path, retriever.index, retriever.encoder)
    for one in conversations(rounds=1)[:10]:
        assert ordered(retriever, again, one.query)[:3] == ordered(retriever, ranker, one.query)[:3]


def test_a_new_item_is_ranked_as_a_mean_of_known_ones_like_it(
    retriever: Retriever, ranker: LearnedRanker, tmp_path: Path
) -> None:
    ranker.save(tmp_path / "ranker", retriever.index, {})
    grown = build(plants(SIZE + 4), tmp_path / "home", HashingEncoder())
    again = LearnedRanker.open(tmp_path / "ranker", grown, HashingEncoder())
    query = conversations()[0].query
    logits = again.knowledge.towers[0].logits(Conversation.of(query, grown.catalog, HashingEncoder()).said, [], [])
    assert len(logits) == SIZE + 4 and logits[:SIZE].min() <= logits[SIZE:].min() <= logits[:SIZE].max()
    found = ordered(Retriever(grown, HashingEncoder()), again, replace(query, limit=99))
    assert set(found) >= {f"p{SIZE}", f"p{SIZE + 3}"}


def test_a_ranker_of_another_encoder_or_catalog_is_refused_with_the_command(
    retriever: Retriever, ranker: LearnedRanker, wines: Catalog, tmp_path: Path
) -> None:
    ranker.save(tmp_path / "ranker", retriever.index, {})
    other: Index = build(wines, tmp_path / "wines", HashingEncoder())
    with pytest.raises(UserError, match="less than half .*: learn it again with `python -m finetune ranker"):
        LearnedRanker.open(tmp_path / "ranker", other, HashingEncoder())
    record = json.loads((tmp_path / "ranker" / RECORD).read_text("utf-8"))
    (tmp_path / "ranker" / RECORD).write_text(json.dumps({**record, "encoder": "embedded"}), "utf-8")
    with pytest.raises(UserError, match="'embedded', not 'hashing'"):
        LearnedRanker.open(tmp_path / "ranker", retriever.index, HashingEncoder())
    with pytest.raises(UserError, match="no learned ranker"):
        LearnedRanker.open(tmp_path / "nowhere", retriever.index, HashingEncoder())


def test_the_ranker_in_the_home_is_found_unless_it_is_turned_off(
    retriever: Retriever, ranker: LearnedRanker, tmp_path: Path
) -> None:
    index = retriever.index
    assert ranker_folder("auto", index, "hashing", tmp_path) is None
    ranker.save(tmp_path / "ranker", index, {})
    assert ranker_folder("auto", index, "hashing", tmp_path) == tmp_path / "ranker"
    assert ranker_folder("none", index, "hashing", tmp_path) is None
    assert ranker_folder(str(tmp_path / "ranker"), index, "hashing", tmp_path / "elsewhere") == tmp_path / "ranker"


def test_the_record_says_how_good_the_order_is_where_it_was_not_taught(retriever: Retriever, tmp_path: Path) -> None:
    record, _, _, held = learn(retriever, conversations(), [], QUICK, tmp_path, lambda _: None)
    assert json.loads((tmp_path / RECORD).read_text("utf-8"))["cross_validated"] == record["cross_validated"]
    found = record["cross_validated"]
    assert found[LEARNED]["R@1"] > found[SEARCH]["R@1"] and record["turns"] == len(conversations())
    first = [one.gold[0] == int(one.scores.argmax()) for one in held]
    assert len(held) == len(conversations()) and np.mean(first) == pytest.approx(found[LEARNED]["R@1"], abs=1e-4)


def test_too_little_to_learn_from_is_said(retriever: Retriever, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give at least 20"):
        learn(retriever, conversations()[:5], [], QUICK, tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


# Logs and ratings


def test_a_logged_turn_has_the_belief_and_the_words_of_its_moment() -> None:
    shown = [{"title": "Plant 3"}, {"title": "Plant 5"}, {"title": "Nowhere"}]
    dialogue = {
        "id": "d",
        "turns": [
            {"user": "a fern", "update": {"intent": "recommend", "prefer": [{"attribute": "family", "value": "fern"}]}},
            {"user": "taller", "update": {"intent": "refine"}, "shown": shown},
            {
                "user": "not the first",
                "update": {"intent": "feedback", "items": [{"ref": "#1", "verdict": "rejected"}]},
                "shown": ["Plant 7"],
            },
        ],
    }
    first, second = logged_turns([dialogue], plants())
    assert first.gold == ("p3", "p5") and first.query.said == "a fern taller" and first.query.message == "taller"
    assert first.query.wishes[0].value == "fern" and first.query.named == ()
    assert second.query.named == (Named("p5", "shown"), Named("p3", "against"))


def test_of_our_own_lists_what_was_taken_is_right_and_the_rest_was_shown() -> None:
    shown = [{"title": f"Plant {place}", "propensity": 0.5} for place in (3, 5, 7)]
    liked = {"intent": "feedback", "items": [{"ref": "Plant 5", "verdict": "accepted"}]}
    turns = [
        {"user": "a fern", "update": {"intent": "recommend"}, "shown": shown},
        {"user": "", "update": liked},
        {"user": "another", "update": {"intent": "refine"}, "shown": shown[:1]},
    ]
    [only] = logged_turns([{"id": "d", "turns": turns}], plants())
    assert only.gold == ("p5",) and only.query.message == "a fern"


def test_ratings_are_joined_and_only_good_ones_count(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\n1,10,5\n1,11,2\n2,99,5\n", "utf-8")
    (tmp_path / "joins.jsonl").write_text('{"id": "p3", "ml_id": "10"}\n{"id": "p4", "ml_id": 11}\n', "utf-8")
    assert read_liked(tmp_path, tmp_path / "joins.jsonl", plants()) == [("1", "p3")]
    with pytest.raises(UserError, match="--joins"):
        read_liked(tmp_path, None, plants())
    with pytest.raises(UserError, match="cannot be read"):
        read_liked(tmp_path / "none.csv", None, plants())
    (tmp_path / "ratings.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(UserError, match="the columns are userId, movieId, rating"):
        read_liked(tmp_path, None, plants())


def test_the_command_names_what_is_wrong_in_one_line(home: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["ranker", "--log", str(tmp_path / "no.jsonl"), "--encoder", "hashing"])
    assert isinstance(result.exception, UserError) and "no dialogues at" in str(result.exception)
