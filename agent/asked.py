"""Which attributes and values a question is about, by the names, units and values of the catalog itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent.inflection import bases, singular
from agent.notes import Notes
from agent.reasons import connecting_words, words_of
from retrieval.catalog import Column, Item, fold

LESS, MORE = -1, 1
_ORDER: dict[str, dict[str, int]] = {
    "length": {"short": LESS, "brief": LESS, "quick": LESS, "long": MORE, "lengthy": MORE},
    "year": {"new": MORE, "recent": MORE, "late": MORE, "old": LESS, "early": LESS},
    "price": {"cheap": LESS, "expensive": MORE, "pricey": MORE, "dear": MORE},
}
_CUES = {
    "length": frozenset({"length", "duration", "time", "minutes", "hours", "hour", "pages"}),
    "year": frozenset({"when", "year", "released", "date", "decade", "era"}),
    "price": frozenset({"cost", "costs", "price"}),
    "audience": frozenset(
        "kid kids child children childrens toddler toddlers teen teens teenager teenagers suitable appropriate "
        "age ages aged rated certificate".split()
    ),
}
_NAMES = {
    "price": frozenset({"price", "cost"}),
    "audience": frozenset({"audience", "age", "ages", "age_group", "age_rating", "age_range", "suitable_for"}),
}
_UNITS = {"year": "year", "minutes": "length", "hours": "length", "pages": "length", "seconds": "length"}
_AGE = re.compile(r"\b(?:\d{1,2}|[a-z]+)[- ]?(?:(?:years?|yrs?)[- ]?olds?|yo|yrs?)\b(?! (?:film|book))")
_AGES = "ages"
"""The kind of a question that names somebody's age: its years are not those of the item."""
_DURATION = re.compile(r"\b(?:running|playing|play|total|reading) times?\b")
_DECADE = re.compile(r"\b(?:(?:1[89]|20)?\d0s|(?:twen|thir|for|fif|six|seven|eigh|nine)ties|(?:1[89]|20)\d\d)\b")
_MUCH = re.compile(r"\bhow much (?:is|are|does|do|was|were|for)\b")
_WHO = frozenset({"who", "whose", "who's", "whos", "whom"})
_IN_IT = frozenset({"in", "star", "stars", "starring", "play", "plays", "playing", "features", "appears"})
_ABOUT = frozenset(
    {"about", "plot", "story", "describe", "description", "summary", "what's", "whats", "wats", "synopsis"}
)
_MORE_ABOUT = re.compile(
    r"^(?:(?:ok|and|so|please|can|could|you) )*"
    r"(?:tell (?:me|us)|more|details?|info|remind me|the|what about|how about)\b"
)
_YES_NO = re.compile(
    r"(?:^|[.,;!?] |\b(?:and|but|ok|so) )(?:is|are|isn't|does|do|doesn't|has|have|was|were|did|will|would|any|can)\b"
)
_FACT = frozenset("how where why when many much".split())
_SET_IN = re.compile(r"\b(?:set|takes? place|happens?|plays?)\b")
_REFERENCE = re.compile(r"\b(?:the|that|this) (?:[\w'’-]+ ){1,3}?(?:one|ones|thing)\b")
_PLACE = frozenset("first second third fourth fifth last latter former other others two three four both them".split())
_IDLE = frozenset(
    "actually really ok okay please thing things tell know think guess sure anyone anybody someone somebody something "
    "anything lot lots kinda sort tho though hey wait hmm got get like remind again going happen happens end "
    "common compare compared comparison differ difference differences me i'm "
    "good bad better best worse worst nice great".split()
)
"""Words that no catalog answers and no question is about."""
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

    def read(self, text: str, items: Sequence[Item]) -> Asked:
        """Find the attributes and values that `text` asks about `items`; nothing named is an empty answer."""
        question = _question_in(text)
        titles = {fold(word) for item in items for word in words_of(item.title)}
        plain = _DURATION.sub("duration", question.casefold().replace("’", "'"))
        bare = _without_titles(plain, items)
        named = bare if bare != plain or "which" in plain else _REFERENCE.sub(" ", bare)
        words = words_of(named)
        found, free = self._said(words, titles)
        if not _SET_IN.search(named):
            found = [pair for pair in found if not _DECADE.fullmatch(fold(pair[1]))]
        orders = _orders(free) or _orders(words_of(bare))
        said, kinds = set(free), _kinds(named, free, orders)
        attributes = [column.name for column in self.schema.columns if self._named(column, free, kinds)]
        if _WHO & said and not any(column.name in attributes for column in self.notes.people):
            people = self.notes.people[:1] if _IN_IT & said else self.notes.people
            attributes += [column.name for column in people]
        values = list(dict.fromkeys(pair for pair in found if pair[0] not in attributes))
        values += [pair for item in items for pair in self._surnames(item, free) if pair not in values]
        idle = self._idle | titles | {word for _, value in values for word in fold(value).split()}
        rest = [word for word in free if len(word) > 2 and not word.isdigit() and word not in idle]
        return Asked(
            tuple(attributes),
            tuple(values),
            () if attributes else tuple(word for word in rest if not self._names_column(word)),
            bool(_ABOUT & said or _MORE_ABOUT.match(fold(question))) and not values and not attributes,
            bool(_YES_NO.search(fold(question)) or _FACT & said),
            next(iter(orders.values()), LESS if {"less", "least"} & said else 0),
            bool({"which", "most", "least", "more", "less"} & said) or any(map(_compared, free)),
        )

    def _named(self, column: Column, words: Sequence[str], cued: set[str]) -> bool:
        """Tell whether a column's name, its singular, or what it answers is among the words."""
        if column.role not in ("facet", "number", "date"):
            return False
        kinds = {kind for kind, names in _NAMES.items() if fold(column.name).replace(" ", "_") in names}
        kinds |= {_UNITS[column.unit]} if column.unit in _UNITS else set()
        spoken = [word for word in words if not (_AGES in cued and word in _CUES["year"])]
        return bool(kinds & cued) or any(self._is_name(word, column) for word in spoken)

    def _names_column(self, word: str) -> bool:
        return any(self._is_name(word, column) for column in self.schema.with_role("facet", "number", "date"))

    @staticmethod
    def _is_name(word: str, column: Column) -> bool:
        names = {singular(fold(name)) for name in (column.name, column.singular, column.unit) if name}
        return any(singular(word) == name or _kin(word, name) for name in names)

    @cached_property
    def _idle(self) -> frozenset[str]:
        """Words that alone are no value and mean nothing to a description."""
        nouns = {fold(self.schema.noun), fold(self.schema.nouns)}
        cues = {word for kind in (*_ORDER.values(), *_CUES.values()) for word in kind}
        names = {fold(column.name) for column in self.schema.columns}
        return frozenset(nouns | cues | names | connecting_words() | _IDLE | _WHO | _ABOUT | _PLACE)

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
                pairs = next(
                    (self._values[form] for form in _forms(words[start : start + size]) if form in self._values), ()
                )
                if pairs:
                    taken |= place
                    found += pairs
        return found, [word for place, word in enumerate(words) if place not in taken]

    def _surnames(self, item: Item, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        for column in self.notes.people:
            for name in item.values(column.name):
                if fold(name).split()[-1] in words:
                    yield column.name, name


def _question_in(text: str) -> str:
    """Return the sentences that ask, or the last one when none ends in a question mark."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text) if sentence.strip()]
    asking = [sentence for sentence in sentences if sentence.endswith("?")]
    return " ".join(asking) or (sentences[-1] if sentences else text)


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


def _kinds(question: str, words: Sequence[str], orders: Mapping[str, int]) -> set[str]:
    """Return which kinds of attribute a question is about: length, year, price, audience."""
    kinds = {kind for kind, cues in _CUES.items() if cues & set(words)} | set(orders)
    kinds |= {"year"} if _DECADE.search(question) and not _SET_IN.search(question) else set()
    kinds |= {"price"} if _MUCH.search(question) else set()
    return kinds - {"year"} | {"audience", _AGES} if _AGE.search(question) else kinds


def _orders(words: Sequence[str]) -> dict[str, int]:
    """Return what is compared -> MORE or LESS, from adjectives such as `cheapest`."""
    found: dict[str, int] = {}
    for word in words:
        for kind, adjectives in _ORDER.items():
            for base in bases(word) & adjectives.keys():
                found.setdefault(kind, adjectives[base])
    return found


def _compared(word: str) -> bool:
    return any(base != word and base in adjectives for base in bases(word) for adjectives in _ORDER.values())


def _forms(words: Sequence[str]) -> Iterator[str]:
    yield _plain(words)
    if len(words) == 1:
        yield from (singular(base) for base in sorted(bases(words[0])))


def _plain(words: Sequence[str]) -> str:
    return " ".join(singular(fold(word)) for word in words)


def _kin(left: str, right: str) -> bool:
    return left[:_COMMON_START] == right[:_COMMON_START] and min(len(left), len(right)) >= _COMMON_START
