"""The sentences that may be said of an item: forms whose slots hold whole phrases, best first.

Nothing else can be written, so that a value is never cut, a name never recombined and a role never given to another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import islice

from agent.belief import BeliefState
from agent.phrases import Fact, Slot, after, denied, facts_of, noun_phrase, with_article
from retrieval.catalog import Catalog, Item, fold

SHORTEST, LONGEST = 10, 25
"""Words of a sentence."""
A_FORM = 12
"""Sentences of one form on offer."""
WISHES = 5
"""Most wishes that one sentence names."""
LONG_TITLE = 8
"""Words from above which a title is too long to be part of a sentence."""
COMMON, PLAIN = 0.6, 0.2
"""Shares of the catalog from which on a value is not told of an item, and is told last."""
_ASKS = re.compile(r"[^\W_]+(?:['’ -]+[^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Detail:
    """A phrase that may follow."""

    role: str
    """The column it speaks of; a sentence has one detail a column."""
    text: str
    must: bool = False
    """Whether it answers a wish, so that every sentence has it."""
    slot: Slot = "after"


@cache
def forms() -> tuple[str, ...]:
    """Return the forms of a sentence, each with the slots that it needs."""
    return tuple(files("prompts").joinpath("reason_forms.txt").read_text("utf-8").splitlines())


def sentences(
    items: Sequence[Item], belief: BeliefState, catalog: Catalog, grounded: Callable[[str, Item], bool]
) -> list[list[str]]:
    """Return for each item of a slate what may be said of it, best first, never empty.

    Every sentence has 10 to 25 words and names what the item fulfils of the wish; where the facts do not reach, the
    longest there are. No two items share a form unless there are more items than forms. `grounded` tells whether words
    of the person may be said of an item.
    """
    facts = [_facts(item, belief, catalog) for item in items]
    found = []
    for place, item in enumerate(items):
        others = {(f.column.name, f.value) for at, own in enumerate(facts) if at != place for f in own}
        details = _details(facts[place], _missing(item, belief, catalog), others, catalog, place)
        for wishes in range(WISHES, -1, -1):
            slots = _slots(item, facts[place], wishes, belief, catalog, grounded)
            if written := _written(slots, details, belief.turn, place, len(items)):
                break
        found.append(written or [_plain(slots, details)])
    return found


def _written(slots: dict[str, str], details: Sequence[Detail], turn: int, place: int, of: int) -> list[str]:
    """Return the sentences of this place's share of the forms, one of each other form where those have none."""
    fitting = _fitting(slots)
    start, apart = turn % len(fitting), min(of, len(fitting))
    mine = [*fitting[start:], *fitting[:start]][place % apart :: apart]
    written = [text for form in mine for text in islice(_filled(form, slots, details), A_FORM)]
    return written or [text for form in fitting for text in islice(_filled(form, slots, details), 1)]


def _fitting(slots: dict[str, str]) -> list[str]:
    """Return the forms that speak of the best that is known: a wish fulfilled, then a likeness, then words."""
    for slot in ("wish", "shared", "words"):
        if slot in slots:
            return [form for form in forms() if f"{{{slot}}}" in form]
    return [form for form in forms() if not re.search(r"\{(wish|shared|words)\}", form)]


def _slots(
    item: Item,
    facts: Sequence[Fact],
    wishes: int,
    belief: BeliefState,
    catalog: Catalog,
    grounded: Callable[[str, Item], bool],
) -> dict[str, str]:
    """Return slot -> what fills it, with the last `wishes` values that were asked for and that the item has."""
    own = _first(facts, "before", 2) + _first(facts, "kind", 2)
    title = item.title if len(item.title.split()) <= LONG_TITLE else f"this {catalog.schema.noun}"
    slots = {"noun": catalog.schema.noun, "title": title, "own": noun_phrase(own, catalog)}
    if wishes and (asked := [fact for fact in facts if fact.asked][-wishes:]):
        slots["wish"] = noun_phrase(asked, catalog)
        slots["one"] = _one([fact for fact in own if not fact.asked], asked, catalog)
    ids = belief.with_verdict("liked", "like_this", "accepted")
    for other in (catalog[known] for known in reversed(ids[-3:]) if known in catalog and known != item.id):
        theirs = {(column.name, value) for column, value in facts_of(other, catalog) if column.role == "facet"}
        both = [f for f in facts if (f.column.name, f.value) in theirs and f.slot != "after"]
        if both and "shared" not in slots and len(other.title.split()) <= LONG_TITLE:
            slots |= {"like": other.title, "shared": noun_phrase(both[:3], catalog)}
    for wish in belief.preferences:
        text = str(wish.value)
        if wish.attribute == "text" and wish.weight > 0 and _ASKS.fullmatch(text) and len(text.split()) <= 5:
            if grounded(text, item):
                slots["words"] = text
    return slots


def _one(own: Sequence[Fact], asked: Sequence[Fact], catalog: Catalog) -> str:
    """Say what else the item is: `a tense one` where its kind was named, else `a tense thriller film`."""
    if any(fact.slot == "kind" for fact in asked) or not any(fact.slot == "kind" for fact in own):
        before = ", ".join(fact.said for fact in own if fact.slot == "before")
        return with_article(f"{before} one") if before else "one"
    return noun_phrase(own, catalog)


