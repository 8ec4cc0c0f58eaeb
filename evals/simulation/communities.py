"""Users of a few communities, each of which loves a part of the catalog that its data do not tell apart.

What a community loves depends on values of facets, as tastes do, and as much on each item alone, as tastes do too. No
search can know it. Whoever talks with these people and remembers what they took can.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from evals.simulation.facts import facts_of, share
from evals.simulation.targets import known, manner
from evals.simulation.user import User
from retrieval.catalog import Catalog, Item

COMMUNITIES = 4
LOVED = 0.04
"""Share of the catalog that a community loves."""
VALUES = 8
"""Values of facets that a community's taste rests on."""
OWN = 1.0
"""Spread of what is loved in an item for its own sake, beside values that weigh 1 on average."""
WORDS = 2
"""Facts that a user can say of what they want: few, so that taste decides."""
EXAMPLE = 0.5
"""Probability that a user names items that they loved."""
EXAMPLES = 2
"""Items that such a user can name at most."""
TELLING = 0.02
"""Share of the catalog from which on a fact does not give away what is wanted."""
FLATTEST = 5
"""The k-th most loved item is wanted in proportion to 1 / (k + FLATTEST)."""


@dataclass(frozen=True)
class Community:
    """What a group of people loves, most loved first."""

    loved: tuple[str, ...]

    def weights(self) -> list[float]:
        """Return how often each is wanted, relative to the others."""
        return [1 / (place + FLATTEST) for place in range(1, len(self.loved) + 1)]


def communities(catalog: Catalog, seed: int) -> tuple[Community, ...]:
    """Draw the communities of a population; the same for a seed."""
    return _communities(catalog, seed)


@lru_cache(maxsize=4)
def _communities(catalog: Catalog, seed: int) -> tuple[Community, ...]:
    found = []
    for number in range(COMMUNITIES):
        chance = random.Random(f"{seed}|community-{number}")
        facets = [column.name for column in catalog.schema.with_role("facet") if not column.people]
        values = sorted({(name, value) for name in facets for value in catalog.vocabulary.get(name, ())})
        common = [pair for pair in values if 0.03 <= catalog.vocabulary[pair[0]][pair[1]] / len(catalog) <= 0.4]
        chosen = chance.sample(common or values, min(VALUES, len(common or values)))
        taste = {pair: chance.gauss(0, 1) for pair in chosen}
        liking = {item.id: _utility(item, taste) + chance.gauss(0, OWN) for item in catalog}
        order = sorted(liking, key=lambda item: (-liking[item], item))
        found.append(Community(tuple(order[: max(WORDS, round(LOVED * len(catalog)))])))
    return tuple(found)


def community_user(number: int, catalog: Catalog, seed: int, noise: float) -> User:
    """Return the `number`-th user: wants what their community loves, and can say two things of it at most.

    The population is that of the seed, so that users of other numbers are other people with the same tastes.
    """
    name = f"community-{number}"
    chance = random.Random(f"{seed}|{name}")
    groups = communities(catalog, seed)
    group = groups[chance.randrange(len(groups))]
    target = catalog[chance.choices(group.loved, group.weights())[0]]
    telling = (fact for fact in facts_of(target, catalog, chance) if not fact.against)
    facts = tuple(islice((fact for fact in telling if share(fact, catalog) >= TELLING), WORDS))
    wanted = [item for item in group.loved if all(fact.holds(catalog[item]) for fact in facts)]
    others = [item for item in group.loved if item not in wanted]
    loved: tuple[str, ...] = ()
    if others and chance.random() < EXAMPLE:
        weights = dict(zip(group.loved, group.weights(), strict=True))
        loved = tuple(dict.fromkeys(chance.choices(others, [weights[item] for item in others], k=EXAMPLES)))
    return User(
        id=name,
        wish=f"{catalog.label(target)} or one of {len(wanted) - 1} others that its community loves",
        accepts=frozenset(wanted),
        facts=facts,
        seen=(known(catalog, chance) | set(loved)) - set(wanted),
        loved=loved,
        noise=noise,
        manner=manner(chance),
    )


def _utility(item: Item, taste: dict[tuple[str, str], float]) -> float:
    return sum(weight for (name, value), weight in taste.items() if value in item.values(name))
