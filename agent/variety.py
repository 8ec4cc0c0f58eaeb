"""A first list for who has named nothing yet: popular items, each unlike the others."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from agent.asking import said_already
from agent.belief import BeliefState
from retrieval.catalog import Catalog, Item, fold

TRADE = 0.5
"""Weight of an item's place against its likeness to the items chosen before it."""


def nothing_wanted(belief: BeliefState) -> bool:
    """Tell whether nothing was asked for yet: no wish, no limit but what to leave out, no example."""
    return not said_already(belief)


def diverse(ranked: Sequence[Item], size: int, catalog: Catalog) -> list[Item]:
    """Return `size` of the items by maximal marginal relevance (Carbonell and Goldstein 1998), in the order chosen.

    Each next item has the largest lambda * relevance - (1 - lambda) * likeness to the nearest item chosen before, with
    relevance falling evenly from 1 for the first of `ranked` to 0, and lambda = `TRADE`.
    """
    names = [column.name for column in catalog.schema.with_role("facet")]
    facets = {item.id: [frozenset(map(fold, item.values(name))) for name in names] for item in ranked}
    relevance = {item.id: 1 - place / len(ranked) for place, item in enumerate(ranked)}
    nearest = dict.fromkeys(facets, 0.0)
    left, chosen = list(ranked), list[Item]()
    while left and len(chosen) < size:
        best = max(left, key=lambda item: TRADE * relevance[item.id] - (1 - TRADE) * nearest[item.id])
        chosen.append(best)
        left.remove(best)
        for item in left:
            nearest[item.id] = max(nearest[item.id], likeness(facets[item.id], facets[best.id]))
    return chosen


def likeness(left: Sequence[frozenset[str]], right: Sequence[frozenset[str]]) -> float:
    """Return the mean Jaccard index over the facets that either item has, in [0, 1]; 0 without any."""
    return fmean([len(a & b) / len(a | b) for a, b in zip(left, right, strict=True) if a | b] or [0.0])
