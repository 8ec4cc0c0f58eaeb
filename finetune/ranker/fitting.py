"""Fit a learned ranker to logged conversations, and cross-fit it: no conversation is ranked by what it taught."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agent.belief import BeliefState
from finetune.ranker.item_features import item_features
from retrieval.catalog import UserError
from retrieval.encoder import Encoder
from retrieval.learned import CoLiking, LearnedRanker
from retrieval.learned.comparison import Comparison, Features
from retrieval.learned.ranker import Conversation, Knowledge, Searched, heard_texts, pool, table, titles_of
from retrieval.learned.trees import Trees, matrix
from retrieval.query import Query
from retrieval.search import Retriever

if TYPE_CHECKING:
    import lightgbm

Array = NDArray[np.float32]
Rating = tuple[str, str]
"""A person and the id of an item that they liked."""
Say = Callable[[str], None]
FEWEST = 20
"""Conversations that something can be learned from."""
SEARCH, LEARNED = "search", "learned order"


class Config(BaseModel):
    """How a ranker is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folds: int = 5
    """Parts of the conversations; counts and towers that a fold is ranked with come from the others."""
    towers: int = 4
    """Two-tower models from different seeds, of which the mean counts."""
    epochs: int = 5
    trees: int = 400
    leaves: int = 15
    rate: float = 0.03
    negatives: int = 100
    """Candidates of a turn that the order is learned from besides the right ones, drawn by the seed."""
    prior: float = 10.0
    """Weight of the search's score, which trees correct: what logs say nothing of counts as in the search."""
    seed: int = 0


@dataclass(frozen=True)
class Logged:
    """One turn of a conversation in which items were recommended."""

    query: Query
    gold: tuple[str, ...]
    """Ids of what was recommended."""
    conversation: str
    belief: BeliefState = BeliefState()
    """What the query was made of."""
    wrong: tuple[str, ...] = ()
    """Ids of what was shown and turned down or passed over."""
    weight: float = 1.0
    """How much it counts, beside 1 for a turn that somebody labelled."""

    @property
    def earlier(self) -> str:
        """What the person said before the last message."""
        return self.query.said.removesuffix(self.query.message).strip()


@dataclass(frozen=True)
class Row:
    """A turn with what does not depend on the fold."""

    logged: Logged
    heard: Conversation
    gold: tuple[int, ...]
    """Positions of what was recommended and had not been named."""
    wrong: tuple[int, ...]
    """Positions of what was shown and turned down or passed over."""
    searched: Searched
    """Its sources in half precision, to hold all turns at once."""

    @property
    def conversation(self) -> str:
        """The conversation that the turn belongs to."""
        return self.logged.conversation

    @property
    def weight(self) -> float:
        """How much it counts."""
        return self.logged.weight


class Lesson(NamedTuple):
    """The candidates of a turn that its order is learned from."""

    features: Features
    right: NDArray[np.int64]
    """(p,) 1 where a candidate is right, else 0."""
    weight: float


class Held(NamedTuple):
    """A turn with what a ranker that has not seen its conversation makes of the catalog."""

    logged: Logged
    gold: tuple[int, ...]
    """Positions of what was recommended and had not been named."""
    scores: Array
    """(n,), -inf for what may not be returned or was named."""


class Learnt(NamedTuple):
    """What was learned, and what can be learned on from it."""

    record: dict[str, Any]
    ranker: LearnedRanker
    learner: Learner
    held: list[Held]
    """Every turn with the order that it was given in the cross-fitting."""


