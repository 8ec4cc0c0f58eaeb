"""A scene as token ids: the message in its context once, then every option, each of which sees the message alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from agent.belief import Intent, Verdict
from agent.linking.assembly import TAKEN_BACK
from agent.linking.judging import STANCES
from agent.linking.options import Kind, Option, Scene

VERDICTS: tuple[str, ...] = (*get_args(Verdict), TAKEN_BACK)
INTENTS: tuple[str, ...] = get_args(Intent)
KINDS: tuple[str, ...] = get_args(Kind)
EVIDENCE = len(VERDICTS) + len(STANCES) + 2
"""Numbers that the linear judge gives with an option: log-odds of verdicts and stances, whether any, closeness."""
_MESSAGE, _QUESTION, _CARD, _VALUE = 110, 24, 40, 20
"""Longest parts, in tokens."""
_SCALE = 3.0
_LEAST, _RAREST = 1e-3, 1e-4


@dataclass(frozen=True, slots=True)
class Encoded:
    """One scene for the network."""

    ids: tuple[int, ...]
    """[CLS] where we are, what was asked [SEP] message [SEP]."""
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


def encode(
    scene: Scene, chances: Sequence[Mapping[str, float]], intent: Mapping[str, float], tokenizer: Any
) -> Encoded:
    """Write a scene as ids; `chances` by option and `intent` are the linear judge's probabilities."""
    belief, text = scene.belief, scene.sighting.message.text
    asked = belief.questions[-1] if belief.questions else None
    question = asked.text if asked is not None and asked.turn == belief.turn else ""
    place = f"{len(belief.last_shown())} shown" if belief.turn else "first"
    written = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = written["offset_mapping"][:_MESSAGE]
    before = [tokenizer.cls_token_id, *_ids(place, tokenizer, 4), *_ids(question, tokenizer, 0)[-_QUESTION:]]
    before.append(tokenizer.sep_token_id)
    start = len(before)
    return Encoded(
        ids=(*before, *written["input_ids"][:_MESSAGE], tokenizer.sep_token_id),
        message=(start, start + len(offsets)),
        options=tuple(
            tuple(_ids(option.text, tokenizer, _CARD if option.kind == "item" else _VALUE)) for option in scene.options
        ),
        spans=tuple(_places(option, offsets, start) for option in scene.options),
        kinds=tuple(KINDS.index(option.kind) for option in scene.options),
        evidence=tuple(map(_evidence, scene.options, chances)),
        intent=tuple(math.log(max(intent.get(name, 0.0), _RAREST)) / _SCALE for name in INTENTS),
    )


def _ids(text: str, tokenizer: Any, most: int) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids[:most] if most else ids


def _places(option: Option, offsets: Sequence[tuple[int, int]], start: int) -> tuple[int, int]:
    if option.span is None:
        return (0, 0)
    first, last = option.span
    covered = [place for place, (left, right) in enumerate(offsets) if left < last and right > first]
    return (start + covered[0], start + covered[-1] + 1) if covered else (0, 0)


def _evidence(option: Option, chances: Mapping[str, float]) -> tuple[float, ...]:
    names = VERDICTS if option.kind == "item" else STANCES
    odds = [_log_odds(chances.get(name, 0.0)) if chances else 0.0 for name in names]
    first, second = (odds, [0.0] * len(STANCES)) if option.kind == "item" else ([0.0] * len(VERDICTS), odds)
    return (*first, *second, 1.0 if chances else 0.0, option.closeness)


def _log_odds(chance: float) -> float:
    clipped = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(clipped / (1 - clipped)) / _SCALE
