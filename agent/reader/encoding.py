"""A scene as token ids: the message in its context once, then every option, each of which sees the message alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, get_args

from agent.belief import INTENTS, VERDICTS
from agent.linking.assembly import TAKEN_BACK
from agent.linking.judging import STANCES
from agent.linking.options import Kind, Option, Scene
from prompts import render

ITEM_LABELS: tuple[str, ...] = (*VERDICTS, TAKEN_BACK)
"""What can be said of an item."""
KINDS: tuple[str, ...] = get_args(Kind)
EVIDENCE = len(ITEM_LABELS) + len(STANCES) + 2
"""Numbers that the linear judge gives with an option: log-odds of verdicts and stances, whether any, closeness."""
_MESSAGE, _QUESTION, _CARD, _VALUE = 120, 160, 36, 20
"""Longest parts: of a message, of an item and of any other option in tokens, of a question in characters."""
_SCALE = 3.0
_LEAST, _RAREST = 1e-3, 1e-4


@dataclass(frozen=True, slots=True)
class Encoded:
    """One scene for the network."""

    ids: tuple[int, ...]
    """What was asked, the message, what is wanted."""
    message: tuple[int, int]
    """Places [start, end) of the message in `ids`."""
    options: tuple[tuple[int, ...], ...]
    """Token ids of every option."""
    spans: tuple[tuple[int, int], ...]
    """Places [start, end) in `ids` of the words that point to an option; equal where none do."""
    kinds: tuple[int, ...]
    evidence: tuple[tuple[float, ...], ...]
    """(options, EVIDENCE): what the linear judge makes of it."""
    intent: tuple[float, ...]
    """(INTENTS): log-probabilities of the linear judge."""

    @property
    def length(self) -> int:
        """Count the tokens."""
        return len(self.ids) + sum(map(len, self.options))

    def within(self, most: int) -> Encoded:
        """Return this with as many of the first options as `most` tokens in all allow."""
        ends = accumulate(map(len, self.options), initial=len(self.ids))
        count = max(0, sum(end <= most for end in ends) - 1)
        first = {name: getattr(self, name)[:count] for name in ("options", "spans", "kinds", "evidence")}
        return replace(self, **first)


def encode(
    scene: Scene, chances: Sequence[Mapping[str, float]], intent: Mapping[str, float], tokenizer: Any
) -> Encoded:
    """Write a scene as ids; `chances` by option and `intent` are the linear judge's probabilities."""
    belief = scene.belief
    asked = belief.questions[-1] if belief.questions else None
    question = asked.text if asked is not None and asked.turn == belief.turn else ""
    place = f"{len(belief.last_shown())} shown" if belief.turn else "first"
    prompt = render("read", place=place, question=question[-_QUESTION:])
    # What a person writes is never read as a mark of the chat format.
    said = tokenizer(
        scene.sighting.message.text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
    )
    offsets = said["offset_mapping"][:_MESSAGE]
    before, after = _ids(prompt.context, tokenizer), _ids(f"\n{prompt.own}", tokenizer)
    start = len(before)
    return Encoded(
        ids=(*before, *said["input_ids"][:_MESSAGE], *after),
        message=(start, start + len(offsets)),
        options=tuple(
            tuple(_ids(option.text, tokenizer, split_special_tokens=True)[: _CARD if option.kind == "item" else _VALUE])
            for option in scene.options
        ),
        spans=tuple(_places(option, offsets, start) for option in scene.options),
        kinds=tuple(KINDS.index(option.kind) for option in scene.options),
        evidence=tuple(map(_evidence, scene.options, chances)),
        intent=tuple(math.log(max(intent.get(name, 0.0), _RAREST)) / _SCALE for name in INTENTS),
    )


def _ids(text: str, tokenizer: Any, **how: Any) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, **how)["input_ids"]
    return ids


def _places(option: Option, offsets: Sequence[tuple[int, int]], start: int) -> tuple[int, int]:
    if option.span is None:
        return (0, 0)
    first, last = option.span
    covered = [place for place, (left, right) in enumerate(offsets) if left < last and right > first]
    return (start + covered[0], start + covered[-1] + 1) if covered else (0, 0)


def _evidence(option: Option, chances: Mapping[str, float]) -> tuple[float, ...]:
    names = ITEM_LABELS if option.kind == "item" else STANCES
    odds = [_log_odds(chances.get(name, 0.0)) if chances else 0.0 for name in names]
    first, second = (odds, [0.0] * len(STANCES)) if option.kind == "item" else ([0.0] * len(ITEM_LABELS), odds)
    return (*first, *second, 1.0 if chances else 0.0, option.closeness)


def _log_odds(chance: float) -> float:
    clipped = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(clipped / (1 - clipped)) / _SCALE
