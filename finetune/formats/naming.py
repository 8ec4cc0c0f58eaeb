"""Which items an assistant's message names: by marks in the data, in a list, or in running text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from agent.belief import BeliefState
from agent.linking import Linker
from agent.linking.unknown import REF
from agent.recommender import LONGEST_TEXT
from agent.transcripts import resolve_title
from finetune.formats.talks import Said
from retrieval.catalog import Catalog, fold

_LISTED = re.compile(r"(?:[-*•+]|\d{1,2}[.)])\s+(.+)")
_MARKUP = re.compile(r"\*\*|__|[*_`\"“”]")
_END = re.compile(r":?\s+[-–—]\s+|[:,]\s+|[:.]?\s*$")
"""What stands between a title in a list and what is said of it."""
_LABEL = re.compile(r"(.+?)\s*\((\d{4})\)$")


@dataclass(frozen=True)
class Named:
    """What a message names."""

    shown: dict[str, str]
    """Item id -> what is said of it, in text order."""
    repeated: tuple[str, ...] = ()
    """Ids of items that the person had named before: they are talked of, which is no recommendation."""
    missing: tuple[str, ...] = ()
    """Titles that the catalog does not have."""
    rest: str = ""
    """The text in one line, without the list of what is shown."""


def known(title: str, catalog: Catalog) -> str | None:
    """Return the id of the item of this title or label, None when there is none; sources differ by a year."""
    found, labelled = resolve_title(title, catalog), _LABEL.match(title.strip())
    if found is None and labelled:
        near = (f"{labelled[1]} ({int(labelled[2]) + off})" for off in (-1, 1))
        return next((item for label in near if (item := resolve_title(label, catalog))), None)
    return found


def names(message: Said, belief: BeliefState, before: frozenset[str], linker: Linker) -> Named:
    """Return what an assistant's `message` names; `before` are the items that the person has named.

    An item in a list is shown, whoever named it before.
    """
    if message.titles is not None:
        return _marked(message, message.titles, before, linker.catalog)
    shown: dict[str, str] = {}
    repeated: list[str] = []
    missing: list[str] = []
    rest: list[str] = []
    for line in message.text.split("\n"):
        title, reason = _listed(line, linker.catalog)
        item_id = known(title, linker.catalog) if title else None
        if item_id is not None:
            shown[item_id] = shown.get(item_id) or reason
            continue
        rest.append(line)
        found, unknown = ([], [title]) if title else titled(line, belief, linker)
        missing += unknown
        repeated += [item for item in found if item in before]
        shown |= {item: "" for item in found if item not in before and item not in shown}
    return Named(shown, tuple(repeated), tuple(missing), " ".join(rest))


def titled(text: str, belief: BeliefState, linker: Linker) -> tuple[list[str], list[str]]:
    """Return the ids of what a text names by title, and the titles in it that the catalog lacks.

    `The second one` and `that film` are no titles.
    """
    sighting = linker.sight(text[:LONGEST_TEXT], belief)
    mentions = [mention for mention in sighting.mentions if mention.kind == "item"]
    found = [item for mention in mentions if not mention.ref for item in mention.item_ids]
    lacking = [sighting.message.written(one.start, one.end) for one in mentions if one.ref == REF]
    return list(dict.fromkeys(found)), lacking


def _marked(message: Said, titles: tuple[str, ...], before: frozenset[str], catalog: Catalog) -> Named:
    items = {title: known(title, catalog) for title in titles}
    found = list(dict.fromkeys(item for item in items.values() if item is not None))
    return Named(
        {item: "" for item in found if item not in before},
        tuple(item for item in found if item in before),
        tuple(title for title, item in items.items() if item is None),
        message.text.replace("\n", " "),
    )


def _listed(line: str, catalog: Catalog) -> tuple[str, str]:
    """Return the title that a line of a list begins with and what is said of it; nothing where it has none.

    It is the longest beginning that the catalog knows, but for a word that is also a value of an attribute (`Drama: `),
    or else one with a year.
    """
    listed = _LISTED.match(line)
    if listed is None:
        return "", ""
    body = " ".join(_MARKUP.sub("", listed[1]).split())
    cuts = [(body[: end.start()], body[end.end() :]) for end in _ends(body)]
    for title, reason in reversed(cuts):
        if known(title, catalog) and (_LABEL.match(title) or fold(title) not in _values(catalog)):
            return title, reason
    return next(((title, reason) for title, reason in cuts if _LABEL.match(title)), ("", ""))


def _ends(body: str) -> Iterator[re.Match[str]]:
    return (end for end in _END.finditer(body) if end.start())


@lru_cache(maxsize=2)
def _values(catalog: Catalog) -> frozenset[str]:
    return frozenset(fold(value) for values in catalog.vocabulary.values() for value in values)
