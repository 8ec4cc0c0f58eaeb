"""A stretch of a language model's layers, read with one text and many options beside it in a single pass.

Options attend to the text and to themselves, never to each other, and share their positions, so that their order and
number change nothing (levitated markers: Ye et al., 2022, arXiv:2109.06067).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers that LoRA tunes."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Texts with their options, padded to (b, n) tokens."""

    ids: Tensor
    """(b, n)"""
    positions: Tensor
    """(b, n)"""
    mask: Tensor
    """(b, 1, n, n) bool: who may attend to whom."""
    ends: tuple[int, ...]
    """Tokens before the options, by text."""
    options: tuple[tuple[int, int, int], ...]
    """Text, start and end of every option."""


def pack(texts: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]]) -> Packed:
    """Pad texts, each the token ids of what is read and of its options, to the longest."""
    longest = max(len(read) + sum(map(len, options)) for read, options in texts)
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    positions, group = torch.zeros_like(ids), torch.full_like(ids, -1)
    places = []
    for row, (read, options) in enumerate(texts):
        end = len(read)
        ids[row, :end], positions[row, :end], group[row, :end] = torch.tensor(read), torch.arange(end), 0
        for number, option in enumerate(options, start=1):
            start, end = end, end + len(option)
            ids[row, start:end] = torch.tensor(option)
            positions[row, start:end] = torch.arange(len(read), len(read) + len(option))
            group[row, start:end] = number
            places.append((row, start, end))
    earlier = torch.ones(longest, longest, dtype=torch.bool).tril()
    own, other = group[:, :, None], group[:, None, :]
    mask = earlier & ((own == other) | ((other == 0) & (own > 0)))
    return Packed(ids, positions, mask[:, None], tuple(len(read) for read, _ in texts), tuple(places))


class Layers(nn.Module):
    """Consecutive layers of a causal language model."""

    def __init__(self, model: Any, first: int, last: int) -> None:
        """Take the layers [first, last) of `model`."""
        super().__init__()
        self.layers = nn.ModuleList(model.layers[first:last])
        self.rotary = model.rotary_emb

    def forward(self, states: Tensor, packed: Packed) -> Tensor:
        """Return the states (b, n, width) after these layers."""
        turned = self.rotary(states, packed.positions)
        for layer in self.layers:
            states = layer(
                states, attention_mask=packed.mask, position_ids=packed.positions, position_embeddings=turned
            )
        return states


class Verdict(nn.Module):
    """What speaks for each option, read off states of width `width`."""

    def __init__(self, width: int, hidden: int = 128, dropout: float = 0.2) -> None:
        """Start with zero for every option."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.trunk = nn.Sequential(nn.Linear(3 * width, hidden), nn.GELU(), nn.Dropout(dropout))
        self.out = nn.Linear(hidden, 1, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, states: Tensor, packed: Packed) -> Tensor:
        """Return (o,) from the states (b, n, width): of the end and the mean of an option, and of the text's end."""
        states = self.norm(states)
        rows = torch.tensor([row for row, _, _ in packed.options])
        last = torch.tensor([end - 1 for _, _, end in packed.options])
        means = torch.stack([states[row, start:end].mean(0) for row, start, end in packed.options])
        text = states[rows, torch.tensor(packed.ends)[rows] - 1]
        found: Tensor = self.out(self.trunk(torch.cat([states[rows, last], means, text], 1)))
        return found[:, 0]