def _first(facts: Sequence[Fact], slot: str, most: int) -> list[Fact]:
    return [fact for fact in facts if fact.slot == slot][:most]


def _facts(item: Item, belief: BeliefState, catalog: Catalog) -> list[Fact]:
    exact = {(e.attribute, e.value) for e in belief.constraints if e.op in ("is", "contains")}
    exact |= {(e.attribute, e.value) for e in belief.preferences if e.weight > 0}
    asked = {(fold(attribute), fold(str(value))) for attribute, value in exact}
    bounds = {
        fold(limit.attribute)
        for limit in belief.constraints
        if limit.op in ("at_least", "at_most") and limit.turn >= belief.turn and limit.constraint.allows(item)
    }
    facts = [Fact(column, value) for column, value in facts_of(item, catalog)]
    return [
        replace(f, asked=(fold(f.column.name), fold(f.value)) in asked, bound=fold(f.column.name) in bounds)
        for f in facts
    ]


def _missing(item: Item, belief: BeliefState, catalog: Catalog) -> list[Detail]:
    """Return one phrase for the last value that this message excluded and that the catalog knows."""
    entries = [e for e in belief.constraints if e.op == "is_not"] + [e for e in belief.preferences if e.weight < 0]
    said = []
    for entry in (entry for entry in entries if entry.turn >= belief.turn):
        column = catalog.schema.column(entry.attribute)
        if column is not None and column.role == "facet":
            values = [value for value in catalog.vocabulary[column.name] if fold(value) == fold(str(entry.value))]
            absent = [Fact(column, value) for value in values if value not in item.values(column.name)]
            absent = [fact for fact in absent if not any(character.isdigit() for character in fact.value)]
            said += [Detail("", denied(fact, catalog), must=True) for fact in absent]
    return said[-1:]


def _details(
    facts: Sequence[Fact], missing: Sequence[Detail], others: Collection[tuple[str, str]], catalog: Catalog, place: int
) -> list[Detail]:
    """Return phrases that may follow: what sets the item apart, by column, then what is absent, then limits kept."""
    kept = [fact for fact in facts if fact.bound and not fact.asked]
    first = [Detail(fact.column.name, f"{after([fact])}, within your limit", must=True) for fact in kept[:1]]
    named = {fact.column.name for fact in facts if fact.asked or fact.bound}
    columns: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.column.name not in named and fact.slot != "kind" and _share(fact, catalog) < COMMON:
            columns.setdefault(fact.column.name, []).append(fact)
    said: list[Detail] = []
    plain: list[Detail] = []
    for name, own in columns.items():
        apart = sorted(own, key=lambda fact: (name, fact.value) in others)
        dull = own[0].column.role == "number" or _share(apart[0], catalog) > PLAIN
        most = 2 if own[0].column.people or own[0].column.many else 1
        (plain if dull else said).append(Detail(name, after(apart[:most], place), slot=own[0].slot))
    turn = place * 2 % max(1, len(said))
    told = [*said[turn:], *said[:turn]]
    return [*told, *(plain if len({detail.role for detail in said}) < 2 else ()), *missing, *first]


def _share(fact: Fact, catalog: Catalog) -> float:
    """Return the share of the items that have a value, 0 for numbers and names."""
    counts = {} if fact.column.people else catalog.vocabulary.get(fact.column.name, {})
    return counts.get(fact.value, 0) / len(catalog)


def _filled(form: str, slots: dict[str, str], details: Sequence[Detail]) -> Iterator[str]:
    """Yield the sentences of one form that have the right length, one for each detail that may come first.

    The first detail decides about those that follow: so many choices are worth a model's time, and no more.
    """
    used = re.search(r"\{(one|own|shared)\}", form) is not None
    must = [detail for detail in details if detail.must]
    free = [detail for detail in details if not detail.must and not (used and detail.slot == "before")]
    for place, first in enumerate(free):
        others: list[Detail] = []
        for detail in (*free[place + 1 :], *free[:place]):
            if all(detail.role != other.role for other in (first, *others)):
                others.append(detail)
        for size in (1, 2, 0, 3):
            rest = [first, *others[:size], *must]
            text = _sentence(form, {**slots, "rest": ", ".join(detail.text for detail in rest)})
            if SHORTEST <= len(text.split()) <= LONGEST:
                yield text
                break
    text = _sentence(form, {**slots, "rest": ", ".join(detail.text for detail in must)})
    if must and not free and SHORTEST <= len(text.split()) <= LONGEST:
        yield text


def _sentence(form: str, slots: dict[str, str]) -> str:
    if slots.get("one") == "one":
        form = form.replace("{one}, ", "{one} ")
    text = re.sub(r"\{(\w+)\}", lambda match: slots[match[1]], form)
    return text[:1].upper() + text[1:]


def _plain(slots: dict[str, str], details: Sequence[Detail]) -> str:
    """Say what little is known."""
    rest = "".join(f", {detail.text}" for detail in details[:2])
    named = slots.get("wish", slots["own"])
    if rest or named != with_article(slots["noun"]):
        text = f"{slots['title']} is {named}{rest}, and comes close to what you asked for."
    else:
        text = f"{slots['title']} is {named} that comes close to what you asked for."
    return text[:1].upper() + text[1:]
