"""Limits, wishes and lists in plain words, made from the schema alone."""

from __future__ import annotations

from collections.abc import Sequence

from agent.belief import BeliefState, Limit, Preference
from retrieval.catalog import Catalog, CatalogSchema, Column

_BOUNDS = {
    "year": ("{} or later", "{} or earlier"),
    "": ("{name} of at least {}", "{name} of at most {}"),
}


_QUALITIES = frozenset("mood tone pace style vibe atmosphere feel audience".split())
"""What a facet of adjectives is called: `not violent`, where others are refused as in `no Horror`."""


def listed(parts: Sequence[str], word: str = "and") -> str:
    """Join parts as in `a, b and c`."""
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}" if len(parts) > 1 else "".join(parts)


def compared(wish: Preference, catalog: Catalog) -> str:
    """Return what a wish is compared with: one item by its label, several by their number; empty without any."""
    items = [catalog[one] for one in wish.than if one in catalog]
    return catalog.label(items[0]) if len(items) == 1 else f"{counted(len(items), catalog.schema)}" if items else ""


def number(value: str | int | float) -> str:
    """Write a number without a needless fraction, a word as it is."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def counted(count: int, schema: CatalogSchema) -> str:
    """Write a number of items: `1 film`, `14 films`."""
    return f"{count:,} {schema.noun if count == 1 else schema.nouns}"


def called(column: Column | None, attribute: str = "") -> str:
    """Return what one value of a column is called, in words: `genre`, `average rating`."""
    return (column.singular or column.name if column else attribute).replace("_", " ")


def measured_in(column: Column | None) -> str:
    """Return the unit to write behind a number: `minutes`; `year` for years; empty when the name says it."""
    return "" if column is None or column.unit == "price" or column.unit in column.name.split("_") else column.unit


def said(entry: Limit | Preference, schema: CatalogSchema) -> str:
    """Write one limit or wish: `Thriller`, `no Horror`, `at most 100 minutes`, `from 1990 or later`."""
    column = schema.column(entry.attribute)
    unit = "year" if column and column.unit == "year" else measured_in(column)
    value = number(entry.value)
    if isinstance(entry, Preference):
        return value if entry.weight > 0 else f"less {value}"
    match entry.op:
        case "is_not":
            return f"{'not' if called(column) in _QUALITIES else 'no'} {value}"
        case "contains":
            return f"with “{value}” in it"
        case "is":
            return f"from {value}" if unit == "year" else (f"{value} {unit}" if unit else value)
        case "at_least" | "at_most":
            side = 0 if entry.op == "at_least" else 1
            if unit in ("", "year"):
                return _BOUNDS[unit][side].format(value, name=called(column, entry.attribute))
            return f"at {entry.op[3:]} {value} {unit}"


def ranges(belief: BeliefState, schema: CatalogSchema) -> tuple[list[str], list[Limit]]:
    """Write pairs of bounds on one attribute as ranges; return them and the limits that are left."""
    written: list[str] = []
    left = list(belief.constraints)
    for low in [limit for limit in left if limit.op == "at_least"]:
        high = next((b for b in left if b.op == "at_most" and b.attribute == low.attribute), None)
        if high is None:
            continue
        column = schema.column(low.attribute)
        unit = measured_in(column)
        bounds = number(low.value) if low.value == high.value else f"{number(low.value)}–{number(high.value)}"
        year = column is not None and column.unit == "year"
        written.append(f"from {bounds}" if year else f"{bounds} {unit}" if unit else f"{called(column)} {bounds}")
        left = [limit for limit in left if limit not in (low, high)]
    return written, left


def summary(belief: BeliefState, schema: CatalogSchema) -> str:
    """Write what is wanted in one line: `Thriller, tense; from 1990–1999; no Horror`; empty when nothing is known."""
    spans, limits = ranges(belief, schema)
    plain = [limit for limit in limits if limit.op == "is" and isinstance(limit.value, str)]
    names = [said(limit, schema) for limit in plain]
    names += [said(wish, schema) for wish in belief.preferences if wish.weight > 0 and wish.attribute != "text"]
    names += [f"‘{wish.value}’" for wish in belief.preferences if wish.weight > 0 and wish.attribute == "text"]
    bounds = [said(limit, schema) for limit in limits if limit not in plain and limit.op != "is_not"]
    against = [said(limit, schema) for limit in limits if limit.op == "is_not"]
    against += [said(wish, schema) for wish in belief.preferences if wish.weight < 0]
    return "; ".join(part for part in (", ".join(names), ", ".join(spans + bounds), ", ".join(against)) if part)
