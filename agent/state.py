"""What the nodes of the graph share: the state of a conversation, and the parts that a turn works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from time import perf_counter
from typing import Any, Protocol, TypedDict

import numpy as np

from agent.answers import Answers
from agent.belief import BeliefState, BeliefUpdate
from agent.log import ConversationLog
from agent.profile import ProfileEntry
from agent.ranking import Reranker
from agent.reasons import Explainer
from agent.settings import Settings
from retrieval.catalog import Catalog
from retrieval.constraints import Constraint
from retrieval.query import Candidate, Query
from retrieval.semantic_ids import SemanticIds

Plain = dict[str, Any]


class Understands(Protocol):
    """Reads a message in the light of a belief."""

    def understand(self, text: str, belief: BeliefState) -> BeliefUpdate:
        """Return what the message changes."""
        ...


class Retrieves(Protocol):
    """Finds items that satisfy a query."""

    @property
    def catalog(self) -> Catalog:
        """What can be found."""
        ...

    @property
    def semantic_ids(self) -> SemanticIds:
        """The code of every item."""
        ...

    @property
    def temperature(self) -> float:
        """Difference of two scores at which one item is e times as probable to be the one wanted as the other."""
        ...

    def search(self, query: Query) -> list[Candidate]:
        """Return candidates, best first, none of which breaks a constraint."""
        ...

    def count(self, constraints: Sequence[Constraint], exclude: frozenset[str] = frozenset()) -> int:
        """Count the items that satisfy all `constraints`."""
        ...

    @property
    def vectors(self) -> np.ndarray[Any, Any]:
        """(n, d) vectors of the items, in the catalog's order."""
        ...

    def all_scores(self, query: Query) -> np.ndarray[Any, Any]:
        """Return a score per item in catalog order, -inf where the item may not be recommended."""
        ...


@dataclass(frozen=True)
class Tools:
    """What the nodes work with: opened once, shared by all conversations."""

    understanding: Understands
    retriever: Retrieves
    reranker: Reranker
    explainer: Explainer
    answers: Answers
    log: ConversationLog
    settings: Settings
    models: Mapping[str, str]
    """`model`, `adapter`, `reranker`, `index` and `version` as the log keeps them."""
    llm_free: AbstractContextManager[Any]
    """Held while the language model works: it serves one turn at a time."""


@dataclass(frozen=True)
class Here:
    """What the nodes know of this turn besides its state."""

    tools: Tools
    conversation: str
    started: float = field(default_factory=perf_counter)
    person: str = ""
    """Who is talking; nobody with a name when empty."""
    user: str = ""
    """Whose profile is added to; nobody's when empty."""
    profile: tuple[ProfileEntry, ...] = ()
    """What was known of them when the turn began, oldest first."""
    stop: Event = field(default_factory=Event)
    """Set when nobody waits any more: the turn ends with what it has."""


class State(TypedDict):
    """The state of one conversation; plain data, so that any program can read a checkpoint."""

    belief: Plain
    """What is believed after the last finished turn. Lasts."""
    logged: int
    """Sequence number of the last log entry that `belief` includes. Lasts."""
    text: str
    """What the person said."""
    given: Plain | None
    """The update itself, where the message is a click and needs no understanding."""
    update: Plain
    """What the message changes."""
    revised: Plain
    """The belief after the message, before the reply."""
    decision: Plain
    """What this turn does: action, question, relaxation, the facts it rests on."""
    candidates: list[Plain]
    """What retrieval found with its scores, in the order of the reranker; emptied once it is logged."""
    items: list[Plain]
    """What is shown."""
    explore: float
    """The temperature at which they were drawn; 0 for the first ones."""
    shown_before: int
    """How many of the items, the last ones, were shown in earlier turns."""
    answer: str
    """What the agent says."""
    question: Plain | None
    """What it asks."""
    timings: dict[str, float]
    """Node -> seconds; `cards` and `total` since the message arrived."""


def fresh(text: str, given: BeliefUpdate | None = None) -> Plain:
    """Return the input of one turn: every value that does not last, reset."""
    return {
        "text": text,
        "given": None if given is None else given.model_dump(mode="json"),
        "update": {},
        "revised": {},
        "decision": {},
        "candidates": [],
        "items": [],
        "explore": 0.0,
        "shown_before": 0,
        "answer": "",
        "question": None,
        "timings": {},
    }
