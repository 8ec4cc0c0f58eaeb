"""What expectations are compared with, and what comes of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.fact_check import FactCheck
from agent.reply import Reply
from evals.reading import Place, find_item
from evals.scenario import SHOWN, ItemLimit
from retrieval.catalog import Catalog
from retrieval.constraints import Constraint
from retrieval.semantic_ids import SemanticIds


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what became of it."""

    place: Place
    """Where it stands below `expect`."""
    expected: str
    got: str
    holds: bool


@dataclass(frozen=True)
class Seen:
    """One reply with all that its expectations are compared with."""

    reply: Reply
    catalog: Catalog
    semantic_ids: SemanticIds
    facts: FactCheck
    shown: Mapping[int, tuple[str, ...]]
    """Turn of the file, from 1 -> ids of the items it showed, for all earlier turns."""
    seconds: float
    """From the message to the last word of the reply."""

    def item(self, name: str) -> str | None:
        """Return the id of a named item, None when the list that it was to stand on was shorter."""
        match = SHOWN.fullmatch(name)
        if match is None:
            return find_item(name, self.catalog)
        items = self.shown.get(int(match[1]), ())
        return items[int(match[2]) - 1] if 1 <= int(match[2]) <= len(items) else None

    def named(self, name: str) -> str:
        """Write a named item by its label, with the place it was shown at when it was named by that."""
        item = self.item(name)
        if item is None:
            return f"{name}, which was not shown,"
        label = self.catalog.label(self.catalog[item])
        return f"{label} ({name})" if SHOWN.fullmatch(name) else label

    def limit(self, limit: ItemLimit) -> Constraint | None:
        """Return a limit with its bound as a number, None when the item it is taken from has none."""
        value: str | float | None = limit.value
        if isinstance(value, str) and limit.op in ("at_least", "at_most"):
            item = self.item(value)
            value = self.catalog[item].number(limit.attribute) if item else None
        return None if value is None else Constraint(attribute=limit.attribute, op=limit.op, value=value)


def listed(words: Iterable[str]) -> str:
    """Write a list in one line."""
    return ", ".join(words) or "nothing"
