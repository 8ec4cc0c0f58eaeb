"""Which items people speak well of together, counted over conversations or ratings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Scores = NDArray[np.float32]
SHRINKAGE = 0.5
"""Power of an item's count that what stands beside it is divided by: 0 counts, 1 gives shares."""


@dataclass(frozen=True)
class CoLiking:
    """Counts over groups of items: those of one conversation, or those that one person liked. Items are positions."""

    counts: Scores
    """(n,) groups that hold each item."""
    together: csr_array
    """(n, n) groups that hold both items; nothing on the diagonal."""

    @classmethod
    def of(
        cls, groups: Iterable[Collection[int]], size: int, weights: Sequence[float] | None = None
    ) -> CoLiking:
        """Count over groups of positions in a catalog of `size` items; an item counts once in each group.

        `weights`: what each group counts instead of 1.
        """
        from scipy.sparse import csr_array

        sets = [sorted(set(group)) for group in groups]
        rows = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
        columns = np.array([place for one in sets for place in one], np.int64)
        held = csr_array((np.ones(len(columns), np.float32), (rows, columns)), shape=(len(sets), size))
        heavy = held if weights is None else csr_array(held.multiply(np.array(weights, np.float32)[:, None]))
        together = csr_array(heavy.T @ held)
        together.setdiag(0)
        together.eliminate_zeros()
        return cls(np.asarray(heavy.sum(axis=0), np.float32).reshape(size), together)

    def scores(self, places: Sequence[int]) -> Scores:
        """Return (n,) how often each item stands beside the given ones, summed; frequent ones of these speak less."""
        if not len(places):
            return np.zeros(len(self.counts), np.float32)
        weights = 1 / (self.counts[list(places)] + 1) ** np.float32(SHRINKAGE)
        return np.asarray(weights @ self.together[list(places)], np.float32)

    def for_items(self, places: NDArray[np.int64]) -> CoLiking:
        """Return the counts over other items: (m,) the position here of each, -1 for one that is not here."""
        from scipy.sparse import csr_array

        new = np.flatnonzero(places >= 0)
        shape = (len(places), len(self.counts))
        picks = csr_array((np.ones(len(new), np.float32), (new, places[new])), shape=shape)
        return CoLiking(picks @ self.counts, csr_array(picks @ self.together @ picks.T))

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """Return what `of_arrays` reads, under names that begin with `prefix`."""
        pairs = self.together
        return {
            f"{prefix}counts": self.counts,
            f"{prefix}starts": pairs.indptr.astype(np.int32),
            f"{prefix}others": pairs.indices.astype(np.int32),
            f"{prefix}both": pairs.data.astype(np.float32),
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[np.generic]], prefix: str) -> CoLiking:
        """Read what `arrays` gave."""
        from scipy.sparse import csr_array

        counts = np.asarray(arrays[f"{prefix}counts"], np.float32)
        parts = (arrays[f"{prefix}both"], arrays[f"{prefix}others"], arrays[f"{prefix}starts"])
        return cls(counts, csr_array(parts, shape=(len(counts), len(counts))))
