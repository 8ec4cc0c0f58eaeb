"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrieval.catalog import CatalogSchema


def print_schema(schema: CatalogSchema) -> None:
    """Print what was inferred about a catalog's columns, or overridden."""
    cells = [
        [
            column.name, column.role, column.unit, "yes" if column.people else "",
            ("many" if column.many else "one") if column.role == "facet" else "", column.singular,
        ]
        for column in schema.columns
    ]  # fmt: skip
    title = f"Schema: one {schema.noun}, many {schema.nouns}; {len(schema.aliases)} aliases"
    print_table(title, ["column", "role", "unit", "people", "values", "singular"], cells)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their heads; catalog text is never read as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell_of(value)) for value in row))
    Console().print(table)


def cell_of(value: Any) -> str:
    """Write a value for a table: floats to three places, lists by commas, nothing for unknown."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell_of, value))
    return "" if value is None else str(value)
