"""What one turn gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended item: where it stands, why, and what the reason rests on."""

    id: str
    title: str
    """The label people read: title, with the year where the catalog has one."""
    semantic_id: str
    """For example `<a_12><b_50><c_3><d_0>`."""
    rank: int
    """1 is best."""
    score: float
    """Probability among the candidates of this turn, 0..1."""
    reason: str = ""
    """Empty while it is still being written."""
    evidence: tuple[str, ...] = ()
    """Facts of the item that the reason may rest on, such as `genres: Thriller`."""
    reason_source: str = ""
    """`llm` when the model's sentence passed the check, `facts` when one built from the facts took its place."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, or a part of one while it streams: items first, then reasons, the text last."""

    conversation: str
    turn: int
    text: str = ""
    """What the agent says, plain text."""
    items: tuple[Recommendation, ...] = ()
    question: str | None = None
    action: str = ""
    """What was decided: recommend, ask, compare, explain, search or chat."""
    update: Mapping[str, Any] = field(default_factory=dict)
    """What this message changed, in the words of the labelled dialogues."""
    belief: Mapping[str, Any] = field(default_factory=dict)
    """The belief after this turn, each entry with the turn and the words it came from."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Stage -> seconds; `cards` and `total` count from the arrival of the message."""
    done: bool = False
    """False while the reply streams."""
    profile: tuple[Mapping[str, Any], ...] = ()
    """What of the person's profile took part: entries of earlier conversations, with their source."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return asdict(self)
