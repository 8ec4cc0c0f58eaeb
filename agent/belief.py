"""What the agent believes a person wants, and the pure function that revises it."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from retrieval.catalog import fold
from retrieval.constraints import Constraint, Op

Intent = Literal["recommend", "search", "similar", "refine", "ask", "compare", "explain", "feedback", "chat", "restart"]
Verdict = Literal["liked", "disliked", "seen", "rejected", "accepted", "like_this", "unlike_this"]
INTENTS: tuple[Intent, ...] = get_args(Intent)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

OPPOSITES: dict[str, str] = {
    "liked": "disliked",
    "disliked": "liked",
    "accepted": "rejected",
    "rejected": "accepted",
    "like_this": "unlike_this",
    "unlike_this": "like_this",
}
NEVER_AGAIN: frozenset[str] = frozenset({"seen", "rejected", "disliked", "accepted"})
"""Verdicts after which an item is not recommended again."""


ITEMS = "items"
"""The attribute under which a drop takes back what was said about an item, whose id is the value."""


class Entry(BaseModel):
    """A frozen value with its provenance: the words it came from and the turn they were said in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str = ""
    turn: int = 0


class Limit(Entry):
    """A hard constraint in force."""

    attribute: str
    op: Op
    value: str | int | float

    @property
    def constraint(self) -> Constraint:
        """The executable part."""
        return Constraint(attribute=self.attribute, op=self.op, value=self.value)


class Preference(Entry):
    """A soft wish: an attribute value, or free words under the attribute `text`, with a sign."""

    attribute: str
    value: str | int | float
    weight: float = 1.0
    than: tuple[str, ...] = ()
    """Ids of the items that it is compared with: `older` than these, `funnier` than this one."""


class Drop(Entry):
    """What is taken back: one value of an attribute, or all of it when `value` is None."""

    attribute: str
    value: str | int | float | None = None


class ItemVerdict(Entry):
    """What was said about one item. `item_id` is None when the catalog has no such item."""

    ref: str
    verdict: Verdict
    item_id: str | None = None
    title: str = ""


class Shown(Entry):
    """One line of the ledger: an item shown in a turn at a position (1-based)."""

    item_id: str
    title: str
    position: int


class Question(Entry):
    """A question asked; `yes` is the update that a plain yes stands for."""

    attribute: str
    text: str
    yes: BeliefUpdate | None = None

    @property
    def asks(self) -> bool:
        """Whether it was put as a question; a way out that is only told waits for a yes all the same."""
        return self.text.endswith("?")


class BeliefUpdate(BaseModel):
    """What one message alone changes, in the words of the labelled dialogues."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intent: Intent = "recommend"
    drop: tuple[Drop, ...] = ()
    set: tuple[Limit, ...] = ()
    prefer: tuple[Preference, ...] = ()
    items: tuple[ItemVerdict, ...] = ()
    targets: tuple[str, ...] = ()
    """Ids of the items that a question, a comparison or a why is about; the belief does not change by them."""
    unknown: tuple[str, ...] = ()
    """Titles that were named and are not in the catalog, as written."""

    @property
    def wishes(self) -> tuple[Limit | Preference, ...]:
        """Everything asked for or against: limits, then preferences."""
        return (*self.set, *self.prefer)

    def changes(self) -> bool:
        """Tell whether applying this changes more than the intent."""
        return bool(self.drop or self.set or self.prefer or self.items) or self.intent == "restart"


class BeliefState(BaseModel):
    """Everything believed about one conversation; changed only by `apply`, `after_reply` and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intent: Intent = "recommend"
    constraints: tuple[Limit, ...] = ()
    preferences: tuple[Preference, ...] = ()
    items: tuple[ItemVerdict, ...] = ()
    """At most one entry per item and verdict, in the order they were said."""
    shown: tuple[Shown, ...] = ()
    """The ledger of items shown, oldest first."""
    questions: tuple[Question, ...] = ()
    focus: tuple[str, ...] = ()
    """Ids of the items spoken of last, or of the only item shown last: what `it` and `that one` mean."""
    turn: int = 0

    @property
    def wishes(self) -> tuple[Limit | Preference, ...]:
        """Everything asked for or against: limits, then preferences."""
        return (*self.constraints, *self.preferences)

    def excluded(self) -> frozenset[str]:
        """Ids of items that must not be recommended again: seen, rejected, disliked or accepted."""
        return frozenset(entry.item_id for entry in self.items if entry.item_id and entry.verdict in NEVER_AGAIN)

    def with_verdict(self, *verdicts: Verdict) -> tuple[str, ...]:
        """Ids of the catalog's items with one of `verdicts`, in the order they were said."""
        return tuple(
            dict.fromkeys(entry.item_id for entry in self.items if entry.item_id and entry.verdict in verdicts)
        )

    def last_shown(self) -> tuple[Shown, ...]:
        """Return the latest list, by position; empty before anything was shown."""
        latest = max((entry.turn for entry in self.shown), default=0)
        return tuple(entry for entry in self.shown if entry.turn == latest)

    def after_reply(self, shown: tuple[Shown, ...], question: Question | None) -> BeliefState:
        """Enter what a reply showed and asked into the ledger."""
        asked = self.questions if question is None else (*self.questions, question)
        focus = tuple(line.item_id for line in shown if len(shown) == 1) if shown else self.focus
        return self.model_copy(update={"shown": (*self.shown, *shown), "questions": asked, "focus": focus})


