"""The sources of a search: each gives every item a score in [0, 1] for its own reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog, fold
from retrieval.filtering import Filter, Mask
from retrieval.lexical import stems
from retrieval.query import Wish

Scores = NDArray[np.float32]
PARTIAL = 0.5
"""What a value counts that has all words of the wished one, and others besides."""
RECENT = 0.7
"""How much less each earlier example counts than the one after it."""


def contrast(raw: Scores, allowed: Mask) -> Scores:
    """Scale so that the best allowed item has 1 and what is no better than their mean has 0."""
    if not allowed.any():
        return np.zeros_like(raw)
    best, mean = float(raw[allowed].max()), float(raw[allowed].mean())
    if best <= mean:
        return (allowed & (raw > 0)).astype(np.float32)
    return np.asarray((raw - mean) / (best - mean), np.float32).clip(0, 1)


def share_of_best(raw: Scores, allowed: Mask) -> Scores:
    """Scale so that the best allowed item has 1; a zero stays a zero."""
    best = float(raw[allowed].max()) if allowed.any() else 0.0
    return np.clip(raw / best, 0, 1).astype(np.float32) if best > 0 else np.zeros_like(raw)


class Attributes:
    """Scores wishes on attribute values: rare values weigh more (inverse document frequency)."""

    def __init__(self, catalog: Catalog, filter_: Filter) -> None:
        """Score the items of `catalog` with the columns of `filter_`."""
        self.catalog = catalog
        self.filter = filter_
        self._words: dict[str, dict[str, frozenset[str]]] = {}

    def scores(self, wishes: Iterable[Wish]) -> Scores:
        """Return (n,) the idf-weighted share of the wishes that each item fulfils, weights taken without sign."""
        total, sums = 0.0, np.zeros(len(self.catalog), np.float32)
        for wish in wishes:
            match = self.match(wish)
            if match is None:
                continue
            weight = abs(wish.weight) * self.rarity(float(match.sum()))
            sums += np.float32(weight) * match
            total += weight
        return sums / np.float32(total) if total else sums

    def match(self, wish: Wish) -> Scores | None:
        """Return (n,) how far each item has the value, in [0, 1]; None when the catalog cannot tell."""
        column = self.catalog.schema.column(wish.attribute)
        if column is None or column.role not in ("facet", "flag", "date", "number"):
            return None
        if column.role == "number":
            return self._number(column.name, wish.value)
        postings = self.filter.postings(column.name)
        match = np.zeros(len(self.catalog), np.float32)
        wanted = fold(str(wish.value))
        for value in self._similar(column.name, wanted):
            match[postings[value]] = PARTIAL
        match[postings.get(wanted, [])] = 1.0
        return match

    def rarity(self, count: float) -> float:
        """Return the idf of a value that `count` items have, at least 0.1."""
        return max(0.1, math.log((len(self.catalog) + 1) / (count + 1)))

    def _similar(self, attribute: str, wanted: str) -> list[str]:
        """Return the other values that have every word stem of the wished one."""
        if attribute not in self._words:
            values = list(self.filter.postings(attribute))
            self._words[attribute] = dict(zip(values, map(frozenset, stems(values)), strict=True)) if values else {}
        words = frozenset(stems([wanted])[0])
        found = self._words[attribute].items()
        return [value for value, other in found if words and words <= other and value != wanted]

    def _number(self, attribute: str, value: str | int | float) -> Scores | None:
        """Score a slice word by its bound, a number by closeness in units of the spread."""
        numbers = self.filter.numbers(attribute)
        known = numbers[~np.isnan(numbers)]
        if not len(known):
            return None
        bound = self.catalog.schema.slices.get(f"{attribute}.{fold(str(value))}")
        if bound is not None:
            hit = numbers <= bound if bound < np.median(known) else numbers >= bound
            return hit.astype(np.float32)
        try:
            wanted = float(value)
        except ValueError:
            return None
        near = 1 - np.abs(numbers - wanted) / max(float(known.std()), 1e-9)
        return np.clip(np.nan_to_num(near, nan=0.0), 0, 1).astype(np.float32)


class Similar:
    """Scores likeness to example items: cosine of the vectors, and rare facet values in common."""

    def __init__(self, catalog: Catalog, filter_: Filter, vectors: NDArray[np.float32]) -> None:
        """Compare the items of `catalog`; `vectors`: (n, d) unit rows."""
        self.catalog = catalog
        self.filter = filter_
        self.vectors = vectors

    def scores(self, item_ids: Sequence[str], allowed: Mask) -> Scores:
        """Return (n,) likeness in [0, 1]; the last of `item_ids` counts most, unknown ids do not count."""
        known = [item_id for item_id in item_ids if item_id in self.catalog]
        sums = np.zeros(len(self.catalog), np.float32)
        weight, total = 1.0, 0.0
        for item_id in reversed(known):
            place = self.catalog.position[item_id]
            near = contrast(self.vectors @ self.vectors[place], allowed)
            sums += np.float32(weight) * (0.6 * near + 0.4 * share_of_best(self.shared(place), allowed))
            total += weight
            weight *= RECENT
        return (sums / np.float32(total)).astype(np.float32) if total else sums

    def shared(self, place: int) -> Scores:
        """Return (n,) the sum of the idf of facet values shared with the item at `place`."""
        item, size = self.catalog.items[place], len(self.catalog)
        sums = np.zeros(size, np.float32)
        for column in self.catalog.schema.with_role("facet"):
            for value in dict.fromkeys(fold(value) for value in item.values(column.name)):
                having = self.filter.with_value(column.name, value)
                sums[having] += np.float32(math.log((size + 1) / (len(having) + 1)))
        return sums
