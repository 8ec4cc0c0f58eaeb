"""What the catalog knows of one item, as short phrases in the words of its schema."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from agent.wording import called, counted, listed, measured_in
from retrieval.catalog import Catalog, Column, Item, fold

LONGEST_TEXT = 400
"""Characters of a description that an answer quotes."""
MOST_VALUES = 12
"""Values of one attribute that an answer names."""
FEW_VALUES = 4
"""Values of one attribute that are named beside others."""


class Notes:
    """The facts of one catalog's items; nothing else is ever said about them."""

    def __init__(self, catalog: Catalog) -> None:
        """Read the items of `catalog`."""
        self.catalog, self.schema = catalog, catalog.schema

    def label(self, item: Item) -> str:
        """Return the title as people write it, with the year where there is one."""
        return self.catalog.label(item)

    def name(self, attribute: str, count: int = 1) -> str:
        """Return what one value of an attribute, or several, are called."""
        return called(self.schema.column(attribute), attribute) if count == 1 else attribute.replace("_", " ")

    def short(self, item: Item, among: Sequence[Item]) -> str:
        """Return the title alone where it tells the item from the others, else the label."""
        same = [other for other in among if fold(other.title) == fold(item.title)]
        return item.title if len(same) <= 1 else self.label(item)

    def fact(self, item: Item, attribute: str, without: Sequence[str] = (), most: int = MOST_VALUES) -> str:
        """Write `genres Drama and Comedy`, `runtime 97 minutes`; empty when nothing but `without` is known."""
        values = [value for value in item.values(attribute) if value not in without][:most]
        column = self.schema.column(attribute)
        if not values or column is None:
            return ""
        if column.role == "flag":
            return f"{'' if item.attributes[column.name] else 'not '}{self.name(attribute)}"
        return with_unit(f"{self.name(attribute, len(values))} {listed(values)}", column)

    def description(self, item: Item) -> str:
        """Return the item's text without its last full stop, cut between words; empty when there is none."""
        plain = item.text.strip().rstrip(".")
        return plain if len(plain) <= LONGEST_TEXT else plain[:LONGEST_TEXT].rsplit(" ", 1)[0] + "…"

    def overview(self, item: Item, most: int = 2) -> list[str]:
        """Return what characterises an item: its facts of the first telling facets."""
        return [fact for column in self.telling if (fact := self.fact(item, column.name, most=FEW_VALUES))][:most]

    def namesakes(self, item: Item) -> list[Item]:
        """Return the other items of the same title."""
        return [other for other in self._titles[fold(item.title)] if other is not item]

    def size(self) -> str:
        """Write how many items there are."""
        return counted(len(self.catalog), self.schema)

    @cached_property
    def people(self) -> list[Column]:
        """Facets of names, the one with most names first."""
        columns = [column for column in self.schema.with_role("facet") if column.people]
        return sorted(columns, key=lambda column: -len(self.catalog.vocabulary[column.name]))

    @cached_property
    def telling(self) -> list[Column]:
        """Facets that are not names, those without a value that many items share first."""
        columns = [column for column in self.schema.with_role("facet") if not column.people]
        return sorted(columns, key=lambda column: max(self.catalog.vocabulary[column.name].values(), default=0))

    @cached_property
    def _titles(self) -> dict[str, list[Item]]:
        titles: dict[str, list[Item]] = {}
        for item in self.catalog:
            titles.setdefault(fold(item.title), []).append(item)
        return titles


def with_unit(text: str, column: Column) -> str:
    """Write the unit behind a number, unless it is a year or its name says it."""
    unit = measured_in(column)
    return f"{text} {unit}" if unit not in ("", "year") else text
