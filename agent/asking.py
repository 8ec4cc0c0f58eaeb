"""When a question about wishes is worth a turn: the expected gain of its answer in bits, and the question itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import exp

import numpy as np
from numpy.typing import NDArray

from agent.belief import BeliefState, Question
from agent.wording import listed
from retrieval.catalog import Catalog, Column, fold

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
WORTH = 0.75
"""Bits that an answer must be expected to tell: with three values to choose from, only while nothing was named."""
MOST_QUESTIONS = 3
"""Questions about wishes in one conversation."""
OFFERED = 3
"""Answers that a question offers."""


def question_about(
    belief: BeliefState, chances: Mapping[str, float], slate: Collection[str], catalog: Catalog
) -> Question | None:
    """Ask which value of a facet is wanted, when the answer is expected to tell at least `WORTH` bits.

    That is the probability that an answer is there to be had (`openness`) times what it would tell (`expected_gain`).
    `chances` are the items that could be shown with their `probabilities`, `slate` the ids of those that are. None when
    the turn before asked, when every facet was spoken of or asked about, or when no answer would tell enough.
    """
    asked = [question for question in belief.questions if question.yes is None]
    if just_asked(belief) or len(asked) >= MOST_QUESTIONS or not slate:
        return None
    closed = {fold(entry.attribute) for entry in (*belief.wishes, *belief.questions)}
    best: tuple[float, Column, list[str]] | None = None
    for column in catalog.schema.with_role("facet"):
        if column.people or fold(column.name) in closed:
            continue
        values, bits = _offered(column, chances, slate, catalog)
        if len(values) >= 2 and (best is None or bits > best[0]):
            best = bits, column, values
    if best is None or openness(belief) * best[0] < WORTH:
        return None
    _, column, values = best
    text = f"Any {column.singular or column.name} in particular: {listed(values, 'or')}?"
    return Question(attribute=column.name, text=text, turn=belief.turn)


def just_asked(belief: BeliefState) -> bool:
    """Tell whether the turn before this one asked something: two questions in a row are an interrogation."""
    return any(question.asks and question.turn == belief.turn - 1 for question in belief.questions)


def said_already(belief: BeliefState) -> int:
    """Count the attributes whose wanted value was named, and the examples; free words name no attribute."""
    named = {fold(entry.attribute) for entry in belief.preferences if entry.weight > 0 and entry.attribute != "text"}
    named |= {fold(entry.attribute) for entry in belief.constraints if entry.op != "is_not"}
    return len(named) + len(belief.with_verdict("liked", "like_this", "accepted"))


def openness(belief: BeliefState) -> float:
    """Return how probable it is that a person has a wish on an attribute not yet spoken of: 1 / (n + 2).

    n is what was `said_already`. In the labelled train dialogues the next message names a new attribute after n = 0, 1,
    2, 3 in .49 .33 .21 .11 of the cases (149, 608, 470 and 152 messages); the curve gives .50 .33 .25 .20.
    """
    return 1 / (said_already(belief) + 2)


def probabilities(scores: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Return how probable it is that each candidate is the item wanted: the softmax of score / `temperature` (> 0)."""
    top = max(scores.values(), default=0.0)
    weights = {item: exp((score - top) / temperature) for item, score in scores.items()}
    total = sum(weights.values())
    return {item: weight / total for item, weight in weights.items()}


def expected_gain(chances: Array, holds: Mask) -> Array:
    """Return (...) the mutual information, in bits, of the item wanted and the answer to a question that offers values.

    Who wants item i answers with one of its offered values, each as probable as the other, or with none of them. So
    with O the values offered, V(i) those of item i and A the answer,

        I(A; i) = H(A) - sum_i p(i) log2 max(1, |O & V(i)|).

    `chances`: (n,) the p(i), which sum to 1; `holds`: (..., n, k) whether item i has a value, for the k values of O.
    Between 0 and log2(k + 1); 0 when the answer is known already.
    """
    own = holds.sum(axis=-1)
    answered = np.einsum("...nk,...n->...k", holds, chances / np.maximum(own, 1))
    answers = np.concatenate([answered, ((own == 0) @ chances)[..., None]], axis=-1)
    entropy = -(answers * np.log2(np.where(answers > 0, answers, 1))).sum(axis=-1)
    gain: Array = np.maximum(0.0, entropy - np.log2(np.maximum(own, 1)) @ chances)
    return gain


def _offered(
    column: Column, chances: Mapping[str, float], slate: Collection[str], catalog: Catalog
) -> tuple[list[str], float]:
    """Return up to `OFFERED` values, each adding the most to the gain, and the gain; ([], 0) when none would do.

    A value is offered when enough candidates have it to fill a list and some item now shown lacks it: then every answer
    changes the list.
    """
    items = {item: frozenset(catalog[item].values(column.name)) for item in chances}
    useful = _useful(items, slate)
    rows = [[value in own for own in items.values()] for value in useful]
    holds = np.array(rows, bool).reshape(len(useful), len(items))
    weights, offered, bits = np.array(list(chances.values())), list[int](), 0.0
    while len(offered) < min(OFFERED, len(useful)):
        others = [place for place in range(len(useful)) if place not in offered]
        tried = np.stack([np.stack([holds[place] for place in (*offered, other)], -1) for other in others])
        gains = expected_gain(weights, tried)
        # What differs by rounding alone is equal; among equals the last by name is taken.
        best = max(range(len(others)), key=lambda place: (round(float(gains[place]), 9), useful[others[place]]))
        if gains[best] <= bits + 1e-9:
            break
        offered, bits = [*offered, others[best]], float(gains[best])
    return [useful[place] for place in offered], bits


def _useful(items: Mapping[str, Collection[str]], slate: Collection[str]) -> list[str]:
    holders: dict[str, set[str]] = {}
    for item, own in items.items():
        for value in own:
            holders.setdefault(value, set()).add(item)
    return sorted(value for value, ids in holders.items() if len(ids) >= len(slate) and not set(slate) <= ids)
