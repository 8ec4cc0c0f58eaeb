"""A trie over full paths: what may come next when only whole known sequences may come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest


class Trie:
    """An immutable set of integer sequences, walked from the root; no sequence may be a prefix of another."""

    def __init__(self, paths: Iterable[Sequence[int]]) -> None:
        """Hold `paths`; ValueError when one is empty or a prefix of another, duplicates count once."""
        self._root: dict[int, dict] = {}  # type: ignore[type-arg]
        ordered = sorted({tuple(path) for path in paths})
        # In lexicographic order a path is followed directly by one of those that it is a prefix of.
        for path, following in zip_longest(ordered, ordered[1:], fillvalue=()):
            if not path or following[: len(path)] == path:
                raise ValueError(f"{path} is a prefix of {following}" if path else "a path is empty")
            node = self._root
            for step in path:
                node = node.setdefault(step, {})

    def allowed(self, prefix: Sequence[int]) -> tuple[int, ...]:
        """Return the steps that can follow `prefix`, ascending; empty exactly when `prefix` is a whole path.

        ValueError when no path starts so: an empty set of continuations is never returned for an unfinished path.
        """
        node = self._root
        for depth, step in enumerate(prefix):
            if step not in node:
                raise ValueError(f"no path starts with {tuple(prefix[: depth + 1])}")
            node = node[step]
        return tuple(sorted(node))

    def __contains__(self, path: Sequence[int]) -> bool:
        """Tell whether `path` is one of the whole paths."""
        try:
            return bool(path) and not self.allowed(path)
        except ValueError:
            return False

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """Walk all whole paths in ascending order."""

        def walk(node: dict[int, dict], prefix: tuple[int, ...]) -> Iterator[tuple[int, ...]]:  # type: ignore[type-arg]
            if not node:
                yield prefix
            for step in sorted(node):
                yield from walk(node[step], (*prefix, step))

        return walk(self._root, ()) if self._root else iter(())

    def __len__(self) -> int:
        """Count the whole paths."""
        return sum(1 for _ in self)
