"""The network of the reader: a sentence encoder with LoRA reads the scene, small heads judge every option at once.

Options attend to the message and to themselves, never to each other, and share their positions, so that their order and
number change nothing (levitated markers: Ye et al., 2022, arXiv:2109.06067).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agent.linking.judging import STANCES
from agent.reader.encoding import EVIDENCE, INTENTS, KINDS, VERDICTS, Encoded

_HIDDEN, _KIND, _SUMMARY = 256, 32, 64
_NOWHERE = -100.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Scenes padded to (b, n) tokens, with o options in all."""

    ids: Tensor
    """(b, n)"""
    positions: Tensor
    """(b, n)"""
    mask: Tensor
    """(b, 1, n, n) bool: who may attend to whom."""
    messages: tuple[tuple[int, int], ...]
    options: tuple[tuple[int, int, int], ...]
    """Scene, start and end of every option."""
    spans: tuple[tuple[int, int, int], ...]
    kinds: Tensor
    """(o,)"""
    evidence: Tensor
    """(o, EVIDENCE)"""
    intent: Tensor
    """(b, INTENTS)"""


def batch(scenes: Sequence[Encoded]) -> Batch:
    """Pad `scenes` to the longest."""
    longest = max(scene.length for scene in scenes)
    ids = torch.zeros(len(scenes), longest, dtype=torch.long)
    positions = torch.zeros_like(ids)
    group = torch.full_like(ids, -1)
    options, spans = [], []
    for row, scene in enumerate(scenes):
        place = len(scene.ids)
        ids[row, :place] = torch.tensor(scene.ids)
        positions[row, :place] = torch.arange(place)
        group[row, :place] = 0
        for number, (option, span) in enumerate(zip(scene.options, scene.spans, strict=True), start=1):
            end = place + len(option)
            ids[row, place:end] = torch.tensor(option)
            positions[row, place:end] = torch.arange(len(scene.ids), len(scene.ids) + len(option))
            group[row, place:end] = number
            options.append((row, place, end))
            spans.append((row, *span))
            place = end
    own = group[:, :, None] == group[:, None, :]
    mask = own | ((group[:, None, :] == 0) & (group[:, :, None] >= 0))
    return Batch(
        ids,
        positions,
        mask[:, None],
        tuple(scene.message for scene in scenes),
        tuple(options),
        tuple(spans),
        torch.tensor([kind for scene in scenes for kind in scene.kinds], dtype=torch.long),
        torch.tensor([row for scene in scenes for row in scene.evidence]).reshape(-1, EVIDENCE),
        torch.tensor([scene.intent for scene in scenes]),
    )


class Heads(nn.Module):
    """What is read off the encoder's states of width `width`."""

    def __init__(self, width: int, dropout: float = 0.2) -> None:
        """Start from the linear judge: its evidence passes straight to the logits."""
        super().__init__()
        self.kind = nn.Embedding(len(KINDS), _KIND)
        self.trunk = nn.Sequential(
            nn.Linear(3 * width + _KIND + EVIDENCE, _HIDDEN), nn.GELU(), nn.Dropout(dropout)
        )
        self.verdict, self.stance = nn.Linear(_HIDDEN, len(VERDICTS)), nn.Linear(_HIDDEN, len(STANCES))
        self.summary = nn.Linear(_HIDDEN, _SUMMARY)
        judged = len(VERDICTS) + len(STANCES)
        self.evidence = nn.Linear(EVIDENCE, judged, bias=False)
        with torch.no_grad():
            self.evidence.weight.zero_()
            self.evidence.weight[:, :judged] = torch.eye(judged)
        self.intent = nn.Sequential(
            nn.Linear(2 * width + _SUMMARY + len(INTENTS) + judged, _HIDDEN // 2),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(_HIDDEN // 2, len(INTENTS)),
        )
        self.trust = nn.Parameter(torch.tensor(3.0))

    def forward(self, states: Tensor, scenes: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits of verdicts (o, VERDICTS), stances (o, STANCES) and intents (b, INTENTS).

        `states` are the encoder's last states (b, n, width).
        """
        sums = torch.cat([states.new_zeros(len(states), 1, states.shape[2]), states.cumsum(1)], dim=1)
        message = _means(sums, [(row, *span) for row, span in enumerate(scenes.messages)])
        rows = torch.tensor([row for row, _, _ in scenes.options], dtype=torch.long)
        known = torch.cat([self.kind(scenes.kinds), scenes.evidence], dim=1)
        found = torch.cat([_means(sums, scenes.options), _means(sums, scenes.spans), message[rows], known], dim=1)
        hidden = self.trunk(found)
        given = self.evidence(scenes.evidence)
        verdicts = self.verdict(hidden) + given[:, : len(VERDICTS)]
        stances = self.stance(hidden) + given[:, len(VERDICTS) :]
        items = (scenes.kinds == KINDS.index("item"))[:, None]
        chances = torch.cat([torch.sigmoid(verdicts) * items, torch.softmax(stances, 1) * ~items], dim=1)
        most = _most(states.new_zeros(len(states), chances.shape[1]), rows, chances.detach())
        summary = _most(states.new_full((len(states), _SUMMARY), _NOWHERE), rows, self.summary(hidden))
        summary = summary * (summary > _NOWHERE / 2)
        intents = self.intent(torch.cat([message, states[:, 0], summary, scenes.intent, most], dim=1))
        return verdicts, stances, intents + self.trust * scenes.intent


def states_of(encoder: Any, scenes: Batch) -> Tensor:
    """Return the encoder's last states (b, n, width)."""
    states: Tensor = encoder(
        input_ids=scenes.ids, position_ids=scenes.positions, attention_mask=scenes.mask
    ).last_hidden_state
    return states


def _most(start: Tensor, rows: Tensor, values: Tensor) -> Tensor:
    """Return for every scene (b, width) the largest of `start` and of its rows of `values` (o, width)."""
    return start.scatter_reduce(0, rows[:, None].expand_as(values), values, "amax")


def _means(sums: Tensor, spans: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return the mean state over each span from running sums (b, n + 1, width); zero for an empty span."""
    rows, starts, ends = (torch.tensor(part, dtype=torch.long) for part in zip(*spans, strict=True)) if spans else [
        torch.zeros(0, dtype=torch.long)
    ] * 3  # fmt: skip
    lengths = (ends - starts).clamp(min=1)[:, None]
    means: Tensor = (sums[rows, ends] - sums[rows, starts]) / lengths
    return means
