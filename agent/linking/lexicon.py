"""The catalog's own words: every way a title, a person or a value of a facet may be said."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from agent.linking.ordinary import WORDS
from agent.linking.words import Message, key, number_key, plain, stem, stems
from retrieval.catalog import Alias, Catalog

ARTICLES = ("the", "a", "an")
CONNECTING = frozenset(
    "the a an of and in on to for with from at by is my your his her it i ii iii part vol chapter".split()
)
_SUBTITLE = re.compile(r"\s*(?::|\s[-–]\s|\()")
_SERIES = re.compile(r"\s*\([^)]*\)\s*$")
"""What stands in parentheses after a title, such as the series: people leave it out."""
_PARTICLES = frozenset("de del di du la le van von der mc mac st el al ter".split())
_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """One value that a phrase may stand for. `count` is the number of items that have it, 0 for a bound or slice."""

    attribute: str
    value: str | float | int
    count: int = 0
    negated: bool = False
    """Whether the phrase stands for anything but the value: an alias to `not VALUE`."""
    op: str = ""
    """For a number, `at_least` or `at_most` when the alias says so."""


class Lexicon:
    """Folded phrases of one catalog, built once; every lookup is a dictionary access."""

    def __init__(self, catalog: Catalog) -> None:
        """Collect the phrases of `catalog`."""
        self.catalog = catalog
        schema = catalog.schema
        self.people_columns = tuple(column.name for column in schema.with_role("facet") if column.people)
        self.longest = 1
        words = WORDS | _common_words(catalog)
        self.ordinary = words | {stem(word) for word in words}
        self.values: dict[str, tuple[Meaning, ...]] = {}
        self.names: dict[str, tuple[Meaning, ...]] = {}
        self.name_parts: dict[str, tuple[Meaning, ...]] = {}
        self.titles: dict[str, tuple[str, ...]] = {}
        self.title_parts: dict[str, tuple[str, ...]] = {}
        self._known: set[str] = set(self.ordinary)
        self._words: Counter[str] = Counter()
        self._of_names: set[str] = set()
        self._read_values()
        self._read_people()
        self._read_titles()
        self._known.update(self._words)
        self._by_shape: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in self._words:
            self._by_shape[word[:1], len(word)].append(word)
        for word in WORDS:
            if len(word) > 4 and word not in self._words:
                self._by_shape[word[:1], len(word)].append(word)

    def spelled(self, word: str, beside_name: bool = False) -> str:
        """Return the nearest known word for a misspelt one, or the word itself; short words are left alone.

        A word of five letters becomes a name only beside another word of names.
        """
        from rapidfuzz.distance import OSA

        if len(word) < 5 or not word.isalpha() or word in self._known or stem(word) in self._known:
            return word
        most = 1 if len(word) < 8 else 2
        short = len(word) < 6 and not beside_name
        best, found = most + 1, word
        for length in range(len(word) - most, len(word) + most + 1):
            for known in self._by_shape.get((word[0], length), ()):
                if short and known in self._of_names:
                    continue
                distance = OSA.distance(word, known, score_cutoff=min(best, most))
                if distance < best or (
                    distance == best <= most and self._words.get(known, 0) > self._words.get(found, 0)
                ):
                    best, found = distance, known
        return found

    def in_names(self, word: str) -> bool:
        """Tell whether a word is part of somebody's name and no ordinary word."""
        return word in self._of_names and word not in self.ordinary

    def _note(self, words: Iterable[str], weight: int = 1) -> None:
        for word in words:
            self._words[word] += weight

    def _read_values(self) -> None:
        collected: dict[str, dict[str, Meaning]] = defaultdict(dict)
        for attribute, counts in self.catalog.vocabulary.items():
            if attribute in self.people_columns:
                continue
            for value, count in counts.items():
                phrase = stems(value)
                self.longest = max(self.longest, min(len(phrase), 8))
                held = collected[key(phrase)].get(attribute)
                if held is None or held.count < count:
                    collected[key(phrase)][attribute] = Meaning(attribute, value, count)
                self._note((token.norm for token in Message(value).tokens if token.is_word), count)
        for phrase_key, by_attribute in collected.items():
            best = max(by_attribute.values(), key=lambda meaning: meaning.count)
            self.values[phrase_key] = (best,)
        for alias_phrase, aliases in self.catalog.schema.aliases.items():
            words = stems(alias_phrase)
            self.longest = max(self.longest, len(words))
            self.values[key(words)] = tuple(self._meaning(alias) for alias in aliases)
            self._note(token.norm for token in Message(alias_phrase).tokens if token.is_word)

    def _meaning(self, alias: Alias) -> Meaning:
        """Read an alias; its value may be written `not VALUE`, `at_least NUMBER` or `at_most NUMBER`."""
        how, _, rest = str(alias.value).partition(" ")
        if how in ("at_least", "at_most") and rest.isdigit():
            return Meaning(alias.attribute, int(rest), op=how)
        if how == "not" and rest:
            return Meaning(alias.attribute, rest, self._count(alias.attribute, rest), negated=True)
        return Meaning(alias.attribute, alias.value, self._count(alias.attribute, alias.value))

    def _count(self, attribute: str, value: str | float | int) -> int:
        return self.catalog.vocabulary.get(attribute, {}).get(str(value), 0)

    def _read_people(self) -> None:
        parts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        full: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for attribute in self.people_columns:
            for name, count in self.catalog.vocabulary[attribute].items():
                words = [token.norm for token in Message(name).tokens if token.is_word]
                if not words:
                    continue
                self._note(words, count)
                self._of_names.update(words)
                full[key([stem(word) for word in words])][attribute, name] += count
                if len(words) > 1:
                    tail = words[:-1] if words[-1] in ("jr", "sr") and len(words) > 2 else words
                    surname = next(
                        (tail[place:] for place in range(1, len(tail)) if tail[place] in _PARTICLES), tail[-1:]
                    )
                    for part in {tuple(surname), tuple(tail[-1:]), tuple(words[:1])}:
                        parts[key([stem(word) for word in part])][attribute, name] += count
        for table, target in ((full, self.names), (parts, self.name_parts)):
            for phrase, holders in table.items():
                target[phrase] = tuple(Meaning(a, n, c) for (a, n), c in holders.most_common(12))
        self.longest = max(self.longest, 4)

    def _read_titles(self) -> None:
        full: dict[str, list[str]] = defaultdict(list)
        parts: dict[str, list[str]] = defaultdict(list)
        ranked = sorted(self.catalog, key=lambda item: -item.popularity)
        for item in ranked:
            words = [token.stem for token in Message(item.title).tokens if token.is_word]
            if not words:
                continue
            self._note(token.norm for token in Message(item.title).tokens if token.is_word)
            bare = words[1:] if words[0] in ARTICLES and len(words) > 1 else words
            self.longest = max(self.longest, min(len(words), 12))
            full[number_key(words)].append(item.id)
            if bare is not words:
                full[number_key(bare)].append(item.id)
            if own := [token.stem for token in Message(_SERIES.sub("", item.title)).tokens if token.is_word]:
                full[number_key(own)].append(item.id)
        for item in ranked:
            head, *rest = _SUBTITLE.split(item.title, maxsplit=1)
            for piece in (head, *rest):
                words = [token.stem for token in Message(piece).tokens if token.is_word]
                bare = words[1:] if words and words[0] in ARTICLES and len(words) > 1 else words
                if words and number_key(bare) not in full:
                    parts[number_key(bare)].append(item.id)
                    parts[number_key(words)].append(item.id)
            for part in title_parts(item.title):
                parts[part].append(item.id)
        for short, item_id in self.catalog.schema.titles.items():
            if item_id in self.catalog:
                full[number_key(stems(short))].insert(0, item_id)
                self._note(token.norm for token in Message(short).tokens if token.is_word)
                self.longest = max(self.longest, len(stems(short)))
        self.titles = {phrase: tuple(dict.fromkeys(ids)) for phrase, ids in full.items()}
        self.title_parts = {
            phrase: tuple(dict.fromkeys(ids)) for phrase, ids in parts.items() if phrase not in self.titles
        }


def title_parts(title: str) -> set[str]:
    """Return keys of the runs of words of `title` that can stand for it: they start and end with a content word."""
    words = [token.stem for token in Message(title).tokens if token.is_word]
    return {
        number_key(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(len(words), start + 5) + 1)
        if words[start] not in CONNECTING
        and words[end - 1] not in CONNECTING
        and not (end == start + 1 and (len(words[start]) < 3 or words[start].isdigit()))
    }


def _common_words(catalog: Catalog) -> frozenset[str]:
    """Words that descriptions use in lower case in three items or more: ordinary in this domain."""
    counts: Counter[str] = Counter()
    for item in catalog:
        counts.update(set(_LETTERS.findall(plain(item.text) if item.text.islower() else _lower_only(item.text))))
    return frozenset(word for word, count in counts.items() if count >= 3)


def _lower_only(text: str) -> str:
    return " ".join(plain(word) for word in text.split() if word[:1].islower())
