"""How often items are mentioned, and together, in dialogues other than the one in question."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from evals.bench.contexts import RankingTurn
from evals.bench.titles import Titles

FOLDS = 5
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Mentions:
    """Counts over dialogues: of an item, and of two items in the same dialogue. Items are positions in the catalog."""

    counts: Scores
    """(n,) dialogues that mention each item."""
    together: Mapping[int, Mapping[int, int]]
    """Item -> other item -> dialogues that mention both."""

    @classmethod
    def of(cls, dialogues: Iterable[frozenset[int]], size: int) -> Mentions:
        """Count over the sets of items that some dialogues mention; `size`: items of the catalog."""
        counts = np.zeros(size)
        together: dict[int, Counter[int]] = defaultdict(Counter)
        for items in dialogues:
            counts[sorted(items)] += 1
            for one, other in permutations(sorted(items), 2):
                together[one][other] += 1
        return cls(counts, together)

    def co_mention(self, items: Sequence[int]) -> Scores:
        """Return (n,) the dialogues that mention an item beside the given ones, summed over these.

        Equal sums, and so all items that stand beside none, go by `counts`.
        """
        sums: Scores = self.counts / (1 + self.counts.max())
        for item in items:
            for other, both in self.together.get(item, {}).items():
                sums[other] += both
        return sums


def mentioned(turns: Iterable[RankingTurn], titles: Titles) -> dict[str, frozenset[int]]:
    """Return the items that each dialogue mentions in these turns, whoever does."""
    found: dict[str, set[int]] = defaultdict(set)
    for turn in turns:
        found[turn.dialogue].update(titles.matches((*turn.mentioned, *turn.gold)))
    return {name: frozenset(items) for name, items in found.items()}


def cross_fitted(dialogues: Mapping[str, frozenset[int]], size: int) -> Callable[[str], Mentions]:
    """Count in folds by dialogue; what is returned gives for a dialogue the counts over the folds it is not in."""
    folds = [
        Mentions.of((items for name, items in dialogues.items() if fold_of(name) != fold), size)
        for fold in range(FOLDS)
    ]  # fmt: skip
    return lambda dialogue: folds[fold_of(dialogue)]


def trained(dialogues: Mapping[str, frozenset[int]], size: int, without: frozenset[str]) -> Callable[[str], Mentions]:
    """Count once, over all dialogues but those named in `without`: the ones that are evaluated."""
    counted = Mentions.of((items for name, items in dialogues.items() if name not in without), size)
    return lambda dialogue: counted


def fold_of(dialogue: str) -> int:
    """Return the fold of a dialogue, by a hash of its name: the same in every run."""
    return int(hashlib.sha256(dialogue.encode()).hexdigest(), 16) % FOLDS
