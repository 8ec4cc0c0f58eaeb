"""What can be recommended: items, the schema that types their columns, and the catalog that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal[
    "id", "title", "text", "facet", "number", "date", "flag", "popularity", "image", "link", "ignore"
]
AttributeValue = tuple[str, ...] | float | int | bool | str | None


class UserError(Exception):
    """Something the user can fix: one line that says what, where and the fix. Programs exit with code 2."""


def fold(text: str) -> str:
    """Return the form under which values compare: lower case, single spaces."""
    return " ".join(text.casefold().split())


class Column(BaseModel):
    """One column of a catalog: what it is called and the role it plays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    unit: str = ""
    """What a number counts: `year`, `minutes`, `pages`, a currency... empty when unknown."""
    people: bool = False
    """Whether a facet's values are names of people, which are also spoken of by surname."""
    many: bool = True
    """Whether an item can have several values of a facet; a second wish for a single-valued one replaces the first."""
    singular: str = ""
    """What one value is called in a sentence, for example `genre` for `genres`."""


class Alias(BaseModel):
    """Another way of saying a value: `cartoon` for genres Animation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attribute: str
    value: str | float | int


class CatalogSchema(BaseModel):
    """Which column plays which role, and other ways of saying the values. Inferred, then overridable in TOML."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    noun: str = "item"
    """What one item is called: film, book..."""
    nouns: str = "items"
    also: tuple[str, ...] = ()
    """Other words for one item, with a plural in -s: movie, flick..."""
    aliases: Mapping[str, tuple[Alias, ...]] = Field(default_factory=dict)
    """Folded phrase -> the values it stands for."""
    titles: Mapping[str, str] = Field(default_factory=dict)
    """Folded short form of a title -> item id."""
    slices: Mapping[str, float] = Field(default_factory=dict)
    """Bounds that soft number words stand for, such as `runtime.short = 100`."""

    def column(self, name: str) -> Column | None:
        """Return the column called `name` (case-insensitive), or None."""
        return next((column for column in self.columns if column.name.casefold() == name.casefold()), None)

    def with_role(self, *roles: Role) -> tuple[Column, ...]:
        """Return the columns that play one of `roles`, in catalog order."""
        return tuple(column for column in self.columns if column.role in roles)

    def with_unit(self, unit: str) -> Column | None:
        """Return the first number column that counts `unit`, or None."""
        return next((column for column in self.columns if column.role == "number" and column.unit == unit), None)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be recommended."""

    id: str
    title: str
    text: str
    """Free description; may be empty."""
    attributes: Mapping[str, AttributeValue]
    """Facets as tuples of strings, numbers, ISO dates as strings, flags; None where unknown."""
    popularity: float = 0.0
    """0..1, a rank percentile; 0 where unknown."""
    image: str | None = None
    link: str | None = None

    def values(self, attribute: str) -> tuple[str, ...]:
        """Return the attribute's values as strings, empty when unknown or absent."""
        value = self.attributes.get(attribute)
        if value is None:
            return ()
        return value if isinstance(value, tuple) else (f"{value:g}" if isinstance(value, float) else str(value),)

    def number(self, attribute: str) -> float | None:
        """Return a number attribute, None when unknown or not a number."""
        value = self.attributes.get(attribute)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class Catalog:
    """All items of one catalog with their schema; immutable, ordered, addressed by id."""

    def __init__(self, schema: CatalogSchema, items: Iterable[Item]) -> None:
        """Hold `items` in the order given; ids must be unique."""
        self.schema = schema
        self.items: tuple[Item, ...] = tuple(items)
        self.position: Mapping[str, int] = MappingProxyType({item.id: i for i, item in enumerate(self.items)})
        assert len(self.position) == len(self.items), "item ids are not unique"

    def __len__(self) -> int:
        """Count the items."""
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        """Walk the items in catalog order."""
        return iter(self.items)

    def __contains__(self, item_id: object) -> bool:
        """Tell whether an item has this id."""
        return item_id in self.position

    def __getitem__(self, item_id: str) -> Item:
        """Return the item with this id; KeyError when there is none."""
        return self.items[self.position[item_id]]

    def label(self, item: Item) -> str:
        """Return the title as people write it, with the year where the catalog has one: `T (YYYY)`."""
        year = self.schema.with_unit("year")
        number = item.number(year.name) if year else None
        return item.title if number is None else f"{item.title} ({number:.0f})"

    @cached_property
    def vocabulary(self) -> Mapping[str, Mapping[str, int]]:
        """Attribute -> value as written -> number of items that have it, for every facet."""
        counts: dict[str, dict[str, int]] = {column.name: {} for column in self.schema.with_role("facet")}
        for item in self.items:
            for attribute, values in counts.items():
                for value in item.values(attribute):
                    values[value] = values.get(value, 0) + 1
        return counts
