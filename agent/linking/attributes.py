"""Attributes spoken of as such: `the year`, `any language`, `the length`."""

from __future__ import annotations

from agent.linking.mentions import Mention
from agent.linking.words import Message, key, stems
from retrieval.catalog import Catalog

UNIT_WORDS = {
    "year": ("year", "years", "date", "dates", "decade", "decades", "era", "period", "release year"),
    "minutes": (
        "length", "runtime", "run time", "running time", "duration", "time limit", "minutes", "hours", "time",
        "limit", "long", "length limit",
    ),
    "pages": ("length", "page count", "pages", "limit", "long"),
}  # fmt: skip
"""What a number column is also called, by its unit."""


class AttributeLinker:
    """Finds names of attributes; they matter where something is taken back."""

    def __init__(self, catalog: Catalog) -> None:
        """Collect the names of the columns of `catalog`, singular and plural, and of their units."""
        self.names: dict[str, str] = {}
        for column in catalog.schema.with_role("facet", "number"):
            words = [column.name, column.singular, column.unit if column.role == "number" else ""]
            if column.role == "number":
                words += UNIT_WORDS.get(column.unit, ())
            for word in filter(None, words):
                self.names.setdefault(key(stems(word)), column.name)

    def link(self, message: Message) -> list[Mention]:
        """Return mentions of attributes by name."""
        return [
            Mention(start, end, "attribute", 1.2, attribute=attribute)
            for start, end, words in message.grams(4)
            if (attribute := self.names.get(key(words)))
        ]
