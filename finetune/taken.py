"""Which items of a turn somebody taught: all that a person recommended, of our own lists what was taken.

A dialogue that was exported from the log says with which probability each item was shown (`propensity`). What is shown
that way is no lesson by itself: who learned from it would learn its own habits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.belief import BeliefState, Shown, Verdict, apply
from agent.reactions import GOOD, REFUSED
from agent.transcripts import resolve_title, update_from_dict
from retrieval.catalog import Catalog

Turn = Mapping[str, Any]


class Taught(NamedTuple):
    """What a turn showed, and what of it is right."""

    shown: tuple[str, ...]
    """Ids of the items of the catalog, in order."""
    right: tuple[str, ...]
    """Of a labelled turn all of them, of our own list what was taken or a reviewer approved."""
    taken: tuple[str, ...]
    """What was liked or accepted afterwards, in the last message or click about the item."""
    refused: frozenset[str]
    """What was turned down, disliked or seen, by the same."""
    chances: Mapping[str, float]
    """Item -> probability with which our own list showed it; empty for a labelled turn."""

    def weight(self, item: str, clip: float) -> float:
        """Return how much an item counts: the inverse of the probability with which it was shown, `clip` at most."""
        return min(clip, 1 / self.chances[item]) if item in self.chances else 1.0


def taught(turns: Sequence[Turn], place: int, belief: BeliefState, catalog: Catalog) -> Taught:
    """Return what the turn at `place` taught; `belief` is the one that its list was made for.

    Of a labelled turn the next message tells what was taken, of our own list all that follows, clicks and words.
    """
    known = _known(turns[place], catalog)
    shown = tuple(dict.fromkeys(item for item, _ in known))
    chances = {item: card["propensity"] for item, card in known if card.get("propensity") is not None}
    last: dict[str, set[Verdict]] = {}
    held = belief.after_reply(ledger(shown, belief, catalog), None)
    for turn in turns[place + 1 :]:
        update = update_from_dict(turn["update"], catalog, held)
        spoken_of = {one.item_id for one in update.items if one.item_id}
        last |= {item: {one.verdict for one in update.items if one.item_id == item} for item in spoken_of}
        if turn["user"] and not chances:
            break
        held = apply(held, update)
        if later := [item for item, _ in _known(turn, catalog)]:
            held = held.after_reply(ledger(later, held, catalog), None)
    taken = tuple(item for item in shown if last.get(item, set()) & GOOD)
    right = tuple(item for item in shown if item not in chances or item in taken)
    refused = frozenset(item for item in shown if last.get(item, set()) & REFUSED)
    return Taught(shown, right, taken, refused, chances)


def ledger(shown: Sequence[str], belief: BeliefState, catalog: Catalog) -> tuple[Shown, ...]:
    """Return items as shown in the turn of a belief."""
    return tuple(
        Shown(item_id=item, title=catalog.label(catalog[item]), position=place, turn=belief.turn)
        for place, item in enumerate(shown, start=1)
    )


def _known(turn: Turn, catalog: Catalog) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the items of the catalog that a turn showed, with their cards; a card may be no more than a title."""
    cards = [card if isinstance(card, Mapping) else {"title": card} for card in turn.get("shown", ())]
    return [(item, card) for card in cards if (item := resolve_title(card["title"], catalog))]
