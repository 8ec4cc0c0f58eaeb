"""Which items of a turn somebody taught: all that a person recommended, of our own lists what was taken.

A dialogue that was exported from the log says with which probability each item was shown (`propensity`). What is shown
that way is no lesson by itself: who learned from it would learn its own habits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.belief import BeliefState, ItemVerdict, Shown
from agent.reactions import GOOD
from agent.transcripts import update_from_dict
from retrieval.catalog import Catalog

Turn = Mapping[str, Any]


def propensities(turn: Turn) -> dict[str, float]:
    """Return title -> probability with which it was shown, of the cards that say it; empty for a labelled turn."""
    cards = [card for card in turn.get("shown", ()) if isinstance(card, Mapping)]
    return {card["title"]: card["propensity"] for card in cards if "propensity" in card}


def ledger(shown: Sequence[str], belief: BeliefState, catalog: Catalog) -> tuple[Shown, ...]:
    """Return items as shown in the turn of a belief."""
    return tuple(
        Shown(item_id=item, title=catalog.label(catalog[item]), position=place, turn=belief.turn)
        for place, item in enumerate(shown, start=1)
    )


def verdicts_after(
    belief: BeliefState, shown: Sequence[str], following: Sequence[Turn], catalog: Catalog
) -> tuple[ItemVerdict, ...]:
    """Return what is said of items after a list: by buttons, which are turns without words, and in the next message."""
    found: list[ItemVerdict] = []
    held = belief.after_reply(ledger(shown, belief, catalog), None)
    for turn in following:
        found += update_from_dict(turn["update"], catalog, held).items
        if turn["user"]:
            break
    return tuple(found)


def taken(shown: Sequence[str], after: Sequence[ItemVerdict]) -> list[str]:
    """Return what of a list was liked or accepted."""
    good = {one.item_id for one in after if one.verdict in GOOD}
    return [item for item in shown if item in good]
