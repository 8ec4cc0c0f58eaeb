"""Learn the order for a ranking benchmark: from its train data, or from the other folds of its own dialogues."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent import Recommender
from evals.bench.contexts import RankingData
from evals.bench.titles import Titles
from finetune.ranker import Config, Logged, Rating, cross_fitted, fit
from retrieval.learned import LearnedRanker
from retrieval.search import Retriever

Learned = Callable[[str], LearnedRanker | None]
"""Dialogue -> what orders its turns."""


def learned_from(
    rec: Recommender,
    data: RankingData,
    train: RankingData | None,
    ratings: Iterable[Rating],
    report: Callable[[int, int], None],
    say: Callable[[str], None],
) -> Learned:
    """Learn from `train` without the dialogues of `data`, or cross-fit over `data`: nothing ranks what taught it."""
    own = frozenset(turn.dialogue for turn in data.turns)
    source = data if train is None else train
    turns = [turn for turn in source.turns if train is None or turn.dialogue not in own]
    titles, items = Titles(rec.catalog), rec.catalog.items
    logged = []
    for number, turn in enumerate(turns):
        report(number, len(turns))
        gold = tuple(items[place].id for place in titles.matches(turn.gold))
        logged.append(Logged(rec.query(turn.messages), gold, turn.dialogue))
    retriever = rec.tools.retriever
    assert isinstance(retriever, Retriever), type(retriever)
    config = Config(seed=rec.settings.seed)
    if train is None:
        return cross_fitted(retriever, logged, ratings, config, say)
    ranker = fit(retriever, logged, ratings, config, say)
    return lambda dialogue: ranker
