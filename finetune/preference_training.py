"""Preference tuning of the adapter that serves: DPO on pairs, KTO on lone judgements, by trl.

The adapter that serves is merged into the base weights and is the frozen reference; a small LoRA on top of it is what
is trained. What is written is one adapter again: the two LoRAs side by side, whose sum is exact.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agent.base_model import end_id, load, quietly, resolve
from agent.local_llm import PROJECTION, RECORD, read_record
from finetune.config import PreferenceConfig
from finetune.preferences import Judgement, Pair, answers
from prompts import Prompt
from retrieval.catalog import UserError
from retrieval.semantic_ids import SemanticIds

if TYPE_CHECKING:
    import torch

Method = Literal["dpo", "kto"]
LIBRARIES = ("torch", "transformers", "peft", "trl")
WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"
Say = Callable[[str], None]


def train(
    method: Method,
    given: Sequence[Pair] | Sequence[Judgement],
    serving: Path,
    semantic_ids: SemanticIds,
    config: PreferenceConfig,
    base: str,
    home: Path,
    out: Path,
    say: Say,
) -> dict[str, Any]:
    """Tune the adapter in `serving` on preferences and write the new one to `out`; return its record.

    DPO: Rafailov et al., 2023, arXiv:2305.18290; KTO: Ethayarajh et al., 2024, arXiv:2402.01306. Examples are drawn in
    proportion to their weights, by the seed. UserError when the adapter has no LoRA or belongs to another base model.
    """
    import torch
    from peft import LoraConfig, PeftModel

    started = time.perf_counter()
    record = read_record(serving)
    source, model_id = resolve(base, home, say)
    if record["model"] != model_id or not (serving / SETTINGS).is_file():
        raise UserError(f"the adapter {serving} belongs to {record['model']}, not to {model_id}: set --model")
    if json.loads((serving / SETTINGS).read_text("utf-8"))["peft_type"] != "LORA":
        raise UserError(f"the adapter {serving} has no LoRA to go on from: train one with `python -m finetune sft`")
    model, tokenizer = load(source, list(semantic_ids.tokens()), torch.float32)
    with quietly():
        model = PeftModel.from_pretrained(model, str(serving)).merge_and_unload()
    rows = [_encoded(one, tokenizer) for one in _drawn(given, config)]
    if method == "kto":
        rows = [row for start in range(0, len(rows), config.batch) for row in _mismatched(rows[start:][: config.batch])]
    lora = LoraConfig(
        r=config.rank, lora_alpha=config.rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with quietly():
        trainer = _trainer(method, model, tokenizer, rows, lora, config, out, say)
        trainer.train()
    _write(trainer.model, serving, out)
    losses = [round(entry["loss"], 4) for entry in trainer.state.log_history if "loss" in entry]
    record = {
        **{name: record[name] for name in ("semantic_ids", "model")},
        "soft_tokens": record.get("soft_tokens", 0),
        "method": method,
        "parent": hashlib.sha256((serving / WEIGHTS).read_bytes()).hexdigest()[:12],
        "config": config.model_dump(),
        "data": hashlib.sha256(repr(list(given)).encode()).hexdigest()[:16],
        "examples": len(given),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "losses": losses,
        "seconds": round(time.perf_counter() - started),
    }
    (out / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return record


def _drawn(given: Sequence[Any], config: PreferenceConfig) -> list[Any]:
    """Draw as many examples as the steps take, in proportion to their weights."""
    chance = random.Random(config.seed)
    return chance.choices(list(given), [one.weight for one in given], k=config.steps * config.batch)


def _encoded(one: Pair | Judgement, tokenizer: Any) -> dict[str, Any]:
    """Return token ids, the shared and the own part of the prompt apart as in serving."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        return found

    def prompt_ids(prompt: Prompt) -> list[int]:
        return ids(prompt.context) + ids(prompt.own)

    end = [end_id(tokenizer)]
    if isinstance(one, Pair):
        answers = {"chosen_ids": ids(one.chosen) + end, "rejected_ids": ids(one.rejected) + end}
        return {"prompt_ids": prompt_ids(one.prompt), **answers}
    return {"prompt_ids": prompt_ids(one.prompt), "completion_ids": ids(one.completion) + end, "label": one.good}


