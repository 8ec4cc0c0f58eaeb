"""Compare one reply with what was expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.belief import BeliefState, Entry, ItemVerdict, Limit, Preference, same
from agent.reasons import FactCheck
from agent.reply import Reply
from evals.reading import Place, find_item
from evals.scenario import SHOWN, Expect, ExpectedItems, ItemLimit, LimitPattern, WishPattern
from retrieval.catalog import Catalog, fold
from retrieval.constraints import Constraint


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what became of it."""

    place: Place
    """Where it stands below `expect`."""
    expected: str
    got: str
    holds: bool


@dataclass(frozen=True)
class Seen:
    """One reply with all that its expectations are compared with."""

    reply: Reply
    catalog: Catalog
    facts: FactCheck
    shown: Mapping[int, tuple[str, ...]]
    """Turn of the file, from 1 -> ids of the items it showed, for all earlier turns."""
    seconds: float
    """From the message to the last word of the reply."""

    def item(self, name: str) -> str | None:
        """Return the id of a named item, None when the list that it was to stand on was shorter."""
        match = SHOWN.fullmatch(name)
        if match is None:
            return find_item(name, self.catalog)
        items = self.shown.get(int(match[1]), ())
        return items[int(match[2]) - 1] if 1 <= int(match[2]) <= len(items) else None

    def limit(self, limit: ItemLimit) -> Constraint | None:
        """Return a limit with its bound as a number, None when the item it is taken from has none."""
        value: str | float | None = limit.value
        if isinstance(value, str) and limit.op in ("at_least", "at_most"):
            item = self.item(value)
            value = self.catalog[item].number(limit.attribute) if item else None
        return None if value is None else Constraint(attribute=limit.attribute, op=limit.op, value=value)


def compare(expect: Expect, seen: Seen) -> Iterator[Check]:
    """Yield one check for each expectation, in the order in which a reader meets them in the file."""
    reply = seen.reply
    if expect.intent:
        got = str(reply.update.get("intent", ""))
        yield Check(("intent",), " or ".join(expect.intent), got, got in expect.intent)
    if expect.action:
        yield Check(("action",), " or ".join(expect.action), reply.action, reply.action in expect.action)
    yield from _belief(expect, seen)
    yield from _items(expect.items, seen)
    if expect.reasons.grounded:
        yield from _grounded(seen)
    for key, wanted in (("contains", True), ("lacks", False)):
        for position, words in enumerate(getattr(expect.text, key)):
            found = fold(words) in fold(reply.text)
            expected = f"{'' if wanted else 'no '}{words!r}"
            yield Check(("text", key, position), expected, repr(reply.text), found == wanted)
    if expect.question is not None:
        asked = reply.question is not None
        expected = "a question" if expect.question else "no question"
        yield Check(("question",), expected, repr(reply.question) if asked else "no question", asked == expect.question)
    if expect.latency_ms is not None:
        took = seen.seconds * 1000
        yield Check(("latency_ms",), f"{expect.latency_ms} ms", f"{took:.0f} ms", expect.latency_ms.hold(took))


def belief_state(belief: Mapping[str, Any]) -> BeliefState:
    """Rebuild the limits, wishes and verdicts of a reply's plain belief."""

    def known(entry: Mapping[str, Any], model: type[Entry]) -> dict[str, Any]:
        return {key: value for key, value in entry.items() if key in model.model_fields}

    return BeliefState(
        constraints=tuple(Limit(**known(entry, Limit)) for entry in belief.get("constraints", ())),
        preferences=tuple(Preference(**known(entry, Preference)) for entry in belief.get("preferences", ())),
        items=tuple(
            ItemVerdict(**{"ref": entry.get("title") or "", **known(entry, ItemVerdict)})
            for entry in belief.get("items", ())
        ),
    )


