"""What people took one after the other: the public sequence files, leave-last-out splits, ranks and metrics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import UserError

SEQUENCES, ITEMS = "beauty_sequences.txt", "beauty_items.jsonl"
SHORTEST = 3
"""A user needs an item to learn from, one to validate on and one to test on."""

History = tuple[int, ...]
"""Item numbers (rows of the catalog), oldest first."""
Split = Literal["validation", "test"]


@dataclass(frozen=True)
class Sequences:
    """Users with what they took in order, and the catalog; items are numbered by their line in the items file."""

    users: tuple[str, ...]
    histories: tuple[History, ...]
    """One a user, whole: the last item is for the test, the one before it for validation."""
    item_ids: tuple[str, ...]
    texts: tuple[str, ...]

    @cached_property
    def training(self) -> tuple[History, ...]:
        """All but each user's last two items: what every system learns from, whatever it is measured on."""
        return tuple(history[:-2] for history in self.histories)

    def held_out(self, split: Split) -> tuple[tuple[History, ...], NDArray[np.int64]]:
        """Return what precedes each user's held-out item, and the items themselves (n,)."""
        place = -1 if split == "test" else -2
        targets = np.array([history[place] for history in self.histories], np.int64)
        return tuple(history[:place] for history in self.histories), targets

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each item occurs in the training part, (items,)."""
        return np.bincount([item for history in self.training for item in history], minlength=len(self.item_ids))

    def tie_order(self, seed: int) -> NDArray[np.int64]:
        """Return the place (items,) at which each item stands among equals: popular first, then by lot.

        Item numbers would leak: the public files number items by the first user who took them.
        """
        return tie_order(self.counts, seed)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of users, sequences and items: what was trained on other data is never taken for these."""
        written = json.dumps([self.users, self.histories, self.item_ids, self.texts])
        return hashlib.sha256(written.encode()).hexdigest()[:16]


def read_sequences(folder: Path, limit: int | None = None) -> Sequences:
    """Read both files of `folder`, of the sequences only the first `limit`; UserError names the line that is wrong."""
    items: dict[str, int] = {}
    texts = list[str]()
    for place, line in _lines(folder / ITEMS):
        try:
            record: Mapping[str, Any] = json.loads(line)
            name, text = str(record["id"]), str(record["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{place}: not an item: write one JSON object with `id` and `text` a line") from error
        if items.setdefault(name, len(items)) != len(texts):
            raise UserError(f"{place}: item {name} stands there twice: keep one of the two lines")
        texts.append(text)
    users: dict[str, History] = {}
    for place, line in _lines(folder / SEQUENCES):
        if limit is not None and len(users) == limit:
            break
        user, *names = line.split()
        unknown = next((name for name in names if name not in items), None)
        if unknown is not None:
            raise UserError(f"{place}: item {unknown} is not in {ITEMS}: add it there or take it out here")
        if len(names) < SHORTEST or user in users:
            fault = "occurs twice" if user in users else f"has fewer than {SHORTEST} items"
            raise UserError(f"{place}: user {user} {fault}: take the line out")
        users[user] = tuple(items[name] for name in names)
    if not users:
        raise UserError(f"{folder / SEQUENCES}: no sequence in it: write `user item item item` a line")
    return Sequences(tuple(users), tuple(users.values()), tuple(items), tuple(texts))


def _lines(path: Path) -> list[tuple[str, str]]:
    """Return (file:line, text) of each line that is not blank."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}): name a folder with {SEQUENCES} and {ITEMS}"
        ) from error
    return [(f"{path}:{number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def tie_order(counts: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the place (items,) at which each item stands among equals: by falling count, then by lot."""
    lot = np.random.default_rng(seed).permutation(len(counts))
    places = np.empty_like(lot)
    places[np.lexsort((lot, -counts))] = np.arange(len(lot))
    return places


def ranks(scores: NDArray[np.float32], targets: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rank of each target (n,) in the whole catalog by (n, items) scores, 1 = best.

    Equal scores stand in `order`. A target whose score is -inf is not ranked: its rank is infinite.
    """
    own = np.take_along_axis(scores, targets[:, None], 1)
    ahead = (scores > own) | ((scores == own) & (order[None, :] < order[targets][:, None]))
    return np.where(np.isneginf(own[:, 0]), np.inf, 1.0 + ahead.sum(1))


def without(scores: NDArray[np.float32], histories: Sequence[History]) -> NDArray[np.float32]:
    """Return a copy of the scores in which no user's own history is ranked."""
    left = scores.copy()
    for row, history in zip(left, histories, strict=True):
        row[list(history)] = -np.inf
    return left


def recall(found: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return R@k per user (n,) from the rank of the one target: 1 when it is among the first k."""
    return (found <= k).astype(np.float64)


def ndcg(found: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return NDCG@k per user (n,): 1 / log2(1 + rank) among the first k, for the ideal gain is 1 with one target."""
    return np.where(found <= k, 1.0 / np.log2(1.0 + found), 0.0)
