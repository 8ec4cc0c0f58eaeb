"""What a two-tower model knows of an item before anything was logged about it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.index import Index
from retrieval.learned import CoLiking
from retrieval.learned.comparison import Comparison

Array = NDArray[np.float32]
WIDTH = 96
"""Principal directions kept of all features together."""
FACET, RATED = 64, 64
"""Directions kept of each facet's values and of the ratings."""
STEPS = 12
"""Steps on the scale of a number column, at its quantiles."""


def item_features(index: Index, comparison: Comparison, rated: CoLiking, seed: int) -> Array:
    """Return (n, w) features, w <= WIDTH: texts, titles, facets, numbers and ratings, the largest directions first.

    Directions are scaled by the fourth root of their variance, between leaving them and whitening.
    """
    width = index.vectors.shape[1]
    blocks = [index.vectors * np.sqrt(width / 6), comparison.titles * np.sqrt(width / 6)]
    blocks += [_facet(matrix, seed) for matrix in comparison.facets.values()]
    blocks += [_steps(values) for values in comparison.numbers.values()]
    popularity = np.array([item.popularity for item in index.catalog], np.float32)
    blocks += [popularity[:, None], np.log1p(rated.counts)[:, None] / 2]
    if rated.counts.any():
        blocks.append(_rated(rated, seed))
    return _principal(np.concatenate(blocks, axis=1), WIDTH)


def _facet(matrix: object, seed: int) -> Array:
    from sklearn.decomposition import TruncatedSVD

    rows, columns = matrix.shape  # type: ignore[attr-defined]
    if columns <= FACET:
        return np.asarray(matrix.toarray(), np.float32)  # type: ignore[attr-defined]
    found = TruncatedSVD(min(FACET, rows - 1), random_state=seed).fit_transform(matrix)
    return _scaled(found, 0.3)


def _rated(rated: CoLiking, seed: int) -> Array:
    """Return directions of who likes what: of the counts together, each divided by the root of both counts."""
    from scipy.sparse import diags_array
    from sklearn.decomposition import TruncatedSVD

    scale = diags_array(1 / np.sqrt(rated.counts + 5))
    found = TruncatedSVD(min(RATED, len(rated.counts) - 1), random_state=seed).fit_transform(
        scale @ rated.together @ scale
    )
    return _scaled(found, 0.5)


def _steps(values: NDArray[np.float64]) -> Array:
    """Return (n, STEPS) how near each number is to steps on the column's scale; an unknown one is like the median."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros((len(values), 1), np.float32)
    steps = np.quantile(known, np.linspace(0.02, 0.98, STEPS))
    spread = max(float(np.diff(steps).mean()), 1e-9)
    filled = np.nan_to_num(values, nan=float(np.median(known)))
    return np.exp(-(((filled[:, None] - steps) / spread) ** 2)).astype(np.float32)


def _scaled(values: NDArray[np.floating], spread: float) -> Array:
    return np.asarray(values * (spread / max(float(values.std()), 1e-9)), np.float32)


def _principal(features: Array, width: int) -> Array:
    centred = features.astype(np.float64) - features.mean(axis=0)
    left, strengths, _ = np.linalg.svd(centred, full_matrices=False)
    kept = left[:, :width] * strengths[:width]
    kept /= np.maximum(np.sqrt((kept**2).mean(axis=0)), 1e-9) ** 0.5
    return np.asarray(kept / max(float(np.sqrt((kept**2).mean())), 1e-9), np.float32)
