"""A profile in a sentence or two: what a person says of their taste, and what the items they judged share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agent.belief import ITEMS
from agent.profile import Kind, ProfileEntry
from agent.wording import called, listed
from retrieval.catalog import Catalog, CatalogSchema, fold

FEWEST = 3
"""Items that must share a value before it says something of the person."""
PRIOR = 5.0
"""Items as the catalog has them on average that are added to the person's, so that few items say little."""
LIFT = 1.5
"""How many times more frequent than in the catalog a value must be, after smoothing."""
MOST = 5
"""Values of a kind that are named."""
CERTAIN = 2.0
"""Standard deviations of chance that a count must be above what is expected."""


class Trait(NamedTuple):
    """A value that the items a person likes, or dislikes, share beyond chance."""

    attribute: str
    value: str
    holders: int
    """How many of them have it."""
    lift: float
    """Frequency among them over that in the catalog, additively smoothed."""


def traits(item_ids: Iterable[str], catalog: Catalog) -> tuple[Trait, ...]:
    """Return the values that the items share beyond chance, those that say most first.

    A value counts with at least `FEWEST` items, a lift of `LIFT` and a count `CERTAIN` binomial standard deviations
    above the expected one. It says count times the logarithm of its lift. Unknown and repeated ids do not count.
    """
    items = [catalog[one] for one in dict.fromkeys(item_ids) if one in catalog]
    found: list[Trait] = []
    for column in catalog.schema.with_role("facet"):
        everywhere = catalog.vocabulary[column.name]
        counts = Counter(value for item in items for value in dict.fromkeys(item.values(column.name)))
        for value, count in counts.items():
            share = min(1.0, everywhere[value] / len(catalog))
            lift = (count + PRIOR * share) / ((len(items) + PRIOR) * share)
            excess = count - len(items) * share
            certain = excess >= CERTAIN * math.sqrt(len(items) * share * (1 - share))
            if count >= FEWEST and lift >= LIFT and certain:
                found.append(Trait(column.name, value, count, lift))
    return tuple(sorted(found, key=lambda one: (-one.holders * math.log(one.lift), one.attribute, one.value)))


def summary(profile: Sequence[ProfileEntry], catalog: Catalog) -> str:
    """Tell a person what is known of them in up to two sentences, of likes and dislikes; empty when it is too little.

    All of it is in the profile or counted from it: values that they spoke of, and those that unusually many of the
    items share. What liked and disliked items share tells nothing and is left out.
    """
    kinds: dict[str, tuple[Kind, ...]] = {"like": ("liked", "accepted"), "dislike": ("disliked",)}
    said = {verb: _values(profile, own) for verb, own in kinds.items()}
    items = {verb: _items(profile, own, catalog) for verb, own in kinds.items()}
    shared = {verb: traits(own, catalog) for verb, own in items.items()}
    spoken = {fold(value) for values in said.values() for value in values}
    liked, disliked = ({one[:2] for one in shared[verb]} for verb in kinds)
    both = liked & disliked
    sentences = []
    for verb in kinds:
        parts = [f"you {verb} {listed(said[verb][-MOST:])}"] if said[verb] else []
        told = [one for one in shared[verb] if one[:2] not in both and fold(one.value) not in spoken]
        if told:
            parts.append(
                f"many of the {catalog.schema.nouns} you {verb}d have {_by_attribute(told[:MOST], catalog.schema)}"
            )
        if parts:
            text = "; ".join(parts)
            sentences.append(f"{text[0].upper()}{text[1:]}.")
    return " ".join(sentences)


def _values(profile: Sequence[ProfileEntry], kinds: Sequence[Kind]) -> list[str]:
    values = [one.title or str(one.value) for one in profile if one.attribute != ITEMS and one.kind in kinds]
    return list({fold(value): value for value in values}.values())


def _items(profile: Sequence[ProfileEntry], kinds: Sequence[Kind], catalog: Catalog) -> list[str]:
    ids = [str(one.value) for one in profile if one.attribute == ITEMS and one.kind in kinds]
    return [one for one in dict.fromkeys(ids) if one in catalog]


def _by_attribute(told: Sequence[Trait], schema: CatalogSchema) -> str:
    """Write such as `genres Drama and Crime, mood sad`."""
    by_name = {one.attribute: [other.value for other in told if other.attribute == one.attribute] for one in told}
    names = {name: called(schema.column(name), name) if len(own) == 1 else name for name, own in by_name.items()}
    return ", ".join(f"{names[name]} {listed(own)}" for name, own in by_name.items())
