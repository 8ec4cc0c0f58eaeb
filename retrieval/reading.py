"""From a catalog file to a catalog: infer the schema, override it, type every row, report what is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrieval.catalog import AttributeValue, Catalog, CatalogSchema, Column, Item, UserError, fold
from retrieval.overrides import beside, override
from retrieval.rows import Problem, Row, read_rows
from retrieval.schema import FLAGS, infer, is_flag, number_of, separator_of, split

_IN_IE = frozenset(("movies", "cookies", "selfies", "smoothies", "hoodies", "brownies", "pies", "ties"))
"""Plurals in -ies of words in -ie."""
DEMO = Path(__file__).parent / "demo"
"""The folder of the packaged demo catalog."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A catalog and everything that was wrong in its file, in file order."""

    catalog: Catalog
    problems: tuple[Problem, ...]


def demo_catalog() -> Catalog:
    """Read the packaged demo catalog."""
    return read_catalog(DEMO / "films.jsonl").catalog


def read_catalog(path: Path, schema_file: Path | None = None, *, strict: bool = False) -> Reading:
    """Read a JSONL, CSV or Parquet file; bad rows are left out and reported, or with `strict` stop the reading.

    The schema file is `schema_file`, or `NAME.toml` beside the catalog. UserError when the file or the schema cannot be
    used, or when no row is left.
    """
    rows: list[Row] = []
    problems: list[Problem] = []
    for entry in read_rows(path):
        if isinstance(entry, Row):
            rows.append(entry)
        else:
            _report(problems, entry, strict)
    if not rows:
        first = f"; the first problem is at line {problems[0].line}: {problems[0].reason}" if problems else ""
        raise UserError(f"{path}: the catalog is empty: give at least one row{first}")
    schema = infer([row.values for row in rows])
    schema_path = schema_file or beside(path)
    guess = _with_nouns(_with_year(schema, rows), path)
    schema = override(guess, schema_path) if schema_path else guess
    for role in ("title",):
        if not schema.with_role("title"):
            raise UserError(f"{schema_path}: no column has the role {role}; give it to one")
    items = _items(path, schema, rows, problems, strict)
    problems.sort(key=lambda problem: problem.line)
    if not items:
        raise UserError(
            f"{path}: no row can be used; the first problem is at line {problems[0].line}: {problems[0].reason}"
        )
    known = {item.id for item in items}
    for phrase, item_id in schema.titles.items():
        if item_id not in known:
            raise UserError(
                f"{schema_path}: `titles.{phrase}` names the item {item_id!r}, which the catalog does not have"
            )
    return Reading(Catalog(schema, items), tuple(problems))


