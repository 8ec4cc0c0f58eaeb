from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evals.__main__ import app
from evals.bench.neighbours import BACKWARD, REACH, RECENCY, markov, neighbours, popularity, repetition
from evals.bench.sequences import ITEMS, SEQUENCES, Sequences, ndcg, ranks, read_sequences, recall, without
from evals.results import read_result
from retrieval.catalog import UserError

TOY = """\
ann 1 2 3 4
bob 2 3 1 5
cid 1 2 4 3
dee 3 2 1 4
eve 2 3 5 1
"""
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "amazon2014"


def write_toy(folder: Path, sequences: str = TOY) -> Path:
    texts = ("red nail polish", "blue nail polish", "face cream", "hair oil", "hand soap")
    lines = [json.dumps({"id": number, "text": text}) for number, text in enumerate(texts, 1)]
    (folder / ITEMS).write_text("\n".join(lines) + "\n", "utf-8")
    (folder / SEQUENCES).write_text(sequences, "utf-8")
    return folder


@pytest.fixture
def toy(tmp_path: Path) -> Sequences:
    return read_sequences(write_toy(tmp_path))


def test_the_last_item_is_the_test_the_one_before_it_validation_and_the_rest_training(toy: Sequences) -> None:
    assert toy.training == ((0, 1), (1, 2), (0, 1), (2, 1), (1, 2))
    histories, targets = toy.held_out("validation")
    assert histories == toy.training and targets.tolist() == [2, 0, 3, 0, 4]
    histories, targets = toy.held_out("test")
    assert histories[0] == (0, 1, 2) and targets.tolist() == [3, 4, 2, 3, 0]


def test_ranks_and_metrics_have_the_values_worked_out_by_hand() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.2, 0.2, 0.2], [-np.inf, 1.0, 2.0]], np.float32)
    order = np.array([1, 0, 2])  # item 1 first among equals, then 0, then 2
    found = ranks(scores, np.array([1, 2, 0]), order)
    assert found.tolist() == [2.0, 3.0, math.inf]
    assert recall(found, 1).tolist() == [0.0, 0.0, 0.0]
    assert recall(found, 2).tolist() == [1.0, 0.0, 0.0]
    assert ndcg(found, 3) == pytest.approx([1 / math.log2(3), 0.5, 0.0])
    assert ndcg(np.array([1.0]), 5).tolist() == [1.0]


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_ranks_of_all_items_are_a_permutation_whatever_the_ties(row: list[float], random: object) -> None:
    n = len(row)
    order = np.random.default_rng(n).permutation(n)
    scores = np.tile(np.array(row, np.float32), (n, 1))
    assert sorted(ranks(scores, np.arange(n), order).tolist()) == list(range(1, n + 1))


def test_among_equals_the_popular_come_first_and_the_rest_stand_by_lot(toy: Sequences) -> None:
    order = toy.tie_order(0)
    assert toy.counts.tolist() == [2, 5, 3, 0, 0]
    assert order[:3].tolist() == [2, 0, 1] and sorted(order[3:].tolist()) == [3, 4]
    assert {tuple(toy.tie_order(seed)) for seed in range(9)} == {(2, 0, 1, 3, 4), (2, 0, 1, 4, 3)}


def test_what_is_in_the_history_is_taken_out_without_touching_the_scores() -> None:
    scores = np.ones((2, 3), np.float32)
    assert np.isneginf(without(scores, [(0, 2), ()])).tolist() == [[True, False, True], [False, False, False]]
    assert scores.min() == 1.0


def test_markov_counts_what_came_directly_after_the_last_item(toy: Sequences) -> None:
    score = markov(toy.training, 5)
    assert score([(0, 1), (4, 2), (3,)]).tolist() == [[0, 0, 2, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_neighbours_weigh_order_distance_age_and_frequency() -> None:
    score = neighbours([(0, 1, 2), (0, 3)], 4)
    after_0 = np.array([0, 1, REACH, 1]) / math.sqrt(2)
    after_1 = np.array([BACKWARD, 0, 1, 0])
    assert score([(0,)])[0] == pytest.approx(after_0)
    assert score([(0, 1)])[0] == pytest.approx(RECENCY * after_0 + after_1)


def test_popularity_and_repetition_know_only_counts_and_the_history(toy: Sequences) -> None:
    assert popularity(toy.counts)([(0,)]).tolist() == [[2, 5, 3, 0, 0]]
    assert repetition(3)([(2, 0)]).tolist() == [[1.0, -math.inf, 0.0]]


@pytest.mark.parametrize(
    ("sequences", "said"),
    [
        ("ann 1 2 9", f"{SEQUENCES}:1: item 9 is not in {ITEMS}"),
        ("ann 1 2 3\nbob 1 2", f"{SEQUENCES}:2: user bob has fewer than 3 items"),
        ("ann 1 2 3\n\nann 1 2 3", f"{SEQUENCES}:3: user ann occurs twice"),
        ("", "no sequence in it"),
    ],
)
def test_a_wrong_line_is_named_with_its_fix(tmp_path: Path, sequences: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_sequences(write_toy(tmp_path, sequences))


def test_an_item_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    write_toy(tmp_path)
    (tmp_path / ITEMS).write_text('{"id": 1, "text": "soap"}\n{"id": 2}\n', "utf-8")
    with pytest.raises(UserError, match=f"{ITEMS}:2: not an item"):
        read_sequences(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read_sequences(tmp_path / "nowhere")


def test_the_command_prints_floors_and_baselines_and_writes_every_user(tmp_path: Path) -> None:
    arguments = ["bench", "beauty", str(write_toy(tmp_path)), "--home", str(tmp_path), "--encoder", "hashing"]
    outputs = []
    for name in ("a.json", "b.json"):
        done = CliRunner().invoke(app, [*arguments, "--split", "test", "--json", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        outputs.append((tmp_path / name).read_bytes())
    assert outputs[0] == outputs[1]
    for said in ("repeat", "markov", "knn", "protocol:", "ties:", "not trained, left out: sasrec, generative"):
        assert said in done.output
    result = read_result(tmp_path / "a.json")
    assert result.systems["knn"]["R@5"] == dict.fromkeys(("ann", "bob", "cid", "dee", "eve"), 1.0)
    assert result.estimate("repeat", "R@50").value == 0.0


@pytest.mark.parametrize("wrong", [["--systems", "knn,tiger"], ["--split", "dev"]])
def test_an_unknown_system_or_split_is_refused(tmp_path: Path, wrong: list[str]) -> None:
    write_toy(tmp_path)
    done = CliRunner().invoke(app, ["bench", "beauty", str(tmp_path), "--home", str(tmp_path), *wrong])
    assert isinstance(done.exception, UserError) and wrong[1].split(",")[-1] in str(done.exception)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"needs the public Amazon Beauty sequences in {REAL}")
def test_on_the_public_split_the_neighbours_reach_what_is_known_of_them() -> None:
    data = read_sequences(REAL)
    assert (len(data.users), len(data.item_ids)) == (22363, 12101)
    histories, targets = data.held_out("test")
    score = neighbours(data.training, len(data.item_ids))
    chosen = range(0, len(targets), 10)
    read = [histories[user] for user in chosen]
    found = ranks(without(score(read), read), targets[list(chosen)], data.tie_order(0))
    assert recall(found, 10).mean() == pytest.approx(0.085, abs=0.02)
