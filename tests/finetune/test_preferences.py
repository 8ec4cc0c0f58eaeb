"""Preferences: what is compared with what, how much it counts, and what tuning makes of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_learning import card, turn
from test_ranker import plants
from test_sft import CONFIG as TRAINING

from agent.local_llm import RECORD, LocalLanguageModel, read_record
from finetune.config import PreferenceConfig
from finetune.preference_training import Method, accuracy, train
from finetune.preferences import Judgement, Pair, balanced, judgements, pairs
from prompts import Tokens, render
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder, document
from retrieval.semantic_ids import SemanticIds

PLANTS = plants()
QUICK = PreferenceConfig(steps=6, batch=2, rate=5e-3, rank=2)


@pytest.fixture(scope="module")
def plant_codes() -> SemanticIds:
    vectors = HashingEncoder().encode([document(item, PLANTS.schema) for item in PLANTS])
    return SemanticIds.fit([item.id for item in PLANTS], vectors, size=4)


def test_what_was_taken_is_compared_with_what_was_turned_down_or_passed_over(plant_codes: SemanticIds) -> None:
    shown = (card(1, "accepted", 0.25), card(2, "rejected"), card(3), card(4, "seen"))
    found = list(pairs([turn("c", 1, *shown)], PLANTS, plant_codes, clip=3))
    assert [one.rejected for one in found] == [plant_codes.text("p2"), plant_codes.text("p3")]
    assert {one.chosen for one in found} == {plant_codes.text("p1")}
    assert [one.weight for one in found] == [1.5, 1.5]


def test_a_list_without_anything_taken_gives_no_pair_but_judgements(plant_codes: SemanticIds) -> None:
    lists = [turn("c", 1, card(1, "rejected"), card(2)), turn("d", 1, card(3, "liked"))]
    assert list(pairs(lists, PLANTS, plant_codes, 5)) == []
    found = list(judgements(lists, PLANTS, plant_codes, 5))
    assert [(one.completion, one.good) for one in found] == [
        (plant_codes.text("p1"), False), (plant_codes.text("p3"), True),
    ]  # fmt: skip


def test_a_lone_thumb_speaks_of_the_first_item(plant_codes: SemanticIds) -> None:
    up = replace(turn("c", 1, card(1), card(2)), thumb="thumbs_up")
    wrong_words = replace(turn("d", 1, card(1)), thumb="thumbs_down", reason="ungrounded")
    found = list(judgements([up, wrong_words], PLANTS, plant_codes, 5))
    assert [(one.completion, one.good) for one in found] == [(plant_codes.text("p1"), True)]


def test_what_a_pair_says_is_not_said_again(plant_codes: SemanticIds) -> None:
    assert not list(judgements([turn("c", 1, card(1, "liked"), card(2))], PLANTS, plant_codes, 5))


@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.sampled_from("abc")), min_size=1, max_size=30), st.floats(0.5, 20)
)
def test_nobody_weighs_more_than_the_cap_and_nobody_more_than_before(
    given_: list[tuple[float, str]], cap: float
) -> None:
    weights, persons = [weight for weight, _ in given_], [person for _, person in given_]
    found = balanced(weights, persons, cap)
    assert len(found) == len(weights) and all(one > 0 for one in found)
    mean = sum(weights) / len(weights)
    for person in set(persons):
        own = [(one, weight / mean) for one, weight, who in zip(found, weights, persons, strict=True) if who == person]
        assert sum(one for one, _ in own) <= cap + 1e-6
        assert all(one <= before + 1e-9 for one, before in own)


# Tuning


def wine_pairs(wines: Catalog, codes: SemanticIds) -> list[Pair]:
    first, second = (codes.text(item.id) for item in list(wines)[:2])
    prompt = render("title_to_id", noun="wine", facts="something red")
    return [Pair(prompt, Tokens(first), Tokens(second), 1.0, f"c{n}", f"c{n}") for n in range(6)]


def margin(adapter: Path, pair: Pair, base: str, codes: SemanticIds, home: Path) -> float:
    llm = LocalLanguageModel.open(base, adapter, codes, home)
    paths = {codes.text(item): path for item, path in codes.codes.items()}
    chosen, rejected = llm.score_paths(pair.prompt, [paths[str(pair.chosen)], paths[str(pair.rejected)]])
    return chosen - rejected


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_tuning_makes_what_was_taken_likelier_and_leaves_one_adapter_that_serves(
    method: Method,
    serving: Path,
    wines: Catalog,
    codes: SemanticIds,
    base: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = wine_pairs(wines, codes)
    lone = [
        Judgement(one.prompt, text, good, 1.0, one.conversation, one.person)
        for one in own
        for text, good in ((one.chosen, True), (one.rejected, False))
    ]
    out = tmp_path / "tuned"
    said = list[str]()
    record = train(method, own if method == "dpo" else lone, serving, codes, QUICK, base, tmp_path, out, said.append)
    assert said[-1].startswith("step 6 of 6, loss ") and "'loss'" not in capsys.readouterr().out
    assert margin(out, own[0], base, codes, tmp_path) > margin(serving, own[0], base, codes, tmp_path)
    assert record["method"] == method and len(record["losses"]) == QUICK.steps and record["parent"]
    assert {path.name for path in out.iterdir()} == {RECORD, "adapter_config.json", "adapter_model.safetensors"}
    again = tmp_path / "again"
    train(method, own if method == "dpo" else lone, out, codes, QUICK, base, tmp_path, again, print)
    assert json.loads((again / "adapter_config.json").read_text())["r"] == TRAINING.rank + 2 * QUICK.rank


def test_an_untrained_step_changes_nothing(
    serving: Path, wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    own, out = wine_pairs(wines, codes), tmp_path / "tuned"
    train("dpo", own, serving, codes, replace_rate(1e-12), base, tmp_path, out, print)
    before, after = (margin(folder, own[0], base, codes, tmp_path) for folder in (serving, out))
    assert after == pytest.approx(before, abs=0.02)


def replace_rate(rate: float) -> PreferenceConfig:
    return QUICK.model_copy(update={"rate": rate, "steps": 2})


def test_the_share_of_pairs_that_a_model_has_right_is_counted(wines: Catalog, codes: SemanticIds) -> None:
    class Knowing:
        def score_paths(self, prompt: object, paths: list[object]) -> list[float]:
            return [1.0, 0.0]

    assert accuracy(Knowing(), wine_pairs(wines, codes), codes)["mean"] == 1.0
    assert accuracy(Knowing(), [], codes) == {"mean": None, "error": None}


def test_an_adapter_of_another_model_is_refused(serving: Path, codes: SemanticIds, base: str, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(serving, foreign)
    (foreign / RECORD).write_text(json.dumps({**read_record(serving), "model": "Other"}), "utf-8")
    with pytest.raises(UserError, match="belongs to Other"):
        train("dpo", [], foreign, codes, QUICK, base, tmp_path, tmp_path / "out", print)
    assert np.isfinite(QUICK.rate)
