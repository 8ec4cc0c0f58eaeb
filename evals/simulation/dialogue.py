"""Let a simulated user talk with a system until they accept, leave, or run out of turns."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from evals.run import Talker
from evals.simulation.behaviour import fed_up, next_move
from evals.simulation.user import Dialogue, End, Exchange, Heard, Move, User

Rephrase = Callable[[Move], Move]


class Partner(Talker, Protocol):
    """A system that talks and takes clicks: the recommender, or a floor."""

    def feedback(self, conversation: str, turn: int, item_id: str | None = None, *, verdict: str) -> Any:
        """Take a verdict on an item that a turn showed."""
        ...


def converse(
    user: User, partner: Partner, *, system: str, turns: int, seed: int, rephrase: Rephrase = lambda move: move
) -> Dialogue:
    """Play one dialogue of at most `turns` messages in a conversation of its own.

    Each turn has a random source keyed by seed, user and turn: users depend neither on each other nor on their order.
    The user leaves early when repeats and broken limits have used up their patience, which is `turns`.
    """
    conversation = f"simulated-{user.id}"
    history: tuple[Exchange, ...] = ()
    end: End = "out of turns"
    for number in range(1, turns + 1):
        move = rephrase(next_move(user, partner.catalog, history, random.Random(f"{seed}|{user.id}|{number}")))
        for item, verdict in move.clicks:
            partner.feedback(conversation, history[-1].heard.turn, item, verdict=verdict)
        heard = Heard.of(partner.reply(conversation, move.text))
        history = (*history, Exchange(move=move, heard=heard))
        accepted = next((item for item in heard.items if item in user.accepts), None)
        if accepted is not None:
            partner.feedback(conversation, heard.turn, accepted, verdict="accepted")
            return Dialogue(system=system, user=user.id, exchanges=history, end="accepted", accepted=accepted)
        if number < turns and fed_up(history, partner.catalog, turns):
            end = "left"
            break
    return Dialogue(system=system, user=user.id, exchanges=history, end=end)
