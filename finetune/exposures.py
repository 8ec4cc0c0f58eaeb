"""Exposure: how unevenly the items of a catalog are shown, and which groups of them beyond their share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.querying import query_of
from finetune.requests import Request
from retrieval.catalog import Catalog, Item
from retrieval.search import Retriever

SHOWN = 4
"""Items of a list whose exposure counts: all of them stand on the page at once, so each counts the same."""
GROUPS = 12
"""Most values of a facet by which exposure is told apart."""
FEWEST = 0.02
"""Share of the catalog from which on the exposure of a group is told."""
Counts = NDArray[np.integer] | NDArray[np.floating]


class Grouping(NamedTuple):
    """The groups that one attribute makes, those with at least `FEWEST` of the catalog."""

    names: tuple[str, ...]
    """Sorted."""
    members: NDArray[np.float32]
    """(n, g) 1 where an item, in the catalog's order, is in a group; it may be in several, or in none."""


def first(retriever: Retriever, request: Request) -> list[str]:
    """Return the ids of the first `SHOWN` items for a request, best first; fewer where its limits leave fewer."""
    query = query_of(request.belief, request.text, retriever.catalog, SHOWN)
    return [hit.item_id for hit in retriever.search(query)]


def groupings(catalog: Catalog) -> dict[str, Grouping]:
    """Return attribute -> groups: the decades of the year, and the values of each facet of few values, people left out.

    Few are 2 to `GROUPS` values that are common enough; a year that is the same decade everywhere is one group.
    """
    found: dict[str, Grouping] = {}
    year = catalog.schema.with_unit("year")
    if year is not None:
        found[year.name] = _grouping(
            catalog, lambda item: [f"{int(n) // 10 * 10}s"] if (n := item.number(year.name)) is not None else []
        )
    for column in catalog.schema.with_role("facet"):
        common = sum(count >= FEWEST * len(catalog) for count in catalog.vocabulary[column.name].values())
        if not column.people and 2 <= common <= GROUPS:
            found[column.name] = _grouping(catalog, lambda item, name=column.name: item.values(name))  # type: ignore[misc]
    return found


def _grouping(catalog: Catalog, of: Callable[[Item], Sequence[str]]) -> Grouping:
    own = [set(of(item)) for item in catalog]
    sizes = Counter(group for groups in own for group in groups)
    names = tuple(sorted(group for group, size in sizes.items() if size >= FEWEST * len(catalog)))
    return Grouping(names, np.array([[group in groups for group in names] for groups in own], np.float32))


def ratios(counts: Counts, grouping: Grouping) -> NDArray[np.float64]:
    """Return (g,) each group's share of what is shown over its share of the catalog; 1 is its share, 0 never shown.

    `counts`: (n,) how often each item is shown, in the catalog's order.
    """
    shown = counts @ grouping.members / max(1, counts.sum())
    return np.asarray(shown / grouping.members.mean(axis=0), np.float64)


def gap(ratios: NDArray[np.float64]) -> float:
    """Return the demographic parity gap: the largest minus the smallest ratio, at least 0; NaN of fewer than two.

    A group's ratio is the mean exposure of its items over that of all items. Demographic parity wants the mean exposure
    of all groups to be the same (Singh and Joachims, Fairness of Exposure in Rankings, 2018, arXiv:1802.07281), which
    is a gap of 0. They discount exposure by the place; here the first `SHOWN` places count the same.
    """
    return float(ratios.max() - ratios.min()) if len(ratios) > 1 else float("nan")


def gini(counts: Counts) -> float:
    """Return the Gini coefficient of (n,) counts in [0, 1): 0 when all are shown equally often, or nothing is."""
    ordered, size = np.sort(counts), len(counts)
    total = ordered.sum()
    return float((2 * np.arange(1, size + 1) - size - 1) @ ordered / (size * total)) if total else 0.0