class Learner:
    """Fits rankers on parts of some logged turns. What is the same for every part is computed once."""

    def __init__(
        self, retriever: Retriever, logged: Sequence[Logged], ratings: Iterable[Rating], config: Config, say: Say
    ) -> None:
        """Read the turns; `ratings` may be empty. UserError when there is too little to learn from."""
        conversations = len({one.conversation for one in logged})
        if conversations < FEWEST:
            raise UserError(f"{conversations} conversations that show items of the catalog: give at least {FEWEST}")
        index, catalog = retriever.index, retriever.catalog
        self.index, self.config, self.say = index, config, say
        self.comparison = Comparison.over(catalog, index.filter, index.vectors, titles_of(catalog, retriever.encoder))
        self.rated = CoLiking.of(_by_person(ratings, catalog.position), len(catalog))
        self.features = item_features(index, self.comparison, self.rated, config.seed)
        self.rows = rows_of(retriever, logged)
        self._known: dict[frozenset[str], Knowledge] = {}

    def fit(self, rows: Sequence[Row]) -> LearnedRanker:
        """Learn from `rows`: what each teaches the order comes from counts and towers that do not know it."""
        folds = [_fold(row.conversation, self.config.folds, "inner") for row in rows]
        lessons: list[Lesson] = []
        for fold in sorted(set(folds)):
            knowledge = self.know([row for row, own in zip(rows, folds, strict=True) if own != fold])
            lessons += [self.lesson(row, knowledge) for row, own in zip(rows, folds, strict=True) if own == fold]
        columns = sorted({name for lesson in lessons for name in lesson.features})
        order = self._order([lesson for lesson in lessons if lesson.right.any()], columns)
        return LearnedRanker(self.know(rows), Trees(order, tuple(columns), self.config.prior), self.comparison)

    def know(self, rows: Sequence[Row]) -> Knowledge:
        """Count and train on `rows`."""
        from finetune.ranker.two_tower import Contexts, train

        groups: dict[str, set[int]] = defaultdict(set)
        weights: dict[str, float] = defaultdict(float)
        for row in rows:
            groups[row.conversation].update(row.gold, row.heard.places)
            weights[row.conversation] = max(weights[row.conversation], row.weight)
        logged = CoLiking.of(groups.values(), len(self.index.catalog), list(weights.values()))
        prior = np.log(logged.counts + np.float32(0.5))
        heard = [(row.heard, gold, row.weight) for row in rows for gold in row.gold]
        contexts = Contexts.of([(one.said, one.places, one.kinds, gold, weight) for one, gold, weight in heard])
        seeds = range(self.config.seed, self.config.seed + self.config.towers)
        towers = tuple(train(self.features, prior, contexts, seed, self.config.epochs) for seed in seeds)
        return Knowledge(logged, self.rated, towers)

    def lesson(self, row: Row, knowledge: Knowledge) -> Lesson:
        """Return what is right among a turn's candidates, what was shown and was not, and others that are drawn."""
        heard = row.heard
        learned = knowledge.scores(heard.said, heard.places, heard.kinds)
        places = pool(row.searched, learned)
        right, shown = np.isin(places, row.gold), np.isin(places, row.wrong)
        others = np.flatnonzero(~right & ~shown)
        rng = np.random.default_rng([self.config.seed, len(others), *row.gold])
        drawn = rng.permutation(others)[: self.config.negatives]
        kept = np.sort(np.concatenate([np.flatnonzero(right | shown), drawn]))
        places = places[kept]
        features = table(heard, row.searched, learned, self.comparison, places)
        return Lesson(features, right[kept].astype(np.int64), row.weight)

    def scores(self, row: Row, ranker: LearnedRanker) -> dict[str, Array]:
        """Return (n,) scores of the search and of `ranker`, -inf for what may not be returned or was named."""
        searched = row.searched
        found = {
            SEARCH: np.where(searched.allowed, searched.fused, np.float32(-np.inf)),
            LEARNED: ranker.scores(row.heard, searched, ranker.sources(row.heard)),
        }
        for scores in found.values():
            scores[list(row.heard.places)] = -np.inf
        return found

    def _order(self, lessons: Sequence[Lesson], columns: Sequence[str]) -> lightgbm.Booster:
        """Fit LambdaMART (Burges 2010, MSR-TR-2010-82) to turns that have something right among their candidates.

        Boosting starts from `prior` times the search's score, so that the trees hold corrections.
        """
        import lightgbm

        data = lightgbm.Dataset(
            np.concatenate([matrix(lesson.features, columns) for lesson in lessons]),
            np.concatenate([lesson.right for lesson in lessons]),
            group=[len(lesson.right) for lesson in lessons],
            weight=np.concatenate([np.full(len(lesson.right), lesson.weight) for lesson in lessons]),
            feature_name=[f"f{place}" for place in range(len(columns))],
            init_score=self.config.prior * np.concatenate([lesson.features["search"] for lesson in lessons]),
        )
        parameters = {
            "objective": "lambdarank", "num_leaves": self.config.leaves, "learning_rate": self.config.rate,
            "min_data_in_leaf": 50, "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1,
            "lambda_l2": 10.0, "lambdarank_truncation_level": 100, "verbose": -1,
            "seed": self.config.seed, "deterministic": True, "force_row_wise": True,
        }  # fmt: skip
        return lightgbm.train(parameters, data, self.config.trees)


def fit(
    retriever: Retriever,
    logged: Sequence[Logged],
    ratings: Iterable[Rating] = (),
    config: Config | None = None,
    say: Say = lambda _: None,
) -> LearnedRanker:
    """Learn from all of `logged`."""
    learner = Learner(retriever, logged, ratings, config or Config(), say)
    return learner.fit(learner.rows)


