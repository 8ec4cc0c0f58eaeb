"""A student ranker: one small network that gives in one pass what an ensemble of rankers gives together.

Knowledge distillation (Hinton et al. 2015; with auxiliary heads for the parts of the teacher, Khani et al. 2024).
Trained by `finetune.ranker.student`, whose auxiliary heads are not kept; here it only answers, with numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import UserError
from retrieval.learned.comparison import Features

Array = NDArray[np.float32]
FILE = "student.npz"
WEIGHTS = ("first", "first_bias", "second")
"""What is kept in half precision, which cannot hold means and scales, large as counts or small as probabilities."""


@dataclass(frozen=True)
class Student:
    """A trained network with one hidden layer, over f features and h hidden units."""

    columns: tuple[str, ...]
    """Names of the f features."""
    mean: Array
    """(f,) over the candidates that it learned from."""
    scale: Array
    """(f,) their standard deviation, infinite where they were all the same: such a feature stays silent."""
    first: Array
    """(2 f, h)"""
    first_bias: Array
    """(h,)"""
    second: Array
    """(h,)"""

    def scores(self, features: Features) -> Array:
        """Return (p,) scores of the candidates of one turn, of which only the differences mean something.

        They depend on the whole list: a feature is also read as what sets a candidate apart from the others.
        """
        read = inputs(features, self.columns, self.mean, self.scale)
        return np.asarray(np.tanh(read @ self.first + self.first_bias) @ self.second, np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays by name, the weights in half precision; `columns` is an array of strings."""
        weights = {name: getattr(self, name).astype(np.float16) for name in WEIGHTS}
        return {"columns": np.array(self.columns, np.str_), "mean": self.mean, "scale": self.scale, **weights}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Student:
        """Read what `arrays` gave."""
        numbers = (np.asarray(arrays[name], np.float32) for name in ("mean", "scale", *WEIGHTS))
        return cls(tuple(arrays["columns"].tolist()), *numbers)


def open_student(folder: Path) -> Student:
    """Read the student that was written to a ranker's folder; UserError when none was."""
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"{folder}: no student; teach one with `python -m finetune ranker --out {folder}`")
    with np.load(path, allow_pickle=False) as data:
        return Student.of_arrays({name: data[name] for name in data.files})


def inputs(features: Features, columns: Sequence[str], mean: Array, scale: Array) -> Array:
    """Return (p, 2 f): the standardised features of p candidates, then the same less their mean over the candidates.

    What is missing, NaN or infinite counts as the mean of what was learned from, which is 0.
    """
    size = len(next(iter(features.values()), ()))
    values = np.zeros((size, len(columns)), np.float32)
    for place, name in enumerate(columns):
        if name in features:
            known = np.isfinite(features[name])
            values[known, place] = (features[name][known] - mean[place]) / scale[place]
    return np.concatenate([values, values - values.sum(axis=0) / max(size, 1)], axis=1)
