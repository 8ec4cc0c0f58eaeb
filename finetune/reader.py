"""Train the reader on labelled dialogues: a LoRA on a few layers of the language model, and the heads."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.reader import RECORD, Network
from agent.reader.encoding import ITEM_LABELS, KINDS
from finetune import upper_layers
from finetune.config import ReaderConfig
from finetune.reader_rows import Row

if TYPE_CHECKING:
    import torch

    from agent.layers import Packed
    from agent.reader.network import Batch

HEADS = "heads.safetensors"


def train(
    rows: Sequence[Row],
    network: Network,
    config: ReaderConfig,
    out: Path,
    tell: upper_layers.Tell = lambda what, step, of, loss: None,
    after: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Train `network` on `rows` and write the adapter, the heads and the record of the run into the folder `out`.

    Goes on from the last finished epoch where `out` holds one; raises `UserError` where it is of other rows or another
    configuration. `tell` hears (what, step, steps, loss), `after` every epoch.
    """
    from importlib.metadata import version

    from agent.reader.network import Batch, Heads, batch

    heads = network.heads = Heads(network.width)

    def pack(places: Sequence[int]) -> Batch:
        return batch([rows[place].scene for place in places])

    def loss(states: torch.Tensor, packed: Packed, places: Sequence[int], rng: random.Random) -> torch.Tensor:
        assert isinstance(packed, Batch)
        scenes = packed
        if rng.random() < config.alone:
            scenes = replace(scenes, evidence=scenes.evidence * 0, intent=scenes.intent * 0)
        verdicts, stances, intents = heads(states, scenes)
        return _loss(verdicts, stances, intents, [rows[place] for place in places])

    made_of = sha256(repr((config, list(rows))).encode()).hexdigest()
    lengths = [row.scene.length for row in rows]
    upper_layers.train(network, heads, upper_layers.Rows(lengths, pack, loss, made_of), config, out, tell, after)
    record = {
        "config": config.model_dump(),
        "rows": len(rows),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
    upper_layers.write(network, heads, out, (HEADS, RECORD), record, config.model)


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
