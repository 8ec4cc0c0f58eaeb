"""A first list for who has named nothing yet: popular items, each unlike the others."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from agent.asking import said_already
from agent.belief import BeliefState
from retrieval.catalog import Catalog, fold

TRADE = 0.5
"""Weight of an item's place against its likeness to the items chosen before it."""


def nothing_wanted(belief: BeliefState) -> bool:
    """Tell whether nothing was asked for yet: no wish, no limit but what to leave out, no example."""
    free = any(entry.attribute == "text" and entry.weight > 0 for entry in belief.preferences)
    return not free and not said_already(belief)


def diverse(ranked: Sequence[str], size: int, catalog: Catalog) -> list[str]:
    """Return `size` of the item ids by maximal marginal relevance (Carbonell and Goldstein 1998), in the order chosen.

    Each next item has the largest lambda * relevance - (1 - lambda) * likeness to the nearest item chosen before, with
    relevance falling evenly from 1 for the first of `ranked` to 0, and lambda = `TRADE`.
    """
    weights = {column.name: evenness(catalog, column.name) for column in catalog.schema.with_role("facet")}
    facets = {item: [frozenset(map(fold, catalog[item].values(name))) for name in weights] for item in ranked}
    worth = {item: TRADE * (1 - place / len(ranked)) for place, item in enumerate(ranked)}
    nearest = dict.fromkeys(ranked, 0.0)
    chosen: list[str] = []
    while nearest and len(chosen) < size:
        best = max(nearest, key=lambda item: worth[item] - (1 - TRADE) * nearest[item])
        chosen.append(best)
        del nearest[best]
        for item in nearest:
            nearest[item] = max(nearest[item], likeness(facets[item], facets[best], [*weights.values()]))
    return chosen


def likeness(left: Sequence[frozenset[str]], right: Sequence[frozenset[str]], weights: Sequence[float]) -> float:
    """Return the weighted mean Jaccard index over the facets that either item has, in [0, 1]; 0 without any."""
    known = [(weight, a, b) for weight, a, b in zip(weights, left, right, strict=True) if weight and a | b]
    total = sum(weight for weight, _, _ in known)
    return sum(weight * len(a & b) / len(a | b) for weight, a, b in known) / total if total else 0.0


def evenness(catalog: Catalog, attribute: str) -> float:
    """Return the entropy of a facet's values over its maximum, in [0, 1] (Pielou 1966).

    A facet in which nearly all items are alike, as in their language, tells little of how different two of them are.
    """
    counts = catalog.vocabulary[attribute].values()
    total = sum(counts)
    return -sum(n / total * log2(n / total) for n in counts) / log2(len(counts)) if len(counts) > 1 else 0.0
