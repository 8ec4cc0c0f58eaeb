"""Search a catalog: hard constraints inside, several sources, one weighted sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog
from retrieval.constraints import Constraint
from retrieval.critique import Critiques
from retrieval.encoder import Encoder
from retrieval.filtering import Mask
from retrieval.index import Index
from retrieval.interests import history_scores
from retrieval.learned.ranker import Conversation, LearnedRanker, Searched, heard_texts
from retrieval.query import Candidate, Query, Wish
from retrieval.remembered import Remembering
from retrieval.semantic_ids import SemanticIds
from retrieval.sources import Attributes, Scores, Similar, contrast, share_of_best

FREE_WORDS = "text"
"""The attribute of a wish in free words."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each source counts in the fused score; sources that a query does not use count nothing.

    The defaults were chosen on the labelled train dialogues: where the items shown there rank under the belief there.
    """

    dense: float = 0.15
    lexical: float = 0.1
    attributes: float = 0.6
    critiques: float = 0.4
    """Wishes compared with items: more or less than these have. Chosen by `python -m evals bench critique`."""
    similar: float = 0.4
    history: float = 0.035
    """What was liked in earlier conversations. Chosen with the next two by `python -m evals bench interests`."""
    interests: int = 10
    """How many vectors a history becomes at most; with 1 their mean."""
    recent: float = 0.95
    """What each earlier item of a history counts of the one after it."""
    popularity: float = 0.15
    avoided: float = -0.6
    """Negative wishes."""
    unlike: float = -0.3
    """Likeness to items that were not wanted."""
    words_alone: float = 3.0
    """How many times more dense and lexical count in a query that has neither wishes nor examples."""
    nearest: int = 1000
    """How many items the dense source scores: those that the index finds nearest among the allowed ones."""


TEMPERATURE = 0.15
"""That of the fused scores: see `Retriever.temperature`. Measured as that of `LearnedRanker`."""


class Retriever:
    """Searches one index. Deterministic: equal scores go by catalog position."""

    def __init__(
        self,
        index: Index,
        encoder: Encoder,
        weights: Weights | None = None,
        learned: LearnedRanker | None = None,
    ) -> None:
        """Search `index` with queries encoded by the encoder that built it; `learned` orders what is found."""
        assert encoder.name == index.manifest["encoder"], (encoder.name, index.manifest["encoder"])
        self.index = index
        self.encoder = encoder
        self.weights = weights or Weights()
        self.learned = learned
        self.attributes = Attributes(index.catalog, index.filter)
        self.similar = Similar(index.catalog, index.filter, index.vectors)
        self.critiques = Critiques(self.attributes, index.vectors, encoder.encode)
        self.popularity: Scores = np.array([item.popularity for item in index.catalog], np.float32)

    @property
    def catalog(self) -> Catalog:
        """The catalog that is searched."""
        return self.index.catalog

    @property
    def semantic_ids(self) -> SemanticIds:
        """The Semantic IDs of the catalog's items."""
        return self.index.semantic_ids

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(n, d) unit vectors of the items, in the catalog's order."""
        return self.index.vectors

    @property
    def temperature(self) -> float:
        """Difference of two scores at which one item is e times as probable to be the one wanted as the other."""
        return TEMPERATURE if self.learned is None else self.learned.temperature

    def search(self, query: Query) -> list[Candidate]:
        """Return up to `query.limit` candidates, best first; every constraint holds and nothing excluded is there.

        The items in `like`, `unlike` and `history` are themselves never returned.
        """
        fused, sources = self.scored(query)
        allowed = int(np.isfinite(fused).sum())
        best = np.lexsort((np.arange(len(fused)), -fused))[: min(query.limit, allowed)]
        return [
            Candidate(
                self.catalog.items[place].id,
                float(fused[place]),
                {name: float(scores[place]) for name, scores in sources.items()},
            )
            for place in best.tolist()
        ]

    def all_scores(self, query: Query) -> NDArray[np.float32]:
        """Return (n,) the fused score of every item in catalog order, -inf where it may not be returned."""
        return self.scored(query)[0]

    def scored(self, query: Query) -> tuple[Scores, dict[str, Scores]]:
        """Return (n,) fused scores, -inf where an item may not be returned, and what each source gave."""
        if self.learned is None:
            searched = self.searched(query)
            return np.where(searched.allowed, searched.fused, np.float32(-np.inf)), dict(searched.sources)
        here = self.knowing([*self.texts(query), *heard_texts(query)])
        searched, heard = here.searched(query), Conversation.of(query, self.catalog, here.encoder)
        learned = self.learned.sources(heard)
        shares = {name: share_of_best(scores, searched.allowed) for name, scores in learned.items()}
        return self.learned.scores(heard, searched, learned), {**searched.sources, **shares}

    def searched(self, query: Query) -> Searched:
        """Return what the search alone gives; what was learned from logs has no part in it."""
        allowed = self.allowed(query)
        sources = self.sources(query, allowed)
        alone = sources.keys().isdisjoint(("attributes", "critiques")) and not query.like
        fused = np.zeros(len(self.catalog), np.float32)
        for name, scores in sources.items():
            stress = self.weights.words_alone if alone and name in ("dense", "lexical") else 1.0
            fused += np.float32(stress * getattr(self.weights, name)) * scores
        return Searched(sources, fused, allowed)

    def count(self, constraints: Sequence[Constraint], exclude: frozenset[str] = frozenset()) -> int:
        """Count the items that satisfy all constraints and are not excluded."""
        return int(self.index.allowed(constraints, exclude).sum())

    def allowed(self, query: Query) -> Mask:
        """Return (n,) True where an item may be returned."""
        return self.index.allowed(query.constraints, self._hidden(query))

    def knowing(self, texts: Iterable[str]) -> Retriever:
        """Return the same retriever with some texts encoded already: each once, and together."""
        found, encoder = copy(self), Remembering(self.encoder)
        encoder.encode(list(texts))
        found.encoder = encoder
        return found

    def texts(self, query: Query) -> list[str]:
        """Return what the search of a query encodes, so that many queries can be encoded together."""
        unwanted = [wish for wish in query.wishes if wish.weight < 0 and not self.critiques.takes(wish)]
        return [text for text in (self._dense_text(query), *self._free_words(unwanted)) if text]

    def sources(self, query: Query, allowed: Mask) -> dict[str, Scores]:
        """Return source name -> (n,) scores in [0, 1], of the sources that the query uses and popularity.

        What was learned from logs is not among them.
        """
        compared = [wish for wish in query.wishes if self.critiques.takes(wish)]
        plain = [wish for wish in query.wishes if not self.critiques.takes(wish)]
        wanted = [wish for wish in plain if wish.weight > 0]
        unwanted = [wish for wish in plain if wish.weight < 0]
        text = self._dense_text(query)
        found: dict[str, Scores] = {}
        if text:
            found["dense"] = self._dense(text, query, allowed)
            found["lexical"] = share_of_best(self.index.lexical.scores(text), allowed)
        if wanted:
            found["attributes"] = self.attributes.scores(wanted)
        if compared:
            found["critiques"] = self.critiques.scores(compared)
        if query.like:
            found["similar"] = self.similar.scores(query.like, allowed)
        if unwanted:
            found["avoided"] = self._avoided(unwanted, allowed)
        if query.unlike:
            found["unlike"] = self.similar.scores(query.unlike, allowed)
        if query.history:
            found["history"] = self._history(query.history, allowed)
        found["popularity"] = self.popularity
        return found

    @staticmethod
    def _hidden(query: Query) -> frozenset[str]:
        return query.exclude | {*query.like, *query.unlike, *query.history}

    def _history(self, item_ids: Sequence[str], allowed: Mask) -> Scores:
        known = (self.catalog.position[item_id] for item_id in item_ids if item_id in self.catalog)
        places = np.array(list(known), np.int64)
        return history_scores(self.index.vectors, places, allowed, self.weights.interests, self.weights.recent)

    def _dense_text(self, query: Query) -> str:
        """Return the words that are searched for: those of the query, and wishes that are no value of an attribute."""
        wanted = [wish for wish in query.wishes if wish.weight > 0 and not self.critiques.takes(wish)]
        return " ".join((query.text, *self._free_words(wanted))).strip()

    def _free_words(self, wishes: Sequence[Wish]) -> list[str]:
        return [str(wish.value) for wish in wishes if self.catalog.schema.column(wish.attribute) is None]

    def _dense(self, text: str, query: Query, allowed: Mask) -> Scores:
        vector = self.encoder.encode([text])[0]
        places, cosines = self.index.nearest(
            vector, self.weights.nearest, constraints=query.constraints, exclude=self._hidden(query)
        )
        scores = np.zeros(len(self.catalog), np.float32)
        scores[places] = cosines
        return share_of_best(scores, allowed)

    def _avoided(self, wishes: Sequence[Wish], allowed: Mask) -> Scores:
        """Return (n,) how far an item has what is not wanted: the mean over the wishes, matched one by one."""
        sums = np.zeros(len(self.catalog), np.float32)
        words = self._free_words(wishes)
        for wish in wishes:
            match = self.attributes.match(wish)
            if match is not None:
                sums += np.float32(abs(wish.weight)) * match
        if words:
            vectors = self.encoder.encode(words)
            for word, vector in zip(words, vectors, strict=True):
                near = contrast(self.index.vectors @ vector, allowed)
                sums += 0.5 * near + 0.5 * share_of_best(self.index.lexical.scores(word), allowed)
        return np.clip(sums, 0, 1)
