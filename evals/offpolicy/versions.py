"""How the versions of a home would order what logged turns were about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agent.exploring import EXPLORED
from agent.querying import query_of
from agent.ranking import Ranked, Reranker
from evals.offpolicy.drawing import Drawing
from evals.opening import progress

if TYPE_CHECKING:
    from agent.settings import Settings
    from evals.offpolicy.drawn import DrawnTurn
    from evals.offpolicy.estimators import Weighed
    from retrieval.search import Retriever

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ranking:
    """What one version ranks with."""

    retriever: Retriever
    reranker: Reranker
    limit: int
    """Candidates that its search hands over."""

    def rank(self, one: DrawnTurn) -> list[Ranked]:
        """Return the candidates for a logged turn, best first, as the version would have found them there.

        As the nodes `retrieve` and `rerank` do it, from the belief and the words in the log. What a profile added to
        them is not in the log: for people with one the list is that of somebody without.
        """
        turn, catalog = one.turn, self.retriever.catalog
        query = query_of(turn.belief, turn.text, catalog, self.limit, turn.said)
        shown = frozenset(entry.item_id for entry in turn.belief.shown)
        found = self.retriever.search(replace(query, exclude=query.exclude | shown))
        return self.reranker.rank(turn.text, turn.belief, found, turn.said)


def drawing(one: DrawnTurn, ranked: list[Ranked], explore: float | None) -> Drawing:
    """Return what a version that ranks so may show; None draws as freely as the logged turn was drawn."""
    first = ranked[:EXPLORED]
    items, probabilities = tuple(each.item_id for each in first), tuple(each.probability for each in first)
    temperature = one.turn.explore if explore is None else explore
    return Drawing(items, probabilities, temperature, min(one.logged.size, len(items)))


def scores_of(one: DrawnTurn, ranked: list[Ranked]) -> dict[str, Mapping[str, Any]]:
    """Return item -> source -> score: as a version finds it, and as logged where it does not find it."""
    logged: dict[str, Mapping[str, Any]] = {each["item_id"]: each["scores"] for each in one.turn.candidates}
    return logged | {each.item_id: each.candidate.scores for each in ranked}


def score(ranking: Ranking, turns: Sequence[DrawnTurn], explore: float | None, name: str) -> Weighed:
    """Return what logged turns weigh for a version, called `name` on the progress bar."""
    from evals.offpolicy.drawn import weighed

    targets, scores = [], []
    with progress(f"Ranking as {name}") as tell:
        for done, one in enumerate(turns):
            tell(done, len(turns))
            ranked = ranking.rank(one)
            targets.append(drawing(one, ranked, explore))
            scores.append(scores_of(one, ranked))
    return weighed(turns, targets, scores)


class Rankings:
    """The versions of a home, over one index and one encoder."""

    def __init__(self, settings: Settings, say: Say) -> None:
        """Open the index and the encoder that `settings` name."""
        from agent.versions import Versions
        from retrieval.encoder import open_encoder
        from retrieval.index import open_or_build_demo

        self.settings, self._say = settings, say
        self.versions = Versions(settings.home)
        self.index = open_or_build_demo(settings.home, encoder=settings.encoder)
        self.encoder = open_encoder(settings.encoder)

    def open(self, name: str) -> Ranking:
        """Open what a version ranks with, by the settings as serving does. UserError when it is not there."""
        from agent.llm import open_llm
        from agent.scoring import open_scorer
        from retrieval.learned import LearnedRanker
        from retrieval.search import Retriever

        settings, index = self.settings, self.index
        folder, learned = self.versions.ranker(name, settings.ranker, index, self.encoder.name), None
        if folder is not None:
            learned = LearnedRanker.open(folder, index, self.encoder, student=settings.reranker == "student")
        retriever = Retriever(index, self.encoder, learned=learned)
        own = self.versions.folder_of(name, "adapter") if settings.adapter == "auto" else None
        adapter = settings.adapter if own is None else str(own)
        llm = open_llm(settings.model, adapter, index.semantic_ids, settings.home, self._say)
        scorer = open_scorer(settings, folder, llm, retriever, self._say)
        return Ranking(retriever, Reranker(scorer, settings.rerank), settings.candidates)

    def heard(self, name: str) -> frozenset[str]:
        """Return the digests of the conversations that a version, or another whose parts it has, learned from."""
        version = self.versions.read(name)
        owners = [self.versions.read(owner) for owner in {*version.parts.values()} - {name}]
        return frozenset(one for each in (version, *owners) for one in each.conversations)
