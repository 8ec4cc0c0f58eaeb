"""Reranking: how likely the tuned LLM finds each candidate's Semantic ID, fused with the retrieval score."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.belief import BeliefState
from agent.facts import few_facts, spoken
from agent.llm import LanguageModel
from prompts import Prompt, Tokens, render
from retrieval.catalog import Catalog
from retrieval.query import Candidate
from retrieval.semantic_ids import SemanticIds

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
    """Log-probability of the Semantic ID in nats, or the logit of the projection head; None when the language model
    did not see it."""


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


class Reranker:
    """Puts the first candidates in a better order."""

    def __init__(
        self,
        llm: LanguageModel,
        catalog: Catalog,
        semantic_ids: SemanticIds,
        options: int = OPTIONS,
        weight: float = LIKELIHOOD_WEIGHT,
        vectors: NDArray[np.float32] | None = None,
    ) -> None:
        """Rank the first `options` candidates with `llm`, none of them for 0.

        A model without an adapter knows no Semantic IDs and leaves the order as it is. `vectors`: (n, d) of the
        catalog's items, for a model with a projection head; others score Semantic IDs.
        """
        self.llm, self.catalog, self.semantic_ids, self.vectors = llm, catalog, semantic_ids, vectors
        self.options = options or OPTIONS
        self.weight = weight if options and llm.adapter_id != "none" else 0.0

    def rank(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str = "") -> list[Ranked]:
        """Return all candidates, best first: the first `options` by fused score, then the rest as they came.

        `said` is what the person said before `text`.
        """
        head, rest = list(candidates[: self.options]), list(candidates[self.options :])
        if not head:
            return []
        fused = _standardised([candidate.score for candidate in head])
        likelihoods: list[float | None] = [None] * len(head)
        if self.weight and len(head) > 1:
            scored = self._scores(text, belief, [candidate.item_id for candidate in head], said)
            likelihoods = list(scored)
            fused = fused + self.weight * _standardised(scored)
        order = np.argsort(-fused, kind="stable")
        tail = [candidate.score for candidate in rest]
        low = float(fused.min()) - 1.0
        logits = np.array([*fused[order], *(low + _standardised(tail) * 0.1 - 1.0 if tail else [])])
        weights = np.exp(logits - logits.max())
        probabilities = weights / weights.sum()
        ranked = [head[place] for place in order] + rest
        known = [likelihoods[place] for place in order] + [None] * len(rest)
        return [
            Ranked(candidate.item_id, float(probability), candidate, likelihood)
            for candidate, probability, likelihood in zip(ranked, probabilities, known, strict=True)
        ]

    def _scores(self, text: str, belief: BeliefState, ids: Sequence[str], said: str) -> list[float]:
        """Return what the model makes of each item: by its projection head, else by Semantic IDs."""
        if self.vectors is not None:
            vector = self.llm.query_vector(generate_prompt(text, said, belief, self.catalog))
            if vector is not None:
                places = [self.catalog.position[item] for item in ids]
                found: list[float] = (self.vectors[places] @ vector).tolist()
                return found
        shuffled = random.Random(f"{text}{ids}").sample(ids, len(ids))
        prompt = rank_prompt(text, belief, shuffled, self.catalog, self.semantic_ids)
        return self.llm.score_paths(prompt, [self.semantic_ids.codes[item] for item in ids])


def _standardised(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = np.asarray(values, dtype=np.float64)
    spread = array.std()
    return (array - array.mean()) / spread if spread > 0 else array * 0.0
