"""Titles as benchmarks write them, matched to the items of a catalog."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from retrieval.catalog import Catalog, fold

_YEAR = re.compile(r"(.*\S)\s*\(\s*(\d{4})\s*\)", re.DOTALL)


def split_year(title: str) -> tuple[str, int | None]:
    """Return a title of the form `T (YYYY)` without odd spaces and its year, None where it has none."""
    written = " ".join(title.split())
    found = _YEAR.fullmatch(written)
    return (found[1], int(found[2])) if found else (written, None)


class Titles:
    """The titles of one catalog. Items are positions in it."""

    def __init__(self, catalog: Catalog) -> None:
        """Match to the items of `catalog`."""
        year = catalog.schema.with_unit("year")
        self._items: dict[str, list[tuple[float | None, int]]] = defaultdict(list)
        for place, item in enumerate(catalog):
            title, written = split_year(item.title)
            known = item.number(year.name) if year else None
            self._items[fold(title)].append((written if known is None else known, place))

    def find(self, title: str) -> list[int]:
        """Return the items that a title may stand for: one is a match, none or several are not.

        With a year: the items of that year, else those whose year the catalog does not know. Without one: the items
        that have none in the catalog either, else all of that title.
        """
        name, year = split_year(title)
        items = self._items.get(fold(name), [])
        exact = [place for known, place in items if known == year]
        if exact or year is None:
            return exact or [place for _, place in items]
        return [place for known, place in items if known is None]

    def match(self, title: str) -> int | None:
        """Return the one item that a title stands for, or None."""
        found = self.find(title)
        return found[0] if len(found) == 1 else None

    def matches(self, titles: Iterable[str]) -> list[int]:
        """Return the items that titles stand for, each once, in the order of last mention."""
        known = [place for place in map(self.match, titles) if place is not None]
        return list(dict.fromkeys(reversed(known)))[::-1]
