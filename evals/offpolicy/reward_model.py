"""A small model of what an item gets when it is shown: logistic regression with a ridge, cross-fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FOLDS = 5
RIDGE = 1.0
"""Weight of the squared coefficients, beside the log loss summed over the rows."""
STEPS = 25


class RewardModel:
    """The probability that an item is taken, from a few numbers about it."""

    def __init__(self, rows: Array, taken: Array) -> None:
        """Fit on (m, f) rows and (m,) values in [0, 1] by Newton's method; columns are standardised first."""
        self._mean = rows.mean(0)
        spread = rows.std(0)
        self._spread = np.where(spread > 0, spread, 1.0)
        inputs, ridge = self._inputs(rows), RIDGE * np.eye(rows.shape[1] + 1)
        ridge[0, 0] = 1e-6  # the intercept is free, but finite where nothing was taken
        self._coefficients = np.zeros(rows.shape[1] + 1)
        self._coefficients[0] = _logit((taken.sum() + 0.5) / (len(taken) + 1))
        for _ in range(STEPS):
            found = _sigmoid(inputs @ self._coefficients)
            slope = inputs.T @ (taken - found) - ridge @ self._coefficients
            step = np.linalg.solve((inputs.T * (found * (1 - found))) @ inputs + ridge, slope)
            self._coefficients += np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-6:
                break

    def predict(self, rows: Array) -> Array:
        """Return (...,) probabilities of (..., f) rows."""
        return _sigmoid(self._inputs(rows) @ self._coefficients)

    def _inputs(self, rows: Array) -> Array:
        inputs = (rows - self._mean) / self._spread
        return np.concatenate([np.ones((*inputs.shape[:-1], 1)), inputs], -1)


def cross_fitted(
    conversation: NDArray[np.int64], shown: Array, present: NDArray[np.bool_], taken: Array, asked: Array
) -> tuple[Array, Array]:
    """Predict for every turn by a model that has seen no turn of its conversation.

    `conversation` (n,) numbers; `shown` (n, s, f) rows of the items shown, where `present` (n, s), and what they got,
    `taken` (n, s); `asked` (n, k, f) rows of other items. Returns (n, s) and (n, k) predictions. With a single
    conversation there is no other to learn from: zeros.
    """
    folds = conversation % min(FOLDS, int(conversation.max()) + 1)
    own, others = np.zeros(taken.shape), np.zeros(asked.shape[:2])
    for fold in np.unique(folds):
        here, elsewhere = folds == fold, (folds != fold)[:, None] & present
        if elsewhere.any():
            model = RewardModel(shown[elsewhere], taken[elsewhere])
            own[here], others[here] = model.predict(shown[here]), model.predict(asked[here])
    return own * present, others


def _sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -40, 40))), np.float64)


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
