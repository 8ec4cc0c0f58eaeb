"""Learn the order for a ranking benchmark: from its train data, or from the other folds of its own dialogues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent import Recommender
from agent.ranking import Scorer
from evals.bench.contexts import RankingData
from evals.bench.titles import Titles
from finetune.ranker import Config, Logged, Rating, cross_fitted, fit, fold_of
from finetune.ranker.making import listeners
from retrieval.learned import LearnedRanker
from retrieval.search import Retriever


class Order(NamedTuple):
    """What orders the turns of a dialogue."""

    ranker: LearnedRanker
    scorer: Scorer | None
    """The cross-encoder; None where the language model has no part."""


Learned = Callable[[str], Order]
"""Dialogue -> what orders its turns."""


def learned_from(
    rec: Recommender,
    data: RankingData,
    train: RankingData | None,
    ratings: Iterable[Rating],
    report: Callable[[int, int], None],
    say: Callable[[str], None],
) -> Learned:
    """Learn from `train` without the dialogues of `data`, or cross-fit over `data`: nothing ranks what taught it.

    Where `rec` was opened with a language model, cross-encoders learn on its base weights.
    """
    own = frozenset(turn.dialogue for turn in data.turns)
    source = data if train is None else train
    turns = [turn for turn in source.turns if train is None or turn.dialogue not in own]
    titles, items = Titles(rec.catalog), rec.catalog.items
    logged = []
    for number, turn in enumerate(turns):
        report(number, len(turns))
        gold = tuple(items[place].id for place in titles.matches(turn.gold))
        belief, query = rec.told(turn.messages)
        logged.append(Logged(query, gold, turn.dialogue, belief))
    retriever, settings = rec.tools.retriever, rec.settings
    assert isinstance(retriever, Retriever), type(retriever)
    config = Config(seed=settings.seed)
    listens = settings.model != "scripted" and settings.reranker == "auto" and settings.rerank > 0
    if train is not None and not listens:
        ranker = fit(retriever, logged, ratings, config, say)
        return lambda dialogue: Order(ranker, None)
    rankers, held = cross_fitted(retriever, logged, ratings, config, say)
    if train is not None:
        rankers = [fit(retriever, logged, ratings, config, say)]
    scorers: list[Scorer | None] = [None] * len(rankers)
    if listens:
        scorers = [*listeners(held, rec.catalog, config, len(rankers), settings.model, settings.home, say, _tell(say))]

    def order(dialogue: str) -> Order:
        place = fold_of(dialogue, config.folds) if train is None else 0
        return Order(rankers[place], scorers[place])

    return order


def _tell(say: Callable[[str], None]) -> Callable[[str, int, int, float], None]:
    """Say every tenth how far a work is."""

    def tell(what: str, step: int, of: int, loss: float) -> None:
        if step * 10 // of > (step - 1) * 10 // of:
            say(f"{what}: {step} of {of}")

    return tell
