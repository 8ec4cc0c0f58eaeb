"""What a message may say something about: one option for each item, value, bound, attribute and run of free words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.belief import BeliefState, Limit, Preference, same
from agent.linking.drafts import ItemSight, Sighting, ValueSight
from agent.linking.features import positive
from agent.linking.mentions import Bound, Mention
from agent.linking.residue import residue_at
from retrieval.catalog import Catalog, fold

Kind = Literal["item", "value", "bound", "attribute", "held", "near", "words"]
"""An item of the latest list or named; a value named; a bound named; all of an attribute in force; a value in force;
a value that is near in meaning to what was said; words that nothing covers."""

_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth")
_SUPERLATIVES = {
    "year": ("oldest", "newest"), "minutes": ("shortest", "longest"), "pages": ("shortest", "longest"),
    "price": ("cheapest", "dearest"), "rating": ("worst", "best"),
}  # fmt: skip
_VALUES, _PEOPLE = 4, 2
"""Values of a facet, and people of one column, by which an item is described."""


@dataclass(frozen=True, slots=True)
class Near:
    """A value close in meaning to some words of the message."""

    attribute: str
    value: str
    closeness: float
    span: tuple[int, int]
    """Characters [start, end) of the words it is closest to."""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a message may say something about."""

    kind: Kind
    text: str
    """How it is put to whoever judges."""
    attribute: str = ""
    value: str | int | float = ""
    negated: bool = False
    """Whether the words stand for anything but the value."""
    item_id: str = ""
    bounds: tuple[Bound, ...] = ()
    span: tuple[int, int] | None = None
    """Characters [start, end) of the message that point to it; None when it is only known from before."""
    sights: tuple[ItemSight | ValueSight, ...] = ()
    """Where the message names it, in text order."""
    closeness: float = 0.0
    """Of a near value, how close it is."""

    @property
    def mention(self) -> Mention | None:
        """The first place where the message names it."""
        return self.sights[0].mention if self.sights else None


@dataclass(frozen=True, slots=True)
class Scene:
    """A message in its context, with everything it may be about."""

    sighting: Sighting
    belief: BeliefState
    options: tuple[Option, ...]


def options_of(
    sighting: Sighting, belief: BeliefState, catalog: Catalog, near: Iterable[Near] = ()
) -> tuple[Option, ...]:
    """Return everything that the message may be about, each thing once, in a fixed order."""
    found = [*_items(sighting, belief, catalog), *_named(sighting, belief), *_attributes(sighting, belief)]
    known = {(option.attribute, fold(str(option.value))) for option in found if option.kind == "value"}
    for entry in belief.wishes:
        if (entry.attribute, fold(str(entry.value))) not in known:
            known.add((entry.attribute, fold(str(entry.value))))
            text = f"{entry.attribute}: {_written(entry)} {_state([entry])}"
            found.append(Option("held", text, entry.attribute, entry.value))
    for one in near:
        if (one.attribute, fold(one.value)) not in known:
            known.add((one.attribute, fold(one.value)))
            text = f"{one.attribute}: {one.value}"
            found.append(Option("near", text, one.attribute, one.value, span=one.span, closeness=one.closeness))
    message = sighting.message
    for start, end in residue_at(message, sighting.mentions):
        span = message.tokens[start].start, message.tokens[end - 1].end
        phrase = message.written(start, end)
        found.append(Option("words", f"words: {phrase}", "text", phrase, span=span))
    return tuple(found)


def _items(sighting: Sighting, belief: BeliefState, catalog: Catalog) -> Iterable[Option]:
    last = [line.item_id for line in belief.last_shown() if line.item_id in catalog]
    superlatives = _superlatives(last, catalog)
    sights: dict[str, list[ItemSight]] = defaultdict(list)
    for sight in sighting.items:
        sights[sight.item_id].append(sight)
    for item_id in dict.fromkeys((*last, *sights)):
        found = tuple(sights.get(item_id, ()))
        place = last.index(item_id) + 1 if item_id in last else 0
        head = [_place(place, len(last)), *(["this"] if item_id in belief.focus[:1] else [])]
        head += [entry.verdict for entry in belief.items if entry.item_id == item_id]
        item = catalog[item_id]
        facets = (
            ", ".join(item.values(column.name)[: _PEOPLE if column.people else _VALUES])
            for column in catalog.schema.with_role("facet")
        )
        described = [" ".join(superlatives[item_id]), *facets]
        text = f"{' '.join(head)}: {catalog.label(item)}. {'. '.join(filter(None, described))}"
        yield Option("item", text, item_id=item_id, span=_span(sighting, found), sights=found)


