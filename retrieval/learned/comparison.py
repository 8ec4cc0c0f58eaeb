"""How candidates compare with the items named in a conversation: the features of a learned order, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog
from retrieval.filtering import Filter

Array = NDArray[np.float32]
Features = dict[str, Array]


@dataclass(frozen=True)
class Comparison:
    """A catalog laid out for comparing items with each other."""

    vectors: Array
    """(n, d) unit rows of the items' documents."""
    titles: Array
    """(n, d) unit rows of the items' titles."""
    facets: Mapping[str, object]
    """Facet -> (n, values) sparse matrix of the rarity (inverse document frequency) of each value that an item has."""
    numbers: Mapping[str, NDArray[np.float64]]
    """Number column -> (n,) values, NaN where unknown."""
    people: tuple[str, ...]
    """Facets of people's names, which also count together."""

    @classmethod
    def over(cls, catalog: Catalog, filter_: Filter, vectors: Array, titles: Array) -> Comparison:
        """Lay out `catalog`."""
        facets = {column.name: _matrix(catalog, filter_, column.name) for column in catalog.schema.with_role("facet")}
        numbers = {column.name: filter_.numbers(column.name) for column in catalog.schema.with_role("number")}
        people = tuple(column.name for column in catalog.schema.with_role("facet") if column.people)
        return cls(vectors, titles, facets, numbers, people)

    def features(self, places: NDArray[np.int64], named: Sequence[int]) -> Features:
        """Return feature -> (p,) values of the candidates at `places`; NaN where nothing was named or is known.

        `named`: positions of the items named, the latest last.
        """
        found: Features = {name: values[places].astype(np.float32) for name, values in self.numbers.items()}
        known = np.array(named, np.int64)
        alike = self.vectors[places] @ self.vectors[known].T
        titles = self.titles[places] @ self.titles[known].T
        parts: dict[str, NDArray[np.floating]] = {"text": alike, "title": titles}
        for name, matrix in self.facets.items():
            parts[name] = (matrix[places] @ matrix[known].T).toarray()  # type: ignore[index]
        if self.people:
            parts["people"] = np.sum([parts[name] for name in self.people], axis=0)
        for name, values in self.numbers.items():
            parts[name] = -np.abs(values[places][:, None] - values[known][None])
        for name, part in parts.items():
            found |= _summaries(f"{name} beside named", part)
        return found


def _summaries(name: str, part: NDArray[np.floating]) -> Features:
    """Return the best, the mean and the latest of (p, named) values."""
    if not part.shape[1]:
        missing = np.full(len(part), np.nan, np.float32)
        return {f"{name}, {which}": missing for which in ("best", "mean", "latest", "sum")}
    known = ~np.isnan(part)
    filled = np.where(known, part, 0.0)
    count = known.sum(axis=1)
    best = np.where(count > 0, np.where(known, part, -np.inf).max(axis=1), np.nan)
    mean = np.where(count > 0, filled.sum(axis=1) / np.maximum(count, 1), np.nan)
    summaries = {"best": best, "mean": mean, "latest": part[:, -1], "sum": filled.sum(axis=1)}
    return {f"{name}, {which}": values.astype(np.float32) for which, values in summaries.items()}


def _matrix(catalog: Catalog, filter_: Filter, facet: str) -> object:
    """Return (n, values): the root of a value's rarity where an item has it, so that products give rarities."""
    from scipy.sparse import csr_array

    postings = filter_.postings(facet)
    size = len(catalog)
    rows = np.concatenate([np.zeros(0, np.int64), *postings.values()])
    columns = np.repeat(np.arange(len(postings)), [len(places) for places in postings.values()])
    rarity = [math.sqrt(math.log((size + 1) / (len(places) + 1)) + 0.1) for places in postings.values()]
    data = np.repeat(np.array(rarity, np.float32), [len(places) for places in postings.values()])
    return csr_array((data, (rows, columns)), shape=(size, len(postings)))
