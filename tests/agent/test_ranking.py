from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.belief import BeliefState, Preference
from agent.llm import ScriptedLanguageModel
from agent.ranking import OPTIONS, Likelihood, Reranker, rank_prompt
from prompts import Prompt
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder, document
from retrieval.query import Candidate
from retrieval.semantic_ids import SemanticId, SemanticIds


@pytest.fixture(scope="module")
def codes(wines: Catalog) -> SemanticIds:
    vectors = HashingEncoder().encode([document(item, wines.schema) for item in wines])
    return SemanticIds.fit([item.id for item in wines], vectors, size=4)


class Favouring(ScriptedLanguageModel):
    """Finds one item far more likely than all others."""

    def __init__(self, favourite: SemanticId) -> None:
        super().__init__()
        self.favourite = favourite

    def score_paths(self, prompt: Prompt, paths: Sequence[SemanticId]) -> list[float]:
        return [0.0 if path == self.favourite else -9.0 for path in paths]


def candidates(catalog: Catalog) -> list[Candidate]:
    return [Candidate(item.id, 1 - place / 100) for place, item in enumerate(catalog)]


def test_what_the_model_finds_likely_moves_up(wines: Catalog, codes: SemanticIds) -> None:
    favourite = wines.items[5].id
    scorer = Likelihood(Favouring(codes.codes[favourite]), wines, codes, weight=5.0)
    ranked = Reranker(scorer).rank("x", BeliefState(), candidates(wines))
    assert ranked[0].item_id == favourite
    assert ranked[0].likelihood == 0.0


class Projecting(ScriptedLanguageModel):
    """Asks for one item by its vector, and keeps the prompts it saw."""

    def __init__(self, vector: NDArray[np.float32]) -> None:
        super().__init__()
        self.vector, self.prompts = vector, list[str]()

    def query_vector(self, prompt: Prompt) -> NDArray[np.float32] | None:
        self.prompts.append(prompt.own)
        return self.vector


def test_a_model_with_a_projection_head_ranks_by_the_items_vectors_and_hears_what_was_said_before(
    wines: Catalog, codes: SemanticIds
) -> None:
    vectors = np.eye(len(wines), dtype=np.float32)
    llm = Projecting(9 * vectors[5])
    scorer = Likelihood(llm, wines, codes, weight=5.0, vectors=vectors)
    ranked = Reranker(scorer).rank("with fish", BeliefState(), candidates(wines), "something dry")
    assert ranked[0].item_id == wines.items[5].id
    assert ranked[0].likelihood == 9.0
    [prompt] = llm.prompts
    assert "Before: something dry\n" in prompt and "They said: with fish\n" in prompt
    assert not any(codes.text(item.id) in prompt for item in wines)


def test_without_a_scorer_the_order_stays_as_it_is(wines: Catalog) -> None:
    ranked = Reranker(None).rank("x", BeliefState(), candidates(wines))
    assert [one.item_id for one in ranked] == [item.id for item in wines]
    assert all(one.likelihood is None for one in ranked)


def test_every_candidate_comes_back_once_with_probabilities_that_fall_and_sum_to_one(
    wines: Catalog, codes: SemanticIds
) -> None:
    assert len(wines) > OPTIONS
    scorer = Likelihood(Favouring(codes.codes["red-hill"]), wines, codes)
    ranked = Reranker(scorer).rank("x", BeliefState(), candidates(wines))
    assert sorted(one.item_id for one in ranked) == sorted(item.id for item in wines)
    shares = [one.probability for one in ranked]
    assert np.isclose(sum(shares), 1)
    assert shares == sorted(shares, reverse=True)


def test_no_candidates_and_one_candidate_are_ranked_without_asking_the_model(
    wines: Catalog, codes: SemanticIds
) -> None:
    ranker = Reranker(Likelihood(Favouring(codes.codes["red-hill"]), wines, codes))
    assert ranker.rank("x", BeliefState(), []) == []
    [only] = ranker.rank("x", BeliefState(), candidates(wines)[:1])
    assert (only.probability, only.likelihood) == (1.0, None)


def test_the_prompt_shows_the_belief_and_every_option_with_its_code(wines: Catalog, codes: SemanticIds) -> None:
    belief = BeliefState(preferences=(Preference(attribute="grapes", value="Malbec", weight=-1),))
    prompt = rank_prompt("no malbec", belief, ["red-hill", "black-oak"], wines, codes).own
    assert "Not wanted: Malbec" in prompt
    assert f"{codes.text('red-hill')} Red Hill (2018): " in prompt
    assert prompt.index("Red Hill") < prompt.index("Black Oak")
