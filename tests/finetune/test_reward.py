"""A reward head: what it learns from pairs, what its figures say, and what is left in the home."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from cellar import open_cellar, stock
from typer.testing import CliRunner

from agent.base_model import load
from agent.belief import BeliefState
from agent.local_llm import LocalLanguageModel
from agent.reactions import Exposure, Reacted
from agent.versions import Versions, digest
from finetune.__main__ import app, main
from finetune.config import PreferenceConfig
from finetune.learning import held_out
from finetune.preference_training import share
from finetune.preferences import Pair
from finetune.reward import HEAD, PENALTIES, RECORD, fit, learn, read, told, train
from prompts import Prompt, Tokens
from retrieval.catalog import Catalog, UserError
from retrieval.semantic_ids import SemanticIds

QUICK = PreferenceConfig(steps=40)
LOVED = ("stone-terrace", "red-hill", "sun-path", "chalk-field")


def taken(wines: Catalog, count: int) -> list[Reacted]:
    """Return a turn of each of `count` conversations: one of four wines is taken, wherever three others stand."""
    chance, found = random.Random(3), []
    others = [item.id for item in wines if item.id not in LOVED]
    for number in range(count):
        one = chance.choice(LOVED)
        shown = [one, *chance.sample(others, 3)]
        chance.shuffle(shown)
        cards = [Exposure(item, place, 1.0, "accepted" if item == one else None) for place, item in enumerate(shown, 1)]
        found.append(turn(f"c{number}", tuple(cards)))
    return found


def turn(conversation: str, cards: tuple[Exposure, ...]) -> Reacted:
    return Reacted(
        conversation, "", 1, 1, "", "something for tonight", "", BeliefState(), BeliefState(turn=1), "recommend", cards,
        (), 0.0, "shipped", "none", "scripted", "", "",
    )  # fmt: skip


def trained(reacted: list[Reacted], wines: Catalog, serving: Path, codes: SemanticIds, base: str, home: Path) -> dict:
    return train(reacted, wines, serving, codes, QUICK, base, home, home / "reward", lambda line: None)


def test_what_people_always_take_is_rewarded_in_conversations_that_were_not_learned_from(
    serving: Path, wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    record = trained(taken(wines, 120), wines, serving, codes, base, tmp_path)
    figures, counts = record["figures"], record["pairs"]
    assert counts["learned"] + counts["held_out"] == 360 and counts["held_out_conversations"] >= 15
    assert figures["reward"]["mean"] > 0.85
    assert abs(figures["place"]["mean"] - 0.5) < 4 * figures["place"]["error"]
    assert set(figures) == {"reward", "likelihood", "place", "popularity"}
    best = record["ahead"]["place"]
    assert best["mean"] == pytest.approx(figures["reward"]["mean"] - figures["place"]["mean"], abs=2e-4)
    lines = told(record)
    assert len(lines) == 5 and f"of {counts['held_out']} held out" in lines[0] and "place" in lines[3]


def test_what_was_above_and_what_is_popular_are_told_beside_the_reward(
    serving: Path, wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    first, last = wines.items[0].id, wines.items[-1].id
    cards = (Exposure(last, 1, 1.0, "liked"), Exposure(first, 2, 1.0))
    record = trained([turn(f"c{number}", cards) for number in range(12)], wines, serving, codes, base, tmp_path)
    assert record["figures"]["place"]["mean"] == 1 and record["figures"]["popularity"]["mean"] == 0


def test_a_run_leaves_a_head_and_a_record_of_what_made_it_in_place_of_the_last(
    serving: Path, wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    turns = taken(wines, 30)
    first = trained(turns[:20], wines, serving, codes, base, tmp_path)
    (tmp_path / "reward" / "left").write_text("over")
    record = trained(turns, wines, serving, codes, base, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"reward"}
    assert {path.name for path in (tmp_path / "reward").iterdir()} == {HEAD, RECORD}
    assert json.loads((tmp_path / "reward" / RECORD).read_text("utf-8")) == record
    assert load_file(tmp_path / "reward" / HEAD)["weight"].shape == (1, 32)
    assert record["config"] == {"seed": 0, "steps": 40, "clip": 5.0, "cap": 10.0, "held_out": 0.2}
    assert record["data"] != first["data"] and record["semantic_ids"] == codes.fingerprint
    assert record["model"] == Path(base).name and record["adapter"].startswith("adapter@")
    assert set(record["losses"]) == {f"{penalty:g}" for penalty in PENALTIES} and record["versions"]["torch"]
    names = {one.conversation for one in turns}
    assert set(record["conversations"]) == {digest(name) for name in names if not held_out(name, QUICK.held_out)}


def test_the_same_log_and_seed_give_the_same_head(
    serving: Path, wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    heads = []
    for _ in range(2):
        trained(taken(wines, 20), wines, serving, codes, base, tmp_path)
        heads.append((tmp_path / "reward" / HEAD).read_bytes())
    assert heads[0] == heads[1]


def test_the_state_of_an_answer_is_that_of_the_whole_text_read_at_once(base: str, codes: SemanticIds) -> None:
    import torch

    model, tokenizer = load(base, codes.tokens(), torch.float32)
    llm = LocalLanguageModel(model, tokenizer, codes, "tiny")
    one, other, third = (Tokens(codes.text(item)) for item in list(codes.codes)[:3])
    prompt = Prompt("Something red.", "For tonight.")
    wanted = [Pair(prompt, one, other, 1.0, "c", "c"), Pair(prompt, one, third, 1.0, "c", "c")]
    found = read(llm, wanted, "First")
    assert len(found) == 3
    for answer in (one, other, third):
        parts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("First", *prompt, answer)]
        ids = torch.tensor([[*sum(parts, []), llm.end]])
        with torch.inference_mode():
            whole = model.base_model(ids).last_hidden_state[0, -1]
        np.testing.assert_allclose(found[prompt, answer], whole.numpy(), atol=1e-5)


def test_of_two_pairs_that_contradict_each_other_the_heavier_is_heard() -> None:
    apart = np.array([[1.0, 2.0], [-1.0, -2.0]])
    weights = np.array([[3.0, 1.0], [1.0, 3.0], [1.0, 1.0]])
    first, second, neither = (fit(apart, own, 0.1, 50) for own in weights)
    assert first @ apart[0] > 0 > second @ apart[0]
    assert np.abs(neither).max() < 1e-6


def test_a_strong_penalty_is_chosen_where_pairs_say_nothing_and_a_weak_one_where_they_agree() -> None:
    rng = np.random.default_rng(0)
    noise, names = rng.normal(size=(60, 20)), [f"c{number}" for number in range(60)]
    _, lost = learn(noise, np.ones(60), names, QUICK)
    assert min(lost, key=lost.__getitem__) >= 10
    agreed = noise * np.where(noise[:, :1] > 0, 1, -1)
    head, losses = learn(agreed, np.ones(60), names, QUICK)
    assert min(losses, key=losses.__getitem__) <= 0.1 and np.abs(head).argmax() == 0
    assert losses[1000] == pytest.approx(np.log(2), abs=0.01)


def test_one_conversation_gets_the_strongest_penalty_and_numbers_that_never_differ_count_nothing() -> None:
    apart = np.array([[1.0, 0.0], [2.0, 0.0]])
    head, losses = learn(apart, np.ones(2), ["c", "c"], QUICK)
    assert losses == {} and 0 < head[0] < 0.01 and head[1] == 0


def test_pairs_of_one_conversation_are_not_counted_as_if_they_knew_nothing_of_each_other() -> None:
    assert share([], []) == {"mean": None, "error": None}
    assert share([1.0, 0.0], ["c", "c"]) == {"mean": 0.5, "error": None}
    alone = share([1.0, 0.0, 1.0, 1.0], list("abcd"))
    assert alone["error"] == pytest.approx(np.std([1, 0, 1, 1], ddof=1) / 2, abs=1e-4)
    assert share([1.0, 0.0, 1.0, 1.0] * 5, list("abcd") * 5) == alone


def test_where_nothing_is_held_out_yet_it_is_said_that_the_worth_is_not_known(
    serving: Path, wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    turns = [one for one in taken(wines, 10) if not held_out(one.conversation, QUICK.held_out)]
    record = trained(turns, wines, serving, codes, base, tmp_path)
    assert record["figures"]["reward"] == {"mean": None, "error": None}
    assert told(record) == [f"{3 * len(turns)} pairs learned from; none held out yet, so what it is worth is not known"]


# The command


def test_the_command_learns_from_the_log_and_says_what_the_head_is_worth(adapted: Path, base: str) -> None:
    options = ["--home", str(adapted), "--encoder", "hashing", "--model", base, "--steps", "20", "--seed", "4"]
    result = CliRunner().invoke(app, ["reward", *options])
    assert result.exit_code == 0, result.output
    record = json.loads((adapted / "reward" / RECORD).read_text("utf-8"))
    assert record["config"]["steps"] == 20 and record["config"]["seed"] == 4 and record["pairs"]["held_out"] > 0
    for name in ("reward", "likelihood", "place", "popularity"):
        assert f"{record['figures'][name]['mean']:.3f} (standard error" in result.output
    assert f"written to {adapted / 'reward'}; nothing answers by it" in result.output
    assert Versions(adapted).names() == ["v1"] and Versions(adapted).serving == "v1"


def test_what_is_missing_is_said_in_one_line_with_the_fix(
    adapted: Path,
    wines: Catalog,
    base: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    silent = stock(tmp_path / "silent", wines)
    rec = open_cellar(silent)
    rec.reply("c1", "something red")
    rec.close()
    for folder, model, named in (
        (tmp_path, base, "talk first"),
        (silent, base, "no adapter fits this index: train one"),
        (adapted, "scripted", "not to scripted: set the model"),
    ):
        options = ["--home", str(folder), "--encoder", "hashing", "--model", model]
        monkeypatch.setattr(sys, "argv", ["finetune", "reward", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.startswith("error: ") and named in said and said.count("\n") == 1


def test_a_log_in_which_nothing_was_taken_is_refused_before_a_model_is_loaded(
    wines: Catalog, codes: SemanticIds, tmp_path: Path
) -> None:
    lists = [turn(f"c{number}", (Exposure("red-hill", 1, 1.0),)) for number in range(3)]
    with pytest.raises(UserError, match="no pair to learn a reward from in .*take or like one") as refused:
        trained(lists, wines, tmp_path / "nowhere", codes, "nowhere", tmp_path)
    assert "\n" not in str(refused.value) and not (tmp_path / "reward").exists()
