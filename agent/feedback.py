"""What people make of what was shown, by click: of one item or of a whole reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agent.belief import VERDICTS, BeliefUpdate, ItemVerdict, Verdict

REASONS = ("wrong_item", "seen_it", "not_what_i_meant", "ungrounded", "other")
"""Why something was not good."""
THUMBS: dict[str, Verdict] = {"thumbs_up": "liked", "thumbs_down": "disliked"}
IMPLICIT = frozenset({"clicked"})
"""What people do without meaning to say anything by it."""
REACTIONS: frozenset[str] = frozenset({*VERDICTS, *THUMBS, *IMPLICIT})
AGAINST = frozenset({"disliked", "rejected", "thumbs_down"})
"""Reactions that may come with a reason."""
MEANT: dict[str, Verdict] = {"wrong_item": "rejected", "seen_it": "seen"}
"""What a reason says of the items."""
OF_THE_REPLY = frozenset({"not_what_i_meant", "ungrounded"})
"""Reasons that say something of what was understood or told, and nothing of the items."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One reaction as the log keeps it."""

    turn: int
    item_id: str | None
    """None for the whole reply."""
    verdict: str
    words: str = ""
    reason: str = ""
    """One of `REASONS`, or nothing."""
    key: str = ""
    """What the sender calls it: the same key twice in a conversation is one reaction. Empty for none."""
    update: Mapping[str, Any] = field(default_factory=dict)
    belief: Mapping[str, Any] = field(default_factory=dict)
    """The belief after it."""


def meant(
    cards: Sequence[Mapping[str, Any]], item_id: str | None, verdict: str, reason: str, words: str
) -> BeliefUpdate:
    """Return what a reaction to the shown `cards` changes in the belief.

    A reason speaks of the item, or without one of all items, that it was given for. Nothing changes by a click, by
    a thumb on a whole reply, or by a complaint about what was said of an item. ValueError for what is not there.
    """
    if verdict not in REACTIONS:
        raise ValueError(f"unknown verdict {verdict!r}; one of {', '.join(sorted(REACTIONS))}")
    if reason and (reason not in REASONS or verdict not in AGAINST):
        raise ValueError(f"the reason {reason!r} does not go with {verdict!r}; one of {', '.join(REASONS)} may with "
                         f"{', '.join(sorted(AGAINST))}")  # fmt: skip
    about = [card for card in cards if item_id in (None, card["id"])]
    if item_id is not None and not about:
        raise ValueError(f"item {item_id!r} was not shown there")
    kind = MEANT.get(reason)
    if kind is None and item_id is not None and verdict not in IMPLICIT and reason not in OF_THE_REPLY:
        kind = THUMBS.get(verdict) or cast(Verdict, verdict)
    if kind is None:
        return BeliefUpdate(intent="feedback")
    return BeliefUpdate(
        intent="feedback",
        items=tuple(
            ItemVerdict(ref=card["title"], verdict=kind, item_id=card["id"], title=card["title"], words=words)
            for card in about
        ),
    )