def _belief(expect: Expect, seen: Seen) -> Iterator[Check]:
    state = belief_state(seen.reply.belief)
    limits = [str(entry.constraint) for entry in state.constraints]
    for key, wanted in (("has", True), ("lacks", False)):
        for position, limit in enumerate(getattr(expect.belief.constraints, key)):
            holds = any(_limit_matches(limit, entry) for entry in state.constraints) == wanted
            yield Check(("belief", "constraints", key, position), _wording(limit, wanted), _listed(limits), holds)
    wishes = [f"{entry.attribute} {entry.value} ({entry.weight:+g})" for entry in state.preferences]
    for key, wanted in (("has", True), ("lacks", False)):
        for position, wish in enumerate(getattr(expect.belief.preferences, key)):
            holds = any(_wish_matches(wish, entry) for entry in state.preferences) == wanted
            yield Check(("belief", "preferences", key, position), _wording(wish, wanted), _listed(wishes), holds)
    verdicts = [f"{entry.verdict}: {entry.title or entry.ref}" for entry in state.items]
    for key, wanted in (("has", True), ("lacks", False)):
        for position, verdict in enumerate(getattr(expect.belief.items, key)):
            item = seen.item(verdict.item)
            held = any(entry.item_id == item and verdict.verdict in (None, entry.verdict) for entry in state.items)
            expected = f"{'' if wanted else 'not '}{verdict.verdict or 'a verdict on'}: {_named(verdict.item, seen)}"
            holds = item is not None and held == wanted
            yield Check(("belief", "items", key, position), expected, _listed(verdicts), holds)


def _items(expect: ExpectedItems, seen: Seen) -> Iterator[Check]:
    ids = [item.id for item in seen.reply.items]
    shown = [item.title for item in seen.reply.items]
    if expect.count is not None:
        yield Check(("items", "count"), f"{expect.count} items", _listed(shown), expect.count.hold(len(ids)))
    for key in ("all", "any", "none"):
        for position, written in enumerate(getattr(expect, key)):
            limit = seen.limit(written)
            allowed = [limit is not None and limit.allows(seen.catalog[item]) for item in ids]
            titles = [title for title, allow in zip(shown, allowed, strict=True) if allow == (key == "none")]
            match key:
                case "all":
                    expected, got, holds = f"every item: {limit}", f"not so: {_listed(titles)}", not titles
                case "any":
                    expected, got, holds = f"an item with {limit}", _listed(shown), any(allowed)
                case _:
                    expected, got, holds = f"no item with {limit}", _listed(titles), not titles
            if limit is None:
                expected, got, holds = str(written), f"{written.value} has no known {written.attribute}", False
            yield Check(("items", key, position), expected, got, holds)
    for key, wanted in (("includes", True), ("excludes", False)):
        for position, name in enumerate(getattr(expect, key)):
            item = seen.item(name)
            holds = item is not None and (item in ids) == wanted
            expected = f"{'' if wanted else 'not '}{_named(name, seen)}"
            yield Check(("items", key, position), expected, _listed(shown), holds)
    if expect.not_shown_before:
        before = {item for items in seen.shown.values() for item in items}
        again = [item.title for item in seen.reply.items if item.id in before]
        yield Check(("items", "not_shown_before"), "only new items", f"again: {_listed(again)}", not again)


def _grounded(seen: Seen) -> Iterator[Check]:
    state = belief_state(seen.reply.belief)
    for item in seen.reply.items:
        loose = seen.facts.unsupported(item.reason, seen.catalog[item.id], state)
        got = f"{item.title}: {item.reason!r}" + (f" - nothing supports {_listed(loose)}" if loose else "")
        yield Check(("reasons", "grounded"), "a reason that rests on facts", got, bool(item.reason) and not loose)


def _limit_matches(pattern: LimitPattern, entry: Limit) -> bool:
    return (
        fold(pattern.attribute) == fold(entry.attribute)
        and pattern.op in (None, entry.op)
        and (pattern.value is None or same(pattern.value, entry.value))
    )


def _wish_matches(pattern: WishPattern, entry: Preference) -> bool:
    return (
        (pattern.attribute is None or fold(pattern.attribute) == fold(entry.attribute))
        and (pattern.value is None or same(pattern.value, entry.value))
        and (pattern.weight is None or pattern.weight * entry.weight > 0)
    )


def _wording(pattern: LimitPattern | WishPattern, wanted: bool) -> str:
    words = " ".join(str(value).replace("_", " ") for value in pattern.model_dump(exclude_none=True).values())
    return words if wanted else f"not: {words}"


def _named(name: str, seen: Seen) -> str:
    """Write a named item by its label, with the place it was shown at when it was named by that."""
    item = seen.item(name)
    if item is None:
        return f"{name}, which was not shown,"
    label = seen.catalog.label(seen.catalog[item])
    return f"{label} ({name})" if SHOWN.fullmatch(name) else label


def _listed(words: list[str]) -> str:
    return ", ".join(words) or "nothing"
