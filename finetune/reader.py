"""Train the reader on labelled dialogues: a LoRA on a few layers of the language model, and the heads.

The layers below stay as they are, so their states are computed once and kept.
"""

from __future__ import annotations

import copy
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.reader import RECORD, Network
from agent.reader.encoding import ITEM_LABELS, KINDS
from finetune.config import ReaderConfig
from finetune.reader_rows import Row
from retrieval.catalog import UserError

if TYPE_CHECKING:
    import torch

_BUCKET = 16
"""Batches that are filled from one draw, sorted by length."""
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def train(
    rows: Sequence[Row],
    network: Network,
    config: ReaderConfig,
    out: Path,
    tell: Callable[[str, int, int, float], None] = lambda what, step, of, loss: None,
    after: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Train `network` on `rows` and write the adapter, the heads and the record of the run into the folder `out`.

    Goes on from the last finished epoch where `out` holds one; raises `UserError` where it is of other rows or another
    configuration. `tell` hears (what, step, steps, loss), `after` every epoch.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    from agent.reader.network import Heads, batch

    made_of = sha256(repr((config, list(rows))).encode()).hexdigest()
    checkpoint = out / "checkpoint.pt"
    saved = torch.load(checkpoint, weights_only=False) if checkpoint.is_file() else None
    if saved is not None and saved["made_of"] != made_of:
        raise UserError(
            f"{checkpoint}: left by a run on other dialogues or settings: delete it or choose another --out"
        )
    torch.manual_seed(config.seed)
    lora = LoraConfig(r=config.rank, lora_alpha=config.rank, lora_dropout=0.0, target_modules=list(TARGETS))
    tuned = network.tuned = get_peft_model(network.tuned, lora)
    heads = network.heads = Heads(network.heads.norm.normalized_shape[0])
    adapted = [weight for weight in tuned.parameters() if weight.requires_grad]
    steps = config.epochs * math.ceil(len(rows) / config.batch)
    groups = [{"params": adapted, "lr": config.rate}, {"params": list(heads.parameters()), "lr": config.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    rise = max(1, int(config.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, max(0.0, 1 - step / steps))
    )
    out.mkdir(parents=True, exist_ok=True)
    kept = _kept(rows, network, made_of, out / "states.pt", tell)
    step, first = 0, 0
    if saved is not None:
        tuned.load_state_dict(saved["tuned"], strict=False)
        heads.load_state_dict(saved["heads"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        step, first = saved["step"], saved["epoch"] + 1
    for epoch in range(first, config.epochs):
        rng = random.Random(f"{config.seed}/{epoch}")
        torch.manual_seed(config.seed + epoch)
        tuned.train(), heads.train()
        for places in _batches(rows, config.batch, rng):
            chosen = [rows[place] for place in places]
            packed = batch([row.scene for row in chosen])
            lower = torch.zeros(*packed.ids.shape, heads.norm.normalized_shape[0])
            for row, place in enumerate(places):
                lower[row, : len(kept[place])] = kept[place]
            if rng.random() < config.alone:
                packed = replace(packed, evidence=packed.evidence * 0, intent=packed.intent * 0)
            lower = torch.nn.functional.dropout(lower, config.dropout)
            verdicts, stances, intents = heads(tuned(lower, packed), packed)
            loss = _loss(verdicts, stances, intents, chosen)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*adapted, *heads.parameters()], 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            tell("learning", step, steps, float(loss.detach()))
        tuned.eval(), heads.eval()
        after(epoch)
        state = {
            "tuned": {name: weight for name, weight in tuned.state_dict().items() if "lora_" in name},
            "heads": heads.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "step": step,
            "epoch": epoch,
            "made_of": made_of,
        }
        torch.save(state, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)
    _write(tuned, heads, config, len(rows), out)
    for left in (checkpoint, out / "states.pt"):
        left.unlink(missing_ok=True)


def _kept(
    rows: Sequence[Row], network: Network, made_of: str, path: Path, tell: Callable[[str, int, int, float], None]
) -> list[torch.Tensor]:
    """Return the states below the tuned layers of every row (n, width), in float16; from `path` where they are kept."""
    import torch

    from agent.reader.network import batch

    if path.is_file():
        left = torch.load(path)
        if left["made_of"] == made_of:
            return list(left["states"])
    found = []
    with torch.inference_mode():
        for place, row in enumerate(rows):
            found.append(network.lower(batch([row.scene]))[0].half())
            tell("reading", place + 1, len(rows), 0.0)
    torch.save({"made_of": made_of, "states": found}, path)
    return found


def _loss(verdicts: torch.Tensor, stances: torch.Tensor, intents: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """Return cross-entropies of verdicts, stances and intents, summed over the options of a scene, mean over scenes."""
    import torch
    from torch.nn import functional

    labels = [label for row in rows for label in row.labels]
    items = [place for place, label in enumerate(labels) if isinstance(label, tuple)]
    others = [place for place, label in enumerate(labels) if not isinstance(label, tuple)]
    wanted = torch.tensor([labels[place] for place in items]).reshape(-1, len(ITEM_LABELS))
    loss = functional.binary_cross_entropy_with_logits(verdicts[items], wanted, reduction="sum")
    chosen = torch.tensor([labels[place] for place in others], dtype=torch.long)
    loss = (loss + functional.cross_entropy(stances[others], chosen, reduction="sum")) / len(rows)
    intent = torch.tensor([row.intent for row in rows])
    return loss + functional.cross_entropy(intents, intent, label_smoothing=0.05)


def _batches(rows: Sequence[Row], size: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield the places of all rows in batches of like length, in random order."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    found = []
    for start in range(0, len(order), size * _BUCKET):
        near = sorted(order[start : start + size * _BUCKET], key=lambda place: rows[place].scene.length)
        found += [near[place : place + size] for place in range(0, len(near), size)]
    rng.shuffle(found)
    yield from found


def _write(tuned: Any, heads: Any, config: ReaderConfig, rows: int, out: Path) -> None:
    from importlib.metadata import version

    from safetensors.torch import save_file

    copy.deepcopy(tuned).half().save_pretrained(out)
    adapter = json.loads((out / "adapter_config.json").read_text("utf-8"))
    adapter |= {"base_model_name_or_path": config.model, "target_modules": sorted(adapter["target_modules"])}
    (out / "adapter_config.json").write_text(json.dumps(adapter, indent=1) + "\n", "utf-8")
    weights = {name: value.half().contiguous() for name, value in heads.state_dict().items()}
    save_file(weights, out / "heads.safetensors")
    record = {
        "config": config.model_dump(),
        "rows": rows,
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
    (out / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    (out / "README.md").unlink(missing_ok=True)


def report(scenes: Sequence[tuple[Row, Any, Any, Any]]) -> dict[str, float]:
    """Return F1 of verdicts and stances by kind of option, and the accuracy of intents, on rows with their logits."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    right = 0
    for row, verdicts, stances, intent in scenes:
        right += int(intent.argmax()) == row.intent
        for place, label in enumerate(row.labels):
            table = counts[KINDS[row.scene.kinds[place]]]
            if isinstance(label, tuple):
                for chance, wanted in zip(verdicts[place].sigmoid().tolist(), label, strict=True):
                    table.update(right=chance >= 0.5 and wanted > 0, given=chance >= 0.5, wanted=wanted > 0)
            else:
                given = int(stances[place].argmax())
                table.update(right=given == label > 0, given=given > 0, wanted=label > 0)
    scores = {
        kind: 2 * table["right"] / total
        for kind, table in counts.items()
        if (total := table["given"] + table["wanted"])
    }
    return {"intent": right / max(1, len(scenes)), **scores}


def judged(rows: Sequence[Row], network: Network) -> list[tuple[Row, Any, Any, Any]]:
    """Return the rows with the logits of their verdicts, stances and intent."""
    import torch

    from agent.reader.network import batch

    found = []
    with torch.inference_mode():
        for row in rows:
            packed = batch([row.scene])
            verdicts, stances, intents = network.heads(network.states(packed), packed)
            found.append((row, verdicts, stances, intents[0]))
    return found
