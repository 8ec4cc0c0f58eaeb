"""What a reviewer writes instead of what was understood, told and shown: read from text, and checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from agent.belief import INTENTS, ITEMS, VERDICTS, BeliefState
from agent.redaction import redact
from agent.transcripts import update_as_dict, update_from_dict
from retrieval.catalog import Catalog, fold
from retrieval.constraints import Op

PARTS: dict[str, tuple[str, ...]] = {
    "set": ("attribute", "op", "value"),
    "prefer": ("attribute", "value", "weight"),
    "drop": ("attribute", "value"),
    "items": ("ref", "verdict"),
}
"""The lists of an update, and what their entries say."""
OPTIONAL = {("prefer", "weight"), ("drop", "value")}
LONGEST = 1000
"""Characters that are kept of a reason or a note."""


def update_text(update: Mapping[str, Any]) -> str:
    """Write an update in the words of the labelled dialogues as YAML, an entry a line, with every part to fill in."""
    lines = [f"intent: {update.get('intent', 'recommend')}"]
    for part in PARTS:
        entries = [f"- {_flow(entry)}" for entry in update.get(part, ())]
        lines += [f"{part}:", *entries] if entries else [f"{part}: []"]
    return "\n".join(lines) + "\n"


def read_update(text: str) -> dict[str, Any]:
    """Read what `update_text` writes; parts that are left out are empty. ValueError in one line that names the line."""
    try:
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ValueError(f"line {mark.line + 1 if mark else 1}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(data, dict):
        raise ValueError("write what was meant as `intent: recommend` and so on, a key a line")
    return data


def checked_update(
    data: Mapping[str, Any], catalog: Catalog, before: BeliefState, logged: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an update in the words of the labelled dialogues as it is kept: without private data, absent keys empty.

    `before` is what was believed before the message; what stands in the `logged` update need not be known to the
    catalog. ValueError in one line for an unknown key, attribute, operator, verdict or value, and for an item that
    neither the catalog nor the last list has.
    """
    _known("key", data, ("intent", *PARTS))
    _known("intent", [data.get("intent", "recommend")], INTENTS)
    lists = {part: _entries(data.get(part), part) for part in PARTS}
    for part in ("set", "prefer", "drop"):
        for place, entry in _new(lists[part], logged.get(part, ())):
            _check_attribute(entry, part, place, catalog)
    for place, entry in _new(lists["items"], logged.get("items", ())):
        _known(f"items {place}: verdict", [entry["verdict"]], VERDICTS)
    plain = {"intent": data.get("intent", "recommend"), **lists}
    try:
        update = update_from_dict(plain, catalog, before)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(step) for step in wrong["loc"])
        raise ValueError(f"{where}: {wrong['msg'][:1].lower()}{wrong['msg'][1:]}, not {wrong['input']!r:.80}") from None
    refs = {entry["ref"] for entry in logged.get("items", ())}
    for verdict in update.items:
        if verdict.item_id is None and verdict.ref not in refs:
            raise ValueError(f"items: no item {verdict.ref!r:.80} in the catalog or in the list shown before")
    return update_as_dict(update, catalog)


def checked_order(order: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the items that should have been shown, best first. ValueError when one is not `known` or stands twice."""
    ids = list(known)
    for item in order:
        if item not in ids:
            raise ValueError(f"order: the item {item!r:.80} was neither shown nor among the candidates")
    if len(set(order)) < len(order):
        raise ValueError("order: an item stands there twice")
    return tuple(order)


def checked_reasons(reasons: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Return the reasons as they are kept. ValueError for an empty one, or one of an item that is not `known`."""
    ids = set(known)
    for item, reason in reasons.items():
        if item not in ids:
            raise ValueError(f"reasons: the item {item!r:.80} is not on the list")
        if not plain_words(reason):
            raise ValueError("reasons: one is empty; say why, or leave what was said")
    return {item: plain_words(reason) for item, reason in reasons.items()}


def plain_words(text: str) -> str:
    """Return what a reviewer wrote in one line of printable letters, without private data and not too long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return redact(" ".join(printable.split()))[:LONGEST]


def _entries(entries: Any, part: str) -> list[dict[str, Any]]:
    """Return the entries of one part. ValueError when one lacks a key, has a strange one, or is no entry at all."""
    if entries is None:
        return []
    if not isinstance(entries, list | tuple):
        raise ValueError(f"{part}: a list of entries is wanted, as in `- {{{PARTS[part][0]}: ...}}`")
    checked = []
    for place, entry in enumerate(entries, start=1):
        if not isinstance(entry, Mapping):
            raise ValueError(f"{part} {place}: write it as {{{', '.join(f'{key}: ...' for key in PARTS[part])}}}")
        _known(f"{part} {place}: key", entry, PARTS[part])
        for key in PARTS[part]:
            if (part, key) not in OPTIONAL and entry.get(key) in (None, ""):
                raise ValueError(f"{part} {place}: {key} is missing")
        checked.append({key: plain_words(value) if isinstance(value, str) else value for key, value in entry.items()})
    return checked


def _new(entries: Iterable[dict[str, Any]], logged: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (place from 1, entry) of those that were not logged so."""
    yield from ((place, entry) for place, entry in enumerate(entries, start=1) if entry not in logged)


def _check_attribute(entry: dict[str, Any], part: str, place: int, catalog: Catalog) -> None:
    """Refuse an attribute or operator that is not there, a value that no item has, a bound that is no number."""
    where, attribute, value = f"{part} {place}", str(entry["attribute"]), entry.get("value")
    free = {"set": (), "prefer": ("text",), "drop": ("text", ITEMS)}[part]
    columns = [column.name for column in catalog.schema.with_role("facet", "number", "date", "flag")]
    _known(f"{where}: attribute", [attribute], (*columns, *free))
    if "op" in entry:
        _known(f"{where}: op", [entry["op"]], get_args(Op))
    if entry.get("weight", 1) not in (1, -1):
        raise ValueError(f"{where}: weight is 1 for and -1 against, not {entry['weight']!r:.80}")
    if entry.get("op") in ("at_least", "at_most") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{where}: {entry['op']} wants a number, not {value!r:.80}")
    values = {fold(one): one for one in catalog.vocabulary.get(attribute, ())}
    if part != "drop" and values and entry.get("op") != "contains":
        entry["value"] = values.get(fold(str(value)), value)
        _known(f"{where}: {attribute}", [entry["value"]], values.values())


def _known(what: str, found: Iterable[Any], allowed: Iterable[str]) -> None:
    """Refuse what is not allowed, with the nearest thing that is."""
    names = list(allowed)
    for one in found:
        if one not in names:
            near = difflib.get_close_matches(str(one), names, n=1)
            few = f"one of {', '.join(names)}" if len(names) <= 12 else "none like it is known"
            raise ValueError(f"{what} {str(one)!r:.80}: {f'did you mean {near[0]!r}?' if near else few}")


def _flow(entry: Mapping[str, Any]) -> str:
    """Write an entry in one line of YAML."""
    style: dict[str, Any] = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True, "width": 10**6}
    return str(yaml.safe_dump(dict(entry), **style)).strip()
