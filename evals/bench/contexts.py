"""What a ranking benchmark asks: a dialogue so far, and the items that were recommended next."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from retrieval.catalog import UserError
from retrieval.rows import Problem, Row

T = TypeVar("T")
Message = Mapping[str, str]
"""`role`, user or assistant, and `content`."""


@dataclass(frozen=True)
class RankingTurn:
    """One turn in which items were recommended. Titles are as the data writes them."""

    dialogue: str
    number: int
    """Place in the dialogue; with `dialogue` it names the turn."""
    messages: tuple[Message, ...]
    """What was said before, oldest first."""
    mentioned: tuple[str, ...]
    """Titles named before, each once, in the order of their last mention."""
    gold: tuple[str, ...]
    """Titles recommended in this turn, each once."""

    @property
    def name(self) -> str:
        """The dialogue and the turn's number."""
        return f"{self.dialogue}:{self.number}"

    @property
    def text(self) -> str:
        """Everything said before, as one text."""
        return " ".join(message["content"] for message in self.messages)


@dataclass(frozen=True)
class RankingData:
    """The turns of one file, in its order, and the lines that could not be read."""

    path: Path
    turns: tuple[RankingTurn, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, path: Path, turns: Iterable[RankingTurn], problems: Iterable[Problem]) -> RankingData:
        """Hold the turns of `path`; UserError when there is none, or one twice."""
        found, wrong = tuple(turns), tuple(problems)
        if not found:
            first = f"; the first bad line is {wrong[0]}" if wrong else ""
            raise UserError(f"{path}: holds no turn that recommends something: give data in the public format{first}")
        seen: set[str] = set()
        for turn in found:
            if turn.name in seen:
                raise UserError(f"{path}: the turn {turn.name} is there twice: keep one of each")
            seen.add(turn.name)
        return cls(path, found, wrong)

    @property
    def hash(self) -> str:
        """Hash of what is asked and what is gold."""
        return hashlib.sha256(repr(self.turns).encode()).hexdigest()[:16]

    def sample(self, n: int | None, seed: int) -> RankingData:
        """Return `n` turns drawn by the seed, in the order of the file; all when there are no more, or without `n`."""
        if n is None or n >= len(self.turns):
            return self
        places = sorted(random.Random(seed).sample(range(len(self.turns)), n))
        return replace(self, turns=tuple(self.turns[place] for place in places))


class MalformedError(Exception):
    """A line that is not what its format says; the message says in what."""


def parsed(
    path: Path, rows: Iterable[Row | Problem], parse: Callable[[Mapping[str, Any]], T]
) -> tuple[list[T], list[Problem]]:
    """Parse every row; one that is malformed, or could not even be read, becomes a problem."""
    found: list[T] = []
    problems: list[Problem] = []
    for row in rows:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            found.append(parse(row.values))
        except MalformedError as error:
            problems.append(Problem(path, row.line, str(error)))
    return found, problems


def value(values: object, name: str, *kinds: type[T]) -> T:
    """Return a field of one of these types; MalformedError when it is missing or of another."""
    if not isinstance(values, Mapping) or name not in values:
        raise MalformedError(f"has no `{name}`")
    found = values[name]
    if not isinstance(found, kinds):
        raise MalformedError(f"`{name}` is {type(found).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}")
    return found


def texts(values: Mapping[str, Any], name: str) -> list[str]:
    """Return a field that is a list of texts; MalformedError otherwise."""
    found = value(values, name, list)
    if not all(isinstance(one, str) for one in found):
        raise MalformedError(f"`{name}` holds something that is no text")
    return found


def listed(values: object, name: str) -> list[Any]:
    """Return a field that is a list, empty when it is missing or null; MalformedError otherwise."""
    missing = isinstance(values, Mapping) and values.get(name) is None
    return [] if missing else value(values, name, list)


def each_once(titles: Sequence[str]) -> tuple[str, ...]:
    """Return each title once, in the order of last mention."""
    return tuple(dict.fromkeys(reversed(titles)))[::-1]
