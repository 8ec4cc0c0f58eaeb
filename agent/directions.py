"""Which way a word points along a number: `older` is less of a year, `cheaper` less of a price."""

from __future__ import annotations

from agent.inflection import bases
from agent.question_words import LESS, MORE, NAMES, ORDER, UNITS
from retrieval.catalog import Column, fold

ANY = dict.fromkeys(("low", "small"), LESS) | dict.fromkeys(("high", "big", "large", "great"), MORE)
"""Adjectives that go with any number."""
_REVERSED = frozenset(("less", "not", "least"))


def measured_by(column: Column) -> frozenset[str]:
    """Return what a column measures, by its unit and its name: length, year, price, rating."""
    named = {kind for kind, names in NAMES.items() if fold(column.name).replace(" ", "_") in names}
    return frozenset(named | ({UNITS[column.unit]} if column.unit in UNITS else set()))


def direction(phrase: str, column: Column) -> int:
    """Return whether `phrase` asks for more (1) or less (-1) of what a number column counts; 0 when for neither.

    `older`, `a bit shorter`, `more recent`, `less expensive`, `not so long`; the adjective in any degree.
    """
    words = fold(phrase).replace("-", " ").split()
    found = next((sign for word in words if (sign := _sign(word, column))), 0)
    return -found if _REVERSED & set(words) else found


def _sign(word: str, column: Column) -> int:
    roots = bases(word)
    for kind in measured_by(column):
        if known := roots & ORDER.get(kind, {}).keys():
            return ORDER[kind][min(known)]
    return ANY[min(known)] if (known := roots & ANY.keys()) else 0
