"""Titles that are named and not in the catalog: they are told, and never taken for something else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.belief import ItemVerdict, Verdict
from agent.linking.lexicon import CONNECTING
from agent.linking.mentions import Mention
from agent.linking.residue import STOP_WORDS
from agent.linking.words import NUMBER_WORDS, Message

REF = "unknown"
"""The `ref` of a mention of a title that is not here."""
_WORDS = 2
"""Capitalised words that no mention covers which make a title; one alone may be anything."""
_WEAK = 1.0
"""Strength up to which a value may be a word of a title."""
_NOT = r"(?<!not )(?<!never )(?<!havent )(?<!didnt )(?<!dont )(?<!cant )"
_SAID: tuple[tuple[Verdict, re.Pattern[str]], ...] = (
    ("like_this", re.compile(rf"{_NOT}\b(?:like|similar to|as)(?: the)?$")),
    ("seen", re.compile(rf"{_NOT}\b(?:seen|saw|watched|rewatched|read|finished)(?: the)?$")),
    ("liked", re.compile(rf"{_NOT}\b(?:loved|liked|adored|enjoyed|love)(?: the)?$")),
    ("disliked", re.compile(rf"{_NOT}\b(?:hated|disliked|detested|hate)(?: the)?$")),
)
_ASKED = re.compile(r"\b(?:have|got|find|called|named|titled|stock|know|see|watch|show|heard of)(?: me)?(?: the| a)?$")
_CONNECTS = CONNECTING - {"i", "my", "your", "his", "her"} | {"'", "-", "&"}
_NUMBER = re.compile(r"[0-9]{1,2}")
_COUNTED = re.compile(
    r"^\d+ (?:times?|x|hours?|hrs?|h|minutes?|mins?|years?|items?|more|others?|people|kids?|of|or|to|"
    r"and|weeks?|days?|months?|stars?|\d|%|/)\b"
)


def unknown_titles(message: Message, mentions: Iterable[Mention]) -> list[Mention]:
    """Return runs of capitalised words that are spoken of as titles and that no sure mention covers.

    A number after a title that the catalog has without it belongs to it: `Paddington 3` is not `Paddington 2`.
    """
    mentions = list(mentions)
    held = [
        mention for mention in mentions
        if not any(token.corrected for token in message.tokens[mention.start : mention.end])
    ]  # fmt: skip
    covered = {place for mention in held for place in range(mention.start, mention.end)}
    weak = {mention.start for mention in held if mention.kind == "value" and mention.strength <= _WEAK}
    sure = covered - weak
    found = [
        Mention(mention.start, mention.end + 1, "item", ref=REF)
        for mention in mentions
        if mention.kind == "item" and not mention.ref and _numbered(message, mention)
    ]
    start = 0
    while message.mixed_case and start < len(message):
        end = _run(message, start, sure)
        own = [token for place, token in enumerate(message.tokens[start:end], start) if place not in covered]
        if sum(token.is_word and token.norm not in CONNECTING for token in own) >= _WORDS and _spoken_of(
            message, start
        ):
            found.append(Mention(start, end, "item", ref=REF))
        start = max(end, start + 1)
    return found


def verdicts_on(message: Message, mentions: Iterable[Mention]) -> list[ItemVerdict]:
    """Return what is said of titles that are not here, as far as the word before them says it."""
    found = []
    for mention in mentions:
        if mention.ref == REF:
            written = message.written(mention.start, mention.end)
            before = message.piece(mention.start - 3, mention.start)
            said = next((verdict for verdict, pattern in _SAID if pattern.search(before)), None)
            found += [ItemVerdict(ref=written, verdict=said, title=written, words=written)] if said else []
    return found


def _run(message: Message, start: int, sure: set[int]) -> int:
    """Return the end of the run of capitalised words from token `start` on, connecting words inside it."""
    end = place = start
    while place < len(message) and place not in sure:
        token = message.tokens[place]
        if token.text[0].isupper() and not (place == start and token.generic in STOP_WORDS - {"the", "a", "an"}):
            end = place + 1
        elif end == start or not (token.norm in _CONNECTS or token.norm.isdigit()):
            break
        place += 1
    if end < len(message) and end not in sure and end > start and message.tokens[end].norm.isdigit():
        end += 1
    return end


def _numbered(message: Message, mention: Mention) -> bool:
    rest = message.piece(mention.end, mention.end + 2)
    number = rest.split(" ")[0]
    return bool(_NUMBER.fullmatch(number)) and 2 <= int(number) <= len(NUMBER_WORDS) and not _COUNTED.match(rest)


def _spoken_of(message: Message, start: int) -> bool:
    before = message.piece(start - 3, start)
    return bool(_ASKED.search(before)) or any(pattern.search(before) for _, pattern in _SAID)
