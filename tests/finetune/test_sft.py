from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.base_model import load
from agent.local_llm import PROJECTION, RECORD, LocalLanguageModel, read_record
from finetune.config import TrainingConfig, read_config
from finetune.examples import Example
from finetune.sft import train
from prompts import render
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.semantic_ids import SemanticIds

CONFIG = TrainingConfig(
    row_steps=4,
    steps=4,
    tokens=256,
    every=2,
    rank=2,
    alpha=4,
    mix={"rank": 1, "alignment": 1},
    validate_every=2,
    projection=0,
)


def run(examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, out: Path, **more: Any) -> Any:
    options = {"config": CONFIG, "validation": examples[:8], **more}
    return train(examples, wines, codes, base=base, home=out.parent, out=out, **options)


@pytest.fixture(scope="module")
def adapter(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("adapters") / "first"
    run(examples, wines, codes, base, out)
    return out


def test_a_run_leaves_an_adapter_and_a_record_of_what_made_it(adapter: Path, codes: SemanticIds) -> None:
    record = read_record(adapter)
    assert record["semantic_ids"] == codes.fingerprint
    assert record["config"] == CONFIG.model_dump()
    assert [stage for stage, _, _ in record["losses"]] == ["rows"] * 4 + ["lora"] * 4
    assert record["examples"]["rank"] == 12
    files = {RECORD, "adapter_config.json", "adapter_model.safetensors"}
    assert {path.name for path in adapter.iterdir()} == files | {"run"}
    assert str(adapter.parent) not in (adapter / "adapter_config.json").read_text()


def test_held_out_dialogues_are_measured_on_the_way_against_a_random_order(adapter: Path) -> None:
    measured = read_record(adapter)["validation"]
    assert [entry["step"] for entry in measured] == [2, 4]
    for entry in measured:
        assert 0 < entry["mrr"] <= entry["ndcg"] <= 1 and entry["loss"] > 0 and entry["n"] == 4
        assert entry["chance"] == pytest.approx(0.5897, abs=1e-3)  # mean of 1 / log2(1 + rank) over five places


def test_the_course_of_a_run_is_drawn_in_a_picture_a_page_and_tensorboard(adapter: Path) -> None:
    assert (adapter / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    page = (adapter / "run" / "report.html").read_text()
    assert "data:image/png;base64," in page and "NDCG@10" in page and "http" not in page
    events = list((adapter / "run" / "tensorboard").rglob("events.out.tfevents.*"))
    assert {path.parent.name for path in events} == {"rows", "lora"} and all(path.stat().st_size for path in events)
    assert not (adapter / "run" / "lora").exists(), "checkpoints are dropped in the end"


def test_without_the_drawing_library_a_run_says_so_in_one_line_and_trains_on(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    said: list[str] = []
    config = CONFIG.model_copy(update={"row_steps": 1, "steps": 0})
    run(examples, wines, codes, base, tmp_path / "plain", config=config, say=said.append)
    assert said == ["no curves are drawn: pip install 'tastemaker[train]'"]
    assert (tmp_path / "plain" / RECORD).exists() and not (tmp_path / "plain" / "run" / "curves.png").exists()


def test_only_the_rows_of_new_tokens_move_and_input_and_output_stay_tied(
    adapter: Path, base: str, codes: SemanticIds
) -> None:
    import torch
    from peft import PeftModel

    plain, tokenizer = load(base, codes.tokens(), torch.float32)
    before = plain.get_input_embeddings().weight.detach().clone()
    merged = PeftModel.from_pretrained(plain, str(adapter)).merge_and_unload()
    after = merged.get_input_embeddings().weight
    old = len(tokenizer) - len(codes.tokens())
    assert torch.equal(after[:old], before[:old])
    assert not torch.equal(after[old:], before[old:])
    assert merged.lm_head.weight.data_ptr() == after.data_ptr() or torch.equal(merged.lm_head.weight, after)


class Killed(Exception):
    pass


@pytest.mark.parametrize(("stage", "at"), [("rows", 4), ("lora", 3)])
def test_a_broken_run_that_is_resumed_gives_what_an_unbroken_one_gives(
    stage: str,
    at: int,
    examples: list[Example],
    wines: Catalog,
    codes: SemanticIds,
    base: str,
    adapter: Path,
    tmp_path: Path,
) -> None:
    def kill(step: int, total: int, name: str, loss: float) -> None:
        if (name, step) == (stage, at):
            raise Killed

    broken = tmp_path / "broken"
    with pytest.raises(Killed):
        run(examples, wines, codes, base, broken, report=kill)
    # What kill -9 leaves when it comes while a checkpoint is being written.
    half = broken / "run" / stage / "checkpoint-99"
    half.mkdir(parents=True)
    (half / "weights.part").write_bytes(b"half")
    record = run(examples, wines, codes, base, broken, resume=True)
    whole = read_record(adapter)
    assert record["losses"] == [tuple(entry) for entry in whole["losses"]]
    assert record["validation"] == whole["validation"]
    weights = "adapter_model.safetensors"
    assert (broken / weights).read_bytes() == (adapter / weights).read_bytes()


def test_a_run_is_not_resumed_with_other_settings(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    def kill(*_: Any) -> None:
        raise Killed

    with pytest.raises(Killed):
        run(examples, wines, codes, base, tmp_path / "broken", report=kill)
    other = CONFIG.model_copy(update={"rank": 4})
    with pytest.raises(UserError, match="other config: use the same"):
        run(examples, wines, codes, base, tmp_path / "broken", resume=True, config=other)
    with pytest.raises(UserError, match="other data"):
        run(examples[:-1], wines, codes, base, tmp_path / "broken", resume=True)


def test_the_best_weights_are_kept_and_a_stage_stops_when_ranking_does_not_improve(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path, monkeypatch: Any
) -> None:
    scores = iter([0.5, 0.9, 0.8, 0.9, 0.7, 0.99])
    seen = []

    def measure(tuned: Any, *_: Any) -> dict[str, float]:
        seen.append(tuned.code_rows().clone())
        found = dict.fromkeys(("ndcg_se", "mrr", "mrr_se", "loss", "chance", "n"), 0.1)
        return found | {"ndcg": next(scores)}

    monkeypatch.setattr("finetune.validation.ranking", measure)
    config = CONFIG.model_copy(update={"row_steps": 0, "steps": 6, "validate_every": 1, "patience": 3})
    record = run(examples, wines, codes, base, tmp_path / "early", config=config)
    assert [entry["ndcg"] for entry in record["validation"]] == [0.5, 0.9, 0.8, 0.9, 0.7]
    from safetensors.torch import load_file

    rows = [
        value for name, value in load_file(tmp_path / "early" / "adapter_model.safetensors").items() if "token" in name
    ]
    assert (rows[0][: len(seen[1])].float() - seen[1]).abs().max() < 1e-4
    assert (rows[0][: len(seen[1])].float() - seen[4]).abs().max() > 3e-4


def test_an_adapter_is_never_overwritten(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, adapter: Path
) -> None:
    with pytest.raises(UserError, match="already holds an adapter"):
        run(examples, wines, codes, base, adapter)


def test_an_adapter_for_other_codes_is_refused_with_the_command_that_helps(
    adapter: Path, base: str, wines: Catalog, tmp_path: Path
) -> None:
    vectors = HashingEncoder().encode([item.text for item in wines])
    other = SemanticIds.fit([item.id for item in wines], vectors, size=4, seed=3)
    with pytest.raises(UserError, match="python -m finetune sft"):
        LocalLanguageModel.open(base, adapter, other, tmp_path)
    with pytest.raises(UserError, match="no adapter in"):
        LocalLanguageModel.open(base, tmp_path / "nowhere", other, tmp_path)
    assert (adapter / RECORD).exists()


def test_prompt_tuning_learns_a_few_tokens_that_open_every_prompt_and_serves_like_any_adapter(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    out = tmp_path / "soft"
    config = CONFIG.model_copy(update={"method": "prompt", "soft_tokens": 3, "contrastive": 0.1})
    record = run(examples, wines, codes, base, out, config=config)
    assert record["soft_tokens"] == 3
    assert {len(rows) for rows in load_file(out / "adapter_model.safetensors").values()} == {len(codes.tokens()) + 3}
    llm = LocalLanguageModel.open(base, out, codes, tmp_path)
    prompt, paths = render("id_to_title", code="x"), list(codes.codes.values())
    with_prefix = llm.score_paths(prompt, paths)
    llm._prefix = []
    assert with_prefix != pytest.approx(llm.score_paths(prompt, paths), abs=1e-4)


def test_a_projection_head_is_learned_measured_saved_and_asked_by_the_agent(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    out, vectors = tmp_path / "head", np.eye(len(wines), dtype=np.float32)
    unlisted = [replace(example, task="generate") for example in examples if example.options]
    config = CONFIG.model_copy(update={"projection": 1.0, "mix": {"generate": 1}, "row_steps": 0, "steps": 40})
    config = config.model_copy(update={"projection_rate": 0.1, "validate_every": 40})
    record = run(unlisted, wines, codes, base, out, config=config, vectors=vectors, validation=unlisted)
    [measured] = record["validation"]
    assert measured["ndcg"] > measured["chance"] + 0.2
    assert load_file(out / PROJECTION)["weight"].shape[0] == len(wines)
    llm = LocalLanguageModel.open(base, out, codes, tmp_path)
    found = [llm.query_vector(example.prompt) for example in unlisted]
    best = [vector is not None and wines.items[int(vector.argmax())].id for vector in found]
    right = [example.options[0] for example in unlisted]
    assert sum(one == other for one, other in zip(best, right, strict=True)) > len(right) / 2


def test_without_a_projection_head_there_is_no_query_vector(
    adapter: Path, codes: SemanticIds, base: str, tmp_path: Path
) -> None:
    llm = LocalLanguageModel.open(base, adapter, codes, tmp_path)
    assert llm.query_vector(render("id_to_title", code="x")) is None


def test_settings_come_from_a_file_and_what_is_given_beside_it_wins(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text('steps = 7\nseed = 3\nmethod = "prompt"\n')
    config = read_config(path, seed=5, steps=None)
    assert (config.steps, config.seed, config.method) == (7, 5, "prompt")
    assert read_config(None) == TrainingConfig()


@pytest.mark.parametrize(("text", "said"), [("step = 3", "step: "), ("rank = 0", "rank: "), ("= 3", "TOML")])
def test_a_wrong_setting_is_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said) as error:
        read_config(path)
    assert "\n" not in str(error.value) and "train.toml" in str(error.value)


def test_what_training_imports_late_is_not_loaded_for_its_settings() -> None:
    import subprocess

    code = "import sys, finetune.sft; print(json.dumps([m for m in ('torch', 'matplotlib') if m in sys.modules]))"
    out = subprocess.run([sys.executable, "-c", f"import json; {code}"], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []
