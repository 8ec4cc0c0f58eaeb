"""Which attributes and values a question is about, by the names, units and values of the catalog itself."""

from __future__ import annotations

from dataclasses import dataclass

from agent.reasons import stem, words_of
from retrieval.catalog import Catalog, Column

_LENGTH_CUES = frozenset({"long", "longer", "longest", "short", "shorter", "shortest", "length", "duration"})
_UNIT_CUES: dict[str, frozenset[str]] = {
    "year": frozenset({"when", "year", "old", "older", "oldest", "new", "newer", "newest", "released", "recent"}),
    "minutes": _LENGTH_CUES | {"minutes"},
    "hours": _LENGTH_CUES | {"hours"},
    "pages": _LENGTH_CUES | {"pages", "thick"},
}
_PRICE_CUES = frozenset({"cost", "price", "expensive", "cheap", "cheaper", "cheapest", "much"})
_PRICE_NAMES = frozenset({"price", "cost"})
_WHO = frozenset({"who", "whose"})
_TEXT_CUES = frozenset({"about", "plot", "story", "describe", "summary", "like"})
_COMMON_START = 5
"""Letters that two words share when one is made of the other, such as `directed` and `director`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question wants to know."""

    attributes: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    """(attribute, value) pairs whose presence is asked about."""
    text: bool = False
    """Whether the description is wanted."""


def asked_about(text: str, catalog: Catalog) -> Asked:
    """Find the attributes and values that `text` names; nothing named is an empty answer."""
    words = [word.casefold() for word in words_of(text)]
    stems = [stem(word) for word in words]
    attributes = [column.name for column in catalog.schema.columns if _named(column, words, stems)]
    people = [column for column in catalog.schema.with_role("facet") if column.people]
    if people and _WHO & set(words) and not any(column.name in attributes for column in people):
        attributes.append(max(people, key=lambda column: len(catalog.vocabulary[column.name])).name)
    values = [
        (column.name, value)
        for column in catalog.schema.with_role("facet")
        for value in catalog.vocabulary[column.name]
        if _says(value, stems, words)
    ]
    return Asked(tuple(attributes), tuple(values[:3]), bool(_TEXT_CUES & set(words)))


def _named(column: Column, words: list[str], stems: list[str]) -> bool:
    """Tell whether a column's name, its singular, or what its unit answers is among the words."""
    if column.role not in ("facet", "number", "date"):
        return False
    said = set(words)
    if _UNIT_CUES.get(column.unit, frozenset()) & said:
        return True
    if column.name.casefold() in _PRICE_NAMES and _PRICE_CUES & said:
        return True
    names = {stem(name) for name in (column.name, column.singular) if name}
    return any(stemmed == name or _kin(stemmed, name) for stemmed in stems for name in names)


def _kin(left: str, right: str) -> bool:
    return left[:_COMMON_START] == right[:_COMMON_START] and min(len(left), len(right)) >= _COMMON_START


def _says(value: str, stems: list[str], words: list[str]) -> bool:
    """Tell whether the words hold `value`, also in a comparative such as `funnier`."""
    wanted = [stem(word) for word in words_of(value)]
    if not wanted:
        return False
    for start in range(len(stems) - len(wanted) + 1):
        if stems[start : start + len(wanted)] == wanted:
            return True
    return len(wanted) == 1 and len(wanted[0]) >= 4 and any(word in _degrees(wanted[0]) for word in words)


def _degrees(stemmed: str) -> tuple[str, ...]:
    return (f"{stemmed}er", f"{stemmed}est", f"{stemmed}{stemmed[-1]}er", f"{stemmed}{stemmed[-1]}est")
