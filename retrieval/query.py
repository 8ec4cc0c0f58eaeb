"""The currency of search: what is asked of the catalog and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from retrieval.constraints import Constraint


@dataclass(frozen=True, slots=True)
class Wish:
    """A soft wish on an attribute value; `weight` in [-1, 1], negative to avoid it."""

    attribute: str
    value: str | int | float
    weight: float = 1.0
    direction: int = 0
    """Of a number: 1 when the value asks for more of it, -1 for less; 0 when it is itself a number or a slice."""
    than: tuple[str, ...] = ()
    """Ids of the items to go beyond: more of it, or with a negative weight less of it, than these have."""
    towards: tuple[str, ...] = ()
    """Phrases that mean what free words ask for, where `away` holds such as mean the opposite."""
    away: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """An item that the conversation has named, and how: spoken well of, only shown, or turned down."""

    item_id: str
    kind: Literal["liked", "shown", "against"]


@dataclass(frozen=True, slots=True)
class Query:
    """What retrieval needs of a belief. Every part may be empty; the empty query ranks by popularity."""

    text: str = ""
    """Free words, read by the dense and the lexical source."""
    wishes: tuple[Wish, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    """All must hold; executed inside the search."""
    exclude: frozenset[str] = frozenset()
    """Item ids never to return."""
    like: tuple[str, ...] = ()
    """Ids of items to resemble, most important last."""
    unlike: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    """Ids of items that the person liked in earlier conversations, oldest first; never returned themselves."""
    message: str = ""
    """What was said last. With the next two it is what a learned order reads; the other sources do not."""
    said: str = ""
    """The conversation so far, the message at its end."""
    named: tuple[Named, ...] = ()
    """Items that the conversation has named, each once, in the order of last mention."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """One item that a search found, with the score each source gave it."""

    item_id: str
    score: float
    """Fused score, higher is better; comparable within one search only."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Source name (dense, lexical, attributes, critiques, similar...) -> its own normalised score in [0, 1]."""
