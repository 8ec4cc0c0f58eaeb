"""Users who have one item in mind and know its facts."""

from __future__ import annotations

import random

from evals.simulation.facts import facts_of
from evals.simulation.user import Manner, User
from retrieval.catalog import Catalog, Item

KNOWN = 0.3
"""Probability that a user has seen the best known item; for the others it falls with popularity."""


def target_user(number: int, catalog: Catalog, seed: int, noise: float) -> User:
    """Return the `number`-th user, whose target is drawn evenly from the catalog; the same for any number of users."""
    name = f"target-{number}"
    chance = random.Random(f"{seed}|{name}")
    target = chance.choice(catalog.items)
    return User(
        id=name,
        wish=catalog.label(target),
        accepts=frozenset({target.id}),
        facts=facts_of(target, catalog, chance),
        seen=known(catalog, chance) - {target.id},
        noise=noise,
        manner=manner(chance),
    )


def known(catalog: Catalog, chance: random.Random) -> frozenset[str]:
    """Draw the items that somebody has seen, well known ones more often."""

    def knows(item: Item) -> bool:
        return chance.random() < KNOWN * item.popularity

    return frozenset(item.id for item in catalog if knows(item))


def manner(chance: random.Random) -> Manner:
    """Draw how somebody writes."""
    return Manner(chatty=chance.random() < 0.6, lower=chance.random() < 0.3)
