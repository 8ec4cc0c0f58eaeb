"""Compare what a message changed, and what is believed after it, with what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agent.belief import BeliefState, BeliefUpdate, Drop, ItemVerdict, Limit, Preference, same
from evals.reading import Place
from evals.scenario import (
    DropPattern,
    Entries,
    ExpectedBelief,
    ExpectedUpdate,
    LimitPattern,
    VerdictPattern,
    WishPattern,
    said,
)
from evals.seen import Check, Seen, listed


def compare_update(expect: ExpectedUpdate, seen: Seen) -> Iterator[Check]:
    """Yield one check for each thing that the message must change or leave."""
    update = BeliefUpdate.model_validate(seen.reply.update)
    changed = [*written(update.set), *written(update.prefer), *written(update.drop), *written(update.items)]
    if expect.nothing:
        yield Check(("update", "nothing"), "nothing changes", listed(changed), not update.changes())
    for key, entries in (("set", update.set), ("prefer", update.prefer), ("drop", update.drop)):
        yield from _entries(getattr(expect, key), entries, ("update", key))
    yield from _verdicts(expect.items, update.items, seen, ("update", "items"))


def compare_belief(expect: ExpectedBelief, seen: Seen) -> Iterator[Check]:
    """Yield one check for each thing that must be believed or not."""
    state = BeliefState.model_validate(seen.reply.belief)
    for key in ("constraints", "preferences"):
        yield from _entries(getattr(expect, key), getattr(state, key), ("belief", key))
    yield from _verdicts(expect.items, state.items, seen, ("belief", "items"))


def _entries(expect: Entries[Any], entries: Sequence[Limit | Preference | Drop], place: Place) -> Iterator[Check]:
    got = listed(written(entries))
    for key, wanted in (("has", True), ("lacks", False)):
        for position, pattern in enumerate(getattr(expect, key)):
            holds = any(_matches(pattern, entry) for entry in entries) == wanted
            yield Check((*place, key, position), f"{'' if wanted else 'not: '}{said(pattern)}", got, holds)


def _verdicts(
    expect: Entries[VerdictPattern], entries: Sequence[ItemVerdict], seen: Seen, place: Place
) -> Iterator[Check]:
    got = listed(written(entries))
    for key, wanted in (("has", True), ("lacks", False)):
        for position, pattern in enumerate(getattr(expect, key)):
            item = seen.item(pattern.item)
            held = any(entry.item_id == item and pattern.verdict in (None, entry.verdict) for entry in entries)
            expected = f"{'' if wanted else 'not '}{pattern.verdict or 'a verdict on'}: {seen.named(pattern.item)}"
            yield Check((*place, key, position), expected, got, item is not None and held == wanted)


def _matches(pattern: LimitPattern | WishPattern | DropPattern, entry: Limit | Preference | Drop) -> bool:
    """Compare what the pattern names; of a weight only the sign counts."""
    for name, wanted in pattern.model_dump(exclude_none=True).items():
        got = getattr(entry, name)
        if got is None or not (wanted * got > 0 if name == "weight" else same(wanted, got)):
            return False
    return True


def written(entries: Iterable[Limit | Preference | Drop | ItemVerdict]) -> list[str]:
    """Write entries of an update or a belief as a person would read them."""
    words = []
    for entry in entries:
        match entry:
            case Limit():
                words.append(str(entry.constraint))
            case Preference():
                words.append(f"{entry.attribute} {entry.value} ({entry.weight:+g})")
            case Drop():
                words.append(f"dropped {entry.attribute}{'' if entry.value is None else f' {entry.value}'}")
            case ItemVerdict():
                words.append(f"{entry.verdict}: {entry.title or entry.ref}")
    return words
