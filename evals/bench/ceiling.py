"""The reranker's ceiling: what it could reach if it ordered the candidates of all sources perfectly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from retrieval.filtering import Mask
from retrieval.sources import Scores

DEPTHS = (50, 100, 200)
"""Candidates taken of each source."""


def union(
    sources: Mapping[str, Scores], allowed: Mask, hidden: Collection[int], depths: Sequence[int] = DEPTHS
) -> dict[int, frozenset[int]]:
    """Return depth -> the items among the first `depth` of any source, without those that are `hidden`.

    A source proposes what it gives a score above 0; equal scores go by position. `sources` holds what speaks for an
    item, not what speaks against it.
    """
    shown = allowed.copy()
    shown[list(hidden)] = False
    orders = []
    for scores in sources.values():
        places = np.flatnonzero(shown & (scores > 0))
        orders.append(places[np.argsort(-scores[places], kind="stable")])
    return {depth: frozenset(int(place) for order in orders for place in order[:depth]) for depth in depths}
