from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from evals.bench import causal, generative, sasrec
from evals.bench.beauty import Bench, measure
from evals.bench.generative import CodeTokens
from evals.bench.sequences import Sequences
from retrieval.encoder import HashingEncoder
from retrieval.semantic_ids import SemanticIds

ITEMS = tuple(f"item-{number}" for number in range(30))
QUIET = Console(file=StringIO())


@pytest.fixture(scope="module")
def codes() -> CodeTokens:
    vectors = np.random.default_rng(0).normal(size=(len(ITEMS), 6)).astype(np.float32)
    return CodeTokens.of(SemanticIds.fit(ITEMS, vectors, levels=2, size=4), ITEMS)


def small(recipe: causal.Recipe, **changes: Any) -> causal.Recipe:
    return replace(recipe, **{"width": 16, "inner": 16, "layers": 1, "heads": 2, "items": 8, "batch": 64, **changes})


def wild(recipe: causal.Recipe) -> Any:
    """A model whose random weights are large enough that no two items are as good as equal."""
    model = causal.untrained(small(recipe), 1).train(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


HISTORIES = [(1, 2, 3), (4,), (5, 6, 7, 8, 9), ()]


def test_beams_find_the_likeliest_items_with_their_exact_probabilities(codes: CodeTokens) -> None:
    model = wild(generative.recipe(codes))
    expected = []
    for history in HISTORIES:
        rows = [[*codes.tokens(history), *tokens] for tokens in codes.of_item]
        batch, _ = causal.padded(rows)
        with torch.inference_mode():
            logs = (model(batch).last_hidden_state @ model.wte.weight.T).log_softmax(-1)
        start = len(codes.tokens(history))
        expected.append(
            [sum(float(logs[row, start + level, token]) for level, token in enumerate(codes.of_item[row]))
             for row in range(len(rows))]
        )  # fmt: skip
    items, scores = generative.beams(model, codes, HISTORIES, 200)
    for row, found, log_probabilities in zip(expected, items, scores, strict=True):
        assert found[: len(ITEMS)].tolist() == np.argsort(row)[::-1].tolist()
        assert log_probabilities[: len(ITEMS)] == pytest.approx(sorted(row, reverse=True), abs=1e-3)
        assert (found[len(ITEMS) :] == -1).all()


@pytest.mark.parametrize("width", [1, 3, 10])
def test_beams_yield_nothing_but_different_catalog_items(codes: CodeTokens, width: int) -> None:
    items, scores = generative.beams(wild(generative.recipe(codes)), codes, HISTORIES, width)
    for row, log_probabilities in zip(items, scores, strict=True):
        assert len(set(row.tolist())) == width and set(row.tolist()) <= set(range(len(ITEMS)))
        assert (np.diff(log_probabilities) <= 0).all()


def test_what_no_beam_reaches_is_not_ranked(codes: CodeTokens) -> None:
    scores = generative.scorer(wild(generative.recipe(codes)), codes, 7, width=5)(HISTORIES)
    assert np.isfinite(scores).sum(1).tolist() == [5] * len(HISTORIES)


def test_sasrec_scores_do_not_depend_on_who_else_is_in_the_batch() -> None:
    score = sasrec.scorer(wild(sasrec.recipe(len(ITEMS))), 7)
    together = score(HISTORIES)
    assert together.shape == (len(HISTORIES), len(ITEMS))
    for history, row in zip(HISTORIES, together, strict=True):
        assert score([history])[0] == pytest.approx(row, abs=1e-4)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    sequences = [sasrec.tokens((start, start + 1, start + 2)) for start in range(20)]
    recipe = small(sasrec.recipe(len(ITEMS)), epochs=3)

    def killed(model: Any) -> float:
        if (tmp_path / "resumed.part").exists():
            raise KeyboardInterrupt
        return 0.1

    whole = causal.train(recipe, sequences, lambda model: 0.1, tmp_path / "whole.pt", seed=3, console=QUIET)
    with pytest.raises(KeyboardInterrupt):
        causal.train(recipe, sequences, killed, tmp_path / "resumed.pt", seed=3, console=QUIET)
    growing = iter([0.2, 0.3])
    resumed = causal.train(
        recipe, sequences, lambda model: next(growing), tmp_path / "resumed.pt", seed=3, console=QUIET
    )
    steady = iter([0.1, 0.2, 0.3])
    straight = causal.train(
        recipe, sequences, lambda model: next(steady), tmp_path / "straight.pt", seed=3, console=QUIET
    )
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert not torch.equal(whole.wte.weight, straight.wte.weight)  # kept its first epoch, which nothing bettered
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed.pt", "straight.pt", "whole.pt"]


def test_every_item_of_a_long_history_is_trained_on_within_the_window() -> None:
    recipe = small(sasrec.recipe(len(ITEMS)), epochs=1)
    sequences = [list(range(1, 21)), [3, 4]]
    seen = {
        tuple(one) for epoch in range(200) for batch in causal.batches(sequences, recipe, 0, epoch) for one in batch
    }
    assert {len(one) for one in seen} == {8, 2} and {one[0] for one in seen if len(one) == 8} == set(range(1, 14))


def test_both_learn_which_item_follows_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    ends = rng.integers(0, len(ITEMS), (60, 2)).tolist()
    histories = tuple(tuple((start + step) % len(ITEMS) for step in range(4 + more % 5)) for start, more in ends)
    texts = tuple(f"kind {number % 5} colour {number // 5} name{number}" for number in range(len(ITEMS)))
    data = Sequences(tuple(map(str, range(60))), histories, ITEMS, texts)
    shape = {"epochs": 40, "rate": 1e-2, "patience": 40, "dropout": 0.0, "layers": 2, "width": 32, "batch": 512}
    make_sasrec, make_generative = sasrec.recipe, generative.recipe
    monkeypatch.setattr(sasrec, "recipe", lambda items: small(make_sasrec(items), **shape))
    monkeypatch.setattr(generative, "recipe", lambda codes: small(make_generative(codes), **shape))
    bench = Bench(data, HashingEncoder(), 0, tmp_path, QUIET)
    result = measure(bench, "test", ["sasrec", "generative"], tmp_path)
    for system in ("sasrec", "generative"):
        learnt, chance = result.estimate(system, "R@5").value, 5 / len(ITEMS)
        assert learnt is not None and learnt > 2 * chance, system
    assert "Semantic IDs" in result.notes
    again = measure(bench, "test", [], tmp_path)  # what is trained is among the default
    assert again.systems["generative"] == result.systems["generative"]
    assert again.systems["sasrec"] == result.systems["sasrec"]
