"""Words of a message: tokens with their place, the forms under which they compare, and a plain line for patterns."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)?[^\W\d_]*|[^\W_]+(?:['’`´][^\W_]+)*|[^\w\s]|_")
_IN_PARENTHESES = re.compile(r"\( (\d{4}) \)$")
_IRREGULAR = {
    "women": "woman", "men": "man", "wolves": "wolf", "wives": "wife", "children": "child", "childrens": "child",
    "mice": "mouse", "people": "person", "thieves": "thief", "lives": "life", "heroes": "hero", "kiddy": "kid",
}  # fmt: skip
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
}  # fmt: skip
SENTENCE_ENDS = frozenset(".!?;…\n")
_JOINERS = frozenset("-–:&/'’\"“”.")


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """Return lower case without accents and apostrophes: `Amélie's` -> `amelies`."""
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark) and mark not in "'’`´")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the form that singular and plural share; it need not be a word."""
    word = _IRREGULAR.get(word, word)
    if word == "news":  # no plural of new
        return word
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
        if word.endswith(("che", "she", "xe", "sse", "oe")):
            word = word[:-1]
    return word[:-2] + "y" if len(word) > 3 and word.endswith("ie") else word


@dataclass(frozen=True, slots=True)
class Token:
    """One word or mark and where it stands in the text."""

    text: str
    norm: str
    stem: str
    start: int
    end: int
    corrected: bool = False
    """Whether the spelling was mended."""
    generic: str = ""
    """The norm, but `item` or `items` for what a catalog calls its items: the form that patterns read."""

    @property
    def is_word(self) -> bool:
        """Whether this is a word or a number and not a mark."""
        return self.norm[:1].isalnum()


def _token(text: str, start: int) -> Token:
    norm = "and" if text == "&" else plain(text)
    return Token(text, norm, stem(norm), start, start + len(text), generic=norm)


class Message:
    """A text as tokens. `line` is their generic forms with single spaces: what patterns read."""

    def __init__(self, text: str) -> None:
        """Tokenise `text`; marks are tokens too."""
        self.text = text
        self.tokens: tuple[Token, ...] = tuple(
            token
            for match in _TOKEN.finditer(text.replace("\n", ";"))
            if (token := _token(match[0], match.start())).norm
        )

    def __len__(self) -> int:
        """Count the tokens."""
        return len(self.tokens)

    @cached_property
    def line(self) -> str:
        """The generic forms of all tokens, separated by single spaces."""
        return " ".join(token.generic for token in self.tokens)

    @cached_property
    def _offsets(self) -> list[int]:
        offsets, place = [], 0
        for token in self.tokens:
            offsets.append(place)
            place += len(token.generic) + 1
        return offsets

    def span(self, match: re.Match[str], group: int | str = 0) -> tuple[int, int]:
        """Return the tokens [start, end) that a match on `line` covers."""
        start = bisect_right(self._offsets, match.start(group)) - 1
        return start, bisect_right(self._offsets, max(match.end(group) - 1, match.start(group)))

    def piece(self, start: int, end: int) -> str:
        """Return tokens [start, end) as a line."""
        return " ".join(token.generic for token in self.tokens[max(start, 0) : end])

    def year_after(self, end: int) -> int | None:
        """Return the year that stands in parentheses from token `end` on, as after a title; None when none does."""
        match = _IN_PARENTHESES.match(self.piece(end, end + 3)) if 0 < end < len(self) else None
        return int(match[1]) if match else None

    def written(self, start: int, end: int) -> str:
        """Return tokens [start, end) as the person wrote them."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""

    @cached_property
    def sentences(self) -> tuple[tuple[int, int], ...]:
        """Token spans of the sentences, each with its closing mark."""
        spans, start = [], 0
        for place, token in enumerate(self.tokens):
            if token.norm in SENTENCE_ENDS:
                if place > start:
                    spans.append((start, place + 1))
                start = place + 1
        if start < len(self.tokens):
            spans.append((start, len(self.tokens)))
        return tuple(spans)

    def sentence_at(self, place: int) -> tuple[int, int]:
        """Return the sentence that token `place` is in."""
        return next((span for span in self.sentences if span[0] <= place < span[1]), (0, len(self.tokens)))

    @cached_property
    def mixed_case(self) -> bool:
        """Whether capitals carry meaning here: not all lower and not all upper case."""
        words = [token.text for token in self.tokens if token.is_word and token.text.isalpha()]
        return any(word[0].isupper() for word in words[1:]) and not all(word.isupper() for word in words)

    def grams(self, longest: int, across: frozenset[str] = frozenset()) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Yield (start, end, stems) of every run of up to `longest` words; marks in `across` may stand between."""
        allowed = _JOINERS | across
        for start, first in enumerate(self.tokens):
            if not first.is_word:
                continue
            stems: list[str] = []
            for end in range(start, len(self.tokens)):
                token = self.tokens[end]
                if not token.is_word:
                    if token.norm in allowed:
                        continue
                    break
                stems.append(token.stem)
                yield start, end + 1, tuple(stems)
                if len(stems) == longest:
                    break


def key(words: tuple[str, ...] | list[str]) -> str:
    """Join stems to the form that phrases are looked up by, so that `sci-fi`, `sci fi` and `scifi` are one."""
    return "".join(words)


def number_key(words: tuple[str, ...] | list[str]) -> str:
    """Join stems like `key`, with `II`, `two` and `2` made one."""
    return "".join(_ROMAN.get(word) or str(NUMBER_WORDS.get(word, word)) for word in words)


@lru_cache(maxsize=65536)
def stems(text: str) -> tuple[str, ...]:
    """Return the stems of the words of `text`."""
    return tuple(token.stem for token in Message(text).tokens if token.is_word)