def _place(place: int, of: int) -> str:
    if not place:
        return "named"
    if of == 1:
        return "only 1"
    word = _PLACES[place - 1] if place <= len(_PLACES) else ""
    return f"{word}{' last' if place == of else ''} {place}".strip()


def _superlatives(item_ids: Sequence[str], catalog: Catalog) -> dict[str, list[str]]:
    """Return which of the items is the longest, the oldest and so on."""
    found: dict[str, list[str]] = defaultdict(list)
    for column in catalog.schema.with_role("number"):
        numbers = [(number, i) for i in item_ids if (number := catalog[i].number(column.name)) is not None]
        if len(numbers) > 1 and min(numbers)[0] < max(numbers)[0]:
            low, high = _SUPERLATIVES.get(column.unit, (f"lowest {column.name}", f"highest {column.name}"))
            found[min(numbers)[1]].append(low)
            found[max(numbers)[1]].append(high)
    return found


def _named(sighting: Sighting, belief: BeliefState) -> Iterable[Option]:
    together: dict[tuple[str, str, str], list[ValueSight]] = defaultdict(list)
    for sight in sighting.values:
        if sight.mention.kind == "value":
            together["value", sight.meaning.attribute, fold(str(sight.meaning.value))].append(sight)
        elif sight.mention.bounds:
            together["bound", sight.meaning.attribute, str(sight.mention.bounds)].append(sight)
    for (kind, attribute, _), found in together.items():
        sights, meaning, bounds = tuple(found), found[0].meaning, found[0].mention.bounds
        held = [entry for entry in belief.wishes if entry.attribute == attribute]
        span = _span(sighting, sights)
        if kind == "value":
            state = _state([entry for entry in held if same(entry.value, meaning.value)])
            text = f"{attribute}: {meaning.value} {'anything else ' if meaning.negated else ''}{state}"
            yield Option("value", text, attribute, meaning.value, meaning.negated, span=span, sights=sights)
        else:
            limits = " ".join(f"{bound.op.replace('_', ' ')} {bound.value:g}" for bound in bounds)
            text = f"{attribute} {limits}{_have(held)}"
            yield Option("bound", text, attribute, meaning.value, bounds=bounds, span=span, sights=sights)


def _attributes(sighting: Sighting, belief: BeliefState) -> Iterable[Option]:
    for attribute in dict.fromkeys(entry.attribute for entry in belief.wishes):
        held = [entry for entry in belief.wishes if entry.attribute == attribute]
        sights = tuple(
            sight
            for sight in sighting.values
            if sight.mention.kind == "attribute" and sight.meaning.attribute == attribute
        )
        text = f"any {attribute}{_have(held)}"
        yield Option("attribute", text, attribute, span=_span(sighting, sights), sights=sights)


def _have(entries: Sequence[Limit | Preference]) -> str:
    return ", have " + "; ".join(_written(entry) for entry in entries) if entries else ""


def _written(entry: Limit | Preference) -> str:
    numeric = isinstance(entry, Limit) and not isinstance(entry.value, str)
    return f"{entry.op.replace('_', ' ')} {entry.value}" if numeric and isinstance(entry, Limit) else str(entry.value)


def _state(entries: Sequence[Limit | Preference]) -> str:
    words = {(True, True): "must", (True, False): "must not", (False, True): "wanted", (False, False): "unwanted"}
    return " ".join(words[isinstance(entry, Limit), positive(entry)] for entry in entries)


def _span(sighting: Sighting, sights: Sequence[ItemSight | ValueSight]) -> tuple[int, int] | None:
    """Return the characters of the first mention, None for the item in focus, which no words name."""
    mention = sights[0].mention if sights else None
    if mention is None or mention.ref == "focus" or mention.start >= mention.end:
        return None
    tokens = sighting.message.tokens
    return tokens[mention.start].start, tokens[mention.end - 1].end
