"""Conversations as plain data: turns with user, update, shown and reply, read into beliefs and written from updates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from agent.belief import (
    ITEMS,
    BeliefState,
    BeliefUpdate,
    Drop,
    ItemVerdict,
    Limit,
    Preference,
    Question,
    Shown,
    apply,
)
from agent.linking import Linker
from retrieval.catalog import Catalog, fold

_POSITION = re.compile(r"#\s*(\d+)$")
_QUESTION = re.compile(r"[^.!?]+\?")
_LABEL = re.compile(r"(.+?)\s*\((\d{4})\)$")


def resolve_title(title: str, catalog: Catalog) -> str | None:
    """Return the id of the item with this label or title, the best known when several have it, or None."""
    return _labels(catalog).get(fold(title))


def resolve_ref(ref: str, catalog: Catalog, belief: BeliefState) -> str | None:
    """Return the id of the item that `ref` names: `#2`, a label, a title, or a short form that fits something shown."""
    if position := _POSITION.match(ref.strip()):
        wanted = int(position[1])
        return next((line.item_id for line in belief.last_shown() if line.position == wanted), None)
    found = resolve_title(ref, catalog)
    labelled = _LABEL.match(ref.strip())
    if labelled:
        return found
    named = _linker(catalog).named(ref, belief)
    return named[0] if named else found


def update_from_dict(data: Mapping[str, Any], catalog: Catalog, belief: BeliefState) -> BeliefUpdate:
    """Read an update in the words of the labelled dialogues; refs are resolved by `belief`'s ledger and the catalog."""
    return BeliefUpdate(
        intent=data.get("intent", "recommend"),
        set=tuple(
            Limit(attribute=entry["attribute"], op=entry["op"], value=entry["value"]) for entry in data.get("set", ())
        ),
        prefer=tuple(
            Preference(attribute=entry["attribute"], value=entry["value"], weight=entry.get("weight", 1))
            for entry in data.get("prefer", ())
        ),
        drop=tuple(
            Drop(attribute=entry["attribute"], value=_dropped(entry, catalog, belief)) for entry in data.get("drop", ())
        ),
        items=tuple(_verdict(entry, catalog, belief) for entry in data.get("items", ())),
    )


def update_as_dict(update: BeliefUpdate, catalog: Catalog | None = None) -> dict[str, Any]:
    """Write an update in the words of the labelled dialogues; absent keys are empty.

    With a `catalog`, a ref that stands for an item by description is written as its label.
    """
    data: dict[str, Any] = {"intent": update.intent}
    if update.set:
        data["set"] = [{"attribute": e.attribute, "op": e.op, "value": e.value} for e in update.set]
    if update.prefer:
        data["prefer"] = [
            {"attribute": e.attribute, "value": e.value, "weight": 1 if e.weight > 0 else -1} for e in update.prefer
        ]
    if update.drop:
        data["drop"] = [
            {"attribute": e.attribute} if e.value is None else {"attribute": e.attribute, "value": _spoken(e, catalog)}
            for e in update.drop
        ]
    if update.items:
        data["items"] = [{"ref": _ref(entry, catalog), "verdict": entry.verdict} for entry in update.items]
    return data


def belief_from_turns(turns: Iterable[Mapping[str, Any]], catalog: Catalog) -> BeliefState:
    """Rebuild the belief after `turns`, each with `update`, `shown` (entries with `title`, or titles) and `reply`."""
    belief = BeliefState()
    for turn in turns:
        update = update_from_dict(turn.get("update") or {}, catalog, belief)
        if turn.get("user") and not update.items:
            update = update.model_copy(update={"targets": _linker(catalog).named(turn["user"], belief)})
        belief = apply(belief, update)
        lines = []
        for position, entry in enumerate(turn.get("shown") or (), start=1):
            title = entry if isinstance(entry, str) else entry["title"]
            item_id = None if isinstance(entry, str) else entry.get("id")
            item_id = item_id if item_id in catalog else resolve_title(title, catalog)
            if item_id is not None:
                lines.append(Shown(item_id=item_id, title=title, position=position, turn=belief.turn))
        asked = " ".join(_QUESTION.findall(turn.get("reply") or "")).strip()
        question = Question(attribute="", text=asked, turn=belief.turn) if asked else None
        belief = belief.after_reply(tuple(lines), question)
    return belief


def _verdict(entry: Mapping[str, Any], catalog: Catalog, belief: BeliefState) -> ItemVerdict:
    item_id = resolve_ref(entry["ref"], catalog, belief)
    title = catalog.label(catalog[item_id]) if item_id else ""
    return ItemVerdict(ref=entry["ref"], verdict=entry["verdict"], item_id=item_id, title=title)


def _dropped(entry: Mapping[str, Any], catalog: Catalog, belief: BeliefState) -> Any:
    """Return what `entry` drops: the item's id where the verdicts on an item are taken back, else its value."""
    value = entry.get("value")
    return (resolve_ref(value, catalog, belief) or value) if entry["attribute"] == ITEMS and value else value


def _spoken(drop: Drop, catalog: Catalog | None) -> Any:
    known = drop.attribute == ITEMS and catalog is not None and drop.value in catalog
    return catalog.label(catalog[str(drop.value)]) if catalog and known else drop.value


def _ref(entry: ItemVerdict, catalog: Catalog | None) -> str:
    if entry.ref:
        return entry.ref
    known = catalog is not None and entry.item_id is not None and entry.item_id in catalog
    return catalog.label(catalog[entry.item_id]) if catalog and entry.item_id and known else entry.title


@lru_cache(maxsize=2)
def _linker(catalog: Catalog) -> Linker:
    return Linker(catalog)


@lru_cache(maxsize=4)
def _labels(catalog: Catalog) -> Mapping[str, str]:
    """Folded label or title -> item id, the most popular item first."""
    found: dict[str, str] = {}
    for item in sorted(catalog, key=lambda item: -item.popularity):
        found.setdefault(fold(item.title), item.id)
    for item in catalog:
        found[fold(catalog.label(item))] = item.id
    return found