def _mismatched(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a batch with the answer of another one each, by which KTO estimates how far the model is."""
    others = [rows[-1], *rows[:-1]]
    return [{**row, "KL_completion_ids": other["completion_ids"]} for row, other in zip(rows, others, strict=True)]


def _trainer(
    method: Method,
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, Any]],
    lora: Any,
    config: PreferenceConfig,
    out: Path,
    say: Say,
) -> Any:
    """Return trl's trainer over rows that are tokenised already; `say` hears of every tenth of the steps."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    common: dict[str, Any] = {
        "output_dir": str(out / "run"),
        "max_steps": config.steps,
        "per_device_train_batch_size": config.batch,
        "learning_rate": config.rate,
        "warmup_steps": max(1, config.steps // 10),
        "beta": config.beta,
        "seed": config.seed,
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": not torch.cuda.is_available(),
        "max_length": None,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    kind, settings = (DPOTrainer, DPOConfig) if method == "dpo" else (KTOTrainer, KTOConfig)

    class Encoded(kind):  # type: ignore[misc, valid-type]
        """Takes token ids as they are: prompts are tokenised in two parts, as in serving."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    class Telling(TrainerCallback):
        """Says how far it is, in the place of a line of figures for every step."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            step, of = state.global_step, config.steps
            if "loss" in logs and step * 10 // of > (step - 1) * 10 // of:
                say(f"step {step} of {of}, loss {float(logs['loss']):.3f}")

    trainer = Encoded(
        model=model, args=settings(**common), train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        peft_config=lora, callbacks=[Telling()],
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    return trainer


def _write(tuned: Any, serving: Path, out: Path) -> None:
    """Write one adapter: the rows of the serving one, and both LoRAs side by side, which sums their changes."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file, save_file

    settings = json.loads((serving / SETTINGS).read_text("utf-8"))
    old, new = load_file(serving / WEIGHTS), get_peft_model_state_dict(tuned, save_embedding_layers=False)
    own = tuned.peft_config["default"]
    scales = settings["lora_alpha"] / settings["r"], own.lora_alpha / own.r
    joined: dict[str, torch.Tensor] = {name: value for name, value in old.items() if "lora_" not in name}
    for name, fresh in new.items():
        before = old.get(name)
        parts = [fresh.float()] if before is None else [before.float(), fresh.float()]
        if "lora_B" in name:
            parts = [part * scale for part, scale in zip(parts, scales[-len(parts) :], strict=True)]
        joined[name] = torch.cat(parts, dim=0 if "lora_A" in name else 1).to(torch.float16).contiguous()
    rank = settings["r"] + own.r
    missing = [name for name in old if "lora_" in name and name not in new]
    assert not missing, f"LoRA weights of the serving adapter that were not trained on: {missing[:3]}"
    out.mkdir(parents=True, exist_ok=True)
    save_file(joined, out / WEIGHTS)
    (out / SETTINGS).write_text(json.dumps({**settings, "r": rank, "lora_alpha": rank}, indent=1) + "\n", "utf-8")
    if (serving / PROJECTION).is_file():
        shutil.copy2(serving / PROJECTION, out / PROJECTION)
    shutil.rmtree(out / "run", ignore_errors=True)


def likelier(llm: Any, pairs: Sequence[Pair], semantic_ids: SemanticIds) -> list[float]:
    """Return for each pair 1 where the model finds what was taken likelier, else 0; a prompt is read once."""
    paths = {semantic_ids.text(item): path for item, path in semantic_ids.codes.items()}
    found: dict[tuple[Prompt, str], float] = {}
    for prompt, own in answers(pairs).items():
        scores = llm.score_paths(prompt, [paths[answer] for answer in own])
        found |= {(prompt, answer): score for answer, score in zip(own, scores, strict=True)}
    return [float(found[pair.prompt, pair.chosen] > found[pair.prompt, pair.rejected]) for pair in pairs]


def accuracy(llm: Any, pairs: Sequence[Pair], semantic_ids: SemanticIds) -> dict[str, float | None]:
    """Return the `share` of pairs whose taken item the model finds likelier, with an error by conversation."""
    return share(likelier(llm, pairs, semantic_ids), [pair.conversation for pair in pairs])


def share(values: Sequence[float], clusters: Sequence[str]) -> dict[str, float | None]:
    """Return the `mean` of values and its standard `error`, where values of one cluster may depend on each other.

    The squared sums of residuals by cluster count, times G / (G - 1) (Cameron and Miller, 2015, J. Human Resources 50).
    None for the mean of nothing, and for the error of fewer than two clusters.
    """
    if not values:
        return {"mean": None, "error": None}
    mean = float(np.mean(values))
    sums: dict[str, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] += value - mean
    count = len(sums)
    error = (count / (count - 1) * sum(one**2 for one in sums.values())) ** 0.5 / len(values) if count > 1 else None
    return {"mean": round(mean, 4), "error": None if error is None else round(error, 4)}
