"""Scripted dialogues: what a person says turn by turn, and what must hold after each turn."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agent.belief import Intent, Verdict
from retrieval.constraints import Constraint, Op

FeedbackVerdict = Literal[
    "liked", "disliked", "seen", "rejected", "accepted", "like_this", "unlike_this", "thumbs_up", "thumbs_down"
]


SHOWN = re.compile(r"turn (\d+) item (\d+)")
"""How a scenario names an item by where it was shown."""


class Strict(BaseModel):
    """A frozen value read from outside; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bounds(Strict):
    """A range of numbers, both ends included; a bare number stands for exactly that."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _possible(self) -> Bounds:
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"no number is at least {self.at_least:g} and at most {self.at_most:g}")
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        return self

    def hold(self, number: float) -> bool:
        """Tell whether `number` lies within."""
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)

    def __str__(self) -> str:
        """Write the range as a person would: `3`, `at least 3`, `1 to 4`."""
        if self.at_least == self.at_most:
            return f"{self.at_least:g}"
        if self.at_most is None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_least is None else f"{self.at_least:g} to {self.at_most:g}"


def _from_number(value: Any) -> Any:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return {"at_least": value, "at_most": value} if plain else value


def _from_word(value: Any) -> Any:
    if isinstance(value, bool):
        return {"asked": value}
    return {"about": value} if isinstance(value, str) else value


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Range = Annotated[Bounds, BeforeValidator(_from_number, json_schema_input_type=Bounds | float)]
"""Bounds, or a number that stands for exactly that."""
Intents = Annotated[
    tuple[Intent, ...], BeforeValidator(_one_or_several, json_schema_input_type=Intent | list[Intent])
]
Words = Annotated[tuple[str, ...], BeforeValidator(_one_or_several, json_schema_input_type=str | list[str])]


class ItemLimit(Constraint):
    """A limit that items are held to; the bound of a number may be that of an item shown: `turn 1 item 2`."""

    @model_validator(mode="after")
    def _bound(self) -> ItemLimit:
        bounded = self.op in ("at_least", "at_most") and isinstance(self.value, str)
        if bounded and not SHOWN.fullmatch(str(self.value)):
            raise ValueError(f"{self.op} needs a number or an item shown, as in `turn 1 item 2`, not {self.value!r}")
        return self


class LimitPattern(Strict):
    """A hard constraint of the belief; what is left out matches everything."""

    attribute: str
    op: Op | None = None
    value: str | int | float | None = None


class WishPattern(Strict):
    """A soft wish of the belief; of the weight only the sign counts."""

    attribute: str | None = None
    value: str | int | float | None = None
    weight: Literal[1, -1] | None = None


class DropPattern(Strict):
    """Something taken back; without a value, whatever of the attribute it was."""

    attribute: str
    value: str | int | float | None = None


class VerdictPattern(Strict):
    """What was said about one item."""

    item: str
    """By label (`T (YYYY)`), title, id, or where it was shown: `turn 1 item 2`, turns of the file counted from 1."""
    verdict: Verdict | None = None


def said(pattern: Strict) -> str:
    """Write a pattern in a few words: `genres is not Horror`."""
    return " ".join(str(value).replace("_", " ") for value in pattern.model_dump(exclude_none=True).values())


Pattern = TypeVar("Pattern", bound=Strict)


class Entries(Strict, Generic[Pattern]):
    """Entries that must be there, and some that must not."""

    has: tuple[Pattern, ...] = ()
    lacks: tuple[Pattern, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Entries[Pattern]:
        for pattern in self.has:
            if pattern in self.lacks:
                raise ValueError(f"{said(pattern)} cannot be there and not be there: leave one of the two out")
        return self


class LimitEntries(Entries[LimitPattern]):
    """Hard limits that must be there, and some that must not."""


class WishEntries(Entries[WishPattern]):
    """Soft wishes that must be there, and some that must not."""


class DropEntries(Entries[DropPattern]):
    """Things taken back that must be there, and some that must not."""


class VerdictEntries(Entries[VerdictPattern]):
    """Verdicts that must be there, and some that must not."""


class ExpectedUpdate(Strict):
    """What this message alone must change."""

    nothing: Literal[True] | None = None
    """The belief stays as it was, the intent aside."""
    set: LimitEntries = LimitEntries()
    prefer: WishEntries = WishEntries()
    drop: DropEntries = DropEntries()
    items: VerdictEntries = VerdictEntries()


class ExpectedBelief(Strict):
    """What must be believed after the turn."""

    constraints: LimitEntries = LimitEntries()
    preferences: WishEntries = WishEntries()
    items: VerdictEntries = VerdictEntries()


class ExpectedItems(Strict):
    """What must be recommended in the turn."""

    count: Range | None = None
    all: tuple[ItemLimit, ...] = ()
    """Every item satisfies every one of these."""
    any: tuple[ItemLimit, ...] = ()
    """Each of these is satisfied by at least one item."""
    none: tuple[ItemLimit, ...] = ()
    """No item satisfies any of these."""
    includes: tuple[str, ...] = ()
    """Items that must be there, named as in `VerdictPattern.item`."""
    excludes: tuple[str, ...] = ()
    not_shown_before: bool = False
    """Whether every item must be new to this conversation."""
    semantic_ids_valid: bool = False
    """Whether every item must carry the Semantic ID that the index gave it."""
    diversity: Range | None = None
    """Mean distance of two items, 0..1: one minus the share of facet values that they have in common (Jaccard)."""

    @model_validator(mode="after")
    def _possible(self) -> ExpectedItems:
        for limit in (*self.all, *self.any):
            if limit in self.none:
                raise ValueError(f"an item with {limit} cannot be asked for and ruled out: leave one of the two out")
        for name in self.includes:
            if name in self.excludes:
                raise ValueError(f"{name!r} cannot be included and excluded: leave one of the two out")
        most = None if self.count is None else self.count.at_most
        if most is not None and most < max(len(self.includes), bool(self.any)):
            raise ValueError(f"at most {most:g} items cannot hold all that must be there: raise count or ask for less")
        return self


class ExpectedReasons(Strict):
    """What the reasons beside the items must be."""

    grounded: Literal[True] | None = None
    """Every item has a reason, and each fact in it is in the item's data or the belief."""
    mentions: tuple[str, ...] = ()
    """Words each of which stands in at least one reason; case does not count."""


