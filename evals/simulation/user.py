"""Who simulated users are and what a dialogue with one consists of: frozen values, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent.belief import BeliefState, Verdict
from agent.reply import Reply
from retrieval.catalog import Item, fold
from retrieval.constraints import Constraint

End = Literal["accepted", "left", "out of turns"]
Kind = Literal["open", "answer", "offer", "restate", "criticise", "reveal", "more", "vague", "random", "restart"]


class Value(BaseModel):
    """A frozen value that can be written to and read from JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Value):
    """One thing that a user can say about what they want; several rules are the bounds of one range."""

    rules: tuple[Constraint, ...]
    hard: bool = False
    """Whether it is said as a limit, which nothing shown afterwards may break."""

    @property
    def attribute(self) -> str:
        """What it is about."""
        return self.rules[0].attribute

    @property
    def against(self) -> bool:
        """Whether it says what is not wanted."""
        return self.rules[0].op == "is_not"

    def holds(self, item: Item) -> bool:
        """Tell whether it is true of an item."""
        return all(rule.allows(item) for rule in self.rules)


class Move(Value):
    """What a user does in one turn."""

    text: str
    kind: Kind
    facts: tuple[Fact, ...] = ()
    """What the text says."""
    clicks: tuple[tuple[str, Verdict], ...] = ()
    """(item id, verdict) given by click on the latest list before the text is sent."""
    judged: tuple[str, ...] = ()
    """Ids of the items that a click or the text gives a verdict on."""
    named: tuple[str, ...] = ()
    """Titles that the text holds, as written."""
    rephrased: bool = False
    """Whether a language model found the words."""


class Heard(Value):
    """What a user takes from one reply."""

    turn: int
    text: str
    items: tuple[str, ...]
    """Ids of the items shown, in order."""
    question: str | None = None
    asked: str | None = None
    """The attribute that the question is about, None when it offers to give up limits."""
    offered: tuple[Constraint, ...] | None = None
    """The limits that a yes gives up, None when the question is about an attribute."""

    @classmethod
    def of(cls, reply: Reply) -> Heard:
        """Keep what a person sees of `reply`; what a question is about is read off the belief."""
        items = tuple(item.id for item in reply.items)
        if reply.question is None:
            return cls(turn=reply.turn, text=reply.text, items=items)
        belief = BeliefState.model_validate(reply.belief)
        question = belief.questions[-1]
        offered = None
        if question.yes is not None:
            gone = {(fold(drop.attribute), drop.value) for drop in question.yes.drop}
            limits = [limit for limit in belief.constraints if (fold(limit.attribute), limit.value) in gone]
            offered = tuple(limit.constraint for limit in limits)
        return cls(
            turn=reply.turn, text=reply.text, items=items, question=reply.question,
            asked=question.attribute if offered is None else None, offered=offered,
        )  # fmt: skip


class Exchange(Value):
    """A message and what came back."""

    move: Move
    heard: Heard


class Dialogue(Value):
    """One whole conversation of one user with one system."""

    system: str
    user: str
    exchanges: tuple[Exchange, ...]
    end: End
    accepted: str | None = None
    """Id of the item that was accepted."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody writes."""

    chatty: bool = True
    """Whether they begin with a whole sentence."""
    lower: bool = False
    """Whether they never press the shift key."""


@dataclass(frozen=True, slots=True)
class User:
    """One simulated person. What they say is a pure function of this, of the dialogue so far and of a seed."""

    id: str
    wish: str
    """What they want, in a few words, for whoever reads a transcript."""
    accepts: frozenset[str]
    """Ids of the items that they take when shown."""
    facts: tuple[Fact, ...]
    """What they can say, in the order in which it comes to their mind."""
    seen: frozenset[str] = frozenset()
    loved: tuple[str, ...] = ()
    """Ids of the items that they can name as examples, best first; they are among the seen."""
    disliked: frozenset[str] = frozenset()
    noise: float = 0.0
    """Probability that a turn after the first is vague or answered at random."""
    manner: Manner = Manner()


def stated(history: tuple[Exchange, ...]) -> tuple[Fact, ...]:
    """Return what was said since the last fresh start, oldest first; noise does not count."""
    facts: list[Fact] = []
    for exchange in history:
        if exchange.move.kind == "restart":
            facts = []
        if exchange.move.kind != "random":
            facts += [fact for fact in exchange.move.facts if fact not in facts]
    return tuple(facts)


def limits(history: tuple[Exchange, ...]) -> tuple[Fact, ...]:
    """Return the limits among what was stated."""
    return tuple(fact for fact in stated(history) if fact.hard)