def same(left: str | int | float, right: str | int | float) -> bool:
    """Compare two values as people mean them: numbers by value, words without case."""
    try:
        return float(left) == float(right)
    except ValueError:
        return fold(str(left)) == fold(str(right))


def apply(belief: BeliefState, update: BeliefUpdate, turn: int | None = None) -> BeliefState:
    """Return the belief after one message; pure: B(t+1) = f(B(t), F(t)).

    Order: restart, drop, set, prefer, items. Correction beats accumulation: a new limit or wish removes the entries it
    contradicts. A drop of `items` takes back the verdicts on one item. A restart keeps the verdicts that exclude items
    and the ledger of what was shown and asked, nothing else. `turn` stamps the new entries, the next one by default.
    """
    turn = belief.turn + 1 if turn is None else turn
    constraints, preferences, items = belief.constraints, belief.preferences, belief.items
    if update.intent == "restart":
        constraints, preferences = (), ()
        items = tuple(entry for entry in items if entry.verdict in NEVER_AGAIN)
    for drop in update.drop:
        constraints = tuple(entry for entry in constraints if not _dropped(entry, drop))
        preferences = tuple(entry for entry in preferences if not _dropped(entry, drop))
        items = tuple(entry for entry in items if not _withdrawn(entry, drop))
    for limit in update.set:
        constraints = tuple(entry for entry in constraints if not _contradicts(limit, entry))
        preferences = tuple(entry for entry in preferences if not _overrules(limit, entry))
        constraints = (*constraints, limit.model_copy(update={"turn": turn}))
    for wish in update.prefer:
        preferences = tuple(entry for entry in preferences if not _about_same(wish, entry))
        unwanted: Op = "is_not" if wish.weight > 0 else "is"
        constraints = tuple(entry for entry in constraints if not (entry.op == unwanted and _about_same(wish, entry)))
        preferences = (*preferences, wish.model_copy(update={"turn": turn}))
    for verdict in update.items:
        items = tuple(entry for entry in items if not _revised(verdict, entry))
        items = (*items, verdict.model_copy(update={"turn": turn}))
    return BeliefState(
        intent=update.intent,
        constraints=constraints,
        preferences=preferences,
        items=items,
        shown=belief.shown,
        questions=belief.questions,
        focus=update.targets or tuple(entry.item_id for entry in update.items if entry.item_id) or belief.focus,
        turn=turn,
    )


def _about_same(left: Limit | Preference, right: Limit | Preference) -> bool:
    return fold(left.attribute) == fold(right.attribute) and same(left.value, right.value)


def _dropped(entry: Limit | Preference, drop: Drop) -> bool:
    return fold(entry.attribute) == fold(drop.attribute) and (drop.value is None or same(entry.value, drop.value))


def _withdrawn(entry: ItemVerdict, drop: Drop) -> bool:
    return drop.attribute == ITEMS and entry.item_id is not None and drop.value in (None, entry.item_id)


def _contradicts(new: Limit, old: Limit) -> bool:
    """Tell whether `old` cannot stand beside `new`: the same bound, a crossed range, or is against is not."""
    if fold(new.attribute) != fold(old.attribute):
        return False
    pair = (new.op, old.op)
    if pair == ("at_least", "at_most"):
        return float(old.value) < float(new.value)
    if pair == ("at_most", "at_least"):
        return float(old.value) > float(new.value)
    if new.op in ("at_least", "at_most"):
        return old.op == new.op or (old.op == "is" and not isinstance(old.value, str))
    if new.op == "is" and not isinstance(new.value, str):
        return old.op != "contains"
    return same(new.value, old.value) and (old.op == new.op or {new.op, old.op} == {"is", "is_not"})


def _overrules(limit: Limit, wish: Preference) -> bool:
    """Tell whether a hard limit makes a soft wish about the same value superfluous or contradicts it."""
    return limit.op in ("is", "is_not") and _about_same(limit, wish)


def _revised(new: ItemVerdict, old: ItemVerdict) -> bool:
    """Tell whether `new` replaces `old`: the same item, and the same or the opposite verdict."""
    same_item = new.item_id == old.item_id if new.item_id or old.item_id else fold(new.ref) == fold(old.ref)
    return same_item and old.verdict in (new.verdict, OPPOSITES.get(new.verdict))


Question.model_rebuild()
