"""What a reviewer decided about a turn, as the log keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Decision = Literal["approved", "rejected", "corrected"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True, slots=True)
class Review:
    """One decision about one turn; the last one counts, the earlier ones stay."""

    conversation: str
    turn: int
    seq: int
    """The log's entry of the turn that was looked at: said anew, it has another."""
    decision: Decision
    update: Mapping[str, Any] | None = None
    """What should have been understood, in the words of the labelled dialogues; None where that was right."""
    order: tuple[str, ...] = ()
    """Ids of the items that should have been shown, best first; empty where the list was right."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Item id -> what should have been said of it, for those that were wrong."""
    note: str = ""
    person: str = ""
    """Who decided; empty for somebody without a name."""
    at: str = ""
    """UTC, ISO 8601; the log's clock sets it."""
