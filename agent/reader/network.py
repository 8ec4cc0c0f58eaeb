"""What the reader reads off the layers of the language model: scenes in batches, and small heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agent.belief import INTENTS
from agent.layers import Packed, pack
from agent.linking.judging import STANCES
from agent.reader.encoding import EVIDENCE, ITEM_LABELS, KINDS, Encoded

_HIDDEN, _KIND, _SUMMARY = 256, 32, 64
_NOWHERE = -100.0


@dataclass(frozen=True, slots=True)
class Batch(Packed):
    """Scenes with o options in all."""

    messages: tuple[tuple[int, int], ...]
    spans: tuple[tuple[int, int, int], ...]
    kinds: Tensor
    """(o,)"""
    evidence: Tensor
    """(o, EVIDENCE)"""
    intent: Tensor
    """(b, INTENTS)"""


def batch(scenes: Sequence[Encoded]) -> Batch:
    """Pad `scenes` to the longest."""
    packed = pack([(scene.ids, scene.options) for scene in scenes])
    return Batch(
        packed.ids,
        packed.positions,
        packed.mask,
        packed.ends,
        packed.options,
        tuple(scene.message for scene in scenes),
        tuple((row, *span) for row, scene in enumerate(scenes) for span in scene.spans),
        torch.tensor([kind for scene in scenes for kind in scene.kinds], dtype=torch.long),
        torch.tensor([row for scene in scenes for row in scene.evidence]).reshape(-1, EVIDENCE),
        torch.tensor([scene.intent for scene in scenes]),
    )


class Heads(nn.Module):
    """What is read off states of width `width`."""

    def __init__(self, width: int, dropout: float = 0.2) -> None:
        """Start from the linear judge: its evidence passes straight to the logits."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.kind = nn.Embedding(len(KINDS), _KIND)
        self.trunk = nn.Sequential(nn.Linear(4 * width + _KIND + EVIDENCE, _HIDDEN), nn.GELU(), nn.Dropout(dropout))
        self.verdict, self.stance = nn.Linear(_HIDDEN, len(ITEM_LABELS)), nn.Linear(_HIDDEN, len(STANCES))
        self.summary = nn.Linear(_HIDDEN, _SUMMARY)
        judged = len(ITEM_LABELS) + len(STANCES)
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
        """Return logits of verdicts (o, ITEM_LABELS), stances (o, STANCES) and intents (b, INTENTS).

        `states` are those of the last layer (b, n, width).
        """
        states = self.norm(states)
        sums = torch.cat([states.new_zeros(len(states), 1, states.shape[2]), states.cumsum(1)], dim=1)
        message = _means(sums, [(row, *span) for row, span in enumerate(scenes.messages)])
        wanted = states[torch.arange(len(states)), torch.tensor(scenes.ends) - 1]
        rows = torch.tensor([row for row, _, _ in scenes.options], dtype=torch.long)
        last = torch.tensor([end - 1 for _, _, end in scenes.options], dtype=torch.long)
        known = torch.cat([self.kind(scenes.kinds), scenes.evidence], dim=1)
        said = [states[rows, last], _means(sums, scenes.options), _means(sums, scenes.spans), wanted[rows], known]
        hidden = self.trunk(torch.cat(said, dim=1))
        given = self.evidence(scenes.evidence)
        verdicts = self.verdict(hidden) + given[:, : len(ITEM_LABELS)]
        stances = self.stance(hidden) + given[:, len(ITEM_LABELS) :]
        items = (scenes.kinds == KINDS.index("item"))[:, None]
        chances = torch.cat([torch.sigmoid(verdicts) * items, torch.softmax(stances, 1) * ~items], dim=1)
        most = _most(states.new_zeros(len(states), chances.shape[1]), rows, chances.detach())
        summary = _most(states.new_full((len(states), _SUMMARY), _NOWHERE), rows, self.summary(hidden))
        summary = summary * (summary > _NOWHERE / 2)
        intents = self.intent(torch.cat([message, wanted, summary, scenes.intent, most], dim=1))
        return verdicts, stances, intents + self.trust * scenes.intent


def _most(start: Tensor, rows: Tensor, values: Tensor) -> Tensor:
    """Return for every scene (b, width) the largest of `start` and of its rows of `values` (o, width)."""
    return start.scatter_reduce(0, rows[:, None].expand_as(values), values, "amax")


def _means(sums: Tensor, spans: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return the mean state over each span from running sums (b, n + 1, width); zero for an empty span."""
    rows, starts, ends = (torch.tensor([span[part] for span in spans], dtype=torch.long) for part in range(3))
    lengths = (ends - starts).clamp(min=1)[:, None]
    means: Tensor = (sums[rows, ends] - sums[rows, starts]) / lengths
    return means
