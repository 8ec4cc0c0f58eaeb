"""The projection head starts where it hears the person, and not what all states have in common."""

from __future__ import annotations

import numpy as np

from finetune.head import closed_form


def test_what_the_states_say_is_heard_behind_a_large_direction_that_they_share() -> None:
    chance = np.random.default_rng(0)
    items = chance.normal(size=(40, 8))
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    right = chance.integers(0, 40, 600)
    said = items[right] @ chance.normal(size=(8, 32))
    shared = 50 * chance.normal(size=32) / 32**0.5
    states = said + shared + 0.1 * chance.normal(size=(600, 32))
    weights = closed_form(states[:500], right[:500], items)
    assert weights.shape == (8, 32)
    found = (states[500:] @ weights.T @ items.T).argmax(1)
    assert np.mean(found == right[500:]) > 0.8
    assert len(set(found.tolist())) > 25


def test_states_that_say_nothing_give_flat_scores() -> None:
    chance = np.random.default_rng(1)
    items, states = chance.normal(size=(30, 6)), chance.normal(size=(200, 12))
    right = chance.integers(0, 30, 200)
    scores = states @ closed_form(states, right, items).T @ items.T
    assert scores.std() < 1.0
