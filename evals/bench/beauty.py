"""Next-item ranking on sequences such as Amazon Beauty: counting baselines, SASRec and the generative retriever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evals.bench import causal, generative, neighbours, sasrec
from evals.bench.neighbours import Scorer
from evals.bench.sequences import History, Sequences, Split, ndcg, ranks, recall, without
from evals.results import Result
from retrieval.catalog import UserError
from retrieval.encoder import Encoder
from retrieval.semantic_ids import SemanticIds

if TYPE_CHECKING:
    from rich.console import Console

FLOORS = ("popularity", "repeat")
COUNTING = ("markov", "knn")
TRAINED = ("sasrec", "generative")
HEADLINE = ("R@5", "N@5", "R@10", "N@10", "R@50")
KEPT = tuple(f"all {name}" for name in HEADLINE)
"""The same with the user's own history among the candidates."""
BLOCK = 256
"""Users that are scored together."""
WATCHED = 3000
"""Users, drawn by lot, on whose validation items training is watched."""
WATCHING_BEAMS = 10
"""Beams of the generative retriever while it is watched: NDCG@10 asks for no more."""


@dataclass(frozen=True)
class Bench:
    """What every system is made from; models are kept in `folder` under a hash of all that they depend on."""

    data: Sequences
    encoder: Encoder
    seed: int
    folder: Path
    console: Console

    def systems(self, wanted: Sequence[str]) -> tuple[dict[str, Scorer], dict[str, Any]]:
        """Fit or load the floors and the `wanted` systems; without any, the counting ones and those already trained.

        Returns the systems and notes on them.
        """
        if unknown := [name for name in wanted if name not in (*FLOORS, *COUNTING, *TRAINED)]:
            known = ", ".join((*COUNTING, *TRAINED))
            raise UserError(f"--systems: {unknown[0]!r} is none of them: choose from {known}")
        training, items = self.data.training, len(self.data.item_ids)
        found = {"popularity": neighbours.popularity(self.data.counts), "repeat": neighbours.repetition(items)}
        notes: dict[str, Any] = {}
        if not wanted or "markov" in wanted:
            found["markov"] = neighbours.markov(training, items)
        if not wanted or "knn" in wanted:
            found["knn"] = neighbours.neighbours(training, items)
        shape = sasrec.recipe(items)
        if "sasrec" in wanted or (not wanted and self.path("sasrec", shape).exists()):
            found["sasrec"] = self._sasrec(shape)
        if "generative" in wanted or (not wanted and self._ids_path.exists()):
            ids = self._semantic_ids()
            codes = generative.CodeTokens.of(ids, self.data.item_ids)
            shape = generative.recipe(codes)
            if "generative" in wanted or self.path("generative", shape).exists():
                found["generative"] = self._generative(shape, codes)
                health = ids.health({})
                notes["Semantic IDs"] = (
                    f"{ids.sizes[:-1]} codes by RQ-KMeans on text vectors ({self.encoder.name}) and a digit; "
                    f"{health['collisions']:.1%} of the items share all codes before the digit, at most "
                    f"{health['deepest_digit'] + 1} the same; every whole path is one item"
                )
        if left := [name for name in TRAINED if name not in found]:
            notes["not trained, left out"] = f"{', '.join(left)}: name them with --systems to train them"
        return found, notes

    def path(self, name: str, shape: causal.Recipe) -> Path:
        """Return where the finished model of this recipe lies."""
        made_of: dict[str, Any] = {"data": self.data.fingerprint, "recipe": asdict(shape), "seed": self.seed}
        if name == "generative":
            made_of["encoder"] = self.encoder.name
        return self.folder / f"{name}-{_hash(made_of)}.pt"

    @property
    def _ids_path(self) -> Path:
        made_of = {"data": self.data.fingerprint, "encoder": self.encoder.name, "seed": self.seed}
        return self.folder / f"semantic-ids-{_hash(made_of)}.npz"

    def _semantic_ids(self) -> SemanticIds:
        """Read the Semantic IDs of the items' texts, or make them."""
        if not self._ids_path.exists():
            vectors = self.encoder.encode(self.data.texts, progress=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = self._ids_path.with_suffix(".new.npz")
            SemanticIds.fit(self.data.item_ids, vectors, seed=self.seed).save(fresh)
            fresh.replace(self._ids_path)
        return SemanticIds.load(self._ids_path)

    def _sasrec(self, shape: causal.Recipe) -> Scorer:
        sequences = [sasrec.tokens(history) for history in self.data.training]
        watch = self._watch(lambda model: sasrec.scorer(model, shape.context))
        model = causal.train(shape, sequences, watch, self.path("sasrec", shape), seed=self.seed, console=self.console)
        return sasrec.scorer(model, shape.context)

    def _generative(self, shape: causal.Recipe, codes: generative.CodeTokens) -> Scorer:
        sequences = [codes.tokens(history) for history in self.data.training]
        watch = self._watch(lambda model: generative.scorer(model, codes, shape.context, WATCHING_BEAMS))
        model = causal.train(
            shape, sequences, watch, self.path("generative", shape), seed=self.seed, console=self.console
        )
        return generative.scorer(model, codes, shape.context)

    def _watch(self, scorer: Callable[[Any], Scorer]) -> Callable[[Any], float]:
        """Return the NDCG@10 of a model on the validation items of some users."""
        histories, targets = self.data.held_out("validation")
        chosen = np.sort(np.random.default_rng(self.seed).permutation(len(targets))[:WATCHED])
        order = self.data.tie_order(self.seed)

        def watched(model: Any) -> float:
            found = rank_targets(scorer(model), [histories[user] for user in chosen], targets[chosen], order, _as_is)
            return float(ndcg(found[0], 10).mean())

        return watched


def rank_targets(
    scorer: Scorer,
    histories: Sequence[History],
    targets: NDArray[np.int64],
    order: NDArray[np.int64],
    track: Callable[[range], Iterable[int]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each target's rank (n,) among the items new to the user, and among all; `track` sees the blocks go by."""
    new, kept = np.empty(len(targets)), np.empty(len(targets))
    # Users with histories of like length together: a block is as long as its longest.
    by_length = np.array(sorted(range(len(targets)), key=lambda user: len(histories[user])))
    for start in track(range(0, len(targets), BLOCK)):
        users = by_length[start : start + BLOCK]
        block = [histories[user] for user in users]
        scores = scorer(block)
        new[users] = ranks(without(scores, block), targets[users], order)
        kept[users] = ranks(scores, targets[users], order)
    return new, kept


def measure(bench: Bench, split: Split, wanted: Sequence[str], source: Path) -> Result:
    """Rank every user's held-out item by every system."""
    from rich.progress import Progress

    data = bench.data
    systems, notes = bench.systems(wanted)
    histories, targets = data.held_out(split)
    order = data.tie_order(bench.seed)
    measured: dict[str, Mapping[str, Mapping[str, float | None]]] = {}
    with Progress(console=bench.console, transient=True) as progress:
        for name, scorer in systems.items():

            def track(blocks: range, name: str = name) -> Iterable[int]:
                return progress.track(blocks, description=f"Ranking by {name}")

            new, kept = rank_targets(scorer, histories, targets, order, track)
            values = dict(zip((*HEADLINE, *KEPT), (*_values(new), *_values(kept)), strict=True))
            measured[name] = {
                metric: dict(zip(data.users, column.tolist(), strict=True)) for metric, column in values.items()
            }
    return Result(
        kind="bench beauty",
        made_by={
            "data": str(source), "data_hash": data.fingerprint, "users": len(data.users),
            "items": len(data.item_ids), "split": split, "seed": bench.seed, "encoder": bench.encoder.name,
            "versions": {name: version(name) for name in ("torch", "transformers", "scikit-learn", "scipy", "numpy")},
        },
        systems=measured,
        notes={**_protocol(data, split, bench.seed), **notes},
    )  # fmt: skip


def print_result(result: Result, console: Console) -> None:
    """Print the table over new items, the one over all items, then the notes."""
    replace(result, notes={}).print(console, "Candidates: the catalog without the user's history", HEADLINE)
    console.print()
    shown = {system: {name: table[f"all {name}"] for name in HEADLINE} for system, table in result.systems.items()}
    replace(result, systems=shown).print(console, "Candidates: the whole catalog, as TIGER and others report")


def _protocol(data: Sequences, split: Split, seed: int) -> dict[str, Any]:
    histories, targets = data.held_out(split)
    unseen = int((data.counts[targets] == 0).sum())
    again = sum(target in history for history, target in zip(histories, targets.tolist(), strict=True))
    return {
        "protocol": f"leave-last-out, {split}: the last item of each user is the test, the one before it validation; "
        "every system learns from the rest only and ranks by all that precedes the held-out item",
        "ties": f"equal scores stand by popularity in training, then by lot (seed {seed}); items that the generative "
        f"retriever's {generative.BEAMS} beams do not reach are not ranked and count 0",
        "targets": f"{len(targets)}, of which {unseen} never occur in training and {again} in their user's history",
    }


def _values(found: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the metrics of `HEADLINE`, each (n,)."""
    return recall(found, 5), ndcg(found, 5), recall(found, 10), ndcg(found, 10), recall(found, 50)


def _hash(made_of: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]


def _as_is(blocks: range) -> Iterable[int]:
    return blocks
