"""Limits relative to items: `newer than those`, `no longer than the second`, `ten years older than it`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.belief import BeliefState
from agent.directions import direction, measured_by
from agent.inflection import bases
from agent.linking.comparatives import named_after
from agent.linking.mentions import Bound, Mention
from agent.linking.numbers import amount
from agent.linking.words import NUMBER_WORDS, Message
from retrieval.catalog import Catalog, Column

_REFUSED = re.compile(r"\b(?:no|not|nothing|none|never|dont|isnt|cant|wont|without)(?: \w+){0,2}$")
_NUMBER = rf"\d+(?:[.,]\d+)?|an?|few|(?:{'|'.join(NUMBER_WORDS)})(?: (?:{'|'.join(NUMBER_WORDS)}))?"
_MARGIN = re.compile(
    rf"\b(?:(?:at least|about|around|like) )?(?:(?P<half>half an hour)|(?P<count>{_NUMBER}) "
    r"(?P<unit>decades?|years?|yrs?|hours?|minutes?|mins?|pages?))$"
)
_TIMES = {"decade": 10, "hour": 60}
_DECADE = re.compile(r"\b(?:the same|that|this) decade\b(?: as)?")
_KINDS = frozenset(("length", "year", "price"))
"""What limits are set on; `better than that` is no limit."""


class RelativeLinker:
    """Finds limits that items set, by the numbers that the catalog has of these."""

    def __init__(self, catalog: Catalog) -> None:
        """Look up which columns comparatives can be about, and how finely each counts."""
        self.catalog = catalog
        self.columns: dict[str, Column] = {}
        for column in catalog.schema.with_role("number"):
            for kind in sorted(measured_by(column) & _KINDS):
                self.columns.setdefault(kind, column)
        self.steps = {column.name: self._step(column) for column in self.columns.values()}

    def link(self, message: Message, items: Sequence[Mention], belief: BeliefState) -> list[Mention]:
        """Return the limits that `message` sets by comparing with `items`, its mentions, or with what was shown."""
        return [*self._compared(message, items, belief), *self._decades(message, items, belief)]

    def _compared(self, message: Message, items: Sequence[Mention], belief: BeliefState) -> Iterator[Mention]:
        norms = [token.norm for token in message.tokens]
        for place in range(1, len(norms) - 1):
            if norms[place] not in ("than", "then"):
                continue
            first = place - 2 if place > 1 and norms[place - 2] in ("more", "less") else place - 1
            word = " ".join(norms[first:place])
            named = named_after(message, items, belief, place + 1)
            if named is None or (first == place - 1 and bases(word) == {word}):
                continue
            for column in self.columns.values():
                if way := direction(word, column):
                    margin = self._margin(message, first, column)
                    start = first - (len(margin[0].split()) if margin else 0)
                    less_or_equal = _REFUSED.search(message.piece(max(start - 4, 0), start))
                    refused = len(less_or_equal[0].split()) if less_or_equal else 0
                    bound = self._bound(column, way, named.items, _amount(margin), bool(refused))
                    if bound is not None:
                        spoken = () if named.pointed else named.items
                        span = (start - refused, named.end)
                        yield Mention(*span, "bound", 3.0, bounds=(bound,), item_ids=spoken, ref=word)
                    break

    def _bound(self, column: Column, way: int, item_ids: Sequence[str], margin: float, refused: bool) -> Bound | None:
        numbers = [self.catalog[item].number(column.name) for item in item_ids if item in self.catalog]
        known = [number for number in numbers if number is not None]
        if not known:
            return None
        start = max(known) if way > 0 else min(known)
        if refused:  # no newer than those: as new as the newest of them
            return Bound(column.name, "at_most" if way > 0 else "at_least", start + way * margin)
        value = round(start + way * (margin or self.steps[column.name]), 2)
        return Bound(column.name, "at_least" if way > 0 else "at_most", value)

    def _decades(self, message: Message, items: Sequence[Mention], belief: BeliefState) -> Iterator[Mention]:
        column = self.columns.get("year")
        for match in _DECADE.finditer(message.line) if column else ():
            start, end = message.span(match)
            named = named_after(message, items, belief, end) if match[0].endswith("as") else None
            spoken = [item for mention in items for item in mention.item_ids]
            item_ids = named.items if named else spoken or belief.focus or [one.item_id for one in belief.last_shown()]
            numbers = [self.catalog[item].number(column.name) for item in item_ids if item in self.catalog]  # type: ignore[union-attr]
            decades = {int(number) // 10 * 10 for number in numbers if number is not None}
            if len(decades) == 1 and column:
                low = decades.pop()
                bounds = (Bound(column.name, "at_least", low), Bound(column.name, "at_most", low + 9))
                ids = named.items if named and not named.pointed else ()
                yield Mention(start, named.end if named else end, "bound", 3.0, bounds=bounds, item_ids=ids)

    @staticmethod
    def _margin(message: Message, place: int, column: Column) -> re.Match[str] | None:
        """Return the difference that stands before a comparative in the column's own unit: `ten years` older."""
        match = _MARGIN.search(message.piece(max(place - 5, 0), place))
        if match is None:
            return None
        unit = "hour" if match["half"] else match["unit"].rstrip("s")
        units = {"year": ("decade", "year", "yr"), "minutes": ("hour", "minute", "min"), "pages": ("page",)}
        return match if unit in units.get(column.unit, ()) else None

    def _step(self, column: Column) -> float:
        """Return the least difference between numbers of the column: 1 where all are whole, else a hundredth."""
        numbers = (item.number(column.name) for item in self.catalog)
        return 1.0 if all(number is None or number.is_integer() for number in numbers) else 0.01


def _amount(margin: re.Match[str] | None) -> float:
    if margin is None:
        return 0.0
    if margin["half"]:
        return 30.0
    return (amount(margin["count"]) or 0.0) * _TIMES.get(margin["unit"].rstrip("s"), 1)
