"""Train the upper layers of a stretch of a language model with a LoRA, and a head on them.

The layers below stay as they are, so their states are computed once and kept.
"""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.stretch import Stretch
from finetune.config import UpperLayersConfig
from retrieval.catalog import UserError

if TYPE_CHECKING:
    import torch

    from agent.layers import Packed

_BUCKET = 16
"""Batches that are filled from one draw, sorted by length."""
Tell = Callable[[str, int, int, float], None]
"""Hears (what, step, steps, loss)."""


@dataclass(frozen=True)
class Rows:
    """What is learned from, by place."""

    lengths: Sequence[int]
    """Tokens of each row."""
    pack: Callable[[Sequence[int]], Packed]
    """Return some rows as one batch."""
    loss: Callable[[torch.Tensor, Packed, Sequence[int], random.Random], torch.Tensor]
    """Return what is learned from the last states (b, n, width) of some rows."""
    made_of: str
    """Hash of the rows and of how they are learned: a run goes on only with the same."""


def train(
    network: Stretch,
    head: torch.nn.Module,
    rows: Rows,
    config: UpperLayersConfig,
    out: Path,
    tell: Tell = lambda what, step, of, loss: None,
    after: Callable[[int], None] = lambda epoch: None,
    states: Sequence[torch.Tensor] | None = None,
) -> None:
    """Wrap the upper layers of `network` with a LoRA and train it and `head` on `rows`; checkpoints go into `out`.

    Goes on from the last finished epoch where `out` holds one; UserError where it is of other rows or another config.
    `after` hears every epoch. `states`: those below the tuned layers, where they are known, as by `read`.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    from agent.layers import TARGETS

    checkpoint = out / "checkpoint.pt"
    saved = torch.load(checkpoint, weights_only=False) if checkpoint.is_file() else None
    if saved is not None and saved["made_of"] != rows.made_of:
        raise UserError(
            f"{checkpoint}: left by a run on other dialogues or settings: delete it or choose another --out"
        )
    torch.manual_seed(config.seed)
    lora = LoraConfig(r=config.rank, lora_alpha=config.rank, lora_dropout=0.0, target_modules=list(TARGETS))
    tuned = network.tuned = get_peft_model(network.tuned, lora)
    adapted = [weight for weight in tuned.parameters() if weight.requires_grad]
    steps = config.epochs * math.ceil(len(rows.lengths) / config.batch)
    groups = [{"params": adapted, "lr": config.rate}, {"params": list(head.parameters()), "lr": config.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    rise = max(1, int(config.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, max(0.0, 1 - step / steps))
    )
    out.mkdir(parents=True, exist_ok=True)
    kept = _kept(rows, network, out / "states.pt", tell) if states is None else states
    step, first = 0, 0
    if saved is not None:
        tuned.load_state_dict(saved["tuned"], strict=False)
        head.load_state_dict(saved["head"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        step, first = saved["step"], saved["epoch"] + 1
    for epoch in range(first, config.epochs):
        rng = random.Random(f"{config.seed}/{epoch}")
        torch.manual_seed(config.seed + epoch)
        tuned.train(), head.train()
        for places in _batches(rows.lengths, config.batch, rng):
            packed = rows.pack(places)
            lower = torch.zeros(*packed.ids.shape, network.width)
            for row, place in enumerate(places):
                lower[row, : len(kept[place])] = kept[place]
            lower = torch.nn.functional.dropout(lower, config.dropout)
            loss = rows.loss(tuned(lower, packed), packed, places, rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*adapted, *head.parameters()], 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            tell("learning", step, steps, float(loss.detach()))
        tuned.eval(), head.eval()
        after(epoch)
        state = {
            "tuned": {name: weight for name, weight in tuned.state_dict().items() if "lora_" in name},
            "head": head.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "step": step,
            "epoch": epoch,
            "made_of": rows.made_of,
        }
        torch.save(state, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)


def write(
    network: Stretch, head: torch.nn.Module, out: Path, names: tuple[str, str], record: Mapping[str, Any], model: str
) -> None:
    """Write the LoRA on `model`, `head` in half precision, and last the record; drop the checkpoints.

    `names` are those of the files of the head and of the record.
    """
    from safetensors.torch import save_file

    copy.deepcopy(network.tuned).half().save_pretrained(out)
    adapter = json.loads((out / "adapter_config.json").read_text("utf-8"))
    adapter |= {"base_model_name_or_path": model, "target_modules": sorted(adapter["target_modules"])}
    (out / "adapter_config.json").write_text(json.dumps(adapter, indent=1) + "\n", "utf-8")
    save_file({name: value.half().contiguous() for name, value in head.state_dict().items()}, out / names[0])
    (out / names[1]).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    for left in ("README.md", "checkpoint.pt", "states.pt"):
        (out / left).unlink(missing_ok=True)


def _kept(rows: Rows, network: Stretch, path: Path, tell: Tell) -> list[torch.Tensor]:
    """Return the states below the tuned layers of every row (n, width), in float16; from `path` where they are kept."""
    import torch

    if path.is_file():
        left = torch.load(path)
        if left["made_of"] == rows.made_of:
            return list(left["states"])
    found = read(network, [rows.pack([place]) for place in range(len(rows.lengths))], tell)
    torch.save({"made_of": rows.made_of, "states": found}, path)
    return found


def read(network: Stretch, batches: Sequence[Packed], tell: Tell) -> list[torch.Tensor]:
    """Return the states below the tuned layers of each batch's one row (n, width), in float16."""
    import torch

    found = []
    with torch.inference_mode():
        for place, packed in enumerate(batches):
            found.append(network.lower(packed)[0].half())
            tell("reading", place + 1, len(batches), 0.0)
    return found


def _batches(lengths: Sequence[int], size: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield the places of all rows in batches of like length, in random order."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    found = []
    for start in range(0, len(order), size * _BUCKET):
        near = sorted(order[start : start + size * _BUCKET], key=lambda place: lengths[place])
        found += [near[place : place + size] for place in range(0, len(near), size)]
    rng.shuffle(found)
    yield from found
