"""Supervised fine-tuning: stage 1 moves the new token rows alone, stage 2 adds LoRA on every linear layer."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.base_model import load, quietly, resolve
from agent.local_llm import RECORD
from finetune.batches import Batch, Encoded, collate, encode, endless
from finetune.config import TrainingConfig
from finetune.examples import Example
from finetune.rows import initialise
from retrieval.catalog import Catalog, UserError
from retrieval.semantic_ids import SemanticIds

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
Report = Callable[[int, int, str, float], None]
"""Called after each step with (step, steps in all, stage, loss)."""


class Stage(NamedTuple):
    """One stage: which examples, for how long, and the learning rates of rows and LoRA weights."""

    name: str
    steps: int
    mix: Mapping[str, float]
    row_rate: float
    lora_rate: float


def train(
    examples: Sequence[Example],
    catalog: Catalog,
    semantic_ids: SemanticIds,
    *,
    base: str,
    home: Path,
    out: Path,
    config: TrainingConfig,
    resume: bool = False,
    report: Report = lambda *_: None,
) -> dict[str, Any]:
    """Train an adapter on `examples` and write it to `out` with its record; return the record.

    Alignment tasks (title_to_id, id_to_title, history) form stage 1 and a share of stage 2. With `resume` the run goes
    on from its last checkpoint and gives what an unbroken run gives. UserError when `out` holds a finished adapter.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    if (out / RECORD).exists():
        raise UserError(f"{out} already holds an adapter: choose another --out or delete it")
    torch.manual_seed(config.seed)
    source, model_id = resolve(base, home)
    model, tokenizer = load(source, semantic_ids.tokens(), torch.float32)
    rows = initialise(model, tokenizer, catalog, semantic_ids, config.seed)
    peft_config = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=LINEARS,
        trainable_token_indices={"embed_tokens": rows},
        ensure_weight_tying=True,
        task_type="CAUSAL_LM",
    )
    assert rows == list(range(rows[0], rows[-1] + 1)), "the rows of new tokens must follow each other"
    levels = _levels(rows[0], semantic_ids.sizes)
    with quietly():
        model = get_peft_model(model, peft_config)
    model.train()
    encoded = [(example.task, encode(example, tokenizer)) for example in examples]
    fitting = [(task, example) for task, example in encoded if len(example.ids) <= config.longest]
    alignment = [example for task, example in fitting if task in ("title_to_id", "id_to_title", "history")]
    pools: dict[str, list[Encoded]] = {"alignment": alignment}
    for task, example in fitting:
        pools.setdefault(task, []).append(example)
    stages = [
        Stage("rows", config.row_steps, {"title_to_id": 4, "id_to_title": 3, "history": 3}, config.row_rate, 0.0),
        Stage("lora", config.steps, config.mix, config.tuned_row_rate, config.rate),
    ]
    row_weights = [weight for name, weight in model.named_parameters() if "trainable_tokens" in name]
    lora_weights = [weight for name, weight in model.named_parameters() if "lora_" in name]
    assert row_weights and lora_weights, "peft added no trainable weights"
    losses: list[tuple[str, int, float]] = []
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    state = torch.load(checkpoint, weights_only=True) if resume and checkpoint.exists() else None
    for stage in stages:
        for weight in lora_weights:
            weight.requires_grad_(stage.lora_rate > 0)
        groups = [{"params": row_weights, "lr": stage.row_rate}]
        if stage.lora_rate:
            groups.append({"params": lora_weights, "lr": stage.lora_rate})
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, _schedule(stage.steps, config.warmup))
        batches = endless(pools, stage.mix, config.tokens, config.seed)
        done = 0
        if state is not None and state["stage"] != stage.name and stage.name == "rows":
            continue
        if state is not None and state["stage"] == stage.name:
            _restore(state, row_weights + lora_weights, optimizer, scheduler)
            done, losses = state["step"], [tuple(entry) for entry in state["losses"]]
            for _ in range(done):
                next(batches)
            state = None
        for step in range(done, stage.steps):
            loss = _step(model, collate(next(batches), tokenizer.pad_token_id), levels)
            torch.nn.utils.clip_grad_norm_([*row_weights, *lora_weights], 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append((stage.name, step, loss))
            report(step + 1, stage.steps, stage.name, loss)
            if (step + 1) % config.every == 0 or step + 1 == stage.steps:
                _save(checkpoint, stage.name, step + 1, losses, row_weights + lora_weights, optimizer, scheduler)
    model.peft_config["default"].base_model_name_or_path = model_id
    model.save_pretrained(str(out), save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)
    _halve(out / "adapter_model.safetensors")
    record = {
        "semantic_ids": semantic_ids.fingerprint,
        "model": model_id,
        "config": config.model_dump(),
        "examples": {task: len(pool) for task, pool in sorted(pools.items())},
        "too_long": len(encoded) - len(fitting),
        "data": hashlib.sha256(repr([(e.task, e.prompt, e.answer) for e in examples]).encode()).hexdigest()[:16],
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")},
        "losses": [(name, step, round(loss, 4)) for name, step, loss in losses],
        "seconds": round(time.perf_counter() - started),
    }
    (out / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    checkpoint.unlink(missing_ok=True)
    return record


def _step(model: Any, batch: Batch, levels: Sequence[range]) -> float:
    """Run one forward and backward pass and return the mean loss of the learned tokens, in nats.

    A Semantic-ID token competes with the codes of its own level only, as it does in serving, where the trie allows
    nothing else; a word competes with the whole vocabulary, which is touched nowhere else.
    """
    import torch

    inner = model.get_base_model()
    hidden = inner.model(batch.ids, attention_mask=batch.mask).last_hidden_state[batch.learned]
    targets = batch.ids.roll(-1, dims=1)[batch.learned]
    rows = inner.model.embed_tokens.token_adapter.trainable_tokens_delta["default"]
    first, loss = levels[0].start, hidden.new_zeros(())
    for level in levels:
        here = (targets >= level.start) & (targets < level.stop)
        logits = hidden[here] @ rows[level.start - first : level.stop - first].T
        loss = loss + torch.nn.functional.cross_entropy(logits, targets[here] - level.start, reduction="sum")
    words = targets < first
    if words.any():
        loss = loss + torch.nn.functional.cross_entropy(inner.lm_head(hidden[words]), targets[words], reduction="sum")
    loss = loss / len(targets)
    loss.backward()
    return float(loss.detach())


def _levels(first: int, sizes: Sequence[int]) -> list[range]:
    """Return the token ids of each level; the rows follow each other from `first`."""
    levels = []
    for size in sizes:
        levels.append(range(first, first + size))
        first += size
    return levels


def _schedule(steps: int, warmup: float) -> Callable[[int], float]:
    rise = max(1, round(steps * warmup))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))


def _save(
    path: Path, stage: str, step: int, losses: Sequence[Any], weights: Sequence[Any], optimizer: Any, scheduler: Any
) -> None:
    import torch

    state = {
        "stage": stage,
        "step": step,
        "losses": [list(entry) for entry in losses],
        "weights": [weight.detach() for weight in weights],
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "random": torch.get_rng_state(),
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _restore(state: Mapping[str, Any], weights: Sequence[Any], optimizer: Any, scheduler: Any) -> None:
    import torch

    with torch.no_grad():
        for weight, saved in zip(weights, state["weights"], strict=True):
            weight.copy_(saved)
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random"])


def _halve(path: Path) -> None:
    """Store the adapter in half precision: half the size, far below the noise of the base weights."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    save_file({name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}, path)


def split_by_dialogue(dialogues: Sequence[Any], share: float) -> tuple[list[Any], list[Any]]:
    """Return (training, validation) dialogues."""
    from finetune.examples import held_out

    return (
        [dialogue for dialogue in dialogues if not held_out(dialogue, share)],
        [dialogue for dialogue in dialogues if held_out(dialogue, share)],
    )
