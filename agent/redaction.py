"""Private data are taken out of what people write, before anything keeps it.

What is looked for has a form that can be checked: e-mail addresses, URLs that carry a token, bank accounts (IBAN, ISO
13616, mod 97), payment cards (ISO/IEC 7812, Luhn), telephone numbers. Names and street addresses have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Kind = Literal["email", "url", "iban", "card", "phone"]


class Private(NamedTuple):
    """A piece of private data in a text."""

    kind: Kind
    start: int
    end: int


REGIONS = ("US", "GB")
"""Countries whose telephone numbers are known without the +; those of all others are known with it."""
LONG_SECRET = 20
"""Characters from which on a word of letters and digits in a URL is a secret, whatever it is called."""
_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.)[^\s<>\"']+", re.IGNORECASE)
_SECRET = re.compile(
    r"(?:^|[_.-])(?:token|key|apikey|secret|sig|signature|password|passwd|pwd|auth|session|sid|code|jwt|otp|credential)s?$"
    r"|token|secret|passw|session|apikey",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}", re.UNICODE)
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE)
_DIGITS = re.compile(r"(?<!\d)\d+(?:[ -]\d+)*")
_ISSUERS = re.compile(
    r"[3-6]\d{12,18}|[56]\d{11}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|(?:2131|1800)\d{11}"
)
"""First digits and lengths of the networks that issue cards."""
_NUMBER = re.compile(
    r"(?<![\w.,:/@#-])(?<!\d[ -])(?:\+|00)?[ ]?\(?\d(?:[ ./()-]{0,3}\d){8,14}"
    r"(?:[ ]?(?:x|ext\.?)[ ]?\d{1,6})?(?!\w|[ -]\d)"
)
_YEARS = re.compile(r"(?:1[89]|20)\d\d")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}")
_ISBN = re.compile(r"97[89][ -]?\d")
LONGEST_BARE = 12
"""Digits up to which a number without any sign of a telephone's is one."""


def redact(text: str) -> str:
    """Return `text` with each piece of private data replaced by its kind in brackets; changes nothing twice."""
    kept, place = [], 0
    for kind, start, end in private(text):
        kept += [text[place:start], f"[{kind}]"]
        place = end
    return "".join([*kept, text[place:]])


def private(text: str) -> list[Private]:
    """Return the pieces of private data in `text`, in order, none of which overlap."""
    if not any(sign in text for sign in "@:./") and sum(map(str.isdigit, text)) < 7:
        return []
    found: list[Private] = []
    for search in (_urls, _emails, _ibans, _cards, _phones):
        for kind, start, end in search(text):
            over = [one for one in found if one.start < end and start < one.end]
            if any(one.kind != kind for one in over):
                continue  # a card's digits are no telephone number
            found = [one for one in found if one not in over]
            found.append(Private(kind, min([start, *(one.start for one in over)]), max([end, *(o.end for o in over)])))
    return sorted(found, key=lambda one: one.start)


def _urls(text: str) -> Iterator[Private]:
    for match in _URL.finditer(text):
        url = match.group().rstrip(".,;:!?)]}")
        if _carries_secret(url):
            yield Private("url", match.start(), match.start() + len(url))


def _carries_secret(url: str) -> bool:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        return True
    if "@" in parts.netloc:
        return True
    fields = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    words = [*parts.path.split("/"), parts.fragment, *(value for _, value in fields)]
    return any(_SECRET.search(name) for name, _ in fields) or any(map(_random, words))


def _random(word: str) -> bool:
    """Tell whether a word is long and mixes letters and digits as no name does."""
    for run in re.findall(rf"[A-Za-z0-9_\-]{{{LONG_SECRET},}}", word):
        changes = sum(one.isdigit() != other.isdigit() for one, other in zip(run, run[1:], strict=False))
        if changes >= 4:
            return True
    return False


def _emails(text: str) -> Iterator[Private]:
    for match in _EMAIL.finditer(text):
        yield Private("email", match.start(), match.end())


def _ibans(text: str) -> Iterator[Private]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        ends = [place for place in range(match.start(), match.end()) if text[place].isalnum()][14:]
        for end in reversed(ends):  # words that follow look like more of it
            after = text[end + 1 : end + 2]
            if not after.isalnum() and iban.is_valid(text[match.start() : end + 1]):
                yield Private("iban", match.start(), end + 1)
                break


def _cards(text: str) -> Iterator[Private]:
    """Yield runs of whole groups of digits that are a card's number; years may stand before or behind."""
    from stdnum import luhn

    for match in _DIGITS.finditer(text):
        groups = [(group.start(), group.end()) for group in re.finditer(r"\d+", match.group())]
        spans = ((start, end) for start, _ in groups for _, end in reversed(groups) if end > start)
        for start, end in spans:
            digits = re.sub(r"\D", "", match.group()[start:end])
            if _ISSUERS.fullmatch(digits) and luhn.is_valid(digits):
                yield Private("card", match.start() + start, match.start() + end)


def _phones(text: str) -> Iterator[Private]:
    """Yield telephone numbers that are assigned, then what is written like one."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    for region in REGIONS:
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            yield Private("phone", match.start, match.end)
    for found in _NUMBER.finditer(text):
        if _like_a_phone(found.group()):
            yield Private("phone", found.start(), found.end())


def _like_a_phone(number: str) -> bool:
    groups = re.findall(r"\d+", number)
    if all(_YEARS.fullmatch(group) for group in groups) or _DATE.search(number):
        return False
    bare = number.isdigit() and not number.startswith("0") and len(number) > LONGEST_BARE
    return not bare and not _ISBN.match(number)
