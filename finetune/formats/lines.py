"""What may stand on a line of a file that goes out: one model for each format, by which it is written and checked.

`dialogues` are our own, `messages` chats, `preferences` and `kto` what TRL calls conversational preference and unpaired
preference data, `sharegpt` chats with human and gpt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from agent.belief import Intent, Verdict
from retrieval.constraints import Op

Format = Literal["dialogues", "messages", "preferences", "kto", "sharegpt"]
BOUNDS = ("at_least", "at_most")


def _value(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"is {kind_of(value)}, not text or a number: write one of them")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"is {value}, no number: write one, or leave the entry out")
    return value


def _id(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError(f"is {kind_of(value)}, not a name: write text that no other line has")
    return value


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("says nothing: write words, or leave it out")
    return value


def kind_of(value: object) -> str:
    """Return what a value of JSON is called; of text and numbers that are short, the value itself."""
    names = {"str": "text", "bool": "true or false", "int": "a number", "float": "a number", "NoneType": "null"}
    names |= {"list": "a list", "tuple": "a list", "dict": "an object"}
    written = repr(value)
    short = isinstance(value, str | int | float | bool) and len(written) <= 40
    return written if short else names.get(type(value).__name__, "something else")


Value = Annotated[Any, BeforeValidator(_value)]
Id = Annotated[Any, BeforeValidator(_id)]
Words = Annotated[str, AfterValidator(_words)]


class Open(BaseModel):
    """A place in which other programs may keep fields of their own."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class Closed(BaseModel):
    """A place in which every field has a meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Bound(Closed):
    """A hard limit."""

    attribute: Words
    op: Op
    value: Value

    @field_validator("value")
    @classmethod
    def _number_where_compared(cls, value: Any, info: ValidationInfo) -> Any:
        try:
            float(value) if info.data.get("op") in BOUNDS else None
        except (ValueError, OverflowError):
            raise ValueError(f"{value!r:.40} is no number: {info.data['op']} needs one") from None
        return value


class Wish(Closed):
    """A soft wish, or something unwanted."""

    attribute: Words
    value: Value
    weight: float = Field(1.0, allow_inf_nan=False)


class Taken(Closed):
    """What is taken back."""

    attribute: Words
    value: Value = None

    @field_validator("value", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("is null: leave it out to take back all of the attribute")
        return value


class Judged(Closed):
    """What is said of an item."""

    ref: Words
    verdict: Verdict


class Update(Closed):
    """What one message changes."""

    intent: Intent = "recommend"
    set: tuple[Bound, ...] = ()
    prefer: tuple[Wish, ...] = ()
    drop: tuple[Taken, ...] = ()
    items: tuple[Judged, ...] = ()


class Card(Open):
    """An item that was shown."""

    title: Words
    reason: str = ""
    propensity: float | None = Field(None, gt=0, le=1)
    """The probability with which our own list showed it: then it is right only where it was taken."""


class Turn(Open):
    """A message and the answer to it; a verdict by a button has no words."""

    user: str
    update: Update
    shown: tuple[Card, ...] = ()
    reply: str = ""
    thumb: Literal["up", "down"] | None = None


class Dialogue(Open):
    """A conversation as `sft --log` and `ranker --log` read it."""

    id: Id
    split: Literal["train", "dev"] = "train"
    who: str = ""
    """Stands for who talked, the same in all of their conversations."""
    turns: tuple[Turn, ...] = Field(min_length=1)


class Message(Closed):
    """One message of a chat."""

    role: Literal["user", "assistant"]
    content: Words


class Remark(Closed):
    """One message of a chat as ShareGPT has it."""

    sender: Literal["human", "gpt"] = Field(alias="from")
    value: Words


def _in_turn(messages: Sequence[Message | Remark]) -> Sequence[Message | Remark]:
    """Return messages of which the first is the person's and no two of the same follow each other."""
    person = True
    for place, message in enumerate(messages):
        own = (message.role if isinstance(message, Message) else message.sender) in ("user", "human")
        if own is not person:
            wrong = "is the person's again" if own else "is the answer to nothing"
            fix = "join it with the one before" if own or place else "begin with what the person says"
            raise ValueError(f"message {place} {wrong}: {fix}")
        person = not person
    return messages


def _asking(messages: Sequence[Message]) -> Sequence[Message]:
    if messages and messages[-1].role != "user":
        raise ValueError("ends with an answer: end with what the person says")
    return messages


def _answering(messages: Sequence[Message]) -> Sequence[Message]:
    if any(message.role != "assistant" for message in messages):
        raise ValueError("holds what the person says: leave only what is answered")
    return messages


Chat = Annotated[tuple[Message, ...], Field(min_length=1), AfterValidator(_in_turn)]
Prompt = Annotated[tuple[Message, ...], Field(min_length=1), AfterValidator(_in_turn), AfterValidator(_asking)]
Answer = Annotated[tuple[Message, ...], Field(min_length=1), AfterValidator(_answering)]


class Messages(Open):
    """A whole chat."""

    id: Id = None
    messages: Chat


class Preference(Open):
    """Two answers to the same prompt, of which one was liked or taken and the other was not."""

    prompt: Prompt
    chosen: Answer
    rejected: Answer
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)
    """One over the probability with which the chosen item was shown."""
    conversation: str = ""
    turn: int = Field(0, ge=0)

    @field_validator("rejected")
    @classmethod
    def _not_the_chosen(cls, rejected: tuple[Message, ...], info: ValidationInfo) -> tuple[Message, ...]:
        if rejected == info.data.get("chosen"):
            raise ValueError("is what was chosen: leave the pair out")
        return rejected


class Kto(Open):
    """One answer to a prompt, and whether it was good."""

    prompt: Prompt
    completion: Answer
    label: bool
    conversation: str = ""
    turn: int = Field(0, ge=0)


class ShareGpt(Open):
    """A whole chat as ShareGPT has it."""

    id: Id = None
    conversations: Annotated[tuple[Remark, ...], Field(min_length=1), AfterValidator(_in_turn)]


MODELS: dict[Format, type[Open]] = {
    "dialogues": Dialogue, "messages": Messages, "preferences": Preference, "kto": Kto, "sharegpt": ShareGpt,
}  # fmt: skip
SIGNS: dict[str, Format] = {
    "turns": "dialogues", "messages": "messages", "chosen": "preferences", "rejected": "preferences",
    "completion": "kto", "label": "kto", "conversations": "sharegpt",
}  # fmt: skip
"""A field by which a format is known -> the format; the first that is there decides."""
NAMED: frozenset[Format | None] = frozenset({"dialogues", "messages", "sharegpt"})
"""Formats in which every line is a conversation with a name of its own."""


def format_of(values: Mapping[str, Any]) -> Format | None:
    """Return which of our formats a line has, None for another one."""
    return next((found for sign, found in SIGNS.items() if sign in values), None)
