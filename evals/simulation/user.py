"""Who simulated users are and what a dialogue with one consists of: frozen values, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterator
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


def same_words(left: Constraint, right: Constraint) -> bool:
    """Tell whether two rules sound the same: op and value, whatever the attribute; years and the like may miss by one.

    Who says a name need not know whether the catalog has it among its actors or its directors.
    """
    if isinstance(left.value, str) or isinstance(right.value, str):
        return left.op == right.op and fold(str(left.value)) == fold(str(right.value))
    return (left.op, left.attribute) == (right.op, right.attribute) and abs(left.value - right.value) <= 1


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
    believed: tuple[Constraint, ...] | None = None
    """What the system then believes is wanted and not wanted, None for a system without a belief."""

    @classmethod
    def of(cls, reply: Reply) -> Heard:
        """Keep what a person sees of `reply`; what a question is about is read off the belief."""
        items = tuple(item.id for item in reply.items)
        if not reply.belief:
            return cls(turn=reply.turn, text=reply.text, items=items, question=reply.question)
        belief = BeliefState.model_validate(reply.belief)
        asked, offered = None, None
        if reply.question is not None:
            question = belief.questions[-1]
            asked = question.attribute if question.yes is None else None
            gone = {(drop.attribute, drop.value) for drop in question.yes.drop} if question.yes else set()
            limits = [limit.constraint for limit in belief.constraints if (limit.attribute, limit.value) in gone]
            offered = tuple(limits) if question.yes else None
        return cls(
            turn=reply.turn,
            text=reply.text,
            items=items,
            question=reply.question,
            asked=asked,
            offered=offered,
            believed=tuple(_believed(belief)),
        )


def _believed(belief: BeliefState) -> Iterator[Constraint]:
    yield from (limit.constraint for limit in belief.constraints)
    for wish in belief.preferences:
        yield Constraint(attribute=wish.attribute, op="is" if wish.weight > 0 else "is_not", value=wish.value)


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
