"""Items and beliefs in the words that prompts, reasons and the fact check share."""

from __future__ import annotations

from collections.abc import Iterable

from agent.belief import BeliefState
from retrieval.catalog import Catalog, Item, fold


def wanted(belief: BeliefState) -> str:
    """Write what should be there: limits and positive wishes, newest last."""
    limits = [_bound(entry.attribute, entry.op, entry.value) for entry in belief.constraints if entry.op != "is_not"]
    wishes = [_wish(entry.attribute, entry.value) for entry in belief.preferences if entry.weight > 0]
    return "; ".join(limits + wishes)


def unwanted(belief: BeliefState) -> str:
    """Write what should not be there: excluded values and negative wishes."""
    limits = [str(entry.value) for entry in belief.constraints if entry.op == "is_not"]
    wishes = [_wish(entry.attribute, entry.value) for entry in belief.preferences if entry.weight < 0]
    return "; ".join(limits + wishes)


def liked(belief: BeliefState, catalog: Catalog, most: int = 3) -> str:
    """Write the titles of the last items that were liked or named as examples."""
    ids = belief.with_verdict("liked", "like_this", "accepted")
    return "; ".join(catalog.label(catalog[item]) for item in ids[-most:] if item in catalog)


def spoken(text: str, belief: BeliefState, catalog: Catalog) -> dict[str, str]:
    """Return the values that every prompt about a person's wish is filled with."""
    return {
        "noun": catalog.schema.noun,
        "text": text[:300],
        "wanted": wanted(belief),
        "unwanted": unwanted(belief),
        "liked": liked(belief, catalog),
    }


def all_facts(item: Item, catalog: Catalog) -> str:
    """Write the item with every known attribute, such as `T (YYYY). genres: A, B. runtime: 90 minutes`."""
    parts = [catalog.label(item)]
    for column in catalog.schema.with_role("facet", "number", "date"):
        values = item.values(column.name)
        if values and column.unit != "year":
            unit = f" {column.unit}" if column.unit else ""
            parts.append(f"{column.name}: {', '.join(values)}{unit}")
    return ". ".join(parts)


def few_facts(item: Item, catalog: Catalog, belief: BeliefState, most: int = 4) -> str:
    """Write the item's label and at most `most` values, those that the belief speaks of first."""
    asked = {fold(str(entry.value)) for entry in belief.wishes}
    values = list(_plain_values(item, catalog))
    first = [value for value in values if fold(value) in asked]
    rest = [value for value in values if fold(value) not in asked]
    return f"{catalog.label(item)}: {', '.join((first + rest)[:most])}"


def _plain_values(item: Item, catalog: Catalog) -> Iterable[str]:
    """Yield facet values, the first of each facet, then the second of each..., without names and near-constants."""
    columns = [
        item.values(column.name)
        for column in catalog.schema.with_role("facet")
        if not column.people and column.many and len(catalog.vocabulary[column.name]) > 1
    ]
    common = len(catalog) * 0.6
    for place in range(max((len(values) for values in columns), default=0)):
        for values in columns:
            if place < len(values):
                value = values[place]
                if not any(counts.get(value, 0) > common for counts in catalog.vocabulary.values()):
                    yield value


def _bound(attribute: str, op: str, value: str | int | float) -> str:
    return str(value) if op == "is" and isinstance(value, str) else f"{attribute} {op.replace('_', ' ')} {value}"


def _wish(attribute: str, value: str | int | float) -> str:
    return str(value) if attribute == "text" or isinstance(value, str) else f"{attribute} {value}"
