"""Compare the items of a reply and the reasons beside them with what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import fmean

from agent.belief import BeliefState
from evals.scenario import ExpectedItems, ExpectedReasons
from evals.seen import Check, Seen, listed
from retrieval.catalog import Catalog, Item, fold


def compare_items(expect: ExpectedItems, seen: Seen) -> Iterator[Check]:
    """Yield one check for each expectation of the list, and of each item in it."""
    ids = [item.id for item in seen.reply.items]
    shown = [item.title for item in seen.reply.items]
    if expect.count is not None:
        yield Check(("items", "count"), f"{expect.count} items", listed(shown), expect.count.hold(len(ids)))
    for key in ("all", "any", "none"):
        for position, written in enumerate(getattr(expect, key)):
            limit = seen.limit(written)
            allowed = [limit is not None and limit.allows(seen.catalog[item]) for item in ids]
            titles = [title for title, allow in zip(shown, allowed, strict=True) if allow == (key == "none")]
            match key:
                case "all":
                    expected, got, holds = f"every item: {limit}", f"not so: {listed(titles)}", not titles
                case "any":
                    expected, got, holds = f"an item with {limit}", listed(shown), any(allowed)
                case _:
                    expected, got, holds = f"no item with {limit}", listed(titles), not titles
            if limit is None:
                expected, got, holds = str(written), f"{written.value} has no known {written.attribute}", False
            yield Check(("items", key, position), expected, got, holds)
    for key, wanted in (("includes", True), ("excludes", False)):
        for position, name in enumerate(getattr(expect, key)):
            item = seen.item(name)
            holds = item is not None and (item in ids) == wanted
            expected = f"{'' if wanted else 'not '}{seen.named(name)}"
            yield Check(("items", key, position), expected, listed(shown), holds)
    if expect.semantic_ids_valid:
        yield from _index_ids(seen)
    if expect.diversity is not None:
        found = diversity([seen.catalog[item] for item in ids], seen.catalog)
        got = "fewer than two items" if found is None else f"{found:.2f}"
        holds = found is not None and expect.diversity.hold(found)
        yield Check(("items", "diversity"), f"a diversity of {expect.diversity}", got, holds)
    if expect.not_shown_before:
        before = {item for items in seen.shown.values() for item in items}
        again = [item.title for item in seen.reply.items if item.id in before]
        yield Check(("items", "not_shown_before"), "only new items", f"again: {listed(again)}", not again)


def compare_reasons(expect: ExpectedReasons, seen: Seen) -> Iterator[Check]:
    """Yield one check for each reason that must rest on facts, and for each word that must be mentioned."""
    items = seen.reply.items
    if expect.grounded:
        state = BeliefState.model_validate(seen.reply.belief)
        for item in items:
            loose = seen.facts.unsupported(item.reason, seen.catalog[item.id], state)
            got = f"{item.title}: {item.reason!r}" + (f" - nothing supports {listed(loose)}" if loose else "")
            yield Check(("reasons", "grounded"), "a reason that rests on facts", got, bool(item.reason) and not loose)
    for position, words in enumerate(expect.mentions):
        holds = any(fold(words) in fold(item.reason) for item in items)
        got = listed(item.reason for item in items)
        yield Check(("reasons", "mentions", position), f"a reason with {words!r}", got, holds)


def _index_ids(seen: Seen) -> Iterator[Check]:
    for item in seen.reply.items:
        wanted = seen.semantic_ids.text(item.id)
        expected = f"{wanted} for {item.title}"
        yield Check(("items", "semantic_ids_valid"), expected, item.semantic_id or "none", item.semantic_id == wanted)


def diversity(items: Sequence[Item], catalog: Catalog) -> float | None:
    """Return the mean distance of two items, 0..1: one minus the Jaccard index of their facet values.

    None when there are fewer than two items with facet values.
    """
    names = [column.name for column in catalog.schema.with_role("facet")]
    values = [{(name, fold(value)) for name in names for value in item.values(name)} for item in items]
    pairs = list(combinations([known for known in values if known], 2))
    return fmean(1 - len(left & right) / len(left | right) for left, right in pairs) if pairs else None
