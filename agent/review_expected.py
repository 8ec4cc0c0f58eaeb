"""What a reviewed turn demands, as the expectations of a scenario: of the belief, of the items, of the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.belief import ITEMS, BeliefState, BeliefUpdate, Drop, Limit, Preference
from agent.review import Case
from retrieval.catalog import Catalog, fold

Plain = dict[str, Any]


class Demands:
    """Writes what must hold after a message; items that the catalog has not are left out."""

    def __init__(self, catalog: Catalog, names: Mapping[str, str]) -> None:
        """Name items by `names` (item id -> where it was shown), all others by label."""
        self.catalog, self.names = catalog, names

    def of(self, case: Case, logged: BeliefUpdate, update: BeliefUpdate, belief: BeliefState) -> Plain:
        """Return what must hold where `update` was meant, `logged` was understood, and `belief` comes of the former."""
        expect = {
            "intent": update.intent,
            "update": {} if update.changes() else {"nothing": True},
            "belief": self._belief(logged, update, belief),
            "items": self._list(case, update, belief),
            "reasons": {"grounded": True} if "ungrounded" in case.why else {},
        }
        filled: Plain = _filled(expect)
        return filled

    def _belief(self, logged: BeliefUpdate, update: BeliefUpdate, belief: BeliefState) -> Plain:
        """Return what of this message is believed, and that what was taken back or misread is not."""
        limits = [limit_pattern(entry) for entry in belief.constraints]
        wishes = [_exact(entry) for entry in belief.preferences]
        back = [_dropped(drop) for drop in update.drop if drop.attribute != ITEMS]
        new = [entry for entry in belief.preferences if entry.turn == belief.turn]
        said = [(entry.item_id, entry.verdict) for entry in belief.items]
        unsaid = [(entry.item_id, entry.verdict) for entry in logged.items]
        returned = [(str(drop.value), None) for drop in update.drop if drop.attribute == ITEMS and drop.value]
        return {
            "constraints": {
                "has": [limit_pattern(entry) for entry in belief.constraints if entry.turn == belief.turn],
                "lacks": _absent([*back, *map(limit_pattern, logged.set)], limits),
            },
            "preferences": {
                "has": [_wish(entry) for entry in new],
                "lacks": _absent([*back, *map(_exact, logged.prefer)], wishes),
            },
            "items": {
                "has": self._verdicts((e.item_id, e.verdict) for e in belief.items if e.turn == belief.turn),
                "lacks": self._verdicts([*(one for one in unsaid if one not in said), *returned]),
            },
        }

    def _list(self, case: Case, update: BeliefUpdate, belief: BeliefState) -> Plain:
        """Return that the list keeps to the limits, holds the best of a corrected one, and nothing that was wrong."""
        assert case.review is not None
        order, shown = case.review.order, [card["id"] for card in case.reacted.record["shown"]]
        complained = {complaint.item_id for complaint in case.complaints if complaint.reason == "wrong_item"}
        wrong = [item for item in shown if (item not in order if order else item in complained)]
        gone = [entry.item_id for entry in belief.items if entry.item_id in belief.excluded()]
        listed = bool(order or (shown and case.review.update is None))
        limits = [limit_pattern(entry) for entry in belief.constraints if self._possible(entry)]
        return {
            "count": {"at_least": 1} if listed else {},
            "all": limits if listed or update.set else [],
            "includes": [self._name(item) for item in order[:1] if item in self.catalog],
            "excludes": [
                self._name(item) for item in dict.fromkeys((*gone, *wrong)) if item and self._may_go(item, order)
            ],
        }

    def _may_go(self, item: str, order: tuple[str, ...]) -> bool:
        return item in self.catalog and item not in order[:1]

    def _possible(self, limit: Limit) -> bool:
        """Tell whether some item has the value: a scenario may not speak of one that the catalog does not know."""
        values = self.catalog.vocabulary.get(limit.attribute)
        known = values is None or fold(str(limit.value)) in {fold(value) for value in values}
        return known or limit.op not in ("is", "is_not")

    def _verdicts(self, said: Iterable[tuple[str | None, str | None]]) -> list[Plain]:
        return [
            {"item": self._name(item), **({} if verdict is None else {"verdict": verdict})}
            for item, verdict in said
            if item is not None and item in self.catalog
        ]

    def _name(self, item: str) -> str:
        """Return how a scenario names an item: where it was shown, its label, or its id where several have that."""
        label = self.catalog.label(self.catalog[item])
        alike = [other.id for other in self.catalog if fold(self.catalog.label(other)) == fold(label)]
        return self.names.get(item) or (label if alike == [item] and label not in self.catalog else item)


def limit_pattern(entry: Limit) -> Plain:
    """Return a limit as a scenario writes it."""
    return {"attribute": entry.attribute, "op": entry.op, "value": entry.value}


def _exact(entry: Preference) -> Plain:
    return {"attribute": entry.attribute, "value": entry.value, "weight": 1 if entry.weight > 0 else -1}


def _wish(entry: Preference) -> Plain:
    """Return the pattern of a wish; the words of one in free words are not compared."""
    pattern = _exact(entry)
    return {name: value for name, value in pattern.items() if entry.attribute != "text" or name != "value"}


def _dropped(drop: Drop) -> Plain:
    return {"attribute": drop.attribute, **({} if drop.value is None else {"value": drop.value})}


def _absent(patterns: Iterable[Plain], entries: Iterable[Plain]) -> list[Plain]:
    """Return the patterns, each once, that no entry matches."""
    there, kept = list(entries), []
    for pattern in patterns:
        if pattern not in kept and not any(_matches(pattern, entry) for entry in there):
            kept.append(pattern)
    return kept


def _matches(pattern: Plain, entry: Plain) -> bool:
    return all(fold(str(entry.get(name))) == fold(str(value)) for name, value in pattern.items())


def _filled(value: Any) -> Any:
    """Return plain data without its empty parts."""
    if isinstance(value, Mapping):
        kept = {name: _filled(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part not in ({}, [])}
    return value
