"""Labelled dialogues as a ranking benchmark: what a person was shown after each message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.bench.contexts import Message, RankingData, RankingTurn, each_once, listed, parsed, value
from retrieval.rows import read_rows


def read_labelled(path: Path, split: str = "all") -> RankingData:
    """Read labelled dialogues, one a line, of one split or of all. UserError when nothing can be used."""
    found, problems = parsed(path, read_rows(path), lambda record: list(_turns(record, split)))
    return RankingData.of(path, (turn for turns in found for turn in turns), problems)


def _turns(record: Mapping[str, Any], split: str) -> Iterator[RankingTurn]:
    """Yield the turns that showed something. A reply is its text and the titles on its cards, in their order."""
    if split not in ("all", record.get("split")):
        return
    dialogue = str(value(record, "id", str, int))
    said: list[Message] = []
    mentioned: list[str] = []
    for number, turn in enumerate(value(record, "turns", list)):
        said.append({"role": "user", "content": value(turn, "user", str)})
        mentioned += [value(entry, "ref", str) for entry in listed(value(turn, "update", dict), "items")]
        shown = [value(card, "title", str) for card in listed(turn, "shown")]
        if shown:
            yield RankingTurn(dialogue, number, tuple(said), each_once(mentioned), each_once(shown))
        mentioned += shown
        cards = [f"{place}. {title}" for place, title in enumerate(shown, start=1)]
        said.append({"role": "assistant", "content": " ".join((turn.get("reply") or "", *cards)).strip()})
