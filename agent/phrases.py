"""An item's facts as phrases of a sentence: each value whole, with the words that its role allows and no others."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from retrieval.catalog import Catalog, Column, Item

Slot = Literal["before", "kind", "after"]
_SOUNDS_A = re.compile(r"(?:uni(?!n)|use|eu|one\b|once\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of an item."""

    column: Column
    value: str
    asked: bool = False
    """Whether the belief asks for this very value."""
    bound: bool = False
    """Whether it keeps within a limit that the last message set."""

    @property
    def slot(self) -> Slot:
        """Where it stands in a noun phrase: before the noun, as part of it, or after it."""
        words = phrase_words()
        name = _name(self.column)
        return "before" if name in words["before"] else "kind" if name in words["kind"] else "after"

    @property
    def said(self) -> str:
        """The value as it stands before a noun: in lower case but for capitals inside words."""
        if self.slot == "after" or self.column.people:
            return self.value
        return " ".join(word if word[1:] != word[1:].lower() else word.lower() for word in self.value.split())


@cache
def phrase_words() -> dict[str, Any]:
    """Return the table that says how columns are spoken of."""
    return tomllib.loads(files("prompts").joinpath("phrases.toml").read_text("utf-8"))


def pattern(column: Column, turn: int = 0) -> str:
    """Return the phrase, with `{}` for the value, that says a column's value behind a noun; turns vary it."""
    words, name = phrase_words(), column.name.replace("_", " ").casefold()
    if column.role == "number":
        known: str | None = words["units"].get(column.unit)
        return known or f"with a {name} of {{}}" + (f" {column.unit}" if column.unit not in ("", name) else "")
    known = words["after"].get(_name(column))
    singular = column.singular or name
    if known:
        return known
    which = "person" if column.people else "several" if column.many and singular != name else "single"
    phrases: list[str] = words["others"][which]
    return phrases[turn % len(phrases)].replace("{singular}", singular).replace("{name}", name)


def after(facts: Sequence[Fact], turn: int = 0) -> str:
    """Say values of one column behind a noun: `directed by A and B`."""
    return pattern(facts[0].column, turn).replace("{}", listed([fact.value for fact in facts]))


def denied(fact: Fact, catalog: Catalog) -> str:
    """Say that an item lacks a value: `not sad`, `not a horror film`, `without A`, `not from B`."""
    if fact.slot == "before":
        return f"not {fact.said}"
    if fact.slot == "kind":
        return f"not {noun_phrase([fact], catalog)}"
    bare = fact.column.people or pattern(fact.column).startswith("with")
    return f"without {fact.value}" if bare else f"not {after([fact])}"


def noun_phrase(facts: Sequence[Fact], catalog: Catalog) -> str:
    """Say an item with all of `facts`: `a tense, funny thriller film from 1994`."""
    before = ", ".join(fact.said for fact in facts if fact.slot == "before")
    kinds = listed([fact.said for fact in facts if fact.slot == "kind"])
    noun = "" if kinds.endswith(catalog.schema.noun) else catalog.schema.noun
    parts = [part for part in (before, kinds, noun, *behind(facts)) if part]
    return with_article(" ".join(parts))


def behind(facts: Sequence[Fact]) -> list[str]:
    """Say the facts that stand behind a noun, one phrase a column."""
    columns: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.slot == "after":
            columns.setdefault(fact.column.name, []).append(fact)
    return [after(own) for own in columns.values()]


def with_article(text: str) -> str:
    """Put `a` or `an` before a phrase, by its first letters."""
    return f"{'an' if text[:1].lower() in 'aeiou' and not _SOUNDS_A.match(text) else 'a'} {text}"


def listed(values: Sequence[str]) -> str:
    """Join values as people do: `A, B and C`."""
    return ", ".join(values[:-1]) + (" and " if len(values) > 1 else "") + values[-1] if values else ""


def facts_of(item: Item, catalog: Catalog) -> list[tuple[Column, str]]:
    """Return every value of an item that can be said, in catalog order."""
    columns = catalog.schema.with_role("facet", "number")
    return [(column, value) for column in columns for value in item.values(column.name) if "e+" not in value]


def _name(column: Column) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.name.casefold()).strip("_")
