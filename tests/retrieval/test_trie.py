from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.trie import Trie

same_length = st.integers(1, 4).flatmap(
    lambda length: st.lists(st.tuples(*[st.integers(0, 5)] * length), min_size=1, max_size=30)
)


@settings(max_examples=80, deadline=None)
@given(paths=same_length, probe=st.lists(st.integers(0, 5), max_size=4))
def test_what_may_follow_a_prefix_is_what_brute_force_finds(paths: list[tuple[int, ...]], probe: list[int]) -> None:
    trie = Trie(paths)
    matching = {path for path in paths if path[: len(probe)] == tuple(probe)}
    if not matching:
        with pytest.raises(ValueError, match="no path starts with"):
            trie.allowed(probe)
    else:
        assert set(trie.allowed(probe)) == {path[len(probe)] for path in matching if len(path) > len(probe)}


@settings(max_examples=80, deadline=None)
@given(paths=same_length)
def test_every_walk_along_allowed_steps_ends_in_a_known_path(paths: list[tuple[int, ...]]) -> None:
    trie = Trie(paths)
    assert list(trie) == sorted(set(paths))
    assert len(trie) == len(set(paths))
    assert all(path in trie for path in paths)
    assert all(path[:-1] not in trie for path in paths)


def test_a_path_that_is_a_prefix_of_another_is_refused() -> None:
    with pytest.raises(ValueError, match="prefix"):
        Trie([(1, 2), (1, 2, 3)])


def test_an_empty_path_is_refused_and_an_empty_trie_allows_nothing_beyond_its_root() -> None:
    with pytest.raises(ValueError, match="empty"):
        Trie([()])
    assert list(Trie([])) == []
    with pytest.raises(ValueError, match="no path"):
        Trie([]).allowed([1])
