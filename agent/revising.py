"""What a message overruled, in words: later wins, and it is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.belief import ITEMS, BeliefState, BeliefUpdate, Limit, Preference, same
from agent.wording import listed, ranges, said
from retrieval.catalog import CatalogSchema, fold


def revised(before: BeliefState, after: BeliefState, update: BeliefUpdate, schema: CatalogSchema) -> str:
    """Say which limits and wishes of `before` no longer hold and what took their place; empty when none was overruled.

    `Now “Horror” instead of “no Horror”. No longer “from 1990 or later”.` A wish that became a limit of the same
    meaning, or the other way round, was not overruled.
    """
    if update.intent == "restart":
        return "We start over; what you have seen or turned down stays out." if after.items else "We start over."
    gone = [entry for entry in before.wishes if not any(_same_wish(entry, kept) for kept in after.wishes)]
    new = [entry for entry in after.wishes if entry.turn == after.turn]
    lines = []
    for name in dict.fromkeys(fold(entry.attribute) for entry in gone):
        olds = [entry for entry in gone if fold(entry.attribute) == name]
        news = [entry for entry in new if any(_rival(entry, old) for old in olds)]
        replaced = [old for old in olds if any(_rival(entry, old) for entry in news)]
        if replaced:
            lines.append(f"Now {_quoted(news, schema, 'and')} instead of {_quoted(replaced, schema, 'and')}.")
        if rest := [old for old in olds if old not in replaced]:
            lines.append(f"No longer {_quoted(rest, schema, 'or')}.")
    if titles := list(dict.fromkeys(_withdrawn(before, after, update))):
        lines.append(f"What you said about {listed(titles)} is taken back.")
    return " ".join(lines)


def _quoted(entries: Sequence[Limit | Preference], schema: CatalogSchema, word: str) -> str:
    limits = tuple(entry for entry in entries if isinstance(entry, Limit))
    spans, left = ranges(BeliefState(constraints=limits), schema)
    rest = [said(limit, schema) for limit in left]
    rest += [said(entry, schema) for entry in entries if isinstance(entry, Preference)]
    return listed([f"“{part}”" for part in (*spans, *rest)], word)


def _same_wish(left: Limit | Preference, right: Limit | Preference) -> bool:
    """Tell whether two entries ask for the same, hard or soft."""
    if fold(left.attribute) != fold(right.attribute) or not same(left.value, right.value):
        return False
    return _sense(left) == _sense(right)


def _sense(entry: Limit | Preference) -> str:
    if isinstance(entry, Preference):
        return "is" if entry.weight > 0 else "is_not"
    return entry.op


def _rival(new: Limit | Preference, old: Limit | Preference) -> bool:
    """Tell whether `new` says something else of what `old` spoke of: the same value, or the same number."""
    if fold(new.attribute) != fold(old.attribute):
        return False
    numbers = {"at_least", "at_most"}
    if _sense(old) in numbers or _sense(new) in numbers:
        return True
    return same(new.value, old.value) or (_sense(old) == _sense(new) == "is")


def _withdrawn(before: BeliefState, after: BeliefState, update: BeliefUpdate) -> Iterator[str]:
    """Yield the titles of items about which a verdict was taken back."""
    dropped = {drop.value for drop in update.drop if drop.attribute == ITEMS}
    kept = {entry.item_id for entry in after.items}
    for entry in before.items:
        if entry.item_id and (None in dropped or entry.item_id in dropped) and entry.item_id not in kept:
            yield entry.title or entry.ref
