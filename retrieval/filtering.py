"""Hard constraints on a whole catalog at once: one boolean per item, exactly as `Constraint.allows` says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog, fold
from retrieval.constraints import Constraint

Mask = NDArray[np.bool_]


class Filter:
    """Columns of a catalog laid out for filtering; each is built when first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        """Filter the items of `catalog`."""
        self.catalog = catalog
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._postings: dict[str, dict[str, NDArray[np.int64]]] = {}

    def allowed(self, constraints: Iterable[Constraint], exclude: Iterable[str] = ()) -> Mask:
        """Return (n,) True where an item satisfies every constraint and is not excluded, in catalog order."""
        mask = np.ones(len(self.catalog), bool)
        for constraint in constraints:
            mask &= self.satisfies(constraint)
        mask[[place for item_id in exclude if (place := self.catalog.position.get(item_id)) is not None]] = False
        return mask

    def satisfies(self, constraint: Constraint) -> Mask:
        """Return (n,) True where an item satisfies one constraint."""
        match constraint.op:
            case "at_least":
                return self.numbers(constraint.attribute) >= float(constraint.value)
            case "at_most":
                return self.numbers(constraint.attribute) <= float(constraint.value)
            case "contains":
                return self._contains(constraint)
            case _:
                mask = np.zeros(len(self.catalog), bool)
                mask[self.with_value(constraint.attribute, constraint.value)] = True
                return mask if constraint.op == "is" else ~mask

    def numbers(self, attribute: str) -> NDArray[np.float64]:
        """Return (n,) the attribute's numbers, NaN where unknown: a NaN satisfies no bound."""
        if attribute not in self._numbers:
            values = (item.number(attribute) for item in self.catalog)
            self._numbers[attribute] = np.array([np.nan if value is None else value for value in values], float)
        return self._numbers[attribute]

    def postings(self, attribute: str) -> dict[str, NDArray[np.int64]]:
        """Return folded value -> positions of the items that have it."""
        if attribute not in self._postings:
            places: dict[str, list[int]] = {}
            for place, item in enumerate(self.catalog):
                for value in {fold(value) for value in item.values(attribute)}:
                    places.setdefault(value, []).append(place)
            self._postings[attribute] = {value: np.array(found) for value, found in places.items()}
        return self._postings[attribute]

    def with_value(self, attribute: str, value: str | int | float) -> NDArray[np.int64]:
        """Return the positions of the items that have this value."""
        return self.postings(attribute).get(fold(str(value)), np.zeros(0, np.int64))

    @cached_property
    def _texts(self) -> Sequence[str]:
        return [f"{item.title} {item.text}" for item in self.catalog]

    def _contains(self, constraint: Constraint) -> Mask:
        wanted, attribute = fold(str(constraint.value)), constraint.attribute
        if not wanted:
            return np.ones(len(self.catalog), bool)
        found = (
            wanted in fold(" ".join((text, *item.values(attribute))))
            for text, item in zip(self._texts, self.catalog, strict=True)
        )
        return np.array(list(found), bool)
