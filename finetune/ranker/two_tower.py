"""Train the two-tower model: what was recommended next against the whole catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from retrieval.learned import TwoTower
from retrieval.learned.ranker import KINDS
from retrieval.learned.two_tower import LATEST

Array = NDArray[np.float32]
WIDTH, HIDDEN = 128, 128
DROPOUT, NAMED_DROPOUT = 0.4, 0.1
STRESS = 8.0
"""What encodings, unit vectors of small numbers, are multiplied by."""
OWN_DECAY = 0.5
"""Weight decay of what an item has of its own, beside what its features say."""


class Contexts(NamedTuple):
    """c conversations and what was recommended next in each."""

    said: Array
    """(c, e) encodings."""
    named: NDArray[np.int64]
    """(c, LATEST) positions, the latest first, -1 where there is none."""
    kinds: NDArray[np.int64]
    """(c, LATEST)"""
    gold: NDArray[np.int64]
    """(c,)"""
    weights: Array
    """(c,) how much each counts."""

    @classmethod
    def of(cls, rows: Sequence[tuple[Array, Sequence[int], Sequence[int], int, float]]) -> Contexts:
        """Pad rows of (encoding, positions named with the latest last, their kinds, gold, weight)."""
        named = np.full((len(rows), LATEST), -1, np.int64)
        kinds = np.zeros((len(rows), LATEST), np.int64)
        for row, (_, places, held, _, _) in enumerate(rows):
            latest = list(places)[::-1][:LATEST]
            named[row, : len(latest)] = latest
            kinds[row, : len(latest)] = list(held)[::-1][:LATEST]
        gold, weights = (np.array([row[place] for row in rows]) for place in (3, 4))
        return cls(np.stack([row[0] for row in rows]), named, kinds, gold.astype(np.int64), weights.astype(np.float32))


class Network(nn.Module):
    """The model while it is trained: items are linear in their features, plus something of their own."""

    def __init__(self, features: Array, encoded: int, prior: Array) -> None:
        """Start for (n, w) features; `prior`: (n,) logarithm of how often each item was logged."""
        super().__init__()
        width = features.shape[1]
        self.features, self.prior = torch.tensor(features), torch.tensor(prior)
        self.item, self.mention, self.bias = nn.Linear(width, WIDTH), nn.Linear(width, WIDTH), nn.Linear(width, 1)
        self.own = nn.Parameter(torch.zeros(len(features), WIDTH))
        self.said = nn.Sequential(
            nn.Dropout(DROPOUT / 2),
            nn.Linear(encoded, HIDDEN),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, WIDTH),
        )
        self.attention = nn.Linear(WIDTH, 1, bias=False)
        self.recency, self.kinds = nn.Parameter(torch.zeros(LATEST)), nn.Parameter(torch.zeros(len(KINDS)))
        self.trust = nn.Parameter(torch.tensor(0.7))
        self.scale = nn.Parameter(torch.tensor(0.0))
        self.dropout = nn.Dropout(DROPOUT)

    def items(self) -> Tensor:
        """Return (n, WIDTH) vectors of the items."""
        vectors: Tensor = (self.item(self.features) + self.own) * (self.scale.exp() / WIDTH**0.5)
        return vectors

    def biases(self) -> Tensor:
        """Return (n,) what speaks for an item whatever is said."""
        bias: Tensor = self.bias(self.features).squeeze(-1) + self.trust * self.prior
        return bias

    def forward(self, said: Tensor, named: Tensor, kinds: Tensor) -> Tensor:
        """Return (c, n) logits."""
        vector = self.said(STRESS * said)
        there = named >= 0
        rows = self.mention(self.features[named.clamp(min=0)]) + self.own[named.clamp(min=0)]
        attention = self.attention(torch.tanh(rows)).squeeze(-1) + self.recency + self.kinds[kinds]
        weights = torch.softmax(attention.masked_fill(~there, -1e9), dim=1) * there.any(dim=1, keepdim=True)
        vector = vector + self.dropout((weights[..., None] * rows).sum(dim=1))
        logits: Tensor = vector @ self.items().T + self.biases()
        return logits

    def frozen(self) -> TwoTower:
        """Return the arrays that answer without torch."""
        first, second = self.said[1], self.said[4]
        assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
        with torch.no_grad():
            tensors = (
                self.items(), self.biases(), self.mention(self.features) + self.own,
                self.attention.weight[0], self.recency, self.kinds,
                STRESS * first.weight.T, first.bias, second.weight.T, second.bias,
            )  # fmt: skip
            return TwoTower(*(np.asarray(tensor.numpy(), np.float32).copy() for tensor in tensors))


def train(
    features: Array,
    prior: Array,
    contexts: Contexts,
    seed: int,
    epochs: int = 5,
    rate: float = 3e-3,
    decay: float = 0.1,
    batch: int = 128,
) -> TwoTower:
    """Train on `contexts` with cross-entropy over the whole catalog; items named in a conversation do not compete.

    `features`: (n, w) of the items, `prior`: (n,) as for `Network`. Deterministic for a seed.
    """
    torch.manual_seed(seed)
    network = Network(features, contexts.said.shape[1], prior)
    said, named, kinds, gold, weights = (torch.tensor(part) for part in contexts)
    others = [weight for name, weight in network.named_parameters() if name != "own"]
    groups = [{"params": others, "weight_decay": decay}, {"params": [network.own], "weight_decay": OWN_DECAY}]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    steps = epochs * -(-len(gold) // batch)
    rising = max(0.1, 1.5 / steps)  # the rise has to end behind the first step
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=min(rising, 0.9))
    network.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(gold)), batch):
            heard = named[rows].masked_fill(torch.rand(len(rows), LATEST) < NAMED_DROPOUT, -1)
            logits = network(said[rows], heard, kinds[rows])
            there = (named[rows] >= 0).to(logits.dtype)
            known = torch.zeros_like(logits).scatter_reduce(1, named[rows].clamp(min=0), there, "amax")
            losses = nn.functional.cross_entropy(logits.masked_fill(known > 0, -30.0), gold[rows], reduction="none")
            loss = (weights[rows] * losses).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    network.eval()
    return network.frozen()
