"""Semantic IDs: every item is a short path of codes, coarse to fine, that says what it is like."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.quantiser import Kind, Quantiser
from retrieval.trie import Trie

SemanticId = tuple[int, ...]
"""One code per level and a collision digit last, for example (12, 50, 3, 0)."""

DIGITS = 16
"""How many items may share all codes before the digit; the next one takes its second-nearest last code."""


@dataclass(frozen=True)
class SemanticIds:
    """The bijection between items and Semantic IDs, with the quantiser that gives new items theirs."""

    quantiser: Quantiser
    codes: Mapping[str, SemanticId]

    @classmethod
    def fit(
        cls,
        item_ids: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        liking: NDArray[np.float32] | None = None,
        kind: Kind = "rq-kmeans",
        levels: int = 3,
        size: int | None = None,
        seed: int = 0,
    ) -> SemanticIds:
        """Fit codebooks to the items' (n, d) vectors and give each item its path.

        `size` is the number of codes a level, by default 64 up to 3,000 items and 256 above; `liking`: (n, l) as
        `Quantiser.fit` takes it, None for codes of text alone.
        """
        size = size or (64 if len(item_ids) <= 3000 else 256)
        quantiser = Quantiser.fit(np.asarray(vectors, np.float32), levels, size, seed, kind=kind, liking=liking)
        return cls(quantiser, MappingProxyType({})).extended(item_ids, vectors, liking)

    def extended(
        self, item_ids: Sequence[str], vectors: NDArray[np.float32], liking: NDArray[np.float32] | None = None
    ) -> SemanticIds:
        """Return the ids of exactly `item_ids`: known items keep theirs, new ones take a free path nearby.

        Without `liking`, new items are coded by the co-liking that their texts let expect.
        """
        kept = {item: self.codes[item] for item in item_ids if item in self.codes}
        new = [place for place, item in enumerate(item_ids) if item not in kept]
        taken = set(kept.values())
        if new:
            known = None if liking is None else liking[new]
            paths, far = self.quantiser.distances(np.asarray(vectors, np.float32)[new], known)
            for row, place in enumerate(new):
                head = tuple(int(code) for code in paths[row, :-1])
                kept[item_ids[place]] = sid = self._free(head, far[row], taken)
                taken.add(sid)
        return SemanticIds(self.quantiser, MappingProxyType({item: kept[item] for item in item_ids}))

    @staticmethod
    def _free(head: SemanticId, far: NDArray[np.float32], taken: set[SemanticId]) -> SemanticId:
        for last in far.argsort(kind="stable"):
            for digit in range(DIGITS):
                if (path := (*head, int(last), digit)) not in taken:
                    return path
        raise ValueError(f"no free Semantic ID under {head}: fit larger codebooks")

    @cached_property
    def items(self) -> Mapping[SemanticId, str]:
        """Semantic ID -> item id."""
        return MappingProxyType({sid: item for item, sid in self.codes.items()})

    def item_of(self, sid: SemanticId) -> str:
        """Return the one item with this whole Semantic ID; KeyError when there is none."""
        return self.items[sid]

    @cached_property
    def trie(self) -> Trie:
        """The trie over all whole paths."""
        return Trie(self.codes.values())

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Codes per level, the collision digit's last."""
        return (*(len(book) for book in self.quantiser.codebooks), DIGITS)

    def tokens(self) -> list[str]:
        """Every token of every level in order, `<a_0>`, `<a_1>`...: what the LLM's vocabulary is extended by."""
        return [token(level, code) for level, size in enumerate(self.sizes) for code in range(size)]

    def text(self, item_id: str) -> str:
        """Return the item's Semantic ID as tokens, for example `<a_12><b_50><c_3><d_0>`."""
        return "".join(token(level, code) for level, code in enumerate(self.codes[item_id]))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the quantiser: equal means that a token stands for the same region of the vector space.

        Adapters carry it. Adding items leaves it as it is, so that an adapter outlives a growing catalog.
        """
        digest = hashlib.sha256()
        for _, array in self.quantiser.arrays():
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write everything to one `.npz` file."""
        np.savez_compressed(
            path,
            codes=np.array(list(self.codes.values()), np.int32).reshape(len(self.codes), -1),
            ids=np.frombuffer(json.dumps(list(self.codes)).encode(), np.uint8),
            **dict(self.quantiser.arrays()),  # type: ignore[arg-type]
        )

    @classmethod
    def load(cls, path: Path) -> SemanticIds:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            quantiser = Quantiser.of_arrays({name: data[name] for name in data.files})
            ids = json.loads(data["ids"].tobytes())
            codes = {item: tuple(int(code) for code in row) for item, row in zip(ids, data["codes"], strict=True)}
        return cls(quantiser, MappingProxyType(codes))

    def health(self, groups: Mapping[str, Sequence[str]], seed: int = 0) -> dict[str, Any]:
        """Measure how well the codes are used.

        `usage`: share of each level's codes that occur; `perplexity` of each level's codes (<= its size);
        `collisions`: share of items whose codes before the digit are not theirs alone; `purity`: mean share of an
        item's first-level neighbours that have the best label of `groups` in common with it; `purity_random`: the
        same for shuffled codes.
        """
        paths = np.array(list(self.codes.values()), int)
        usage, perplexity = [], []
        for level, size in enumerate(self.sizes[:-1]):
            share = np.bincount(paths[:, level], minlength=size) / len(paths)
            usage.append(float((share > 0).mean()))
            perplexity.append(float(np.exp(-(share[share > 0] * np.log(share[share > 0])).sum())))
        cells = Counter(path[:-1] for path in self.codes.values())
        labels = [frozenset(groups.get(item, ())) for item in self.codes]
        shuffled = np.random.default_rng(seed).permutation(paths[:, 0])
        return {
            "usage": usage,
            "perplexity": perplexity,
            "collisions": sum(count for count in cells.values() if count > 1) / len(paths),
            "deepest_digit": int(paths[:, -1].max()),
            "purity": _purity(paths[:, 0], labels),
            "purity_random": _purity(shuffled, labels),
        }


def token(level: int, code: int) -> str:
    """Write one code as its token: `<b_50>` is code 50 of the second level."""
    return f"<{chr(ord('a') + level)}_{code}>"


def _purity(clusters: NDArray[Any], labels: Sequence[frozenset[str]]) -> float:
    shares = []
    for cluster in np.unique(clusters):
        members = [labels[place] for place in np.flatnonzero(clusters == cluster).tolist()]
        counts = Counter(label for member in members for label in member)
        for member in members:
            if len(members) > 1 and member:
                best = max(counts[label] - 1 for label in member)
                shares.append(best / (len(members) - 1))
    return float(np.mean(shares)) if shares else 0.0
