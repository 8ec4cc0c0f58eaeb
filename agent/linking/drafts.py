"""What is found in a message before and after it is judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from agent.belief import Drop, ItemVerdict, Limit, Preference
from agent.linking import scope
from agent.linking.lexicon import Meaning
from agent.linking.mentions import Mention
from agent.linking.words import Message

E = TypeVar("E", Limit, Preference)


@dataclass(frozen=True, slots=True)
class ItemSight:
    """An item that a message names, or the one in focus, and what its verdict is judged by."""

    mention: Mention
    item_id: str
    features: list[str]
    context: tuple[str, str] = ("", "")
    """The words before and after it that speak of it."""


@dataclass(frozen=True, slots=True)
class ValueSight:
    """A value, bound or attribute that a message names and what its stance is judged by."""

    mention: Mention
    meaning: Meaning
    features: list[str]
    reading: scope.Reading = field(default_factory=lambda: scope.Reading("none"))


@dataclass(frozen=True, slots=True)
class Sighting:
    """Everything found in a message before it is judged."""

    message: Message
    mentions: tuple[Mention, ...]
    items: tuple[ItemSight, ...]
    values: tuple[ValueSight, ...]


@dataclass
class Draft:
    """The update while it is put together."""

    limits: list[Limit] = field(default_factory=list)
    wishes: list[Preference] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    verdicts: list[ItemVerdict] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing is changed and no item spoken of."""
        return not (self.limits or self.wishes or self.drops or self.verdicts or self.targets)

    def add_drop(self, attribute: str, value: str | int | float | None, words: str) -> None:
        """Take back once."""
        if not any(drop.attribute == attribute and drop.value in (None, value) for drop in self.drops):
            self.drops.append(Drop(attribute=attribute, value=value, words=words))


def facts_of(
    limits: Iterable[Limit], wishes: Iterable[Preference], drops: Iterable[Drop], verdicts: Iterable[ItemVerdict]
) -> list[str]:
    """Return what an update holds, in the words of the judge of intents."""
    facts = {f"set:{'not' if entry.op == 'is_not' else 'is'}" for entry in limits}
    facts |= {"wish:+" if entry.weight > 0 else "wish:-" for entry in wishes}
    facts |= {"drop" for _ in drops} | {entry.verdict for entry in verdicts}
    return sorted(facts) or ["nothing"]


def soften_choices(message: Message, draft: Draft) -> None:
    """Make wishes of values offered as a choice (`thriller or mystery`): both cannot be asked of one item."""
    named = [limit for limit in draft.limits if limit.op == "is" and isinstance(limit.value, str) and limit.words]
    offered: list[Limit] = []
    for choice in re.finditer(r"\bor\b", message.line):
        place = message.span(choice)[0]
        before, after = (
            message.written(max(place - 3, 0), place),
            message.written(place + 1, min(place + 4, len(message))),
        )
        lefts, rights = ([limit for limit in named if _stands_in(limit.words, side)] for side in (before, after))
        pairs = [(one, other) for one in lefts for other in rights if one.attribute == other.attribute]
        offered += [limit for one, other in pairs if one is not other for limit in (one, other)]
    for limit in dict.fromkeys(offered):
        draft.limits.remove(limit)
        draft.wishes.append(Preference(attribute=limit.attribute, value=limit.value, weight=1, words=limit.words))


def _stands_in(words: str, text: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))


def unique(entries: Sequence[E]) -> list[E]:
    """Return `entries` without repetitions, the first of each kept."""
    found: dict[tuple[str, str, str], E] = {}
    for entry in entries:
        op = entry.op if isinstance(entry, Limit) else ""
        found.setdefault((entry.attribute, op, str(entry.value)), entry)
    return list(found.values())
