"""Supervised fine-tuning: stage 1 moves the new token rows alone, stage 2 adds LoRA on every linear layer."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.base_model import Say, quietly, resolve
from agent.local_llm import PROJECTION, RECORD
from finetune import curves
from finetune.batches import Encoded, encode, endless, padding
from finetune.config import TrainingConfig
from finetune.examples import Example
from retrieval.catalog import Catalog, UserError
from retrieval.semantic_ids import SemanticIds

if TYPE_CHECKING:
    from finetune.checkpoints import History
    from finetune.trainer import Measure, Stage
    from finetune.tuned import Tuned

ALIGNMENT = {"title_to_id": 4.0, "id_to_title": 3.0, "history": 3.0}
"""Tasks of stage 1, together the task `alignment` of stage 2, with their shares."""
ITEMS = ("generate", "request")
"""Tasks whose answer is an item that suits a person, which is what the projection head is for."""
LIBRARIES = ("torch", "transformers", "peft", "accelerate")
RUN, SETTINGS = "run", "settings.json"
Report = Callable[[int, int, str, float], None]
"""Called after each step with (step, steps in all, stage, loss)."""


def train(
    examples: Sequence[Example],
    catalog: Catalog,
    semantic_ids: SemanticIds,
    *,
    base: str,
    home: Path,
    out: Path,
    config: TrainingConfig,
    vectors: NDArray[np.float32] | None = None,
    validation: Sequence[Example] = (),
    resume: bool = False,
    report: Report = lambda *_: None,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Train an adapter on `examples` and write it to `out` with its record; return the record.

    `vectors`: (n, d) of the catalog's items, for a projection head. Alignment tasks form stage 1 and a share of stage
    2. Of the examples with options in `validation` some are measured on the way: the best weights by NDCG are kept.
    `out/run` shows the course of the run: settings, curves, TensorBoard events. With `resume` it goes on from its last
    checkpoint and gives what an unbroken run gives. Under `accelerate launch` every process calls this; the first one
    writes. UserError when `out` holds a finished adapter, or the checkpoints of another run.
    """
    import torch
    from accelerate import PartialState

    from finetune.checkpoints import last_checkpoint
    from finetune.head import start
    from finetune.trainer import Stage
    from finetune.tuned import prepare
    from finetune.validation import ranking

    if (out / RECORD).exists():
        raise UserError(f"{out} already holds an adapter: choose another --out or delete it")
    started, processes = time.perf_counter(), PartialState(cpu=not torch.cuda.is_available())
    source, model_id = resolve(base, home, say)
    settings = {
        "semantic_ids": semantic_ids.fingerprint,
        "model": model_id,
        "config": config.model_dump(),
        "data": _hash(examples),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    if processes.is_main_process:
        _open(out / RUN, settings, resume)
    processes.wait_for_everyone()
    if not curves.available():
        say("no curves are drawn: pip install 'tastemaker[train]'")
    tuned = prepare(source, catalog, semantic_ids, config, vectors)
    pools, too_long = _pools(examples, tuned, config.longest)
    task = "generate" if config.projection else "rank"
    ranked = [example for example in validation if example.task == task and example.options]
    measured = random.Random(config.seed).sample(ranked, min(config.validated, len(ranked)))
    stages = [
        Stage("rows", config.row_steps, ALIGNMENT, config.row_rate, 0.0, 0.0),
        Stage("lora", config.steps, config.mix, config.tuned_row_rate, config.rate, config.projection_rate),
    ]
    histories: dict[str, History] = {}
    shares: dict[str, float] = {}
    for stage in stages:
        if not stage.steps:
            continue
        stream = endless(pools, stage.mix, config.tokens, config.seed, packed=tuned.packs)
        batches = list(islice(stream, stage.steps * processes.num_processes))
        shares[stage.name] = round(padding(batches, packed=tuned.packs), 4)
        measure = (lambda: ranking(tuned, measured, semantic_ids)) if measured and stage.name == "lora" else None

        def show(history: History, name: str = stage.name) -> None:
            histories[name] = history
            if curves.available():
                curves.draw(histories, settings, out / RUN, f"Training of {out.name}")

        with quietly():
            if config.projection and stage.head_rate and not (resume and last_checkpoint(out / RUN / stage.name)):
                say("starting the projection head")
                start(tuned, {task: pools[task] for task in ITEMS if task in pools}, config.seed)
            histories[stage.name] = _run(
                tuned, stage, batches, config, out / RUN / stage.name, measure, resume, report, show
            )
    record = settings | {
        "soft_tokens": config.soft_tokens if config.method == "prompt" else 0,
        "examples": {task: len(pool) for task, pool in sorted(pools.items())},
        "too_long": too_long,
        "packed": tuned.packs,
        "padding": shares,
        "losses": [
            (name, int(entry["step"]) - 1, round(entry["loss"], 4))
            for name, history in histories.items()
            for entry in history
            if "loss" in entry
        ],
        "validation": [
            {key.removeprefix("eval_"): round(value, 4) for key, value in entry.items() if key != "epoch"}
            for entry in histories.get("lora", ())
            if "eval_ndcg" in entry
        ],
        "seconds": round(time.perf_counter() - started),
    }
    if processes.is_main_process:
        _write(tuned, out, model_id, record)
    processes.wait_for_everyone()
    return record


def _run(
    tuned: Tuned,
    stage: Stage,
    batches: Sequence[list[Encoded]],
    config: TrainingConfig,
    folder: Path,
    measure: Measure | None,
    resume: bool,
    report: Report,
    show: Callable[[History], None],
) -> History:
    """Run one stage, or what is left of it, leave the best weights in `tuned`, and return what was logged."""
    from safetensors.torch import load_file
    from transformers import TrainerState
    from transformers.trainer import TRAINER_STATE_NAME

    from finetune.checkpoints import BEST, WEIGHTS, Telling, last_checkpoint, stopped
    from finetune.trainer import StageTrainer

    checkpoint = last_checkpoint(folder) if resume else None
    before = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME)) if checkpoint else None
    telling = Telling(lambda step, loss: report(step, stage.steps, stage.name, loss), show)
    callbacks = [telling, *_tensorboard(folder, before.global_step if before else 0)]
    trainer = StageTrainer(tuned, stage, batches, config, folder, measure, callbacks)
    history: History
    if checkpoint and before and (before.global_step >= stage.steps or stopped(before.log_history, config.patience)):
        tuned.put(load_file(checkpoint / WEIGHTS))
        history = before.log_history
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        history = trainer.state.log_history
    if (folder / BEST).exists():
        tuned.put(load_file(folder / BEST))
    return history


