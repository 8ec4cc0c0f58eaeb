"""Make all that a ranker's folder holds: the learned order, the cross-encoder, the student of both."""

from __future__ import annotations

import math
import shutil
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from agent.cross_encoder import CrossEncoded, CrossEncoder
from agent.ranking import Reranker, Scorer
from agent.scoring import CROSS_ENCODER
from finetune.config import CrossEncoderConfig
from finetune.ranker import cross_encoder
from finetune.ranker.distil import distil
from finetune.ranker.fitting import Config, Held, Logged, Rating, Say, fold_of, learn
from finetune.upper_layers import Tell
from retrieval.catalog import Catalog
from retrieval.query import Candidate
from retrieval.search import Retriever


def make(
    retriever: Retriever,
    logged: Sequence[Logged],
    ratings: Sequence[Rating],
    config: Config,
    model: str,
    options: int,
    home: Path,
    out: Path,
    say: Say,
    tell: Tell = lambda what, step, of, loss: None,
) -> dict[str, Any]:
    """Learn from `logged`, write to the folder `out`, and return the record.

    `model`: base model of the cross-encoder, `none` to go without; the first `options` candidates are reranked. It is
    kept only where it is better than the learned order on conversations that it has not heard. UserError when there is
    too little to learn from, or a base model cannot be had.
    """
    started = time.perf_counter()
    if model != "none":
        CrossEncoder.of_base(model, home, say)  # what cannot be had is said before the long part
    learnt = learn(retriever, logged, ratings, config, out, say)
    record, scorer = dict(learnt.record), None
    if model == "none":
        shutil.rmtree(out / CROSS_ENCODER, ignore_errors=True)  # it was measured with another ranker
    else:
        scorer, record["cross_encoder"] = _listener(
            learnt.held, retriever.catalog, config, model, options, home, out / CROSS_ENCODER, say, tell
        )
    say("teaching the student")
    found = distil(learnt.learner, learnt.ranker, scorer, options, out, lambda done, of: tell("asking", done, of, 0.0))
    kept, spent = found["kept"]["kept"], found["milliseconds"]
    say(
        f"the student keeps {kept['mean']:.3f} (standard error {kept['stderr']:.3f}) of NDCG@10 on {kept['n']} turns, "
        f"in {spent['student']} ms instead of {spent['teacher']}"
    )
    record |= {"student": found, "seconds": round(time.perf_counter() - started)}
    learnt.ranker.save(out, retriever.index, record)
    return record


def _listener(
    held: Sequence[Held],
    catalog: Catalog,
    config: Config,
    model: str,
    options: int,
    home: Path,
    out: Path,
    say: Say,
    tell: Tell,
) -> tuple[CrossEncoded | None, dict[str, Any]]:
    """Train a cross-encoder without the first fold, and keep it in `out` where it is better there; return how good."""
    network = CrossEncoder.of_base(model, home, say)
    how = CrossEncoderConfig(model=model, seed=config.seed)
    unheard = [one for one in held if fold_of(one.logged.conversation, config.folds) == 0]
    heard = [one for one in held if fold_of(one.logged.conversation, config.folds) != 0]
    lessons = cross_encoder.lessons(heard, network, how, catalog)
    if not lessons:
        return None, {"turns": 0, "served": False}
    say(f"{len(lessons)} turns for the cross-encoder")
    cross_encoder.train(lessons, network, how, out, tell)
    scorer = CrossEncoded(network, catalog)
    found = figures(reranked(unheard, scorer, catalog, options, tell), config.seed)
    better = found["low"] > 0
    say(
        f"NDCG@10 of conversations not heard: {found['learned order']:.4f}, reranked {found['reranked']:.4f}, "
        f"95 % {found['low']:+.4f} to {found['high']:+.4f}: the cross-encoder {'serves' if better else 'is not kept'}"
    )
    if not better:
        shutil.rmtree(out)
    return scorer if better else None, {"turns": len(lessons), **found, "served": better}


def reranked(
    held: Sequence[Held], scorer: Scorer, catalog: Catalog, options: int, tell: Tell
) -> dict[str, list[tuple[float, float]]]:
    """Return conversation -> NDCG@10 of each item recommended in it: in the order given, and reranked."""
    gains: dict[str, list[tuple[float, float]]] = defaultdict(list)
    reranker = Reranker(scorer, options)
    for number, one in enumerate(held):
        tell("asking", number, len(held), 0.0)
        order = [int(place) for place in np.argsort(-one.scores, kind="stable")[:options]]
        order = [place for place in order if np.isfinite(one.scores[place])]
        candidates = [Candidate(catalog.items[place].id, float(one.scores[place])) for place in order]
        ranked = reranker.rank(one.logged.query.message, one.logged.belief, candidates, one.logged.earlier)
        after = [catalog.position[found.item_id] for found in ranked]
        gains[one.logged.conversation] += [(_gain(place, order), _gain(place, after)) for place in one.gold]
    return gains


def _gain(place: int, order: Sequence[int]) -> float:
    """Return 1 / log2(1 + rank) within the first ten, as the benchmarks do for one relevant item, else 0."""
    return 1 / math.log2(2 + order.index(place)) if place in order[:10] else 0.0


def figures(gains: Mapping[str, Sequence[tuple[float, float]]], seed: int) -> dict[str, float]:
    """Return the means and the 95 % interval of their difference, by a bootstrap over conversations."""
    known = [np.array(pairs) for pairs in gains.values() if pairs]
    if not known:
        return {"learned order": 0.0, "reranked": 0.0, "low": 0.0, "high": 0.0, "n": 0}
    sums, counts = np.array([pairs.sum(axis=0) for pairs in known]), np.array([len(pairs) for pairs in known])
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(known), (2000, len(known)))
    differences = (sums[:, 1] - sums[:, 0])[draws].sum(axis=1) / counts[draws].sum(axis=1)
    before, after = sums.sum(axis=0) / counts.sum()
    low, high = np.quantile(differences, (0.025, 0.975))
    numbers = {"learned order": before, "reranked": after, "low": low, "high": high}
    return {**{name: round(float(value), 4) for name, value in numbers.items()}, "n": int(counts.sum())}


def listeners(
    held: Sequence[Held], catalog: Catalog, config: Config, folds: int, model: str, home: Path, say: Say, tell: Tell
) -> list[CrossEncoded]:
    """Return cross-encoders on the base weights `model`, of which each has not learned from one fold of `held`.

    With `folds` 1 the only one learns from all. UserError when the base model cannot be had.
    """
    how = CrossEncoderConfig(model=model, seed=config.seed)
    network = CrossEncoder.of_base(model, home, say)
    lessons = cross_encoder.lessons(held, network, how, catalog)
    states = cross_encoder.read(lessons, network, tell)
    found = []
    for fold in range(folds):
        say(f"cross-encoder {fold + 1} of {folds}")
        own = [n for n, one in enumerate(lessons) if folds == 1 or fold_of(one.conversation, folds) != fold]
        learner = CrossEncoder.of_base(model, home, say)
        with TemporaryDirectory(prefix="tastemaker-") as folder:
            taught, below = [lessons[place] for place in own], [states[place] for place in own]
            cross_encoder.train(taught, learner, how, Path(folder), tell, below)
        found.append(CrossEncoded(learner, catalog))
    return found
