"""The English words of questions: what they measure, which kind of attribute they ask about, what says nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.inflection import bases

LESS, MORE = -1, 1
ORDER: dict[str, dict[str, int]] = {
    "length": dict.fromkeys(("short", "brief", "quick"), LESS) | dict.fromkeys(("long", "lengthy"), MORE),
    "year": dict.fromkeys(("old", "early"), LESS) | dict.fromkeys(("new", "recent", "late"), MORE),
    "price": {"cheap": LESS} | dict.fromkeys(("expensive", "pricey", "dear"), MORE),
    "rating": dict.fromkeys(("worst", "worse", "bad", "low"), LESS)
    | dict.fromkeys(("good", "better", "best", "high", "top"), MORE),
}
"""Kind of attribute -> adjective -> whether it means more or less of it."""
CUES = {
    "length": frozenset("length duration time minutes minute mins min hours hour hrs pages".split()),
    "year": frozenset("when year released date decade era".split()),
    "price": frozenset("cost costs price".split()),
    "rating": frozenset("rated rating ratings score scores reviews".split()),
    "audience": frozenset(
        "kid kids child children childrens toddler toddlers teen teens teenager teenagers suitable appropriate "
        "age ages aged rated certificate".split()
    ),
}
"""Kind of attribute -> words that ask about it."""
NAMES = {
    "price": frozenset("price cost".split()),
    "audience": frozenset("audience age ages age_group age_rating age_range suitable_for".split()),
}
"""Kind of attribute -> names of columns that hold it."""
UNITS = dict.fromkeys(("minutes", "hours", "seconds", "pages"), "length") | {
    "year": "year", "rating": "rating", "price": "price",
}  # fmt: skip
"""Unit of a column -> kind of attribute."""
AGES = "ages"
"""The kind of a question that names somebody's age: its years are not those of the item."""
AGE = re.compile(
    r"\b(?:\d{1,2}|[a-z]+)[- ]?(?:(?:years?|yrs?)[- ]?olds?|yo|yrs?)\b|"
    r"\b(?:for|who'?s|s?he'?s|they'?re)(?: an?| my)? 1?\d(?: years?)?\b(?! ?(?:min|ho?u?rs?\b|page))"
)
DURATION = re.compile(r"\b(?:running|playing|play|total|reading) times?\b")
DECADE = re.compile(r"\b(?:(?:1[89]|20)?\d0s|(?:twen|thir|for|fif|six|seven|eigh|nine)ties|(?:1[89]|20)\d\d)\b")
SET_IN = re.compile(r"\b(?:set|takes? place|happens?|plays?)\b")
"""What makes years those of the story and not of the item."""
MUCH = re.compile(r"\bhow much (?:is|are|does|do|was|were|for)\b")
WHO = frozenset("who whose who's whos whom".split())
IN_IT = frozenset("in star stars starring play plays playing features appears".split())
"""Beside `who`: those who are in it, and not those who made it."""
ABOUT = frozenset("about plot story describe description summary synopsis what's whats wats".split())
MORE_ABOUT = re.compile(
    r"^(?:(?:ok|and|so|please|can|could|you) )*"
    r"(?:tell (?:me|us)|more|details?|info|remind me|the|what about|how about)\b"
)
YES_NO = re.compile(
    r"(?:^|[.,;!?] |\b(?:and|but|ok|so) )(?:is|are|isn't|does|do|doesn't|has|have|was|were|did|will|would|any|can)\b"
)
FACT = frozenset("how where why when many much".split())
"""Words that want one fact, to which a description is no answer."""
REFERENCE = re.compile(r"\b(?:the|that|this) (?:[\w'’-]+ ){1,3}?(?:one|ones|thing)\b")
IDLE = frozenset(
    "actually really ok okay please thing things tell know think guess sure anyone anybody someone somebody something "
    "anything lot lots kinda sort tho though hey wait hmm got get like remind again going happen happens end "
    "common compare compared comparison differ difference differences me i'm wonder sorry "
    "good bad better best worse worst nice great "
    "first second third fourth fifth last latter former other others two three four both them".split()
)
"""Words that no catalog answers and no question is about."""
_ASKS = re.compile(
    r"^(?:(?:and|but|so|ok|wait|also|hm+) )*(?:who|what|when|where|which|how|is|are|does|do|did|has|can|tell|remind)\b|"
    r"\b(?:to know|wonder)\b"
)
_SENTENCE = re.compile(r"[^.!?]*[.!?]*")


def question_in(text: str) -> str:
    """Return the sentences that ask, or the last one when none does."""
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text) if sentence.strip()]
    asking = [sentence for sentence in sentences if sentence.endswith("?") or _ASKS.search(sentence.casefold())]
    return " ".join(asking) or (sentences[-1] if sentences else text)


def kinds_in(question: str, words: Sequence[str], orders: Mapping[str, int]) -> set[str]:
    """Return which kinds of attribute a question is about."""
    kinds = {kind for kind, cues in CUES.items() if cues & set(words)} | set(orders)
    kinds |= {"year"} if DECADE.search(question) and not SET_IN.search(question) else set()
    kinds |= {"price"} if MUCH.search(question) else set()
    return kinds - {"year"} | {"audience", AGES} if AGE.search(question) else kinds


def orders_in(words: Sequence[str]) -> dict[str, int]:
    """Return what is compared -> MORE or LESS, from adjectives such as `cheapest`."""
    found: dict[str, int] = {}
    for word in words:
        for kind, adjectives in ORDER.items():
            for base in bases(word) & adjectives.keys():
                found.setdefault(kind, adjectives[base])
    return found


def compares(word: str) -> bool:
    """Tell whether a word is the comparative or superlative of such an adjective."""
    return any(base != word and base in adjectives for base in bases(word) for adjectives in ORDER.values())
