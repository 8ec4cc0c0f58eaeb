"""Which attributes and values a question is about, by the names, units and values of the catalog itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent.reasons import connecting_words, words_of
from retrieval.catalog import Catalog, Column, Item, fold

LESS, MORE = -1, 1
_ORDER: dict[str, dict[str, int]] = {
    "length": {"short": LESS, "brief": LESS, "quick": LESS, "long": MORE, "lengthy": MORE},
    "year": {"new": MORE, "recent": MORE, "late": MORE, "old": LESS, "early": LESS},
    "price": {"cheap": LESS, "expensive": MORE, "pricey": MORE, "dear": MORE},
}
_CUES = {
    "length": frozenset({"length", "duration", "time"}),
    "year": frozenset({"when", "year", "released", "date"}),
    "price": frozenset({"cost", "costs", "price", "much"}),
}
_UNITS = {"year": "year", "minutes": "length", "hours": "length", "pages": "length", "seconds": "length"}
_PRICES = frozenset({"price", "cost"})
_WHO = frozenset({"who", "whose", "who's", "whos", "starring", "stars"})
_ABOUT = frozenset({"about", "plot", "story", "describe", "summary", "what's", "whats", "wats"})
_YES_NO = re.compile(
    r"(?:^|[.,;!?] |\b(?:and|but|ok|so) )(?:is|are|isn't|does|do|doesn't|has|have|was|were|did|will|would|any|can)\b"
)
_REFERENCE = re.compile(r"\b(?:the|that|this) (?:[\w'’-]+ ){1,3}?(?:one|ones|thing)\b")
_SENTENCE = re.compile(r"[^.!?]*[.!?]*")
_COMMON_START = 5
"""Letters that two words share when one is made of the other, such as `directed` and `director`."""
_LONGEST_VALUE = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question wants to know."""

    attributes: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    """(attribute, value) pairs whose presence is asked about."""
    text: bool = False
    """Whether the description is wanted."""
    yes_no: bool = False
    """Whether it wants a yes or a no."""
    order: int = 0
    """MORE or LESS when the attribute is compared: `longest`, `cheaper`, `the less funny one`."""


class Questions:
    """Reads questions about one catalog's items."""

    def __init__(self, catalog: Catalog) -> None:
        """Know the names and values of `catalog`."""
        self.catalog = catalog

    @cached_property
    def _values(self) -> dict[str, list[tuple[str, str]]]:
        """Value in its plain form -> the (attribute, value) pairs it stands for."""
        index: dict[str, list[tuple[str, str]]] = {}
        for attribute, values in self.catalog.vocabulary.items():
            for value in values:
                index.setdefault(_plain(words_of(value)), []).append((attribute, value))
        return index

    def read(self, text: str, items: Sequence[Item]) -> Asked:
        """Find the attributes and values that `text` asks about `items`; nothing named is an empty answer."""
        question = _question_in(text)
        named = question.casefold().replace("’", "'")
        for item in items:
            named = named.replace(item.title.casefold(), " ")
        words = words_of(_REFERENCE.sub(" ", named))
        said = set(words)
        orders = _orders(words) or _orders(words_of(named))
        attributes = [column.name for column in self.catalog.schema.columns if self._named(column, words, orders)]
        people = [column for column in self.catalog.schema.with_role("facet") if column.people]
        if people and _WHO & said and not any(column.name in attributes for column in people):
            attributes.append(max(people, key=lambda column: len(self.catalog.vocabulary[column.name])).name)
        titles = {fold(word) for item in items for word in words_of(item.title)}
        cues = {word for kind in (*_ORDER.values(), *_CUES.values()) for word in kind} | set(attributes)
        values = list(dict.fromkeys(self._said(words, titles | cues, attributes)))
        values += [pair for item in items for pair in self._surnames(item, words) if pair not in values]
        less = LESS if {"less", "least"} & said else 0
        return Asked(
            tuple(attributes),
            tuple(values),
            bool(_ABOUT & said) and not values and not attributes,
            bool(_YES_NO.search(fold(question))),
            next(iter(orders.values()), less),
        )

    def _named(self, column: Column, words: Sequence[str], orders: dict[str, int]) -> bool:
        """Tell whether a column's name, its singular, or what its unit answers is among the words."""
        if column.role not in ("facet", "number", "date"):
            return False
        kind = "price" if fold(column.name) in _PRICES else _UNITS.get(column.unit, "")
        if kind and (kind in orders or _CUES[kind] & set(words)):
            return True
        names = {_singular(fold(name)) for name in (column.name, column.singular, column.unit) if name}
        return any(_singular(word) == name or _kin(word, name) for word in words for name in names)

    def _said(self, words: Sequence[str], skipped: set[str], attributes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the values that the words hold, longest first; words of titles and cues do not count alone."""
        nouns = {fold(self.catalog.schema.noun), fold(self.catalog.schema.nouns)}
        taken: set[int] = set()
        for size in range(_LONGEST_VALUE, 0, -1):
            for start in range(len(words) - size + 1):
                place = set(range(start, start + size))
                alone = words[start] in skipped | nouns | connecting_words()
                if place & taken or (size == 1 and alone):
                    continue
                for form in _forms(words[start : start + size]):
                    found = [pair for pair in self._values.get(form, ()) if pair[0] not in attributes]
                    if found:
                        taken |= place
                        yield from found
                        break

    def _surnames(self, item: Item, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        for column in self.catalog.schema.with_role("facet"):
            for name in item.values(column.name) if column.people else ():
                if fold(name).split()[-1] in words:
                    yield column.name, name


def _question_in(text: str) -> str:
    """Return the sentences that ask, or the last one when none ends in a question mark."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text) if sentence.strip()]
    asking = [sentence for sentence in sentences if sentence.endswith("?")]
    return " ".join(asking) or (sentences[-1] if sentences else text)


def _orders(words: Sequence[str]) -> dict[str, int]:
    """Return what is compared -> MORE or LESS, from adjectives such as `cheapest`."""
    found: dict[str, int] = {}
    for word in words:
        for kind, adjectives in _ORDER.items():
            for base in _bases(word) & adjectives.keys():
                found.setdefault(kind, adjectives[base])
    return found


def _bases(word: str) -> set[str]:
    """Return what `word` may be a comparative or superlative of, with itself: funnier -> funny, longest -> long."""
    found = {word}
    for ending in ("er", "est"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            root = word.removesuffix(ending)
            found |= {root, root + "e"}
            if root.endswith("i"):
                found.add(root[:-1] + "y")
            if len(root) > 3 and root[-1] == root[-2]:
                found.add(root[:-1])
    return found


def _forms(words: Sequence[str]) -> Iterator[str]:
    yield _plain(words)
    if len(words) == 1:
        yield from (_singular(base) for base in _bases(words[0]))


def _plain(words: Sequence[str]) -> str:
    return " ".join(_singular(fold(word)) for word in words)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("oes", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def _kin(left: str, right: str) -> bool:
    return left[:_COMMON_START] == right[:_COMMON_START] and min(len(left), len(right)) >= _COMMON_START
