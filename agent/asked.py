"""Which attributes and values a question is about, by the names, units and values of the catalog itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent import question_words as english
from agent.directions import measured_by
from agent.fact_check import connecting_words, words_of
from agent.inflection import bases, kin, singular
from agent.notes import Notes
from retrieval.catalog import Column, Item, fold

_LONGEST_VALUE = 4
_FEW = 60
"""Facets of at most so many values are also understood by words of the same root: `violence` for `violent`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question wants to know."""

    attributes: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    """(attribute, value) pairs whose presence is asked about."""
    words: tuple[str, ...] = ()
    """Other words with a meaning, which only a description may answer."""
    text: bool = False
    """Whether the description is wanted."""
    particular: bool = False
    """Whether it wants a yes, a no or a certain fact, to which a description is no answer."""
    order: int = 0
    """MORE or LESS when the attribute is compared: `longest`, `cheaper`, `the less funny one`."""
    compares: bool = False
    """Whether several items are measured against each other: `which is the shortest`."""


class Questions:
    """Reads questions about one catalog's items."""

    def __init__(self, notes: Notes) -> None:
        """Know the names and values of a catalog."""
        self.notes, self.schema = notes, notes.schema

    @cached_property
    def _values(self) -> dict[str, list[tuple[str, str]]]:
        """Value or another way of saying it, in its plain form -> the (attribute, value) pairs it stands for."""
        index: dict[str, list[tuple[str, str]]] = {}
        for attribute, values in self.notes.catalog.vocabulary.items():
            for value in values:
                index.setdefault(_plain(words_of(value)), []).append((attribute, value))
        for phrase, aliases in self.schema.aliases.items():
            pairs = [(alias.attribute, str(alias.value)) for alias in aliases]
            known = [pair for pair in pairs if pair[1] in self.notes.catalog.vocabulary.get(pair[0], ())]
            held = index.setdefault(_plain(words_of(phrase)), [])
            held += [pair for pair in known if pair not in held]
        return index

    @cached_property
    def _few(self) -> list[tuple[str, str]]:
        """(attribute, value) pairs of the facets with few values."""
        facets = [column.name for column in self.schema.with_role("facet") if not column.people]
        vocabulary = self.notes.catalog.vocabulary
        return [(name, value) for name in facets if len(vocabulary[name]) <= _FEW for value in vocabulary[name]]

    def read(self, text: str, items: Sequence[Item]) -> Asked:
        """Find the attributes and values that `text` asks about `items`; nothing named is an empty answer."""
        question = english.question_in(text)
        titles = {fold(word) for item in items for word in words_of(item.title)}
        plain = english.DURATION.sub("duration", question.casefold().replace("’", "'"))
        bare = _without_titles(plain, items)
        stripped = english.REFERENCE.sub(" ", bare)
        told = bare != plain or "which" in plain or (titles - connecting_words()) & set(words_of(stripped))
        named = bare if told else stripped
        words = words_of(named)
        found, free = self._said(words, titles)
        if not english.SET_IN.search(named):
            found = [pair for pair in found if not english.DECADE.fullmatch(fold(pair[1]))]
        orders = english.orders_in(free) or (english.orders_in(words_of(bare)) if named != bare else {})
        said, kinds = set(free), english.kinds_in(named, free, orders)
        attributes = [column.name for column in self.schema.columns if self._named(column, free, kinds)]
        if (
            english.WHO & said
            and english.AGES not in kinds
            and not any(column.name in attributes for column in self.notes.people)
        ):
            people = self.notes.people[:1] if english.IN_IT & said else self.notes.people
            attributes += [column.name for column in people]
        values = list(dict.fromkeys(pair for pair in found if pair[0] not in attributes))
        values += [pair for item in items for pair in self._people(item, free) if pair not in values]
        idle = self._idle | titles | {word for _, value in values for word in fold(value).split()}
        rest = [word for word in free if len(word) > 2 and not word.isdigit() and word not in idle]
        return Asked(
            tuple(attributes),
            tuple(values),
            () if attributes else tuple(word for word in rest if not self._names_column(word)),
            bool(english.ABOUT & said or english.MORE_ABOUT.match(fold(question))) and not values and not attributes,
            bool(english.YES_NO.search(fold(question)) or english.FACT & said),
            next(iter(orders.values()), english.LESS if {"less", "least"} & said else 0),
            bool({"which", "most", "least", "more", "less"} & said) or any(map(english.compares, free)),
        )

    def _named(self, column: Column, words: Sequence[str], cued: set[str]) -> bool:
        """Tell whether a column's name, its singular, or what it answers is among the words."""
        if column.role not in ("facet", "number", "date", "flag"):
            return False
        spoken = [word for word in words if not (english.AGES in cued and word in english.CUES["year"])]
        return bool(measured_by(column) & cued) or any(self._is_name(word, column) for word in spoken)

    def _names_column(self, word: str) -> bool:
        return any(self._is_name(word, column) for column in self.schema.with_role("facet", "number", "date", "flag"))

    @staticmethod
    def _is_name(word: str, column: Column) -> bool:
        names = {singular(fold(name)) for name in (column.name, column.singular, column.unit) if name}
        return any(singular(word) == name or kin(word, name) for name in names)

    @cached_property
    def _idle(self) -> frozenset[str]:
        """Words that alone are no value and mean nothing to a description."""
        nouns = {fold(self.schema.noun), fold(self.schema.nouns)}
        cues = {word for kind in (*english.ORDER.values(), *english.CUES.values()) for word in kind}
        names = {fold(column.name) for column in self.schema.columns}
        return frozenset(nouns | cues | names | connecting_words() | english.IDLE | english.WHO | english.ABOUT)

    def _said(self, words: Sequence[str], titles: set[str]) -> tuple[list[tuple[str, str]], list[str]]:
        """Return the values that the words hold, longest first, and the words that none of them took."""
        found: list[tuple[str, str]] = []
        taken: set[int] = set()
        for size in range(_LONGEST_VALUE, 0, -1):
            for start in range(len(words) - size + 1):
                place = set(range(start, start + size))
                idle = titles | self._idle if size == 1 else titles
                if place & taken or idle.issuperset(words[start : start + size]):
                    continue
                pairs: Sequence[tuple[str, str]] = next(
                    (self._values[form] for form in _forms(words[start : start + size]) if form in self._values), ()
                )
                if size == 1:
                    akin = (pair for pair in self._few if kin(words[start], fold(pair[1])))
                    pairs = list(dict.fromkeys((*pairs, *akin)))
                if pairs:
                    taken |= place
                    found += pairs
        return found, [word for place, word in enumerate(words) if place not in taken]

    def _people(self, item: Item, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the item's people of whose name a part is among the words."""
        for column in self.notes.people:
            for name in item.values(column.name):
                parts = {fold(part) for part in words_of(name)} - connecting_words()
                if any(len(part) > 2 and part in words for part in parts):
                    yield column.name, name


def _without_titles(question: str, items: Sequence[Item]) -> str:
    """Return a question without the titles of the items it is about, or all of their words that mean something."""
    said = set(words_of(question))
    for item in items:
        content = {word.casefold() for word in words_of(item.title)} - connecting_words()
        if item.title.casefold() in question:
            question = question.replace(item.title.casefold(), " ")
        elif content and content <= said:
            question = re.sub(rf"\b(?:{'|'.join(map(re.escape, content))})\b", " ", question)
    return question


def _forms(words: Sequence[str]) -> Iterator[str]:
    yield _plain(words)
    if len(words) == 1:
        yield from (singular(base) for base in sorted(bases(words[0])))


def _plain(words: Sequence[str]) -> str:
    return " ".join(singular(fold(word)) for word in words)
