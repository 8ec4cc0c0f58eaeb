from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.semantic_ids import DIGITS, SemanticIds, token


def vectors(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 32)) * 3
    return (centres[rng.integers(0, 6, count)] + rng.normal(size=(count, 32))).astype(np.float32)


def ids(count: int) -> list[str]:
    return [f"item-{place}" for place in range(count)]


@pytest.fixture(scope="module")
def fitted() -> SemanticIds:
    return SemanticIds.fit(ids(300), vectors(300), size=8)


def test_every_item_has_one_path_and_every_path_one_item(fitted: SemanticIds) -> None:
    assert len(set(fitted.codes.values())) == len(fitted.codes) == 300
    assert all(fitted.item_of(path) == item for item, path in fitted.codes.items())
    assert set(fitted.trie) == set(fitted.codes.values())


def test_an_unknown_path_resolves_to_nothing_rather_than_to_a_neighbour(fitted: SemanticIds) -> None:
    with pytest.raises(KeyError):
        fitted.item_of((7, 7, 7, DIGITS))


def test_known_items_keep_their_paths_when_new_ones_are_added(fitted: SemanticIds) -> None:
    grown = fitted.extended([*ids(300), "new-1", "new-2"], np.vstack([vectors(300), vectors(2, seed=9)]))
    assert all(grown.codes[item] == fitted.codes[item] for item in fitted.codes)
    assert len(set(grown.codes.values())) == 302
    assert grown.fingerprint == fitted.fingerprint


def test_the_same_vectors_and_seed_give_the_same_codes_and_another_seed_another_fingerprint() -> None:
    again = SemanticIds.fit(ids(300), vectors(300), size=8)
    assert again.codes == SemanticIds.fit(ids(300), vectors(300), size=8).codes
    assert again.fingerprint != SemanticIds.fit(ids(300), vectors(300), size=8, seed=5).fingerprint


def test_items_with_equal_vectors_are_told_apart_by_the_digit_and_overflow_into_other_codes() -> None:
    equal = np.ones((DIGITS + 4, 8), np.float32)
    with pytest.raises(ValueError, match="no free Semantic ID"):
        SemanticIds.fit(ids(DIGITS + 4), equal)
    crowded = np.vstack([np.ones((DIGITS + 4, 8)), np.eye(8)]).astype(np.float32)
    codes = SemanticIds.fit(ids(len(crowded)), crowded, size=4)
    assert len(set(codes.codes.values())) == len(crowded)


def test_one_item_and_two_items_can_be_coded() -> None:
    assert SemanticIds.fit(["only"], np.ones((1, 8), np.float32)).text("only") == "<a_0><b_0><c_0><d_0>"
    assert len(set(SemanticIds.fit(ids(2), np.eye(2, 8, dtype=np.float32)).codes.values())) == 2


def test_what_is_saved_is_what_is_loaded(fitted: SemanticIds, tmp_path: Path) -> None:
    fitted.save(tmp_path / "codes.npz")
    loaded = SemanticIds.load(tmp_path / "codes.npz")
    assert loaded.codes == fitted.codes
    assert loaded.fingerprint == fitted.fingerprint


def test_tokens_differ_between_levels_and_spell_the_item(fitted: SemanticIds) -> None:
    tokens = fitted.tokens()
    assert len(tokens) == len(set(tokens)) == sum(fitted.sizes)
    path = fitted.codes["item-0"]
    assert fitted.text("item-0") == "".join(token(level, code) for level, code in enumerate(path))


def test_health_shows_that_codes_group_what_is_alike() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 6, 300)
    data = (np.eye(6, 32)[kinds] * 5 + rng.normal(size=(300, 32)) * 0.3).astype(np.float32)
    codes = SemanticIds.fit(ids(300), data, size=8)
    health = codes.health({item: [str(kind)] for item, kind in zip(ids(300), kinds, strict=True)})
    assert health["purity"] > health["purity_random"] + 0.3
    assert all(0 < share <= 1 for share in health["usage"])
    assert all(1 <= level <= 8 for level in health["perplexity"])
    assert 0 <= health["collisions"] <= 1
