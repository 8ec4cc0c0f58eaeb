"""Grammars over tokens: which token may come next when only given words, or given sentences, may be written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

Encode = Callable[[str], list[int]]

PUNCTUATION = (",", ".", ";", ":", "!", "?", " -")
STOPS = (".", "!", "?")


class State(Protocol):
    """Where a text stands in its grammar."""

    @property
    def decided(self) -> str | None:
        """The whole text as soon as only one can come out, else None."""
        ...

    def allowed(self) -> list[int]:
        """Return the token ids that may follow, never empty."""
        ...

    def after(self, step: int) -> State:
        """Return the state after one more token; ValueError when it is not allowed."""
        ...


class Grammar(Protocol):
    """What may be written."""

    def begin(self, encode: Encode, end: int) -> State:
        """Return the state before the first token; `end` is the token that ends the text."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """Any text of these words and punctuation."""

    words: Collection[str]

    def begin(self, encode: Encode, end: int) -> State:
        """Stand before the first word."""
        return WordGrammar(self.words, encode, end).start()


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these texts, each whole; at least one."""

    texts: Sequence[str]

    def begin(self, encode: Encode, end: int) -> State:
        """Stand where all texts are still open."""
        return ChoiceState(tuple((text, (*encode(text), end)) for text in dict.fromkeys(self.texts)), 0)


@dataclass(frozen=True, slots=True)
class ChoiceState:
    """The texts that are still open after `depth` tokens."""

    open: tuple[tuple[str, tuple[int, ...]], ...]
    depth: int

    @property
    def decided(self) -> str | None:
        """The only text that is left, None while there are several."""
        return self.open[0][0] if len(self.open) == 1 else None

    def allowed(self) -> list[int]:
        """Return the next tokens of the open texts."""
        assert self.open, "a choice of nothing"
        return list(dict.fromkeys(ids[self.depth] for _, ids in self.open))

    def after(self, step: int) -> ChoiceState:
        """Keep the texts that go on with `step`."""
        left = tuple(pair for pair in self.open if pair[1][self.depth] == step)
        if not left:
            raise ValueError(f"token {step} is not allowed here")
        return ChoiceState(left, self.depth + 1)


class WordGrammar:
    """A sentence made of given words, as a walk over their tokens.

    A word may be followed by punctuation or by the first token of a word with a leading space; after a stop the text
    ends. So that a word is never cut, its tokens are those of the whole word.
    """

    def __init__(self, words: Collection[str], encode: Encode, end: int) -> None:
        """Allow `words` as written, and capitalised at the start; `end` is the token that ends the text."""
        self.end = end
        self._root: dict[int, dict] = {}  # type: ignore[type-arg]
        self._first: dict[int, dict] = {}  # type: ignore[type-arg]
        for word in words:
            self._add(self._root, encode(f" {word}"))
            self._add(self._first, encode(word[:1].upper() + word[1:]))
        self._stops = {encode(mark)[-1] for mark in STOPS}
        self._marks = {encode(mark)[-1] for mark in PUNCTUATION} | self._stops

    @staticmethod
    def _add(node: dict[int, dict], ids: Sequence[int]) -> None:  # type: ignore[type-arg]
        for step in ids:
            node = node.setdefault(step, {})
        node[-1] = {}

    def start(self) -> WordState:
        """Return the state before the first token."""
        return WordState(self, self._first, None)


class WordState:
    """Where a sentence of words stands."""

    decided: str | None = None

    def __init__(self, grammar: WordGrammar, node: dict[int, dict], last: int | None) -> None:  # type: ignore[type-arg]
        """Stand at `node` of the trie after token `last`."""
        self.grammar, self.node, self.last = grammar, node, last

    def allowed(self) -> list[int]:
        """Return the token ids that may follow, never empty."""
        steps = [step for step in self.node if step >= 0]
        if -1 in self.node:
            steps += [*self.grammar._root, *self.grammar._marks]
        elif self.last in self.grammar._stops:
            steps.append(self.grammar.end)
        elif self.last in self.grammar._marks:
            steps += self.grammar._root
        assert steps, "a grammar allows nothing"
        return steps

    def after(self, step: int) -> WordState:
        """Return the state after one more token; the token must be allowed."""
        if step in self.node:
            return WordState(self.grammar, self.node[step], None)
        if step in self.grammar._root and (-1 in self.node or self.last in self.grammar._marks):
            return WordState(self.grammar, self.grammar._root[step], None)
        if step in self.grammar._marks:
            return WordState(self.grammar, {}, step)
        raise ValueError(f"token {step} is not allowed here")
