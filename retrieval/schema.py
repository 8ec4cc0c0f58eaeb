"""Guess which column of a catalog plays which role, from names and values alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from retrieval.catalog import CatalogSchema, Column, Role, UserError

TITLES = ("title", "name", "product_name", "label", "headline")
TEXTS = ("overview", "summary", "description", "synopsis", "abstract", "plot", "text", "content", "notes", "blurb")
POPULARITY = ("popularity", "ratings_count", "rating_count", "vote_count", "num_ratings", "num_votes", "votes",
              "review_count", "reviews_count", "num_reviews", "sales", "views", "downloads", "plays")  # fmt: skip
IDENTIFIER = re.compile(r"(^|_)(id|ids|isbn|isbn10|isbn13|uuid|guid|asin|sku|ean|upc|key|slug|hash)$")
COUNT = re.compile(r"(^|_)(count|counts|votes|ratings|reviews)(_|$)")
IMAGE = re.compile(r"(^|_)(image|img|poster|cover|thumbnail|picture|photo)")
UNITS = {
    "year": re.compile(r"(^|_)(year|vintage)($|_)"),
    "minutes": re.compile(r"(^|_)(runtime|duration|minutes|length_min|playtime)($|_)"),
    "pages": re.compile(r"(^|_)pages?($|_)"),
    "price": re.compile(r"(^|_)(price|cost)($|_)"),
    "rating": re.compile(r"(^|_)(rating|vote_average|score|stars)($|_)"),
}
NAMES = 0.9
"""Share of the parts of a list of people that are names of two words or more."""
PEOPLE = re.compile(
    r"(^|_)(directors?|cast|actors?|actresses|stars|authors?|writers?|artists?|composers?|creators?|performers?|"
    r"singers?|illustrators?|translators?|narrators?|designers?|makers?|chefs?|editors?|producers?|conductors?)$"
)
DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?([T ].*)?$")
LINK = re.compile(r"https?://\S+$")
PICTURE = re.compile(r"https?://\S+\.(jpe?g|png|webp|gif)(\?\S*)?$", re.IGNORECASE)
FLAGS = {"true": True, "yes": True, "false": False, "no": False}
SHARE = 0.95
"""How many of a column's known values must have a form before the column is taken to have it."""
LONGEST_LIST = 200
"""Mean characters up to which a string may be a list of values."""
SHORT = 45
"""Mean characters up to which a string is a value rather than a text."""


@dataclass(frozen=True)
class Profile:
    """What is known of one column's values: `known` without the empty ones, list columns flattened into `parts`."""

    name: str
    known: Sequence[Any]
    separator: str | None = field(default=None)

    @cached_property
    def parts(self) -> list[str]:
        """Every single value as a string."""
        return [part for value in self.known for part in split(value, self.separator)]

    @cached_property
    def distinct(self) -> set[str]:
        """The different single values."""
        return set(self.parts)

    @property
    def listed(self) -> bool:
        """Whether the values are lists, or strings that hold lists."""
        return self.separator is not None or any(isinstance(value, list) for value in self.known[:1000])

    def share(self, test: Any) -> float:
        """Return the share of known values for which `test` is true."""
        return sum(map(bool, map(test, self.known))) / max(1, len(self.known))

    @property
    def length(self) -> float:
        """Mean characters of a single value."""
        return sum(map(len, self.parts)) / max(1, len(self.parts))


def infer(rows: Sequence[Mapping[str, Any]]) -> CatalogSchema:
    """Return the schema that fits the rows; UserError when no column can be the title."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    profiles = {name: _profile(name, rows) for name in names}
    title = _named(names, TITLES) or _first_title(profiles)
    if title is None:
        raise UserError(f"no column can be the title: found {', '.join(names) or 'none'}; name one in the schema file")
    given: dict[str, Role] = {title: "title"}
    identifier = _identifier(profiles, len(rows))
    if identifier is not None and identifier != title:
        given[identifier] = "id"
    roles = {name: given.get(name) or role_of(profile) for name, profile in profiles.items()}
    texts = [name for name, role in roles.items() if role == "text"]
    kept_text = _named(texts, TEXTS) or max(texts, key=lambda name: profiles[name].length, default=None)
    counts = [name for name, role in roles.items() if role == "popularity"]
    for role, kept in (
        ("text", kept_text),
        ("popularity", _named(counts, POPULARITY)),
        ("image", None),
        ("link", None),
    ):
        players = [name for name, its in roles.items() if its == role]
        for name in players:
            if name != (kept or players[0]):
                roles[name] = "ignore"
    return CatalogSchema(columns=tuple(_column(profiles[name], role) for name, role in roles.items()))


def role_of(profile: Profile) -> Role:
    """Return the role that one column's name and values suggest."""
    name = fold_name(profile.name)
    if not profile.known or IDENTIFIER.search(name) or profile.share(lambda value: isinstance(value, dict)) > 0:
        return "ignore"
    if profile.share(is_flag) >= SHARE:
        return "flag"
    if not profile.listed and profile.share(lambda value: number_of(value) is not None) >= SHARE:
        if name in POPULARITY:
            return "popularity"
        return "ignore" if COUNT.search(name) and unit_of(name) != "rating" or re.search(r"\d$", name) else "number"
    if profile.share(lambda value: isinstance(value, str) and DATE.match(value)) >= SHARE:
        return "date"
    if profile.share(lambda value: isinstance(value, str) and LINK.match(value)) >= SHARE:
        pictures = IMAGE.search(name) or profile.share(lambda value: PICTURE.match(value)) >= SHARE
        return "image" if pictures else "link"
    if all(number_of(part) is not None for part in profile.parts[:1000]):
        return "ignore"
    few = len(profile.known) < 50 or len(profile.distinct) <= 0.5 * len(profile.parts)
    if profile.length <= SHORT and (few or profile.listed or is_people(profile)):
        return "facet"
    return "text" if profile.length > SHORT and not profile.listed else "ignore"


