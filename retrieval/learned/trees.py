"""Boosted trees that correct the score of the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.learned.comparison import Features

if TYPE_CHECKING:
    import lightgbm

Array = NDArray[np.float32]
FILE = "order.txt"


@dataclass(frozen=True)
class Trees:
    """A LambdaMART model over named features."""

    booster: lightgbm.Booster
    columns: tuple[str, ...]
    """The features that it was trained on, in their order."""
    prior: float
    """Weight of the search's score, which it was trained to correct."""

    def scores(self, features: Features) -> Array:
        """Return (p,) `prior` times what the search gives, plus what was learned."""
        values = self.booster.predict(matrix(features, self.columns), num_threads=1)
        return np.asarray(values + self.prior * features["search"], np.float32)

    def save(self, folder: Path) -> None:
        """Write the trees; columns and prior are the caller's to keep."""
        self.booster.save_model(str(folder / FILE))

    @classmethod
    def open(cls, folder: Path, columns: Sequence[str], prior: float) -> Trees:
        """Read what `save` wrote."""
        import lightgbm

        return cls(lightgbm.Booster(model_file=str(folder / FILE)), tuple(columns), prior)


def matrix(features: Features, columns: Sequence[str]) -> Array:
    """Return (p, columns) the features in the order of `columns`, NaN for those that are not there."""
    size = len(next(iter(features.values())))
    missing = np.full(size, np.nan, np.float32)
    return np.stack([features.get(name, missing) for name in columns], axis=1)
