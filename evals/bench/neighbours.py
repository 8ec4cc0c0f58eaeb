"""Recommenders that only count: popularity, repetition, first-order Markov, and co-occurrence neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.bench.sequences import History

Scorer = Callable[[Sequence[History]], NDArray[np.float32]]
"""Histories in, (n, items) scores out, higher is better; -inf is not ranked at all."""

REACH = 0.8
"""What a pair of items counts for each step by which they stand further apart."""
BACKWARD = 0.3
"""What a pair counts from the later item to the earlier one."""
RECENCY = 0.6
"""What an item of the history counts for each item that came after it."""
# The three, and the square root below, were chosen on the validation items of Amazon Beauty.


def popularity(counts: NDArray[np.int64]) -> Scorer:
    """Rank by the number of occurrences in training."""
    return lambda histories: np.tile(counts.astype(np.float32), (len(histories), 1))


def repetition(items: int) -> Scorer:
    """Rank the history itself, latest first, and nothing else."""

    def score(histories: Sequence[History]) -> NDArray[np.float32]:
        scores = np.full((len(histories), items), -np.inf, np.float32)
        for row, history in zip(scores, histories, strict=True):
            row[list(history)] = np.arange(len(history))
        return scores

    return score


def markov(training: Sequence[History], items: int) -> Scorer:
    """Rank by how often an item came directly after the last one (first-order Markov chain, maximum likelihood)."""
    follows = _pairs(training, items, farthest=1, backward=0.0)
    return lambda histories: _product([history[-1:] for history in histories], follows)


def neighbours(training: Sequence[History], items: int) -> Scorer:
    """Rank by co-occurrence with the history: item kNN with all neighbours, order and distance weighed.

    similarity(i -> j) = sum over co-occurrences of REACH^(distance - 1), BACKWARD of it against the order, divided by
    sqrt(occurrences of i); score(j) = sum over the history of RECENCY^age * similarity(i -> j).
    """
    from scipy import sparse

    counts = np.bincount([item for history in training for item in history], minlength=items)
    pairs = _pairs(training, items, farthest=max(map(len, training)), backward=BACKWARD)
    similarity = sparse.diags(1 / np.sqrt(np.maximum(counts, 1))) @ pairs
    return lambda histories: _product(histories, similarity.tocsr())


def _pairs(training: Sequence[History], items: int, farthest: int, backward: float) -> Any:
    """Return the sparse (items, items) sums of weighted co-occurrences."""
    from scipy import sparse

    earlier, later, weights = list[int](), list[int](), list[float]()
    for history in training:
        for distance in range(1, min(farthest, len(history) - 1) + 1):
            earlier.extend(history[:-distance])
            later.extend(history[distance:])
            weights.extend([REACH ** (distance - 1)] * (len(history) - distance))
    forward = sparse.csr_matrix((weights, (earlier, later)), (items, items))
    return (forward + backward * forward.T).tocsr()


def _product(histories: Sequence[History], similarity: Any) -> NDArray[np.float32]:
    """Return (n, items) sums of the histories' rows of `similarity`, each weighed by its age."""
    from scipy import sparse

    users = [user for user, history in enumerate(histories) for _ in history]
    taken = [item for history in histories for item in history]
    weights = [RECENCY ** (len(history) - 1 - place) for history in histories for place in range(len(history))]
    read = sparse.csr_matrix((weights, (users, taken)), (len(histories), similarity.shape[0]))
    scores: NDArray[np.float32] = (read @ similarity).toarray().astype(np.float32)
    return scores