def _tensorboard(folder: Path, step: int) -> list[Any]:
    """Return the callback that writes TensorBoard events, none where it is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return []
    from accelerate import PartialState
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    if not PartialState().is_main_process:
        return []
    writer: Any = SummaryWriter(str(folder.parent / "tensorboard" / folder.name), purge_step=step)
    callback: Any = TensorBoardCallback
    return [callback(writer)]


def _open(run: Path, settings: Mapping[str, Any], resume: bool) -> None:
    """Start a run's folder anew, or see that the one to go on from was started with the same settings."""
    path = run / SETTINGS
    if resume and path.exists():
        before = json.loads(path.read_text("utf-8"))
        other = [key for key, value in json.loads(json.dumps(settings)).items() if before.get(key) != value]
        if other:
            raise UserError(
                f"{run} was started with other {', '.join(other)}: use the same or start anew without --resume"
            )
        return
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    path.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")


def _pools(examples: Sequence[Example], tuned: Tuned, longest: int) -> tuple[dict[str, list[Encoded]], int]:
    """Return the encoded examples by task, and how many were too long."""
    pools: dict[str, list[Encoded]] = {"alignment": []}
    too_long = 0
    for example in examples:
        encoded = encode(example, tuned.tokenizer, tuned.prefix)
        if len(encoded.ids) > longest:
            too_long += 1
            continue
        pools.setdefault(example.task, []).append(encoded)
        if example.task in ALIGNMENT:
            pools["alignment"].append(encoded)
    return pools, too_long


def _hash(examples: Sequence[Example]) -> str:
    said = repr([(one.task, one.prompt, one.answer, *([one.weight] if one.person else ())) for one in examples])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _write(tuned: Tuned, out: Path, model_id: str, record: Mapping[str, Any]) -> None:
    """Write the adapter in half precision, then its record, and drop the checkpoints."""
    import torch
    from safetensors.torch import load_file, save_file

    from finetune.tuned import check_merged

    out.mkdir(parents=True, exist_ok=True)
    if tuned.projection is not None:
        save_file({"weight": tuned.projection.detach().to(torch.float16).contiguous()}, out / PROJECTION)
    tuned.model.peft_config["default"].base_model_name_or_path = model_id
    tuned.model.save_pretrained(str(out), save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)
    path = out / "adapter_model.safetensors"
    # Half the size, far below the noise of the base weights.
    save_file({name: value.to(torch.float16).contiguous() for name, value in load_file(path).items()}, path)
    check_merged(tuned)
    for stage in ("rows", "lora"):
        shutil.rmtree(out / RUN / stage, ignore_errors=True)
    (out / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
