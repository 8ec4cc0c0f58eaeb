"""What Semantic IDs are worth as features of a light ranker, by how they are made and how they are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from evals.bench import light, neighbours, pieces
from evals.bench.beauty import rank_targets
from evals.bench.neighbours import Scorer
from evals.bench.sequences import History, Sequences, Split, ndcg, recall, tie_order
from evals.results import Result
from retrieval.catalog import UserError
from retrieval.learned import CoLiking
from retrieval.learned.liking import liking_vectors
from retrieval.quantiser import Kind
from retrieval.semantic_ids import SemanticIds

UNSEEN = 0.1
"""Share of the items, drawn by lot, that are taken out of training: the new ones."""
GROUPS = ("", "tail ", "new ")
HEADLINE = tuple(f"{group}{metric}" for group in GROUPS for metric in ("R@10", "N@10"))
Say = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """Users drawn by lot, and what is learned from: their training items without those that count as new."""

    data: Sequences
    training: tuple[History, ...]
    counts: NDArray[np.int64]
    """(items,) how often each occurs in `training`; 0 is new."""
    seed: int

    @classmethod
    def of(cls, data: Sequences, users: int, seed: int) -> Task:
        """Draw at most `users` users and the new items."""
        rng = np.random.default_rng(seed)
        new = set(rng.permutation(len(data.item_ids))[: int(UNSEEN * len(data.item_ids))].tolist())
        chosen = np.sort(rng.permutation(len(data.users))[:users]).tolist()
        drawn = replace(
            data,
            users=tuple(data.users[user] for user in chosen),
            histories=tuple(data.histories[user] for user in chosen),
        )
        training = tuple(tuple(item for item in history if item not in new) for history in drawn.training)
        counts = np.bincount([item for history in training for item in history], minlength=len(data.item_ids))
        return cls(drawn, training, counts, seed)

    def masks(self, targets: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
        """Return which targets belong to each of `GROUPS`; the tail is the rarer half of the items seen."""
        seen = self.counts[targets]
        rare = np.median(self.counts[self.counts > 0])
        return {"": np.ones(len(targets), bool), "tail ": (seen > 0) & (seen <= rare), "new ": seen == 0}


def code_kinds(
    item_ids: Sequence[str], vectors: NDArray[np.float32], liking: NDArray[np.float32] | None, seed: int, only: str = ""
) -> Iterator[tuple[str, SemanticIds]]:
    """Yield the Semantic IDs of every kind and source; those with liking only where it is given."""
    for source, known in (("text", None), ("text+liking", liking)):
        if source == "text" or known is not None:
            wanted = (
                kind for kind in get_args(Kind) if any(only in f"{kind} {source}, {cut}" for cut in pieces.FEATURES)
            )
            for kind in wanted:
                yield f"{kind} {source}", SemanticIds.fit(item_ids, vectors, liking=known, kind=kind, seed=seed)


def measure(
    task: Task,
    vectors: NDArray[np.float32],
    split: Split,
    rows: int,
    source: Path,
    encoder: str,
    say: Say,
    only: str = "",
) -> Result:
    """Train the light ranker on every kind of feature and rank every user's held-out item.

    `vectors`: (items, d) of the texts; `rows`: of the ranker's table, the same for all features; `only`:
    the text that the names of the systems must contain, popularity's excepted.
    """
    data, items = task.data, len(task.data.item_ids)
    histories, targets = data.held_out(split)
    order = tie_order(task.counts, task.seed)
    masks = task.masks(targets)
    measured: dict[str, Mapping[str, Mapping[str, float | None]]] = {}

    def add(name: str, scorer: Scorer) -> None:
        say(f"ranking by {name}")
        found, _ = rank_targets(scorer, histories, targets, order, _as_is)
        values = {"R@10": recall(found, 10), "N@10": ndcg(found, 10)}
        measured[name] = {
            f"{group}{metric}": {
                user: float(value) if inside else None
                for user, value, inside in zip(data.users, column.tolist(), mask.tolist(), strict=True)
            }
            for group, mask in masks.items()
            for metric, column in values.items()
        }

    def learn(name: str, features: pieces.Rows) -> None:
        if only in name:
            add(name, light.train(features, task.training, task.seed, light.EPOCHS))

    add("popularity", neighbours.popularity(task.counts))
    if only in "knn":
        add("knn", neighbours.neighbours(task.training, items))
    learn("a row an item", np.arange(items)[:, None])
    learn("ids, 1 hash", pieces.hashed_ids(data.item_ids, rows, 1, task.seed))
    learn("ids, 3 hashes", pieces.hashed_ids(data.item_ids, rows, 3, task.seed))
    notes: dict[str, Any] = {}
    liking = liking_vectors([CoLiking.of(task.training, items)], task.seed)
    for name, ids in code_kinds(data.item_ids, vectors, liking, task.seed, only):
        notes[f"health of {name}"] = health_line(ids, {})
        paths = [ids.codes[item][:-1] for item in data.item_ids]
        for feature, cut in pieces.FEATURES.items():
            learn(f"{name}, {feature}", cut(paths, task.counts, rows, task.seed))
    protocol = {
        "protocol": f"leave-last-out, {split}; candidates: the catalog without the user's history; {UNSEEN:.0%} of the "
        f"items are taken out of training; {rows} rows in the ranker's table, except for `a row an item`",
        "targets": ", ".join(f"{group.strip() or 'all'} {int(mask.sum())}" for group, mask in masks.items()),
    }
    made_by = {
        "data": str(source), "data_hash": data.fingerprint, "users": len(data.users), "items": items, "split": split,
        "seed": task.seed, "rows": rows, "encoder": encoder,
        "versions": {name: version(name) for name in ("torch", "tokenizers", "scikit-learn", "numpy")},
    }  # fmt: skip
    return Result("bench codes", made_by, measured, {**protocol, **notes})


def home_health(home: Path, seed: int) -> dict[str, str]:
    """Return the health of every kind of code over the catalog of a home, if there is one.

    Purity is by the facet that `python -m retrieval inspect` takes; codes with liking need a learned ranker.
    """
    from retrieval import versions
    from retrieval.index import Index
    from retrieval.learned.liking import known_liking

    if versions.current(home) is None:
        return {}
    index = Index.open(home)
    groups = index.groups()[1]
    try:
        liking = known_liking(home, index.catalog)
    except UserError:
        liking = None
    kinds = code_kinds([item.id for item in index.catalog], index.vectors, liking, seed)
    return {f"in the home, {name}": health_line(ids, groups) for name, ids in kinds}


def health_line(ids: SemanticIds, groups: Mapping[str, Sequence[str]]) -> str:
    """Write the health of Semantic IDs in one line; purity only where there are `groups`."""
    health = ids.health(groups)
    usage = ", ".join(f"{share:.0%}" for share in health["usage"])
    perplexity = ", ".join(
        f"{level:.0f} of {size}" for level, size in zip(health["perplexity"], ids.sizes, strict=False)
    )
    purity = f"; purity {health['purity']:.3f}, at random {health['purity_random']:.3f}" if groups else ""
    return f"usage {usage}; perplexity {perplexity}; collisions {health['collisions']:.1%}{purity}"


def _as_is(blocks: range) -> Iterable[int]:
    return blocks
