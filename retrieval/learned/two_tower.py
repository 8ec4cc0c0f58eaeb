"""A two-tower model: one vector for a conversation so far, one for every item, and their product as the score.

Covington et al. 2016 (Deep Neural Networks for YouTube Recommendations), with the items named in the conversation
pooled by attention. Trained by `finetune.ranker.two_tower`; here it only answers, with numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
LATEST = 10
"""Items named in a conversation that are read, the latest."""


@dataclass(frozen=True)
class TwoTower:
    """The trained arrays, for n items and vectors of d numbers; conversations are encoded with c numbers."""

    items: Array
    """(n, d)"""
    bias: Array
    """(n,) what speaks for an item whatever is said."""
    named: Array
    """(n, d) what an item adds when it was named."""
    attention: Array
    """(d,)"""
    recency: Array
    """(LATEST,) added to the attention of the latest item named, the one before it..."""
    kinds: Array
    """(KINDS,) added to the attention by what is held of the item."""
    first: Array
    """(c, h) of the network that reads the conversation."""
    first_bias: Array
    second: Array
    """(h, d)"""
    second_bias: Array

    def context(self, said: Array, places: Sequence[int], kinds: Sequence[int]) -> Array:
        """Return (d,) the vector of a conversation: its encoding (c,), and the items named in it, the latest last."""
        hidden = said @ self.first + self.first_bias
        vector = _gelu(hidden) @ self.second + self.second_bias
        latest = np.array(places[::-1][:LATEST], np.int64)
        if len(latest):
            rows = self.named[latest]
            weights = np.tanh(rows) @ self.attention + self.recency[: len(latest)]
            weights = np.exp(weights + self.kinds[np.array(kinds[::-1][:LATEST])])
            vector = vector + weights @ rows / weights.sum()
        return np.asarray(vector, np.float32)

    def logits(self, said: Array, places: Sequence[int], kinds: Sequence[int]) -> Array:
        """Return (n,) unnormalised log-probabilities of the items to be recommended next."""
        return np.asarray(self.items @ self.context(said, places, kinds) + self.bias, np.float32)

    def for_items(self, sources: NDArray[np.int64], weights: Array) -> TwoTower:
        """Return the model over other items: each is the weighted mean of known ones, (m, k) positions and weights."""

        def mixed(rows: Array) -> Array:
            return np.asarray(np.einsum("mk,mk...->m...", weights, rows[sources]), np.float32)

        return TwoTower(
            mixed(self.items), mixed(self.bias), mixed(self.named), *(getattr(self, name) for name in _SHARED)
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays by name, in half precision."""
        return {field.name: getattr(self, field.name).astype(np.float16) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> TwoTower:
        """Read what `arrays` gave."""
        return cls(*(np.asarray(arrays[field.name], np.float32) for field in fields(cls)))


_SHARED = tuple(field.name for field in fields(TwoTower))[3:]


def _gelu(values: Array) -> Array:
    from scipy.special import erf

    return np.asarray(0.5 * values * (1 + erf(values / np.sqrt(2))), np.float32)
