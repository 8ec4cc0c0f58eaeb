"""Critiques: wishes to go beyond what some items have, such as `older than this one` or `funnier than those`.

Compound and unit critiques go back to FindMe (Burke, Hammond and Young 1997); moving along a direction of the embedding
space follows language-based critiquing over latent representations (Wu et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import fold
from retrieval.query import Wish
from retrieval.sources import Attributes, Scores

Vectors = NDArray[np.float32]
FELT = 0.25
"""Spreads of a number from which on a difference counts fully."""
ENOUGH = 2.0
"""Spreads from which on it is more than was asked for: a bit newer is not eighty years newer."""
FALL = 2.0
"""Spreads beyond `ENOUGH` over which the score falls to 1/e."""
FULL = 1.5
"""Spreads of a direction of the embedding space from which on progress counts fully."""
HELD = 0.5
"""What having the value counts where the references have it too; the rest is progress along its direction."""
REMEMBERED = 256
"""Texts whose meaning is kept: a wish is searched for in every turn while it lasts."""


class Critiques:
    """Scores how far each item goes beyond the items that a wish is compared with."""

    def __init__(self, attributes: Attributes, vectors: Vectors, encode: Callable[[Sequence[str]], Vectors]) -> None:
        """Compare the items of `attributes`; `vectors`: (n, d) unit rows, `encode` makes such of texts."""
        self.attributes, self.vectors = attributes, vectors
        self._meaning: Callable[[tuple[str, ...]], Vectors] = lru_cache(maxsize=REMEMBERED)(
            lambda texts: np.asarray(encode(texts).mean(axis=0), np.float32)
        )
        self.catalog, self.filter = attributes.catalog, attributes.filter
        self.mean: Vectors = vectors.mean(axis=0)

    @staticmethod
    def takes(wish: Wish) -> bool:
        """Tell whether a wish is compared with something: with items, or with what is usual."""
        return bool(wish.than or wish.direction or wish.towards)

    def scores(self, wishes: Iterable[Wish]) -> Scores:
        """Return (n,) in [0, 1] the mean over the wishes of how well each is met, weights taken without sign."""
        total, sums = 0.0, np.zeros(len(self.catalog), np.float32)
        for wish in wishes:
            sums += np.float32(abs(wish.weight)) * self.score(wish)
            total += abs(wish.weight)
        return sums / np.float32(total) if total else sums

    def score(self, wish: Wish) -> Scores:
        """Return (n,) in [0, 1] how well each item meets one wish.

        A number counts only beyond all references. A value that they lack is what is asked for; of one that they have,
        or of words, more is asked for: progress along its direction. Where no reference is in the catalog, or their
        number is unknown, the catalog's middle stands in.
        """
        places = [place for item in wish.than if (place := self.catalog.position.get(item)) is not None]
        column = self.catalog.schema.column(wish.attribute)
        if column is not None and column.role == "number":
            return self._number(wish, column.name, places)
        match = self.attributes.match(wish)
        progress = self._progress(self._direction(wish, match), places, 1 if wish.weight > 0 else -1)
        if match is None or not match.any():
            return progress
        having = match if wish.weight > 0 else 1 - match
        share = (1 - HELD) * float(having[places].mean()) if places else 0.0
        return np.asarray((1 - share) * having + share * progress, np.float32)

    def _number(self, wish: Wish, attribute: str, places: list[int]) -> Scores:
        numbers = self.filter.numbers(attribute)
        known = numbers[~np.isnan(numbers)]
        sign = (wish.direction or self._end(wish, known)) * (1 if wish.weight > 0 else -1)
        if not len(known) or not sign:
            return np.zeros(len(numbers), np.float32)
        references = [numbers[place] for place in places if not np.isnan(numbers[place])]
        start = (max(references) if sign > 0 else min(references)) if references else float(np.median(known))
        beyond = np.nan_to_num(sign * (numbers - start) / _spread(known), nan=0.0)
        too_far = np.maximum(beyond - ENOUGH, 0) / FALL if references else np.zeros_like(beyond)
        return np.asarray(np.clip(beyond / FELT, 0, 1) * np.exp(-too_far), np.float32)

    def _end(self, wish: Wish, known: NDArray[np.float64]) -> int:
        """Return which end of a number a slice of the schema is at, 0 for what is no slice."""
        bound = self.catalog.schema.slices.get(f"{wish.attribute}.{fold(str(wish.value))}")
        return 0 if bound is None or not len(known) else (-1 if bound < np.median(known) else 1)

    def _direction(self, wish: Wish, match: Scores | None) -> Vectors:
        """Return (d,) what having the value moves the vector by; of a value that no item has, what its words mean.

        The meaning of words with an opposite is the way from the opposite to them.
        """
        if wish.towards and wish.away:
            found = self._meaning(wish.towards) - self._meaning(wish.away)
        elif match is not None and 0 < match.sum() < len(match):
            found = (match @ self.vectors) / match.sum() - self.mean
        else:
            found = self._meaning((str(wish.value),)) - self.mean
        return np.asarray(found / max(float(np.linalg.norm(found)), 1e-9), np.float32)

    def _progress(self, direction: Vectors, places: list[int], sign: int) -> Scores:
        """Return (n,) how far items lie beyond the mean of those at `places`, in spreads, cut to [0, 1]."""
        along = sign * (self.vectors @ direction)
        start = along[places].mean() if places else along.mean()
        return np.asarray(np.clip((along - start) / max(float(along.std()), 1e-9) / FULL, 0, 1), np.float32)


def _spread(known: NDArray[np.float64]) -> float:
    """Return half the range of the middle two thirds, the standard deviation of a normal distribution; at least 1e-9.

    A few huge values do not widen it.
    """
    low, high = np.quantile(known, (0.16, 0.84))
    return max(float(high - low) / 2 or float(known.std()), 1e-9)