def learn(
    retriever: Retriever,
    logged: Sequence[Logged],
    ratings: Sequence[Rating],
    config: Config,
    out: Path,
    say: Say,
) -> Learnt:
    """Learn from all of `logged`, and write it to `out` with the figures of a cross-fitting.

    UserError when there is too little to learn from.
    """
    conversations = {one.conversation for one in logged}
    started = time.perf_counter()
    say(f"{len(logged)} turns of {len(conversations)} conversations, {len(ratings)} ratings")
    learner = Learner(retriever, logged, ratings, config, say)
    ranks = {SEARCH: [], LEARNED: []}  # type: dict[str, list[int]]
    held: list[Held] = []
    for fold in range(config.folds):
        own = [row for row in learner.rows if fold_of(row.conversation, config.folds) == fold]
        ranker = learner.fit([row for row in learner.rows if fold_of(row.conversation, config.folds) != fold])
        for row in own:
            found = learner.scores(row, ranker)
            held.append(Held(row.logged, row.gold, found[LEARNED]))
            for name, scores in found.items():
                ranks[name] += places_of(row.gold, scores)
        say(f"fold {fold + 1} of {config.folds}: {_figures(ranks)}")
    ranker = learner.fit(learner.rows)
    parts = [(one.query.message, one.gold, one.conversation) for one in logged]
    record = {
        "config": config.model_dump(),
        "data": hashlib.sha256(repr([parts, sorted(ratings)]).encode()).hexdigest()[:16],
        "turns": len(logged),
        "conversations": len(conversations),
        "ratings": len(ratings),
        "cross_validated": {
            name: {f"R@{depth}": round(float(np.mean(np.array(found) < depth)), 4) for depth in (1, 10, 50)}
            for name, found in ranks.items()
        },
        "versions": {name: version(name) for name in ("lightgbm", "torch", "numpy")},
        "seconds": round(time.perf_counter() - started),
    }
    ranker.save(out, retriever.index, record)
    return Learnt(record, ranker, learner, held)


def cross_fitted(
    retriever: Retriever,
    logged: Sequence[Logged],
    ratings: Iterable[Rating] = (),
    config: Config | None = None,
    say: Say = lambda _: None,
) -> tuple[list[LearnedRanker], list[Held]]:
    """Learn in folds by conversation; `fold_of` tells which of the rankers has not seen a conversation.

    Return the rankers, and every turn with the order that it is given by the one that has not seen it.
    """
    config = config or Config()
    learner = Learner(retriever, logged, ratings, config, say)
    rankers, held = list[LearnedRanker](), list[Held]()
    for fold in range(config.folds):
        say(f"learning without fold {fold + 1} of {config.folds}")
        rankers.append(learner.fit([row for row in learner.rows if fold_of(row.conversation, config.folds) != fold]))
        own = [row for row in learner.rows if fold_of(row.conversation, config.folds) == fold]
        held += [Held(row.logged, row.gold, learner.scores(row, rankers[-1])[LEARNED]) for row in own]
    return rankers, held


def places_of(gold: Sequence[int], scores: Array) -> list[int]:
    """Return the places (from 0) that (n,) scores give to some items; n where the score is -inf."""
    order = np.argsort(-scores, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    place[np.isneginf(scores)] = len(order)
    return [int(place[item]) for item in gold]


def fold_of(conversation: str, folds: int) -> int:
    """Return the fold of a conversation, by a hash of its name: the same in every run."""
    return _fold(conversation, folds, "")


def _fold(conversation: str, folds: int, salt: str) -> int:
    return int(hashlib.sha256(f"{conversation}{salt}".encode()).hexdigest(), 16) % folds


def _by_person(ratings: Iterable[Rating], position: Mapping[str, int]) -> Collection[set[int]]:
    liked: dict[str, set[int]] = defaultdict(set)
    for person, item in ratings:
        if item in position:
            liked[person].add(position[item])
    return liked.values()


def _figures(ranks: Mapping[str, Sequence[int]]) -> str:
    return ", ".join(f"{name} R@10 {np.mean(np.array(found) < 10):.3f}" for name, found in ranks.items())


def texts_of(retriever: Retriever, query: Query) -> list[str]:
    """Return what is encoded of a query, by the search and by what is learned."""
    return [*heard_texts(query), *retriever.texts(query)]


def rows_of(retriever: Retriever, logged: Sequence[Logged]) -> list[Row]:
    """Return turns with what the search makes of them."""
    reading = retriever.knowing(text for one in logged for text in texts_of(retriever, one.query))
    return [_row(reading, reading.encoder, one) for one in logged]


def _row(retriever: Retriever, encoder: Encoder, one: Logged) -> Row:
    catalog = retriever.catalog
    searched = retriever.searched(one.query)
    heard = Conversation.of(one.query, catalog, encoder)
    gold = tuple(catalog.position[item] for item in one.gold if item in catalog)
    small: dict[str, NDArray[Any]] = {name: scores.astype(np.float16) for name, scores in searched.sources.items()}
    novel = tuple(place for place in gold if place not in heard.places)
    wrong = tuple(catalog.position[item] for item in one.wrong if item in catalog and item not in one.gold)
    return Row(one, heard, novel, wrong, replace(searched, sources=small))
