"""Bots: fake people who want one item to be shown to everybody."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from evals.simulation.facts import facts_of
from evals.simulation.speech import Speech
from evals.simulation.user import Manner

if TYPE_CHECKING:
    from agent import Recommender

FACTS = 2
"""True things of the item that a bot asks for before it names it."""


def push(rec: Recommender, item_id: str, number: int, seed: int) -> bool:
    """Let the `number`-th bot ask for something that fits an item, then for the item by its title, and take it.

    So what it asked for first seems to have been answered by the item. Return whether the item could be taken.
    """
    chance = random.Random(f"{seed}|bot-{number}")
    item, conversation = rec.catalog[item_id], f"simulated-bot-{seed}-{number}"
    told = [fact for fact in facts_of(item, rec.catalog, chance) if not fact.against]
    wanted = chance.sample(told, min(FACTS, len(told)))
    speech = Speech(rec.catalog, chance, Manner())
    rec.reply(conversation, speech.say("open", wish=speech.wish(wanted)))
    reply = rec.reply(conversation, f"Do you have {rec.catalog.label(item)}?")
    if all(shown.id != item_id for shown in reply.items):
        return False
    rec.feedback(conversation, reply.turn, item_id, "accepted")
    return True
