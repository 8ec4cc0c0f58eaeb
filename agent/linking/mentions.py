"""What the linkers find: a span of the message and what it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent.linking.lexicon import Meaning
from retrieval.constraints import Op

Kind = Literal["item", "value", "bound", "attribute", "set_aside"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on a number."""

    attribute: str
    op: Op
    value: float


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens [start, end) and what they stand for; which of the last fields is filled follows from `kind`."""

    start: int
    end: int
    kind: Kind
    strength: float = 1.0
    meanings: tuple[Meaning, ...] = ()
    """For a value: what it stands for, all of it."""
    bounds: tuple[Bound, ...] = ()
    attribute: str = ""
    """For a mention of an attribute as such (`the year`), its name."""
    item_ids: tuple[str, ...] = ()
    """For an item: which; several for `the first two`. For a bound: the items named in it, which are only a measure."""
    ref: str = ""
    """For an item: `#2` for a position, empty for a title as written. For a bound: the comparative that set it."""

    @property
    def length(self) -> int:
        """Count the tokens."""
        return self.end - self.start


def resolve_overlaps(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    """Keep the longest, then the strongest of mentions that share tokens; return them in text order."""
    kept: list[Mention] = []
    taken: set[int] = set()
    for mention in sorted(mentions, key=lambda m: (-m.length, -m.strength, m.start)):
        span = range(mention.start, mention.end)
        if taken.isdisjoint(span):
            kept.append(mention)
            taken.update(span)
    return tuple(sorted(kept, key=lambda m: m.start))
