"""Users with a belief profile: limits that must hold and weighted wishes, drawn by a seed or read from YAML."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from evals.simulation.facts import COMMON, facts_of, share, value_fact
from evals.simulation.targets import known, manner
from evals.simulation.user import Fact, User, Value
from retrieval.catalog import Catalog, Item, UserError, fold
from retrieval.constraints import Constraint

LIMITS, WISHES, AGAINST = 2, 5, 1
"""Most limits, wishes and values to avoid of a profile that is drawn."""


class Wish(Value):
    """One wish of a profile."""

    attribute: str
    value: str
    weight: float = Field(1.0, ge=-1, le=1)


class Profile(Value):
    """What somebody wants: every limit must hold, the more wishes the better."""

    name: str = ""
    limits: tuple[Constraint, ...] = ()
    wishes: tuple[Wish, ...] = Field(min_length=1)
    seen: tuple[str, ...] = ()
    """Ids of items."""

    def utility(self, item: Item) -> float:
        """Return the sum of the weights of the wishes that `item` has, minus infinity when it breaks a limit."""
        if not all(limit.allows(item) for limit in self.limits):
            return -math.inf
        return math.fsum(
            wish.weight for wish in self.wishes if fold(wish.value) in map(fold, item.values(wish.attribute))
        )

    def accepts(self, catalog: Catalog, top: float) -> frozenset[str]:
        """Return the unseen items of the highest utilities above zero, `top` of the catalog at most.

        Items of equal utility are taken or left together; those of the very highest are always taken.
        """
        levels: dict[float, list[str]] = {}
        for item in catalog:
            if item.id not in self.seen and (utility := self.utility(item)) > 0:
                levels.setdefault(utility, []).append(item.id)
        accepted: list[str] = []
        for utility in sorted(levels, reverse=True):
            if accepted and len(accepted) + len(levels[utility]) > top * len(catalog):
                break
            accepted += levels[utility]
        return frozenset(accepted)

    def facts(self) -> tuple[Fact, ...]:
        """Return what its owner says: the strongest wish, the limits, then the other wishes by weight."""
        wishes = [
            value_fact(wish.attribute, wish.value, "is" if wish.weight > 0 else "is_not")
            for wish in sorted(self.wishes, key=lambda wish: -abs(wish.weight))
        ]
        return (*wishes[:1], *(Fact(rules=(limit,), hard=True) for limit in self.limits), *wishes[1:])


def profile_user(number: int, catalog: Catalog, seed: int, noise: float, top: float) -> User:
    """Return the `number`-th user with a profile that is drawn; the same for any number of users."""
    name = f"profile-{number}"
    chance = random.Random(f"{seed}|{name}")
    profile = drawn(catalog, chance)
    while not profile.accepts(catalog, top):
        profile = drawn(catalog, chance)
    return user_of(profile, name, catalog, noise, top, chance)


def user_of(profile: Profile, name: str, catalog: Catalog, noise: float, top: float, chance: random.Random) -> User:
    """Return the user who has this profile."""
    limits = [str(limit) for limit in profile.limits]
    wishes = [f"{wish.value} {wish.weight:+.1f}" for wish in profile.wishes]
    return User(
        id=name,
        wish="; ".join(limits + wishes),
        accepts=profile.accepts(catalog, top),
        facts=profile.facts(),
        seen=frozenset(profile.seen),
        noise=noise,
        manner=manner(chance),
    )


def drawn(catalog: Catalog, chance: random.Random) -> Profile:
    """Draw a profile: limits that one item satisfies, and wishes from it and a second item within the limits."""
    first = chance.choice(catalog.items)
    facts = facts_of(first, catalog, chance)
    bounds = [fact for fact in facts if fact.rules[0].op in ("at_least", "at_most")]
    lacking = [fact for fact in facts if fact.against]
    limits = _sample([*bounds, *lacking], chance.randint(0, LIMITS), chance)
    rules = tuple(rule for fact in limits for rule in fact.rules)
    within = [item for item in catalog if all(rule.allows(item) for rule in rules)]
    second = chance.choice(within)
    told = [
        fact
        for item in (first, second)
        for fact in facts_of(item, catalog, chance)
        if fact.rules[0].op == "is" and share(fact, catalog) <= COMMON
    ]
    unique = list({_key(fact): fact for fact in told}.values())
    wishes = _sample(unique, chance.randint(3, WISHES), chance)
    taken = {_key(fact) for fact in (*wishes, *limits)}
    against = _sample([fact for fact in lacking if _key(fact) not in taken], chance.randint(0, AGAINST), chance)
    return Profile(
        limits=rules,
        wishes=tuple(_wish(fact, chance) for fact in (*wishes, *against)),
        seen=tuple(sorted(known(catalog, chance))),
    )


def read_profiles(path: Path, catalog: Catalog) -> list[Profile]:
    """Read a YAML list of profiles; UserError when it is something else or names what the catalog has not."""
    try:
        profiles = TypeAdapter(list[Profile]).validate_python(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): name a file of profiles") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"])) or "the file"
        raise UserError(f"{path}: {place}: {wrong['msg']}: profiles are a list of limits, wishes, seen") from error
    for number, profile in enumerate(profiles, start=1):
        _check(profile, f"{path}: profile {number}", catalog)
    return profiles


def _check(profile: Profile, where: str, catalog: Catalog) -> None:
    entries: list[Constraint | Wish] = [*profile.limits, *profile.wishes]
    for entry in entries:
        column = catalog.schema.column(entry.attribute)
        if column is None or column.name != entry.attribute:
            names = ", ".join(column.name for column in catalog.schema.with_role("facet", "number"))
            raise UserError(f"{where}: the catalog has no attribute {entry.attribute!r}: one of {names}")
        if isinstance(entry, Wish) and entry.value not in catalog.vocabulary.get(entry.attribute, ()):
            raise UserError(f"{where}: no {catalog.schema.noun} has {entry.attribute} {entry.value!r}: mend the value")
    for item in profile.seen:
        if item not in catalog:
            raise UserError(f"{where}: the catalog has no item with the id {item!r}: mend `seen`")


def _wish(fact: Fact, chance: random.Random) -> Wish:
    weight = round(chance.uniform(0.3, 1.0), 1)
    rule = fact.rules[0]
    return Wish(attribute=rule.attribute, value=str(rule.value), weight=-weight if fact.against else weight)


def _key(fact: Fact) -> tuple[str, str]:
    return fact.attribute, str(fact.rules[0].value)


def _sample(facts: Iterable[Fact], count: int, chance: random.Random) -> Sequence[Fact]:
    known = list(facts)
    return chance.sample(known, min(count, len(known)))
