"""Rank the whole catalog in the middle of a dialogue, by us and by every floor, and find what came next in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent import Recommender
from evals.bench.ceiling import DEPTHS, union
from evals.bench.contexts import RankingData, RankingTurn
from evals.bench.floors import best_first, floors
from evals.bench.learning import Learned
from evals.bench.mentions import Mentions, cross_fitted, mentioned, trained
from evals.bench.rank_metrics import NAMES, metrics_of
from evals.bench.titles import Titles
from retrieval.search import Retriever

OURS = "tastemaker"
UNION = "union of its sources"
SEARCH, FUSED = "search, unlearned", "learned order, no LLM"
Values = dict[str, dict[str, dict[str, float | None]]]
"""System -> metric -> unit -> value. A unit is one gold item of one turn."""


@dataclass(frozen=True)
class Ranked:
    """The answers to one turn. Items are ids."""

    rankings: Mapping[str, Sequence[str]]
    """System -> the whole catalog, best first, as far as the system ranks it."""
    candidates: Mapping[int, frozenset[str]]
    """Depth -> the first of each of our sources, without what was mentioned earlier."""


@dataclass(frozen=True)
class Bench:
    """What every turn is measured with."""

    rec: Recommender
    titles: Titles
    mentions: Callable[[str], Mentions]
    """Dialogue -> counts that leave it out."""
    learned: Learned | None = None
    """Dialogue -> what orders its turns instead of what the recommender was opened with."""

    @classmethod
    def over(
        cls, rec: Recommender, data: RankingData, train: RankingData | None, learned: Learned | None = None
    ) -> Bench:
        """Measure `rec`; popularity and co-mention come from `train`, or from the other folds of `data`."""
        titles, size = Titles(rec.catalog), len(rec.catalog)
        if train is None:
            return cls(rec, titles, cross_fitted(mentioned(data.turns, titles), size), learned)
        own = frozenset(turn.dialogue for turn in data.turns)
        return cls(rec, titles, trained(mentioned(train.turns, titles), size, own), learned)

    def measure(self, turn: RankingTurn) -> Values:
        """Return the values of one turn: of `novel`, without items mentioned earlier, of `all`, and of `ceiling`.

        A gold item that is not in the catalog, or whose title several items have, is None for every system.
        """
        answers = self.rank(turn)
        gold, before = self._ids(self.titles.matches(turn.gold)), self._ids(self.titles.matches(turn.mentioned))
        unknown = dict.fromkeys(title for title in turn.gold if self.titles.match(title) is None)
        values: Values = {}
        for system, ranking in answers.rankings.items():
            novel = [item for item in ranking if item not in before]
            found = {"novel": metrics_of(novel, gold - before), "all": metrics_of(ranking, gold)}
            values[system] = {
                f"{view} {metric}": {
                    **{f"{turn.name}:{item}": one[item][metric] for item in sorted(one)},
                    **{f"{turn.name}:{title}": None for title in unknown},
                }
                for view, one in found.items()
                for metric in NAMES
            }
        firsts = [item for item in answers.rankings[OURS] if item not in before]
        values[UNION] = {}
        for depth in DEPTHS:
            for system, reached in ((OURS, firsts[:depth]), (UNION, answers.candidates[depth])):
                values[system][f"ceiling R@{depth}"] = {
                    f"{turn.name}:{item}": float(item in reached) for item in sorted(gold - before)
                }
        return values

    def rank(self, turn: RankingTurn) -> Ranked:
        """Rank the catalog by `rec.rank` and by every floor."""
        retriever, before = self.rec.tools.retriever, self.titles.matches(turn.mentioned)
        assert isinstance(retriever, Retriever), type(retriever)
        if self.learned is not None:
            retriever.learned, self.rec.tools.reranker.scorer = self.learned(turn.dialogue)
        ours = [item for item, _ in self.rec.rank(turn.messages, k=None)]
        orders = floors(retriever, turn.text, before, self.mentions(turn.dialogue))
        items = [item.id for item in self.rec.catalog]
        query = self.rec.query(turn.messages)
        searched = retriever.searched(query)
        allowed = searched.allowed
        fused, sources = retriever.scored(query)
        if retriever.learned is not None:
            orders |= {SEARCH: best_first(np.where(allowed, searched.fused, -np.inf)), FUSED: best_first(fused)}
        in_favour = {name: scores for name, scores in sources.items() if getattr(retriever.weights, name, 1.0) > 0}
        candidates = union(in_favour, allowed, before)
        return Ranked(
            {OURS: ours, **{name: [items[place] for place in order] for name, order in orders.items()}},
            {depth: self._ids(places) for depth, places in candidates.items()},
        )

    def _ids(self, places: Sequence[int] | frozenset[int]) -> frozenset[str]:
        return frozenset(self.rec.catalog.items[place].id for place in places)
