"""Teach the student what the learned order and the language model make together of logged turns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.ranking import Scorer
from finetune.ranker.fitting import Learner, Row, fold_of
from finetune.ranker.student import Lesson, Teaching, kept, teach
from retrieval.learned import LearnedRanker
from retrieval.learned.ranker import pool, table
from retrieval.learned.student import FILE
from retrieval.learned.trees import Trees
from retrieval.query import Candidate

Array = NDArray[np.float32]
FOLDS = 5
"""Of the conversations one in so many is not taught: on it is measured what the student keeps."""
MOST = 800
"""Turns that the language model is asked about, drawn by the seed."""
PARTS = ("search", "two_tower", "co_liking")
TREES, MODEL = "trees", "language model"


def distil(
    learner: Learner,
    ranker: LearnedRanker,
    scorer: Scorer | None,
    options: int,
    out: Path,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Teach a student on the turns of `learner`, write it to the folder `out`, and return what it keeps and saves.

    The teacher is the order of `ranker`, whose first `options` are reranked by `scorer`, where there is one. Figures:
    those of `kept` on conversations that were not taught, and the median milliseconds of a turn of teacher and student.
    """
    rows = [row for row in learner.rows if row.gold]
    rows = random.Random(learner.config.seed).sample(rows, min(MOST, len(rows)))
    lessons, marks, seconds = [], [], []
    for number, row in enumerate(rows):
        tell(number, len(rows))
        lesson, places, spent = ensemble(learner, ranker, scorer, options, row)
        lessons.append(lesson)
        marks.append(np.isin(places, row.gold))
        seconds.append(spent)
    held = [fold_of(row.conversation, FOLDS) == 0 for row in rows]
    teaching = Teaching(seed=learner.config.seed)
    assert isinstance(ranker.order, Trees)
    taught = [lesson for lesson, out_ in zip(lessons, held, strict=True) if not out_]
    student = teach(taught, ranker.order.columns, teaching)
    others = [place for place, out_ in enumerate(held) if out_]
    figures = kept(student, [lessons[place] for place in others], [marks[place] for place in others])
    alone = []
    for place in others:
        started = time.perf_counter()
        student.scores(lessons[place].features)
        alone.append(time.perf_counter() - started)
    np.savez_compressed(out / FILE, **teach(lessons, ranker.order.columns, teaching).arrays())  # type: ignore[arg-type]
    return {
        "teaching": teaching.model_dump(),
        "turns": len(lessons),
        "kept": {name: {key: round(value, 4) for key, value in figure.items()} for name, figure in figures.items()},
        "milliseconds": {
            "teacher": round(1000 * float(np.median(seconds)), 1),
            "student": round(1000 * float(np.median(alone)), 1),
        },
    }


def ensemble(
    learner: Learner, ranker: LearnedRanker, scorer: Scorer | None, options: int, row: Row
) -> tuple[Lesson, NDArray[np.int64], float]:
    """Return what the ensemble makes of a turn, the candidates' positions, and the seconds that it took to order them.

    In nats, where a scorer says what a score is worth: the first `options` by the scorer, the others after them.
    """
    catalog, logged = learner.index.catalog, row.logged
    learned = ranker.sources(row.heard)
    places = pool(row.searched, learned)
    features = table(row.heard, row.searched, learned, ranker.comparison, places)
    started = time.perf_counter()
    trees = ranker.order.scores(features)
    trees[np.isin(places, row.heard.places)] = -np.inf
    teacher = trees.astype(np.float64)
    model = np.full(len(places), np.nan)
    head = [place for place in np.argsort(-trees, kind="stable")[:options] if np.isfinite(trees[place])]
    if scorer is not None and len(head) > 1:
        candidates = [Candidate(catalog.items[places[place]].id, float(trees[place])) for place in head]
        scored = scorer.score(logged.query.message, logged.belief, candidates, logged.earlier)
        model[head] = scored.own
        teacher = _joined(teacher, head, scored.logits)
    seconds = time.perf_counter() - started
    parts = {TREES: trees, MODEL: model, **{name: features[name] for name in PARTS if name in features}}
    return Lesson(features, teacher, parts), places, seconds


def _joined(scores: NDArray[np.float64], head: Sequence[int], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores in which the candidates at `head` have `logits`, and the others come after them as they were."""
    rest = np.setdiff1d(np.flatnonzero(np.isfinite(scores)), head)
    found = scores.copy()
    found[head] = logits
    if len(rest):
        found[rest] += float(logits.min()) - float(scores[rest].max()) - 1e-3
    return found
