"""A small causal transformer over tokens, trained from scratch: what both neural sequence recommenders stand on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from rich.console import Console
    from transformers import GPT2Model

Tokens = Sequence[int]
"""The tokens of a history without the beginning mark, which is token 0."""
POOL = 4096
"""Sequences that are sorted by length together, so that a batch holds little padding."""
CHUNK = 128
"""Predictions whose logits are made at a time: over a large catalog they should stay in the cache."""


@dataclass(frozen=True)
class Recipe:
    """Shape and training of one model; everything that its weights depend on beside data and seed."""

    vocabulary: int
    """Number of tokens with the beginning mark."""
    item_tokens: int
    """Tokens of one item."""
    items: int
    """Longest sequence in items; of longer ones training takes a random stretch, inference the end (`context`)."""
    width: int
    layers: int
    heads: int
    inner: int
    """Width of the feed-forward layers."""
    dropout: float
    rate: float
    """Highest learning rate; it rises for a twentieth of the training, then falls along a cosine to 0."""
    epochs: int
    decay: float = 0.01
    batch: int = 2048
    """Tokens in a batch, padding included."""
    patience: int = 3
    """Epochs without a better validation NDCG after which training stops."""

    @property
    def context(self) -> int:
        """Longest history that an item is predicted from: what has been trained, for the last item is a target."""
        return self.items - 1


def untrained(recipe: Recipe, seed: int) -> GPT2Model:
    """Return a GPT-2 of this shape with random weights; logits are its output times its input embeddings."""
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(seed)
    return GPT2Model(
        GPT2Config(
            vocab_size=recipe.vocabulary, n_positions=1 + recipe.items * recipe.item_tokens,
            n_embd=recipe.width, n_layer=recipe.layers, n_head=recipe.heads, n_inner=recipe.inner,
            resid_pdrop=recipe.dropout, embd_pdrop=recipe.dropout, attn_pdrop=recipe.dropout,
            bos_token_id=0, eos_token_id=0,
        )
    )  # fmt: skip


def padded(sequences: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (n, longest + 1) tokens, each row begun by token 0 and filled up with it, and the rows' lengths (n,)."""
    import torch

    lengths = torch.tensor([len(sequence) + 1 for sequence in sequences])
    tokens = torch.zeros(len(sequences), int(lengths.max()), dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[1 : len(sequence) + 1] = torch.tensor(sequence, dtype=torch.long)
    return tokens, lengths


def train(
    recipe: Recipe,
    sequences: Sequence[Tokens],
    ndcg: Callable[[GPT2Model], float],
    path: Path,
    *,
    seed: int,
    console: Console,
) -> GPT2Model:
    """Learn to predict every token of `sequences` from those before it; keep the epoch with the best `ndcg`.

    Cross-entropy over the whole vocabulary. The finished model is written to `path` and read from there the next
    time. After each epoch everything goes to `path`.part: a killed training goes on from there to the same weights.
    """
    import torch
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    model = untrained(recipe, seed)
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
        model.train(False)
        return model
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    epoch, best, best_epoch = 0, -1.0, 0
    weights: dict[str, Any] = {}
    part = path.with_suffix(".part")
    if part.exists():
        state = torch.load(part, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        epoch, best, best_epoch, weights = state["epoch"], state["best"], state["best_epoch"], state["weights"]
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(path.stem, total=recipe.epochs, completed=epoch)
        while epoch < recipe.epochs and epoch - best_epoch < recipe.patience:
            torch.manual_seed(seed * 1000 + epoch)
            model.train()
            rows = batches(sequences, recipe, seed, epoch)
            for number, batch in enumerate(rows):
                done = (epoch + number / len(rows)) / recipe.epochs
                rate = recipe.rate * min(1.0, 20 * done + 1e-3) * 0.5 * (1 + math.cos(math.pi * done))
                _step(model, optimiser, batch, rate)
                progress.update(task, completed=epoch + (number + 1) / len(rows))
            epoch += 1
            now = ndcg(model.train(False))
            if now > best:
                best, best_epoch = now, epoch
                weights = {name: value.clone() for name, value in model.state_dict().items()}
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "epoch": epoch, "best": best,
                     "best_epoch": best_epoch, "weights": weights}  # fmt: skip
            _save(state, part)
            console.print(
                f"{path.stem}: epoch {epoch} of {recipe.epochs}, validation NDCG@10 {now:.4f}", highlight=False
            )
    model.load_state_dict(weights)
    _save(weights, path)
    part.unlink()
    model.train(False)
    return model


def batches(sequences: Sequence[Tokens], recipe: Recipe, seed: int, epoch: int) -> list[list[Tokens]]:
    """Cut and shuffle the sequences of one epoch into batches of like length, the same for the same seed."""
    rng = np.random.default_rng((seed, epoch))
    found = list[list[Tokens]]()
    pool = list[Tokens]()
    order = rng.permutation(len(sequences))
    for place, number in enumerate(order.tolist(), 1):
        sequence = sequences[number]
        spare = len(sequence) // recipe.item_tokens - recipe.items
        start = int(rng.integers(spare + 1)) * recipe.item_tokens if spare > 0 else 0
        pool.append(sequence[start : start + recipe.items * recipe.item_tokens])
        if len(pool) == POOL or place == len(order):
            batch = list[Tokens]()
            for one in sorted(pool, key=len):
                if batch and (len(batch) + 1) * (len(one) + 1) > recipe.batch:
                    found.append(batch)
                    batch = []
                batch.append(one)
            found.append(batch)
            pool = []
    return [found[place] for place in rng.permutation(len(found)).tolist()]


def _step(model: GPT2Model, optimiser: torch.optim.Optimizer, batch: Sequence[Tokens], rate: float) -> None:
    """Take one step down the mean cross-entropy of the batch's tokens."""
    import torch
    from torch.nn.functional import cross_entropy

    tokens, lengths = padded(batch)
    real = torch.arange(1, tokens.shape[1])[None, :] < lengths[:, None]
    targets = tokens[:, 1:][real]
    # Padding stands at the end, where causal attention never looks back from a real token.
    hidden = model(tokens[:, :-1], use_cache=False).last_hidden_state[real]
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    # The logits of a chunk are gone before the next one's are made; hidden states keep the gradient of all.
    leaf = hidden.detach().requires_grad_()
    for start in range(0, len(targets), CHUNK):
        logits = leaf[start : start + CHUNK] @ model.wte.weight.T
        loss = cross_entropy(logits, targets[start : start + CHUNK], reduction="sum") / len(targets)
        torch.autograd.backward([loss])
    torch.autograd.backward([hidden], [leaf.grad])
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


def _save(value: Any, path: Path) -> None:
    """Write to a neighbour first: a kill leaves either the old file or the new one."""
    import torch

    fresh = path.with_name(path.name + ".new")
    torch.save(value, fresh)
    fresh.replace(path)