class ExpectedText(Strict):
    """Words that the reply must and must not hold; case does not count."""

    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class ExpectedQuestion(Strict):
    """Whether a question is asked, and about what; `true`, `false` or an attribute stand for the whole."""

    asked: bool = True
    about: str | None = None
    """The attribute that the question is about."""

    @model_validator(mode="after")
    def _possible(self) -> ExpectedQuestion:
        if self.about is not None and not self.asked:
            raise ValueError("a question that is not asked is about nothing: leave one of the two out")
        return self


Asked = Annotated[
    ExpectedQuestion, BeforeValidator(_from_word, json_schema_input_type=ExpectedQuestion | bool | str)
]


class Expect(Strict):
    """What must hold after one turn. Everything is optional; wording is never compared as a whole."""

    intent: Intents = ()
    """The intent understood: one, or any of several."""
    action: Words = ()
    """What was decided: one, or any of several."""
    update: ExpectedUpdate = ExpectedUpdate()
    belief: ExpectedBelief = ExpectedBelief()
    items: ExpectedItems = ExpectedItems()
    reasons: ExpectedReasons = ExpectedReasons()
    text: ExpectedText = ExpectedText()
    question: Asked | None = None
    latency_ms: Range | None = None


class Given(Strict):
    """Feedback by a click: on the item at a position of the latest list (1-based), or on the whole reply."""

    item: int | str | None = None
    verdict: FeedbackVerdict
    words: str = ""


class Removed(Strict):
    """A chip removed from what was understood."""

    attribute: str
    value: str | int | float | None = None


class Turn(Strict):
    """One thing that the person does: says something, clicks a verdict, or removes a chip."""

    say: str | None = Field(default=None, min_length=1)
    feedback: Given | None = None
    remove: Removed | None = None
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _one_thing(self) -> Turn:
        done = [name for name in ("say", "feedback", "remove") if getattr(self, name) is not None]
        if len(done) != 1:
            raise ValueError(f"a turn is one of say, feedback and remove; this one has {' and '.join(done) or 'none'}")
        if self.feedback is not None and "expect" in self.model_fields_set:
            raise ValueError("feedback has no reply to expect anything of; put the expectation on the next turn")
        return self


class Scenario(Strict):
    """A scripted dialogue and what must hold after each turn."""

    name: str = Field(min_length=1)
    tags: tuple[str, ...] = ()
    gap: str = ""
    """What the program does instead, where it is known not to be there yet; counted apart from failures."""
    turns: tuple[Turn, ...]

    @model_validator(mode="after")
    def _begins(self) -> Scenario:
        if not self.turns:
            raise ValueError("a scenario has at least one turn")
        return self


def json_schema() -> str:
    """Return the JSON Schema of a scenario file, for editors that complete and check YAML as it is written."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=1, sort_keys=True)
