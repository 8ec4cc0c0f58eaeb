from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import retrieval.rq_vae
from evals.__main__ import app
from evals.bench import light, pieces
from evals.bench.codes import HEADLINE, Task
from evals.bench.sequences import ITEMS, SEQUENCES, Sequences
from evals.results import read_result
from retrieval.catalog import UserError

PATHS = [(0, 1, 2), (0, 1, 3), (0, 2, 2), (4, 1, 2)]
ONCE = np.ones(len(PATHS), np.int64)
paths = st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=30)


def shared(rows: np.ndarray, one: int, other: int) -> int:
    return len({*rows[one].tolist()} & {*rows[other].tolist()} - {-1})


@pytest.mark.parametrize(
    ("feature", "expected"), [("unigram", (2, 2, 2)), ("bigram", (1, 0, 1)), ("prefix", (2, 1, 0))]
)
def test_items_share_the_pieces_that_their_paths_share(feature: str, expected: tuple[int, ...]) -> None:
    rows = pieces.FEATURES[feature](PATHS, ONCE, 100, 0)
    assert tuple(shared(rows, 0, other) for other in (1, 2, 3)) == expected


@given(paths, st.integers(1, 40), st.integers(0, 3))
def test_all_pieces_are_rows_of_the_table_and_items_with_equal_codes_have_equal_pieces(
    found: list[tuple[int, int, int]], rows: int, seed: int
) -> None:
    counts = np.zeros(len(found) + 1, np.int64)
    for feature in ("unigram", "bigram", "prefix"):
        table = pieces.FEATURES[feature]([*found, found[0]], counts, rows, seed)
        assert -1 <= table.min() and table.max() < rows
        assert table[0].tolist() == table[-1].tolist()
        assert (table >= 0).any(axis=1).all()


@pytest.mark.parametrize("feature", ["sentencepiece", "bpe"])
def test_learned_pieces_are_fewer_than_codes_where_items_share_much(feature: str) -> None:
    found = [(0, 1, place) for place in range(10)] + [(place, place, 3) for place in range(1, 10)]
    rows = pieces.FEATURES[feature](found, np.full(len(found), 5), 40, 0)
    lengths = (rows >= 0).sum(1)
    assert set(lengths[:10].tolist()) <= {1, 2} and rows.max() < 40
    assert rows.tolist() == pieces.FEATURES[feature](found, np.full(len(found), 5), 40, 0).tolist()


def test_byte_pairs_make_an_item_that_is_taken_often_one_piece() -> None:
    rng = np.random.default_rng(0)
    found = [*PATHS, *(tuple(path) for path in rng.integers(0, 5, (60, 3)).tolist())]
    counts = np.array([500] + [0] * (len(found) - 1))
    rows = pieces.merges(found, counts, 40, 0)
    lengths = (rows >= 0).sum(1)
    assert lengths[0] == 1 < lengths[2:].mean() <= 3


def test_ids_are_hashed_into_the_table_the_same_way_each_time() -> None:
    rows = pieces.hashed_ids(["a", "b", "c"], 7, 3, 0)
    assert rows.shape == (3, 3) and 0 <= rows.min() <= rows.max() < 7
    assert rows.tolist() == pieces.hashed_ids(["a", "b", "c"], 7, 3, 0).tolist()
    assert rows.tolist() != pieces.hashed_ids(["a", "b", "c"], 7, 3, 1).tolist()


def test_the_light_ranker_learns_what_follows_and_through_shared_pieces_also_for_items_never_seen() -> None:
    histories = [tuple((start + step) % 6 for step in range(5)) for start in range(6)] * 20
    rows = np.array([*range(6), 3])[:, None]  # item 6 is new and has the piece of item 3
    scorer = light.train(rows, histories, seed=0, epochs=6)
    scores = scorer([(1, 2), (4,)])
    assert scores[0].argmax() in (3, 6) and scores[0, 3] == scores[0, 6]
    assert scores[1].argmax() == 5
    assert (light.train(rows, histories, seed=0, epochs=6)([(1, 2), (4,)]) == scores).all()


def toy(users: int = 60, items: int = 30) -> tuple[str, list[str]]:
    rng = np.random.default_rng(0)
    lines = []
    for user in range(users):
        start = int(rng.integers(items))
        lines.append(" ".join([f"u{user}", *(str((start + step) % items + 1) for step in range(6))]))
    return "\n".join(lines) + "\n", [f"thing number {item} of kind {item % 5}" for item in range(items)]


def test_new_items_are_out_of_training_and_every_target_known_or_new() -> None:
    histories = tuple(tuple((user + step) % 30 for step in range(6)) for user in range(40))
    names = tuple(map(str, range(30)))
    task = Task.of(Sequences(tuple(map(str, range(40))), histories, names, names), 25, 0)
    assert len(task.data.users) == len(task.training) == 25
    assert (task.counts == 0).sum() >= 3
    masks = task.masks(task.data.held_out("validation")[1])
    assert not (masks["tail "] & masks["new "]).any() and masks[""].all() and masks["new "].any()


def test_bench_codes_measures_every_feature_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval.rq_vae, "STEPS", 30)
    monkeypatch.setattr(light, "EPOCHS", 1)
    sequences, texts = toy()
    (tmp_path / SEQUENCES).write_text(sequences, "utf-8")
    (tmp_path / ITEMS).write_text(
        "".join(json.dumps({"id": place, "text": text}) + "\n" for place, text in enumerate(texts, 1))
    )
    home, out = str(tmp_path / "home"), tmp_path / "out.json"
    arguments = ["bench", "codes", str(tmp_path), "--home", home, "--encoder", "hashing"]
    done = CliRunner().invoke(app, [*arguments, "--users", "40", "--rows", "50", "--json", str(out)])
    assert done.exit_code == 0, done.output
    result = read_result(out)
    assert len(result.systems) == 5 + 4 * 5
    assert tuple(result.metrics()) == HEADLINE
    assert "rq-vae text+liking, sentencepiece" in result.systems
    wrong = CliRunner().invoke(app, [*arguments, "--split", "train"])
    assert isinstance(wrong.exception, UserError)
