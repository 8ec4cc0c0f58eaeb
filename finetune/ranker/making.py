"""Make all that a ranker's folder holds: the learned order, the cross-encoder, the student of both."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.cross_encoder import CrossEncoded, CrossEncoder
from agent.ranking import Scorer
from agent.scoring import CROSS_ENCODER
from finetune.ranker import cross_encoder
from finetune.ranker.distil import distil
from finetune.ranker.fitting import Config, Held, Logged, Rating, Say, fold_of, learn
from finetune.upper_layers import Tell
from retrieval.catalog import Catalog
from retrieval.learned import RECORD
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

    `model`: base model of the cross-encoder, `none` to go without; the first `options` candidates are reranked.
    UserError when there is too little to learn from, or a base model cannot be had.
    """
    started = time.perf_counter()
    listener = None if model == "none" else CrossEncoder.of_base(model, home, say)
    learnt = learn(retriever, logged, ratings, config, out, say)
    scorer: Scorer | None = None
    if listener is not None:
        how = cross_encoder.CrossEncoderConfig(model=model, seed=config.seed)
        lessons = cross_encoder.lessons(learnt.held, listener, how, retriever.catalog)
        say(f"{len(lessons)} turns for the cross-encoder")
        cross_encoder.train(lessons, listener, how, out / CROSS_ENCODER, tell)
        scorer = CrossEncoded(listener, retriever.catalog)
    say("teaching the student")
    found = distil(learnt.learner, learnt.ranker, scorer, options, out, lambda done, of: tell("asking", done, of, 0.0))
    seconds = round(time.perf_counter() - started)
    record = {**json.loads((out / RECORD).read_text("utf-8")), "student": found, "seconds": seconds}
    (out / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    kept, spent = found["kept"], found["milliseconds"]
    say(
        f"the student keeps {kept['kept']['mean']:.3f} (standard error {kept['kept']['stderr']:.3f}) of NDCG@10 on "
        f"{kept['kept']['n']} turns, in {spent['student']} ms instead of {spent['teacher']}"
    )
    return record


def listeners(
    held: Sequence[Held], catalog: Catalog, config: Config, folds: int, model: str, home: Path, say: Say, tell: Tell
) -> list[CrossEncoded]:
    """Return cross-encoders on the base weights `model`, of which each has not learned from one fold of `held`.

    With `folds` 1 the only one learns from all. UserError when the base model cannot be had.
    """
    how = cross_encoder.CrossEncoderConfig(model=model, seed=config.seed)
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
