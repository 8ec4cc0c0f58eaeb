"""Co-liking as vectors: items that the same people like are near each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog, UserError
from retrieval.learned.co_liking import CoLiking
from retrieval.learned.ranker import ARRAYS, PACKAGED, RECORD

WIDTH = 32
"""Directions kept."""
PRIOR = 5.0
"""Groups that are added to each item's count, so that rare pairs weigh little."""


def liking_vectors(parts: Sequence[CoLiking], seed: int = 0) -> NDArray[np.float32]:
    """Return (n, at most WIDTH) unit rows, zeros where an item stands beside no other.

    Truncated SVD of the sum over `parts` of c_ij / sqrt((c_i + PRIOR) (c_j + PRIOR)), where c_ii = c_i: without the
    diagonal there would be directions that tell apart those who belong together.
    """
    from scipy.sparse import csr_array, diags_array
    from sklearn.decomposition import TruncatedSVD

    size = len(parts[0].counts)
    total, known = csr_array((size, size), dtype=np.float32), np.zeros(size, bool)
    for part in parts:
        scale = diags_array(1 / np.sqrt(part.counts + PRIOR))
        total = total + scale @ (part.together + diags_array(part.counts)) @ scale
        known |= np.asarray(part.together.sum(axis=1)).reshape(size) > 0
    width = min(WIDTH, size - 1)
    if width < 1 or not known.any():
        return np.zeros((size, 1), np.float32)
    found = TruncatedSVD(width, random_state=seed).fit_transform(csr_array(total))
    norms = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return np.asarray(np.where(known[:, None], found / norms, 0), np.float32)


def known_liking(home: Path, catalog: Catalog) -> NDArray[np.float32]:
    """Return the vectors (n, l) of what the home's learned ranker, or the packaged one, has counted.

    UserError when neither knows half of the catalog's items.
    """
    for folder in (home / "ranker", PACKAGED):
        if not (folder / RECORD).is_file():
            continue
        held = {item: place for place, item in enumerate(json.loads((folder / RECORD).read_text("utf-8"))["items"])}
        places = np.array([held.get(item.id, -1) for item in catalog], np.int64)
        if 2 * (places >= 0).sum() >= len(places):
            with np.load(folder / ARRAYS, allow_pickle=False) as data:
                arrays = {name: data[name] for name in data.files if name.startswith(("logged_", "rated_"))}
            counted = [CoLiking.of_arrays(arrays, prefix).for_items(places) for prefix in ("logged_", "rated_")]
            return liking_vectors(counted)
    raise UserError(
        f"{home}: nothing counted yet of who likes what; learn it with `python -m finetune ranker --home {home}`, "
        "then build again"
    )
