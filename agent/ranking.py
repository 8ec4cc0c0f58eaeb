"""Reranking: what the language model makes of the first candidates, beside what retrieval makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.belief import BeliefState
from agent.facts import few_facts, spoken
from agent.llm import LanguageModel
from prompts import Prompt, Tokens, render
from retrieval.catalog import Catalog
from retrieval.query import Candidate
from retrieval.semantic_ids import SemanticIds

Logits = NDArray[np.float64]
OPTIONS = 10
"""Candidates that one prompt holds in training, and by default in serving."""
LIKELIHOOD_WEIGHT = 0.1
"""Weight of the standardised likelihood against the standardised retrieval score, chosen on held-out dialogues."""
EARLIER = 60
"""Words of the earlier messages that a prompt without candidates holds, the last ones."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One candidate after reranking."""

    item_id: str
    probability: float
    """Among the candidates ranked together; sums to 1 over the list."""
    candidate: Candidate
    likelihood: float | None = None
    """What the language model alone makes of it, in nats: see the scorer; None when it did not see it."""


class Scored(NamedTuple):
    """What a scorer makes of k candidates."""

    logits: Logits
    """(k,) by which they are ordered, in nats."""
    own: tuple[float, ...]
    """(k,) what the language model alone makes of each."""


class Scorer(Protocol):
    """Judges candidates by what was said, with the language model and beside their scores in retrieval."""

    name: str

    def score(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str) -> Scored:
        """Judge at least two candidates after the message `text`; `said` is what the person said before."""
        ...


def rank_prompt(
    text: str, belief: BeliefState, item_ids: Sequence[str], catalog: Catalog, semantic_ids: SemanticIds
) -> Prompt:
    """Render the ranking prompt with the options in the order given."""
    options = [
        {"code": Tokens(semantic_ids.text(item)), "facts": few_facts(catalog[item], catalog, belief)}
        for item in item_ids
    ]
    return render("rank", options=options, **spoken(text, belief, catalog))


def generate_prompt(text: str, said: str, belief: BeliefState, catalog: Catalog) -> Prompt:
    """Render the prompt that asks for an item without candidates; `said` is what the person said before `text`."""
    return render("generate", said=" ".join(said.split()[-EARLIER:]), **spoken(text, belief, catalog))


class Likelihood:
    """Scores by the adapter: by its projection head where it has one, else by how likely it finds Semantic IDs."""

    def __init__(
        self,
        llm: LanguageModel,
        catalog: Catalog,
        semantic_ids: SemanticIds,
        weight: float = LIKELIHOOD_WEIGHT,
        vectors: NDArray[np.float32] | None = None,
    ) -> None:
        """Score with `llm`; `vectors`: (n, d) of the catalog's items, for a projection head.

        `weight` is that of the standardised likelihood beside the standardised score of retrieval.
        """
        self.llm, self.catalog, self.semantic_ids, self.vectors = llm, catalog, semantic_ids, vectors
        self.weight, self.name = weight, llm.adapter_id

    def score(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str) -> Scored:
        """Return the weighted sum, and log-probabilities of the Semantic IDs or logits of the head."""
        own = self._own(text, belief, [candidate.item_id for candidate in candidates], said)
        found = standardised([candidate.score for candidate in candidates])
        return Scored(found + self.weight * standardised(own), tuple(own))

    def _own(self, text: str, belief: BeliefState, ids: Sequence[str], said: str) -> list[float]:
        if self.vectors is not None:
            vector = self.llm.query_vector(generate_prompt(text, said, belief, self.catalog))
            if vector is not None:
                places = [self.catalog.position[item] for item in ids]
                found: list[float] = (self.vectors[places] @ vector).tolist()
                return found
        shuffled = random.Random(f"{text}{ids}").sample(ids, len(ids))
        prompt = rank_prompt(text, belief, shuffled, self.catalog, self.semantic_ids)
        return self.llm.score_paths(prompt, [self.semantic_ids.codes[item] for item in ids])


class Titles:
    """Scores by how likely the model finds the titles: what it knows without any training.

    Of each log-probability that of the same title without a person's words is taken off, so that a short or famous
    title is not favoured.
    """

    def __init__(self, llm: LanguageModel, catalog: Catalog, weight: float = LIKELIHOOD_WEIGHT) -> None:
        """Score with `llm`; `weight` as for `Likelihood`."""
        self.llm, self.catalog, self.weight, self.name = llm, catalog, weight, "titles"
        self._known: dict[str, float] = {}

    def score(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str) -> Scored:
        """Return the weighted sum, and what a person's words add to the log-probability of each title, in nats."""
        ids = [candidate.item_id for candidate in candidates]
        new = [item for item in ids if item not in self._known]
        plain = generate_prompt("", "", BeliefState(), self.catalog)
        self._known.update(zip(new, self.llm.score_texts(plain, self._titles(new)), strict=True))
        found = self.llm.score_texts(generate_prompt(text, said, belief, self.catalog), self._titles(ids))
        own = [score - self._known[item] for item, score in zip(ids, found, strict=True)]
        logits = standardised([candidate.score for candidate in candidates]) + self.weight * standardised(own)
        return Scored(logits, tuple(own))

    def _titles(self, item_ids: Sequence[str]) -> list[str]:
        return [self.catalog[item].title for item in item_ids]


class Reranker:
    """Puts the first candidates in a better order."""

    def __init__(self, scorer: Scorer | None, options: int = OPTIONS) -> None:
        """Rank the first `options` candidates by `scorer`; without one, or for 0, the order stays as it is."""
        self.scorer = scorer if options else None
        self.options = options or OPTIONS

    def rank(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str = "") -> list[Ranked]:
        """Return all candidates, best first: the first `options` by the scorer, then the rest as they came.

        `said` is what the person said before `text`.
        """
        head, rest = list(candidates[: self.options]), list(candidates[self.options :])
        if not head:
            return []
        logits = standardised([candidate.score for candidate in head])
        own: list[float | None] = [None] * len(head)
        if self.scorer is not None and len(head) > 1:
            scored = self.scorer.score(text, belief, head, said)
            logits, own = scored.logits, list(scored.own)
        order = np.argsort(-logits, kind="stable")
        tail = [candidate.score for candidate in rest]
        low = float(logits.min()) - 1.0
        falling = np.array([*logits[order], *(low + standardised(tail) * 0.1 - 1.0 if tail else [])])
        weights = np.exp(falling - falling.max())
        probabilities = weights / weights.sum()
        ranked = [head[place] for place in order] + rest
        known = [own[place] for place in order] + [None] * len(rest)
        return [
            Ranked(candidate.item_id, float(probability), candidate, likelihood)
            for candidate, probability, likelihood in zip(ranked, probabilities, known, strict=True)
        ]


def standardised(values: Sequence[float]) -> Logits:
    """Return values less their mean, over their standard deviation; zeros where they are all alike."""
    array = np.asarray(values, dtype=np.float64)
    spread = array.std()
    return np.asarray((array - array.mean()) / spread if spread > 0 else array * 0.0, np.float64)
