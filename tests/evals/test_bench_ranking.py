"""The ranking benchmarks: titles, statistics, floors, metrics and the ceiling, and the commands over a tiny catalog."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from evals.bench import ranking_run
from evals.bench.catalogs import home_of
from evals.bench.ceiling import union
from evals.bench.commands import app
from evals.bench.contexts import RankingTurn
from evals.bench.floors import FLOORS, floors
from evals.bench.mentions import FOLDS, Mentions, cross_fitted, fold_of, mentioned, trained
from evals.bench.rank_metrics import DEPTH, metrics_of
from evals.bench.ranking import Bench
from evals.bench.titles import Titles, split_year
from evals.results import read_result
from finetune.ranker import Config
from retrieval.catalog import Catalog, CatalogSchema, Column, Item, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import Index, build
from retrieval.search import Retriever

FILMS = (
    ("Red Hill (2001)", "western", "A sheriff rides to a red hill."),
    ("Red  Hill (2001)", "western", "The same film, written twice."),
    ("Blue Sea (1999)", "drama", "A sailor waits by the sea."),
    ("Blue Sea (2010)", "comedy", "Sailors laugh on the sea."),
    ("Green Day", "drama", "A gardener spends a day in the green."),
    ("Night Train (2005)", "thriller", "Murder on a train at night."),
    ("Paper Moon (1973)", "comedy", "A swindler and a girl on the road."),
    ("Old Clock (1988)", "thriller", "A watchmaker hides a secret."),
)


def films() -> dict[str, Any]:
    people = {"director": ["Ann Lee"], "writer": ["Cy Poe"], "star": ["Bo Ray"], "imdb_id": "tt1"}
    return {
        str(100 + place): {"name": name, "genre": [genre], "plot": plot, **people}
        for place, (name, genre, plot) in enumerate(FILMS)
    }


def turn(dialogue: str, number: int, text: str, mentioned: tuple[str, ...], gold: tuple[str, ...]) -> dict[str, Any]:
    return {"dialog_id": dialogue, "turn_id": number, "context": [text], "entity": list(mentioned), "rec": list(gold)}


TURNS = [
    turn("a", 1, "a thriller like Night Train (2005) please", ("Night Train (2005)",),
         ("Old Clock (1988)", "Night Train (2005)", "Lost Reel (1950)")),
    turn("a", 3, "one more", ("Night Train (2005)", "Old Clock (1988)"), ("Green Day",)),
    turn("b", 1, "something funny", (), ("Paper Moon (1973)", "Blue Sea")),
    turn("c", 1, "like Night Train (2005)", ("Night Train (2005)",), ("Old Clock (1988)",)),
    turn("d", 1, "like Red Hill (2001)", ("Red Hill (2001)",), ("Paper Moon (1973)",)),
]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "films.json").write_text(json.dumps(films()), "utf-8")
    lines = [json.dumps(one) for one in TURNS]
    (tmp_path / "turns.jsonl").write_text("\n".join([*lines, "{"]) + "\n", "utf-8")
    return tmp_path


def titled(*titles: str) -> Catalog:
    columns = (Column(name="title", role="title"), Column(name="year", role="number", unit="year"))
    parts = [split_year(title) for title in titles]
    items = [Item(str(place), name, "", {"year": year}) for place, (name, year) in enumerate(parts)]
    return Catalog(CatalogSchema(columns=columns), items)


# Titles


@pytest.mark.parametrize(
    ("written", "places"),
    [
        ("Red Hill (2001)", [0]),
        ("  red   hill  ( 2001 )", [0]),
        ("Red Hill", [0]),
        ("Red Hill (2002)", []),
        ("Blue Sea", [1, 2]),
        ("Blue Sea (2010)", [2]),
        ("Green Day", [3]),
        ("Green Day (1994)", [3]),
        ("Twins", [5]),
        ("Twins (1988)", [4]),
        ("(1988)", []),
        ("", []),
    ],
)
def test_a_title_stands_for_the_items_it_may_mean(written: str, places: list[int]) -> None:
    catalog = titled("Red Hill (2001)", "Blue Sea (1999)", "Blue Sea (2010)", "Green Day", "Twins (1988)", "Twins")
    titles = Titles(catalog)
    assert titles.find(written) == places
    assert titles.match(written) == (places[0] if len(places) == 1 else None)


def test_matches_stand_once_in_the_order_of_last_mention() -> None:
    titles = Titles(titled("A (2001)", "B", "C"))
    assert titles.matches(["A", "B", "nothing", "A (2001)", "C"]) == [1, 0, 2]


# Statistics


def test_counts_are_of_dialogues() -> None:
    counted = Mentions.of([frozenset({0, 1}), frozenset({0, 1, 2}), frozenset({3})], 5)
    assert counted.counts.tolist() == [2, 2, 1, 1, 0]
    assert counted.together[0] == {1: 2, 2: 1}
    assert np.argsort(-counted.co_mention([0]), kind="stable").tolist() == [1, 2, 0, 3, 4]
    assert np.argsort(-counted.co_mention([]), kind="stable").tolist() == [0, 1, 2, 3, 4]


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(max_size=2), st.frozensets(st.integers(0, 9)), max_size=8))
def test_a_dialogues_own_mentions_are_never_counted(dialogues: dict[str, frozenset[int]]) -> None:
    counted = cross_fitted(dialogues, 10)
    for name, items in dialogues.items():
        without = {**dialogues, name: frozenset(range(10)) - items}
        assert (counted(name).counts == cross_fitted(without, 10)(name).counts).all()
        assert 0 <= fold_of(name) < FOLDS


def test_counts_of_another_file_leave_out_the_dialogues_that_are_evaluated() -> None:
    dialogues = {"a": frozenset({0}), "b": frozenset({0, 1})}
    assert trained(dialogues, 2, frozenset({"a"}))("a").counts.tolist() == [1, 1]


def test_a_dialogue_mentions_what_anybody_names_in_it() -> None:
    turns = [RankingTurn("x", 1, (), ("A",), ("B", "?")), RankingTurn("x", 2, (), ("B",), ("C",))]
    assert mentioned(turns, Titles(titled("A", "B", "C", "D"))) == {"x": frozenset({0, 1, 2})}


# Metrics


def test_metrics_of_a_gold_item_are_those_computed_by_hand() -> None:
    ranking = [f"i{place}" for place in range(1, 61)]
    found = metrics_of(ranking, {"i1", "i3", "i11", "i50", "i51", "absent"})
    assert found["i1"] == {"R@1": 1, "R@10": 1, "R@50": 1, "NDCG@10": 1, "MRR": 1}
    third = {"R@1": 0, "R@10": 1, "R@50": 1, "NDCG@10": 1 / math.log2(4), "MRR": 1 / 3}
    assert found["i3"] == pytest.approx(third)
    assert found["i11"] == pytest.approx({"R@1": 0, "R@10": 0, "R@50": 1, "NDCG@10": 0, "MRR": 1 / 11})
    assert (found["i50"]["R@50"], found["i51"]["R@50"]) == (1, 0)
    assert found["absent"] == {"R@1": 0, "R@10": 0, "R@50": 0, "NDCG@10": 0, "MRR": 0}


def test_an_item_that_is_not_ranked_or_too_deep_counts_nothing() -> None:
    assert metrics_of([], {"x"})["x"]["MRR"] == 0
    assert metrics_of(["x"], set()) == {}
    deep = [str(place) for place in range(DEPTH + 1)]
    assert metrics_of(deep, {str(DEPTH - 1)})[str(DEPTH - 1)]["MRR"] == pytest.approx(1 / DEPTH)
    assert metrics_of(deep, {str(DEPTH)})[str(DEPTH)]["MRR"] == 0


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(14)), st.sets(st.integers(0, 13)))
def test_a_gold_items_metrics_depend_on_its_rank_alone(order: list[int], gold: set[int]) -> None:
    ranking = [f"item {place}" for place in order]
    for item, found in metrics_of(ranking, {f"item {place}" for place in gold}).items():
        rank = ranking.index(item) + 1
        assert found["MRR"] == pytest.approx(1 / rank)
        assert found["NDCG@10"] == pytest.approx(1 / math.log2(rank + 1) if rank <= 10 else 0)
        assert (found["R@1"], found["R@10"], found["R@50"]) == (rank <= 1, rank <= 10, 1)


# Floors and ceiling


@pytest.fixture(scope="module")
def retriever(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(wines, tmp_path_factory.mktemp("floors"), HashingEncoder()), HashingEncoder())


def test_every_floor_ranks_by_its_one_reason(retriever: Retriever) -> None:
    counted = Mentions.of([frozenset({3, 5}), frozenset({3, 5}), frozenset({4, 9}), frozenset({4}), frozenset({4})], 12)
    found = floors(retriever, "long talk. A Malbec from Mendoza", [9, 3], counted)
    assert tuple(found) == FLOORS
    assert found["repeat"].tolist() == [3, 9]
    assert found["popularity"].tolist()[:5] == [4, 3, 5, 9, 0]
    assert set(found["BM25"][:2].tolist()) == set(found["dense"][:2].tolist()) == {7, 8}
    assert found["co-mention"].tolist()[:2] == [5, 4]
    assert all(sorted(order.tolist()) == list(range(12)) for name, order in found.items() if name != "repeat")


def test_the_union_takes_the_first_of_each_source_that_are_allowed_and_new() -> None:
    sources = {
        "dense": np.array([0.9, 0.8, 0.7, 0.0, 0.6], np.float32),
        "attributes": np.array([0.0, 0.0, 0.5, 0.5, 1.0], np.float32),
    }
    allowed = np.array([True, True, True, True, False])
    found = union(sources, allowed, [0], depths=(1, 2, 9))
    assert found == {1: frozenset({1, 2}), 2: frozenset({1, 2, 3}), 9: frozenset({1, 2, 3})}



# Catalogs


def test_redials_films_become_a_catalog_with_one_item_for_a_title_and_year(files: Path) -> None:
    said: list[str] = []
    folder = home_of(files / "films.json", files / "home", "hashing", said.append)
    catalog = Index.open(folder).catalog
    assert len(catalog) == len(FILMS) - 1
    assert len(said) == 1
    item = catalog["100"]
    assert (item.title, item.number("year"), item.values("genres")) == ("Red Hill", 2001, ("western",))
    assert [column.name for column in catalog.schema.columns if column.people] == ["directors", "writers", "cast"]
    assert catalog["104"].number("year") is None
    assert (folder / "models").resolve() == (files / "home" / "models").resolve()


def test_an_index_is_used_again_while_file_and_encoder_are_the_same(files: Path) -> None:
    said: list[str] = []
    first = home_of(files / "films.json", files / "home", "hashing", said.append)
    assert home_of(files / "films.json", files / "home", "hashing", said.append) == first
    assert len(said) == 1
    (files / "films.json").write_text(json.dumps(dict(list(films().items())[:4])), "utf-8")
    assert home_of(files / "films.json", files / "home", "hashing", said.append) != first


def test_a_file_that_is_no_catalog_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "films.json"
    with pytest.raises(UserError, match="no such file"):
        home_of(path, tmp_path, "hashing")
    path.write_text('{"1": {"title": "x"}}', "utf-8")
    with pytest.raises(UserError, match="not ReDial's films"):
        home_of(path, tmp_path, "hashing")


# Commands


def bench(files: Path, *options: str) -> Any:
    given = ["--catalog", str(files / "films.json"), "--home", str(files / "home")]
    fixed = ["--encoder", "hashing", "--model", "scripted"]
    command = ["redial", str(files / "turns.jsonl"), *given, *fixed, *options]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def test_the_command_prints_ours_and_every_floor_and_what_could_not_be_measured(files: Path) -> None:
    done = bench(files, "--json", str(files / "r.json"))
    assert done.exit_code == 0
    assert "turns.jsonl:6: bad JSON" in done.stderr
    printed = ("novel", "all", "tastemaker", *FLOORS, "union of its sources", "R@50", "NDCG@10", "MRR")
    for text in (*printed, "malformed lines: 1"):
        assert text in done.stdout
    assert "1 gold items are not in the catalog (Lost Reel (1950) x1...)" in done.stdout
    assert "1 have a title that several items have (Blue Sea x1...)" in done.stdout

    result = read_result(files / "r.json")
    all_of_them = result.systems["tastemaker"]["all R@1"]
    assert len(all_of_them) == 8
    assert [unit for unit, value in all_of_them.items() if value is None] == ["a:1:Lost Reel (1950)", "b:1:Blue Sea"]
    novel = result.systems["repeat"]["novel R@50"]
    assert "a:1:105" not in novel
    assert sum(value is not None for value in novel.values()) == 5
    assert result.estimate("repeat", "novel R@50").value == 0
    assert result.systems["repeat"]["all R@1"]["a:1:105"] == 1
    assert result.systems["co-mention"]["novel R@1"]["a:1:107"] == 1, "c names both, a is not counted"
    assert result.estimate("union of its sources", "ceiling R@200").n == 5


def test_the_same_command_writes_the_same_bytes(files: Path) -> None:
    for name in ("a.json", "b.json"):
        bench(files, "--json", str(files / name), "--sample", "3", "--seed", "2")
    assert (files / "a.json").read_bytes() == (files / "b.json").read_bytes()
    assert len(read_result(files / "a.json").made_by["data"]["hash"]) == 16
    assert "3 turns" in read_result(files / "a.json").notes["measured"]


def test_statistics_can_come_from_a_file_of_their_own(files: Path) -> None:
    other = [turn("z", 1, "hm", ("Night Train (2005)",), ("Green Day",)), TURNS[3]]
    (files / "train.jsonl").write_text("\n".join(map(json.dumps, other)), "utf-8")
    bench(files, "--train", str(files / "train.jsonl"), "--json", str(files / "r.json"))
    result = read_result(files / "r.json")
    assert result.systems["co-mention"]["novel R@1"]["a:3:104"] == 1
    assert result.systems["co-mention"]["novel R@1"]["a:1:107"] == 0, "c is evaluated, so it is not counted"
    assert "train.jsonl" in result.notes["popularity and co-mention from"]


def test_an_order_is_learned_from_the_other_folds_and_measured_beside_the_search(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.bench.learning.Config", partial(Config, folds=3, towers=2))
    pairs = [("Night Train (2005)", "Old Clock (1988)"), ("Red Hill (2001)", "Green Day")]
    pairs.append(("Green Day", "Red Hill (2001)"))
    talks = [
        turn(f"{place}-{liked}", 1, f"like {liked}", (liked,), (gold,)) for place in range(15) for liked, gold in pairs
    ]
    (files / "turns.jsonl").write_text("\n".join(map(json.dumps, talks)), "utf-8")
    done = bench(files, "--learn", "--json", str(files / "r.json"))
    result = read_result(files / "r.json")
    learned = result.estimate("learned order, no LLM", "novel R@1").value
    assert learned is not None and learned > 0.9
    assert "search, unlearned" in done.stdout and result.made_by["learn"] is True


def test_too_few_dialogues_to_learn_from_are_said(files: Path) -> None:
    with pytest.raises(UserError, match="4 conversations that show items .* give at least 20"):
        bench(files, "--learn")


def test_a_killed_run_goes_on_where_it_was(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bench(files, "--json", str(files / "whole.json"))
    measure, measured = Bench.measure, list[str]()

    def killed_at_the_third(self: Bench, turn: RankingTurn) -> Any:
        measured.append(turn.name)
        if len(measured) == 3:
            raise KeyboardInterrupt
        return measure(self, turn)

    monkeypatch.setattr(ranking_run.Bench, "measure", killed_at_the_third)
    bench(files)
    (unfinished,) = (files / "home" / "evals").iterdir()
    with unfinished.open("a") as lines:
        lines.write('["b:1", {"tas')
    again = bench(files, "--resume", "--json", str(files / "again.json"))
    assert measured == ["a:1", "a:3", "b:1", "b:1", "c:1", "d:1"]
    assert again.stdout.strip() == whole.stdout.strip()
    assert (files / "again.json").read_bytes() == (files / "whole.json").read_bytes()
    assert not unfinished.exists()
