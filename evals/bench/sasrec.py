"""SASRec trained with cross-entropy over all items: a causal transformer whose tokens are the items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.bench.causal import Recipe, Tokens, padded
from evals.bench.neighbours import Scorer
from evals.bench.sequences import History

if TYPE_CHECKING:
    from transformers import GPT2Model


def recipe(items: int) -> Recipe:
    """Return shape and training for a catalog of `items`.

    After Kang and McAuley, "Self-Attentive Sequential Recommendation" (2018): two blocks, item embeddings shared
    between input and output; with the loss over all items instead of one sampled negative.
    """
    return Recipe(
        vocabulary=1 + items, item_tokens=1, items=50, width=64, layers=2, heads=2, inner=64,
        dropout=0.3, rate=2e-3, epochs=12, batch=512,
    )  # fmt: skip


def tokens(history: History) -> Tokens:
    """Write each item as one token; 0 is the beginning mark."""
    return [item + 1 for item in history]


def scorer(model: GPT2Model, longest: int) -> Scorer:
    """Score every item by its logit after the last `longest` items of the history."""

    def score(histories: Sequence[History]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            batch, lengths = padded([tokens(history[-longest:]) for history in histories])
            hidden = model(batch, use_cache=False).last_hidden_state
            last = hidden[torch.arange(len(batch)), lengths - 1]
            scores: NDArray[np.float32] = (last @ model.wte.weight[1:].T).numpy()
        return scores

    return score