def split(value: Any, separator: str | None) -> list[str]:
    """Return the single values of a cell as strings."""
    parts = value if isinstance(value, list) else _cut(str(value), separator) if separator else [value]
    return [text for part in parts if part is not None and (text := str(part).strip())]


def _cut(text: str, separator: str) -> list[str]:
    """Cut at a separator, but not before what belongs to a name: `Kurt Vonnegut, Jr.`."""
    return _COMMA.split(text) if separator == "," else text.split(separator)


_COMMA = re.compile(r",(?!\s*(?:Jr|Sr|II|III|IV|Ph\.? ?D|M\.? ?D|Esq|Inc|Ltd|LLC)\b)")


def number_of(value: Any) -> int | float | None:
    """Return a finite number, an int where it is whole, or None when the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def is_flag(value: Any) -> bool:
    """Tell whether a value is true or false, also in words."""
    return isinstance(value, bool) or (isinstance(value, str) and value.casefold() in FLAGS)


def fold_name(name: str) -> str:
    """Return a column's name in snake case, for comparing."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold()).strip("_")


def unit_of(name: str) -> str:
    """Return what a number column of this name counts, empty when unknown."""
    return next((unit for unit, pattern in UNITS.items() if pattern.search(fold_name(name))), "")


def is_people(profile: Profile) -> bool:
    """Tell whether a facet names people: by its name, or by many capitalised values of two to four words."""
    if PEOPLE.search(fold_name(profile.name)):
        return True
    names = [value.split() for value in profile.distinct]
    shaped = [words for words in names if 2 <= len(words) <= 4 and all(word[:1].isupper() for word in words)]
    firsts = {words[0] for words in shaped}
    return len(names) >= 50 and len(shaped) >= 0.9 * len(names) and len(firsts) <= 0.8 * len(shaped)


def separator_of(values: Sequence[Any], people: bool = False) -> str | None:
    """Return what separates several values in a column's strings: `|`, `;` or a comma; None when nothing does.

    A comma counts only when most of the parts are also met elsewhere, so that `Washington, D.C.` stays whole; of
    `people` also when nearly all parts are names of two words or more, so that `Rowling, J. K.` stays whole.
    """
    strings = [value for value in values if isinstance(value, str)]
    if not strings or len(strings) < len(values) or sum(map(len, strings)) > LONGEST_LIST * len(strings):
        return None
    for mark in "|;":
        if sum(mark in value for value in strings) >= max(1, 0.02 * len(strings)):
            return mark
    several = [parts for value in strings if len(parts := _cut(value, ",")) > 1]
    if not several:
        return None
    if people and sum(len(part.split()) > 1 for parts in several for part in parts) >= NAMES * sum(map(len, several)):
        return ","
    seen: dict[str, int] = {}
    for value in strings:
        for part in {piece.strip() for piece in _cut(value, ",")}:
            seen[part] = seen.get(part, 0) + 1
    pieces = [part.strip() for parts in several for part in parts]
    again = sum(seen[part] > 1 for part in pieces) / len(pieces)
    return "," if again >= 0.5 and sum(len(part.split()) for part in pieces) <= 4 * len(pieces) else None


def _profile(name: str, rows: Sequence[Mapping[str, Any]]) -> Profile:
    known = [value for row in rows if (value := row.get(name)) not in (None, "", [])]
    return Profile(name, known, separator_of(known, bool(PEOPLE.search(fold_name(name)))))


def _column(profile: Profile, role: Role) -> Column:
    if role == "number":
        return Column(name=profile.name, role=role, unit=unit_of(profile.name))
    if role != "facet":
        return Column(name=profile.name, role=role)
    many = any(len(split(value, profile.separator)) > 1 for value in profile.known)
    return Column(
        name=profile.name, role=role, people=is_people(profile), many=many, singular=singular_of(profile.name)
    )


def singular_of(name: str) -> str:
    """Return what one value of a column is called: `categories` gives `category`."""
    word = fold_name(name).replace("_", " ")
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    folded = {fold_name(name): name for name in reversed(names)}
    return next((folded[want] for want in wanted if want in folded), None)


def _first_title(profiles: Mapping[str, Profile]) -> str | None:
    """Return the first column of mostly different short strings."""
    for name, profile in profiles.items():
        strings = profile.known and profile.share(lambda value: isinstance(value, str)) == 1
        if strings and not IDENTIFIER.search(fold_name(name)) and profile.length <= 2 * SHORT:
            if len(profile.distinct) >= 0.8 * len(profile.known) and not LINK.match(profile.known[0]):
                return name
    return None


def _identifier(profiles: Mapping[str, Profile], rows: int) -> str | None:
    names = [name for name in profiles if IDENTIFIER.search(fold_name(name))]
    for name in sorted(names, key=lambda name: fold_name(name) != "id"):
        profile = profiles[name]
        simple = not profile.listed and profile.share(lambda value: isinstance(value, int | str)) == 1
        different = len(set(map(str, profile.known))) >= 0.9 * len(profile.known)
        if fold_name(name) == "id" or (simple and different and len(profile.known) >= SHARE * rows):
            return name
    return None
