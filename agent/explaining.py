"""Why an item was shown, and why another was not: from what was said, what is known of it, and what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.belief import BeliefState, Limit, Preference
from agent.notes import Notes
from agent.querying import never_shown
from agent.wording import listed, said
from retrieval.catalog import Item, fold

WELL_KNOWN = 0.8
"""Popularity percentile from which an item is said to be well known."""
_BECAUSE = {
    "seen": "you have seen it",
    "rejected": "you turned it down",
    "disliked": "you did not like it",
    "accepted": "you chose it before",
    "liked": "you know it already",
    "like_this": "you named it as an example",
    "unlike_this": "you wanted something unlike it",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recommendation as it was made."""

    reason: str
    written: bool
    """Whether the reason is a sentence of its own and not the list of the facts that were asked for."""
    belief: BeliefState
    """What was believed then."""


def why(item: Item, belief: BeliefState, recorded: Recorded | None, notes: Notes) -> str:
    """Name what was said that the item fulfils, in the person's own words, and the reason given with it.

    A recommendation is explained by the belief that it was made from.
    """
    belief = recorded.belief if recorded else belief
    matched = list(_fulfilled(item, belief, notes))
    parts = matched.copy()
    if not parts:
        known = f"; it is one of the best known {notes.schema.nouns}" if item.popularity > WELL_KNOWN else ""
        parts = [f"you named nothing that singles it out{known}"]
    if recorded and recorded.reason and (recorded.written or not matched):
        parts.append(f"what I said of it: “{recorded.reason.rstrip('.')}”")
    return f"{notes.label(item)}: {'; '.join(parts)}."


def why_not(item: Item, belief: BeliefState, notes: Notes) -> str:
    """Name what keeps an item off the list: limits that it breaks, what was said of it, or wishes that it lacks."""
    label = notes.label(item)
    broken = broken_limits(item, belief, notes)
    if broken:
        return f"{label} is here, but you asked for {listed(broken)}."
    if item.id in never_shown(belief):
        verdict = next((entry.verdict for entry in reversed(belief.items) if entry.item_id == item.id), "")
        return f"{label} is here, but {_BECAUSE.get(verdict, 'you named it before')}."
    lacking = [said(wish, notes.schema) for wish in belief.preferences if _lacks(wish, item)]
    if lacking:
        return f"{label} is here and may be shown, but my notes do not list it with {listed(lacking, 'or')}."
    return f"{label} is here, and nothing you said rules it out; others fitted better."


def broken_limits(item: Item, belief: BeliefState, notes: Notes) -> list[str]:
    """Return the limits that `item` breaks, each with the fact that breaks it: `1999 or earlier (year 2001)`."""
    broken = [limit for limit in belief.constraints if not limit.constraint.allows(item)]
    return [f"{said(limit, notes.schema)}{_against(limit, item, notes)}" for limit in broken]


def _against(limit: Limit, item: Item, notes: Notes) -> str:
    fact = "" if limit.op == "is_not" else notes.fact(item, limit.attribute)
    return f" ({fact})" if fact else ""


def _fulfilled(item: Item, belief: BeliefState, notes: Notes) -> Iterator[str]:
    limits = [limit for limit in belief.constraints if limit.constraint.allows(item)]
    matched = [_heard(limit, _detail(limit, item, notes)) for limit in limits if limit.op != "is_not"]
    matched += [_heard(wish, str(wish.value)) for wish in belief.preferences if _suits(wish, item)]
    if matched:
        yield f"you asked for {listed(list(dict.fromkeys(matched)))}"
    without = [str(limit.value) for limit in limits if limit.op == "is_not"]
    if without:
        yield f"it is without {listed(without, 'or')}, as you asked"
    less = [str(wish.value) for wish in belief.preferences if wish.weight < 0 and _lacks(wish, item, -1)]
    if less:
        yield f"it is not listed with {listed(less, 'or')}, which you want less of"
    free = [f"“{wish.value}”" for wish in belief.preferences if wish.attribute == "text" and wish.weight > 0]
    if free:
        yield f"it came up for your words {listed(free)}"
    for example in belief.with_verdict("like_this", "liked"):
        if shared := _shared(item, example, notes):
            yield f"it shares {listed(shared)} with {notes.label(notes.catalog[example])}"


def _detail(limit: Limit, item: Item, notes: Notes) -> str:
    """Return the fact that meets a limit: the value, or for a bound the item's own number, beside it if unquoted."""
    wanted, fact = said(limit, notes.schema), notes.fact(item, limit.attribute)
    if limit.op not in ("at_least", "at_most"):
        return wanted
    return fact if limit.words else f"{wanted} ({fact})"


def _shared(item: Item, example: str, notes: Notes) -> list[str]:
    if example not in notes.catalog or example == item.id:
        return []
    shared: list[str] = []
    for column in notes.schema.with_role("facet"):
        counts = notes.catalog.vocabulary[column.name]
        theirs = notes.catalog[example].values(column.name)
        shared += [v for v in item.values(column.name) if v in theirs and counts[v] < len(notes.catalog) / 4]
    return shared[:3]


def _suits(wish: Preference, item: Item) -> bool:
    return wish.weight > 0 and fold(str(wish.value)) in map(fold, item.values(wish.attribute))


def _lacks(wish: Preference, item: Item, sign: int = 1) -> bool:
    """Tell whether the item is known not to have what a wish of this sign is about."""
    values = item.values(wish.attribute)
    return wish.weight * sign > 0 and bool(values) and fold(str(wish.value)) not in map(fold, values)


def _heard(entry: Limit | Preference, fact: str) -> str:
    """Quote the person's words, with the fact behind them where it is another."""
    if not entry.words or fold(entry.words) == fold(fact):
        return fact
    return f"“{entry.words}” ({fact})" if fold(fact) not in fold(entry.words) else f"“{entry.words}”"
