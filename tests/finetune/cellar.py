"""A home with the wines of the shared fixture, and a log whose turns say what a test tells them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent import Recommender, Settings
from agent.log import ConversationLog, Turn
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder
from retrieval.index import build


def stock(home: Path, wines: Catalog) -> Path:
    """Build the index of the wines in `home`."""
    build(wines, home, HashingEncoder())
    return home


def open_cellar(home: Path, **options: Any) -> Recommender:
    return Recommender.open(Settings(home=home, model="scripted", encoder="hashing", reader="none", **options))


def turn(number: int, user: str, text: str, titles: Sequence[str] = (), **more: Any) -> Turn:
    """Make a turn that shows items by these titles, of which the ids are the same."""
    shown = [
        {"id": title, "title": title, "rank": place, "reason": f"For {title}."}
        for place, title in enumerate(titles, start=1)
    ]
    record: dict[str, Any] = {
        "via": "text", "action": "recommend", "update": {"intent": "recommend"}, "belief": {"turn": number},
        "candidates": tuple({"item_id": title, "propensity": 0.5} for title in titles), "shown": tuple(shown),
        "question": None, "model": "scripted", "adapter": "none", "index": "wines", "timings": {},
    }  # fmt: skip
    return Turn(turn=number, user=user, text=text, **{**record, **more})


def written(log: ConversationLog, conversation: str, turns: Sequence[Turn], person: str = "") -> int:
    """Write turns to a conversation and return the last entry."""
    seq = log.last(conversation)
    for one in turns:
        seq = log.add_turn(conversation, one, after=seq, person=person)
    return seq
