"""Several interests of one person: what they liked, in groups of alike items, one vector and a weight for each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.filtering import Mask
from retrieval.sources import Scores, contrast

Vectors = NDArray[np.float32]

SPREAD = 1.05
"""Ward distance up to which groups of unit vectors are one interest: two single items with a cosine of .45 or more."""


class Interests(NamedTuple):
    """What a person likes: the heaviest interest first."""

    vectors: Vectors
    """(k, d) unit rows."""
    weights: NDArray[np.float32]
    """(k,) shares of the history, above 0, that sum to 1."""


def interests(vectors: Vectors, weights: NDArray[np.float32], most: int, spread: float = SPREAD) -> Interests:
    """Return up to `most` interests of (n, d) unit rows that weigh `weights` (n,), all above 0.

    Ward's agglomerative clustering decides how many there are: groups further apart than `spread` stay apart, as in
    PinnerSage (Pal et al. 2020, arXiv:2007.03634, section 4.1); an interest is the weighted mean of its group, scaled
    to length 1. Deterministic; the order of the rows is irrelevant. With `most` 1: one mean vector.
    """
    assert most >= 1 and len(vectors) == len(weights), (most, len(vectors), len(weights))
    order = np.lexsort((weights, *vectors.T))
    rows, heavy = np.asarray(vectors, np.float32)[order], np.asarray(weights, np.float32)[order]
    groups = _groups(rows, most, spread)
    found: list[tuple[float, Vectors]] = []
    for group in dict.fromkeys(groups.tolist()):
        inside = groups == group
        mean = heavy[inside] @ rows[inside]
        length = float(np.linalg.norm(mean))
        if length > 0:
            found.append((float(heavy[inside].sum()), mean / np.float32(length)))
    found.sort(key=lambda one: -one[0])
    total = sum(weight for weight, _ in found)
    shares = np.array([weight / total for weight, _ in found], np.float32)
    return Interests(np.array([row for _, row in found], np.float32).reshape(-1, rows.shape[1]), shares)


def recency(count: int, keep: float) -> NDArray[np.float32]:
    """Return (count,) weights of a history, oldest first: the latest has 1, each earlier one `keep` of the next."""
    return (keep ** np.arange(count - 1, -1, -1)).astype(np.float32)


def history_scores(vectors: Vectors, places: NDArray[np.int64], allowed: Mask, most: int, keep: float) -> Scores:
    """Return (n,) in [0, 1]: how well each of the (n, d) `vectors` serves an interest of those at `places`.

    `places` are oldest first, `most` and `keep` as for `interests` and `recency`.

    The best over the interests, as in MIND (Li et al. 2019, arXiv:1904.08030) and ComiRec (Cen et al. 2020,
    arXiv:2005.09347), each scaled by the root of its share: the nearest item of the largest interest has 1.
    """
    best = np.zeros(len(vectors), np.float32)
    if not len(places):
        return best
    found = interests(vectors[places], recency(len(places), keep), most)
    for vector, share in zip(found.vectors, found.weights, strict=True):
        importance = np.sqrt(share / found.weights[0])
        best = np.maximum(best, importance * contrast(vectors @ vector, allowed))
    return best


def _groups(rows: Vectors, most: int, spread: float) -> NDArray[np.int64]:
    """Return (n,) the group of each row, at most `most` different ones."""
    if most == 1 or len(rows) < 2:
        return np.ones(len(rows), np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(rows, "ward")
    groups = np.asarray(fcluster(tree, spread, "distance"), np.int64)
    return groups if groups.max() <= most else np.asarray(fcluster(tree, most, "maxclust"), np.int64)