def slug(*parts: str) -> str:
    """Return words joined by dashes, plain lower-case letters and digits where the script has them."""
    text = unicodedata.normalize("NFKD", " ".join(parts).casefold())
    text = "".join(char for char in text if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", "-", text).strip("-") or "item"


def _report(problems: list[Problem], problem: Problem, strict: bool) -> None:
    if strict:
        raise UserError(f"{problem}; mend the row, or leave out --strict to skip it")
    problems.append(problem)


def _with_year(schema: CatalogSchema, rows: Sequence[Row]) -> CatalogSchema:
    """Add a `year` taken from the first date column where a catalog has dates and no year."""
    dates = schema.with_role("date")
    if not dates or schema.with_unit("year") or schema.column("year"):
        return schema
    for row in rows:
        written = row.values.get(dates[0].name)
        row.values["year"] = int(written[:4]) if isinstance(written, str) and written[:4].isdigit() else None
    return schema.model_copy(update={"columns": (*schema.columns, Column(name="year", role="number", unit="year"))})


def _with_nouns(schema: CatalogSchema, path: Path) -> CatalogSchema:
    """Call the items what the file is called where that is a plural: those of `books_10k.csv` are books."""
    words = re.findall(r"[a-z]+", path.name.partition(".")[0].lower())
    many = next((word for word in words if len(word) > 3 and word[-1] == "s" and word[-2] not in "siu"), "")
    if not many or many in ("news", "series"):
        return schema
    ending = 2 if many.endswith(("ches", "shes", "xes", "sses")) else 1
    one = many[:-3] + "y" if many.endswith("ies") and many not in _IN_IE else many[:-ending]
    return schema.model_copy(update={"noun": one, "nouns": many})


def _items(path: Path, schema: CatalogSchema, rows: Sequence[Row], problems: list[Problem], strict: bool) -> list[Item]:
    typed = _Typed(schema, rows)
    first_line: dict[str, int] = {}
    items: list[Item] = []
    popularity: list[float | None] = []
    for row in rows:
        item, wrong = typed.item(row)
        for reason in wrong:
            _report(problems, Problem(path, row.line, reason, kept=item is not None), strict)
        if item is None:
            continue
        if not typed.identifier:
            item = _with_slug(schema, item, items, first_line)
        if item.id in first_line:
            reason = f"duplicate id {item.id!r}, first at line {first_line[item.id]}"
            _report(problems, Problem(path, row.line, reason), strict)
            continue
        first_line[item.id] = row.line
        items.append(item)
        popularity.append(typed.popularity(row))
    return [replace(item, popularity=rank) for item, rank in zip(items, percentiles(popularity), strict=True)]


def _with_slug(schema: CatalogSchema, item: Item, items: Sequence[Item], first_line: Mapping[str, int]) -> Item:
    """Give an id made of title and year; a second item of that name gets a number, the same item again the same id."""
    year = schema.with_unit("year")
    stem = slug(item.title, *item.values(year.name)) if year else slug(item.title)
    name, count = stem, 1
    while name in first_line:
        if replace(item, id=name) == items[list(first_line).index(name)]:
            break
        count += 1
        name = f"{stem}-{count}"
    return replace(item, id=name)


def percentiles(values: Sequence[float | None]) -> list[float]:
    """Return each value's rank percentile in (0, 1], equal values alike; unknown is 0. Values within [0, 1] stay."""
    known = sorted(value for value in values if value is not None)
    if known and 0 <= known[0] and known[-1] <= 1:
        return [value or 0.0 for value in values]
    last = {value: place for place, value in enumerate(known, start=1)}
    return [0.0 if value is None else round(last[value] / len(known), 4) for value in values]


class _Typed:
    """Types the rows of one catalog by its schema."""

    def __init__(self, schema: CatalogSchema, rows: Sequence[Row]) -> None:
        self.columns = [column for column in schema.columns if column.role not in ("ignore", "popularity")]
        self.identifier = next((column.name for column in schema.with_role("id")), None)
        self.popular = next((column.name for column in schema.with_role("popularity")), None)
        self.title = schema.with_role("title")[0].name
        self.separators = {
            column.name: self._separator(column, rows) for column in schema.with_role("facet") if column.many
        }

    @staticmethod
    def _separator(column: Column, rows: Sequence[Row]) -> str | None:
        """Return what separates a column's values; a schema file that says `many` means a comma at least."""
        known = [value for row in rows if (value := row.values.get(column.name)) not in (None, "", [])]
        return separator_of(known, column.people) or ("," if all(isinstance(value, str) for value in known) else None)

    def item(self, row: Row) -> tuple[Item | None, list[str]]:
        """Return the row's item without its popularity, None when it has no usable id or title, and what was wrong."""
        item_id = self._name(row.values.get(self.identifier)) if self.identifier else "new"
        title = self._name(row.values.get(self.title))
        for what, found in ((self.identifier, item_id), (self.title, title)):
            if not found:
                written = row.values.get(what or "")
                missing = written is None or written == ""
                return None, [f"missing {what}" if missing else f"wrong type: {what} is {type(written).__name__}"]
        texts, wrong, attributes = [], [], {}
        pictures: dict[str, str | None] = {"image": None, "link": None}
        for column in self.columns:
            value = row.values.get(column.name)
            value = None if value == "" else value
            try:
                match column.role:
                    case "text":
                        texts.append(_text(value))
                    case "image" | "link":
                        pictures[column.role] = _text(value) or None
                    case "facet" | "number" | "date" | "flag":
                        attributes[column.name] = self._attribute(column, value)
            except ValueError as error:
                wrong.append(f"wrong type: {column.name} {error}; left unknown")
                if column.role not in ("text", "image", "link"):
                    attributes[column.name] = None
        text = " ".join(filter(None, texts))
        return Item(item_id or "", title or "", text, attributes, 0.0, pictures["image"], pictures["link"]), wrong

    def popularity(self, row: Row) -> float | None:
        """Return the row's raw popularity."""
        return number_of(row.values.get(self.popular)) if self.popular else None

    @staticmethod
    def _name(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        number = value if isinstance(value, str) else number_of(value)
        return None if number is None else str(number)

    def _attribute(self, column: Column, value: Any) -> AttributeValue:
        if value is None:
            return None
        if column.role == "facet":
            return _facet(value, self.separators.get(column.name), column.many)
        if column.role == "flag" and is_flag(value):
            return FLAGS[value.casefold()] if isinstance(value, str) else bool(value)
        if column.role == "number" and (number := number_of(value)) is not None:
            return number
        if column.role == "date" and isinstance(value, str) and re.match(r"\d{4}(-\d{2}){0,2}", value):
            return value[:10]
        raise ValueError(f"{_short(value)} is no {column.role}")


def _facet(value: Any, separator: str | None, many: bool) -> tuple[str, ...] | None:
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str | int | float) for part in parts if part is not None):
        raise ValueError(f"{_short(value)} is neither a value nor a list of values")
    written = split(value, separator if many and not isinstance(value, list) else None)
    return tuple({fold(part): part for part in reversed(written)}.values())[::-1] or None


def _text(value: Any) -> str:
    parts: Iterable[Any] = value if isinstance(value, list) else () if value is None else (value,)
    if not all(isinstance(part, str | int | float) for part in parts):
        raise ValueError(f"{_short(value)} is no text")
    return " ".join(str(part) for part in parts)


def _short(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= 40 else f"{written[:40]}..."
