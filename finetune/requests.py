"""Requests made up from the catalog: wishes and limits that one of its items fulfils, as many as one likes."""

from __future__ import annotations

import random
from typing import NamedTuple

from agent.belief import BeliefState, ItemVerdict, Limit, Preference
from retrieval.catalog import Catalog, Item

Value = tuple[str, str]
"""Facet and value."""
SOMETIMES = 0.25
"""Chance of each part of a request beside its wishes."""


class Request(NamedTuple):
    """What somebody said last and what is believed of them then."""

    text: str
    belief: BeliefState


def wish(item: Item, catalog: Catalog, chance: random.Random, most: int = 2) -> Request:
    """Wish for one to `most` of an item's facet values, people left out; for its title where it has none."""
    found = _values(item, catalog)
    values = chance.sample(found, min(len(found), chance.randint(1, most)))
    wishes = tuple(Preference(attribute=name, value=value, words=value) for name, value in values)
    return Request(", ".join(value for _, value in values) or item.title, BeliefState(preferences=wishes))


def request(item: Item, catalog: Catalog, chance: random.Random) -> Request:
    """Ask for what an item has, and sometimes to leave out what it has not, for its decade, or like one of its kind."""
    text, belief = wish(item, catalog, chance, most=3)
    words, limits, liked = [text], list[Limit](), tuple[ItemVerdict, ...]()
    if chance.random() < SOMETIMES and (other := _lacking(item, catalog, chance)):
        words.append(f"no {other[1]}")
        limits.append(Limit(attribute=other[0], op="is_not", value=other[1], words=words[-1]))
    year = catalog.schema.with_unit("year")
    if chance.random() < SOMETIMES and year is not None and (number := item.number(year.name)) is not None:
        first = int(number) // 10 * 10
        words.append(f"from the {first}s")
        limits.append(Limit(attribute=year.name, op="at_least", value=first, words=words[-1]))
        limits.append(Limit(attribute=year.name, op="at_most", value=first + 9, words=words[-1]))
    if chance.random() < SOMETIMES and (kin := _kin(item, catalog, chance)):
        words.append(f"I loved {kin.title}")
        liked = (ItemVerdict(ref=kin.title, verdict="liked", item_id=kin.id, title=catalog.label(kin)),)
    return Request(", ".join(words), belief.model_copy(update={"constraints": tuple(limits), "items": liked}))


def _values(item: Item, catalog: Catalog) -> list[Value]:
    columns = [column.name for column in catalog.schema.with_role("facet") if not column.people]
    return [(name, value) for name in columns for value in item.values(name)]


def _lacking(item: Item, catalog: Catalog, chance: random.Random) -> Value | None:
    """Draw a facet value of another item that this one has not; None where that one has no such value."""
    own = set(_values(item, catalog))
    others = [value for value in _values(chance.choice(catalog.items), catalog) if value not in own]
    return chance.choice(others) if others else None


def _kin(item: Item, catalog: Catalog, chance: random.Random) -> Item | None:
    """Draw another item that shares a facet value drawn of this one; None where no other has it."""
    if not (found := _values(item, catalog)):
        return None
    name, value = chance.choice(found)
    others = [other for other in catalog if other.id != item.id and value in other.values(name)]
    return chance.choice(others) if others else None
