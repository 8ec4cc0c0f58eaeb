"""What any recommender must beat: rankings of the whole catalog that need no understanding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals.bench.mentions import Mentions
from retrieval.search import Retriever

Order = NDArray[np.int64]
"""Positions in the catalog, best first."""
FLOORS = ("repeat", "popularity", "BM25", "dense", "co-mention")
WORDS = 120
"""Words that the sentence encoder is given, the last of the dialogue: about what it reads."""


def floors(retriever: Retriever, text: str, before: Sequence[int], mentions: Mentions) -> dict[str, Order]:
    """Return each floor's ranking; equal scores go by catalog position.

    `text`: all that was said; `before`: items mentioned, each once, in the order of last mention. `repeat` ranks only
    those, the last one first. BM25 and the vectors are those of the index that serves.
    """
    vector = retriever.encoder.encode([" ".join(text.split()[-WORDS:])])[0]
    nearest, _ = retriever.index.nearest(vector, len(retriever.catalog), exact=True)
    return {
        "repeat": np.array(before[::-1], np.int64),
        "popularity": best_first(mentions.counts),
        "BM25": best_first(retriever.index.lexical.scores(text)),
        "dense": nearest,
        "co-mention": best_first(mentions.co_mention(before)),
    }


def best_first(scores: NDArray[np.floating]) -> Order:
    """Return positions by falling score, equal ones by position."""
    return np.argsort(-scores, kind="stable")
