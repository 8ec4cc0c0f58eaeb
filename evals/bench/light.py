"""A light ranker: bags of embeddings of a history's pieces against those of a candidate's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.bench.neighbours import Scorer
from evals.bench.pieces import Rows
from evals.bench.sequences import History

if TYPE_CHECKING:
    import torch

WIDTH, LATEST = 64, 10
"""Length of an embedding; items of the history that are read."""
EPOCHS, BATCH, RATE, DECAY = 8, 512, 2e-2, 1e-4
SPREAD = 0.1
"""Deviation of embeddings before training."""
NEGATIVES = 1024
"""Items, drawn evenly for each batch, that the right ones stand against."""
# Chosen on the validation items of Amazon Beauty, for a row an item and three hashes before any pieces.


def train(rows: Rows, histories: Sequence[History], seed: int, epochs: int) -> Scorer:
    """Learn to tell what comes next in `histories` by sampled softmax, and return the ranker; deterministic.

    score = <sum over the history of weight(age) * mean of its pieces' embeddings, mean of the candidate's> + bias,
    with one table for histories and one for candidates, whose last place is the bias.
    """
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pieces = torch.from_numpy(rows)
        size = int(pieces.max()) + 1
        tables = [nn.Parameter(SPREAD * torch.randn(size, WIDTH + extra)) for extra in (0, 1)]
        ages = nn.Parameter(-0.3 * torch.arange(LATEST, dtype=torch.float32))

        def items(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
            chosen = pieces[places]
            there = (chosen >= 0).float()
            return nn.functional.embedding_bag(
                chosen.clamp(min=0), table, mode="sum", per_sample_weights=there
            ) / there.sum(1, keepdim=True)

        def people(latest: torch.Tensor) -> torch.Tensor:
            there = latest >= 0
            weights = torch.softmax(ages.expand(len(latest), -1).masked_fill(~there, -1e9), 1) * there
            vectors = items(tables[0], latest.clamp(min=0).flatten()).view(len(latest), LATEST, WIDTH)
            return (weights[:, :, None] * vectors).sum(1)

        read = torch.from_numpy(_latest([history[:end] for history in histories for end in range(1, len(history))]))
        gold = torch.tensor([item for history in histories for item in history[1:]])
        optimiser = torch.optim.AdamW([*tables, ages], lr=RATE, weight_decay=DECAY)
        steps = epochs * -(-len(gold) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
        known = torch.unique(gold)
        for _ in range(epochs):
            for chosen in torch.split(torch.randperm(len(gold)), BATCH):
                others, taken = known[torch.randint(len(known), (NEGATIVES,))], gold[chosen]
                vectors, right = people(read[chosen]), items(tables[1], taken)
                own = (vectors * right[:, :-1]).sum(1) + right[:, -1]
                logits = _logits(vectors, items(tables[1], others)).masked_fill(others == taken[:, None], -1e9)
                loss = -torch.log_softmax(torch.cat([own[:, None], logits], 1), 1)[:, 0].mean()
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            candidates = items(tables[1], torch.arange(len(rows)))

    def score(found: Sequence[History]) -> NDArray[np.float32]:
        with torch.no_grad():
            scores: NDArray[np.float32] = _logits(people(torch.from_numpy(_latest(found))), candidates).numpy()
        return scores

    return score


def _logits(people: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    return people @ candidates[:, :-1].T + candidates[:, -1]


def _latest(histories: Sequence[History]) -> NDArray[np.int64]:
    """Return (n, LATEST) items, the latest first, -1 where there are no more."""
    found = np.full((len(histories), LATEST), -1, np.int64)
    for row, history in zip(found, histories, strict=True):
        last = history[-LATEST:][::-1]
        row[: len(last)] = last
    return found
