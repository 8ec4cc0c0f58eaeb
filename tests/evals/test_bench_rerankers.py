"""Rerankers beside each other: the same candidates, what each makes of them, and its weight learned elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.belief import BeliefState
from agent.ranking import Scored, standardised
from evals.bench.mentions import fold_of
from evals.bench.rerankers import FIRST, Case, Contender, measure
from retrieval.query import Candidate


class Guesses:
    """Knows of some items that they are right, and serves that with a weight of its own."""

    name = "guesses"

    def __init__(self, right: frozenset[str], weight: float) -> None:
        self.right, self.weight = right, weight

    def score(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str) -> Scored:
        own = [float(candidate.item_id in self.right) for candidate in candidates]
        logits = standardised([candidate.score for candidate in candidates]) + self.weight * standardised(own)
        return Scored(logits, tuple(own))


def case(number: int) -> Case:
    candidates = tuple(Candidate(f"i{number}-{place}", 1 - place / 10) for place in range(10))
    gold = frozenset({f"i{number}-7"})
    return Case(f"d{number}:1", f"d{number}", "a film", "", BeliefState(), candidates, gold)


CASES = [case(number) for number in range(40)]
RIGHT = frozenset(item for one in CASES for item in one.gold)


def test_a_reranker_that_knows_is_better_than_retrieval_and_costs_what_is_said() -> None:
    result = measure(CASES, {"knows": Contender(Guesses(RIGHT, 5.0), 12)}, lambda *_: None, {})
    assert result.estimate(FIRST, "R@1").value == 0 and result.estimate(FIRST, "R@10").value == 1
    assert result.estimate("knows", "R@1").value == 1
    assert "12 weights trained" in result.notes["knows"] and result.notes["turns"] == 40


def test_a_weight_that_serves_badly_is_learned_on_the_other_folds() -> None:
    shy = measure(CASES, {"shy": Contender(Guesses(RIGHT, 0.0), 0)}, lambda *_: None, {})
    assert shy.estimate("shy", "R@1").value == 0
    assert shy.estimate("shy, weight learned", "R@1").value == 1
    wrong = frozenset(f"i{number}-9" for number in range(40))
    misled = measure(CASES, {"misled": Contender(Guesses(wrong, 5.0), 0)}, lambda *_: None, {})
    assert misled.estimate("misled", "MRR").value < misled.estimate(FIRST, "MRR").value  # type: ignore[operator]
    assert misled.estimate("misled, weight learned", "MRR").value == misled.estimate(FIRST, "MRR").value


def test_no_dialogue_chooses_the_weight_that_orders_it() -> None:
    alone = min(range(40), key=lambda number: fold_of(f"d{number}"))
    fold = fold_of(f"d{alone}")
    known = frozenset(item for one in CASES if fold_of(one.dialogue) == fold for item in one.gold)
    result = measure(CASES, {"partial": Contender(Guesses(known, 0.0), 0)}, lambda *_: None, {})
    values = result.systems["partial, weight learned"]["R@1"]
    assert values[f"d{alone}:1:i{alone}-7"] == pytest.approx(0), "its own fold alone speaks for a weight"
