"""How items differ: in a number, in a value, or in whatever sets them apart."""

from __future__ import annotations

from collections.abc import Sequence

from agent.asked import Asked
from agent.inflection import within
from agent.notes import FEW_VALUES, Notes, with_unit
from agent.question_words import LESS
from agent.wording import listed
from retrieval.catalog import Column, Item

MOST_FACTS = 4
"""Attributes on which a comparison names the difference."""


def compare(asked: Asked, items: Sequence[Item], notes: Notes) -> str:
    """Say how `items` differ in what is asked about, or, when nothing is named, in what sets them apart."""
    numbers = [column for column in notes.schema.with_role("number") if column.name in asked.attributes]
    lines = [_ordered(items, column, asked.order, notes) for column in numbers]
    for attribute in dict.fromkeys(attribute for attribute, _ in asked.values):
        values = [value for name, value in asked.values if name == attribute]
        lines.append(_having(items, attribute, values, asked.order == LESS and not numbers, notes))
    facts = [name for name in asked.attributes if name not in {column.name for column in numbers}]
    if facts or not lines:
        lines.append(_apart(items, facts or _differing(items, notes), notes))
    return " ".join(lines)


def _ordered(items: Sequence[Item], column: Column, order: int, notes: Notes) -> str:
    """Write the items in the order of a number: the one asked for first."""
    known = [(number, item) for item in items if (number := item.number(column.name)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=order >= 0)
    parts = [f"{notes.short(item, items)} ({with_unit(f'{number:g}', column)})" for number, item in known]
    unknown = [notes.short(item, items) for item in items if item.number(column.name) is None]
    name = notes.name(column.name)
    rest = [f"the {name} of {listed(unknown)} is not in my notes"] if unknown else []
    return f"By {name}: {'; '.join([', then '.join(parts)] * bool(parts) + rest)}."


def _having(items: Sequence[Item], attribute: str, values: Sequence[str], lacking: bool, notes: Notes) -> str:
    """Say which items have one of the values; those that lack it come first when less of it is asked for."""
    having = [item for item in items if any(within(value, item.values(attribute)) for value in values)]
    without = [item for item in items if item not in having]
    name = f"{listed(values, 'or')} ({notes.name(attribute)})"
    others = "; ".join(f"{notes.short(item, items)}: {fact}" for item in items if (fact := notes.fact(item, attribute)))
    told = f" {others}." if others else ""
    if not having:
        return f"My notes list none of them with {name}.{told}"
    if not without:
        return f"My notes list all of them with {name}.{told}"
    chosen = without if lacking else having
    called, others = (listed([notes.short(item, items) for item in group]) for group in (chosen, without))
    are = "is" if len(chosen) == 1 else "are"
    return f"{called} {are} listed " + (f"without {name}." if lacking else f"with {name}; {others} without.")


def _apart(items: Sequence[Item], attributes: Sequence[str], notes: Notes) -> str:
    """Write what each item has that not all have, and what all share of the same attributes."""
    several = len(items) > 1
    shared = {
        name: [value for value in items[0].values(name) if several and all(value in one.values(name) for one in items)]
        for name in attributes
    }
    lines = []
    common = [notes.fact(items[0], name, _others(items[0], name, values)) for name, values in shared.items() if values]
    if common:
        lines.append(f"{'Both' if len(items) == 2 else 'All'}: {'; '.join(common)}.")
    for item in items:
        known = [fact for name in attributes if (fact := notes.fact(item, name, shared[name], FEW_VALUES))]
        if known or not common:
            lines.append(f"{notes.label(item)}: {'; '.join(known) or 'nothing in my notes'}.")
    return " ".join(lines)


def _others(item: Item, name: str, values: Sequence[str]) -> list[str]:
    return [value for value in item.values(name) if value not in values]


def _differing(items: Sequence[Item], notes: Notes) -> list[str]:
    """Return the attributes on which the items differ: the telling facets, then the numbers."""
    numbers = [column for column in notes.schema.with_role("number") if column.unit != "year"]
    columns = [column for column in notes.telling if len({item.values(column.name) for item in items}) > 1]
    return [column.name for column in (*columns[: MOST_FACTS - 1], *numbers[:1])]
