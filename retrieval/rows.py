"""Rows of a catalog file, JSONL, CSV or Parquet, with every bad line reported where it stands."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.catalog import UserError

FORMATS = "JSONL (.jsonl, .jsonl.gz), CSV (.csv, .csv.gz) or Parquet (.parquet)"
LONGEST_FIELD = 16 * 1024 * 1024
"""Characters in one CSV field; Python's own limit is 128 kB."""
BIDIRECTIONAL = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Characters that make text read in another order than it is stored."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: column name -> value as parsed, and where it stood (1-based)."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong at one line; `kept` tells whether its item is in the catalog all the same."""

    path: Path
    line: int
    reason: str
    kept: bool = False

    def __str__(self) -> str:
        """Write `file:line: reason`."""
        return f"{self.path}:{self.line}: {self.reason}"


def read_rows(path: Path) -> Iterator[Row | Problem]:
    """Yield every row, or what is wrong with it, in file order.

    Text is NFC-normalised and freed of control characters. UserError when the file as a whole cannot be read.
    """
    kind = _kind(path)
    try:
        if kind == "parquet":
            yield from _parquet(path)
            return
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error}); give {FORMATS}") from error
    if b"\0" in data[:65536]:
        raise UserError(f"{path}: is binary or not UTF-8; give {FORMATS}, text in UTF-8")
    yield from (_jsonl if kind == "jsonl" else _csv)(path, data.removeprefix(b"\xef\xbb\xbf"))


def clean(text: str) -> str:
    """Return NFC text without control, bidirectional-override or surrogate characters; line ends become spaces."""
    text = unicodedata.normalize("NFC", text)
    if text.isprintable():
        return text.strip()
    kept = (" " if char.isspace() else char for char in text if char.isspace() or not _invisible(char))
    return "".join(kept).strip()


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in BIDIRECTIONAL


def _kind(path: Path) -> str:
    if not path.exists():
        raise UserError(f"{path}: no such file; give {FORMATS}")
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give one file, {FORMATS}")
    name = path.name.casefold().removesuffix(".gz")
    for suffix, kind in ((".jsonl", "jsonl"), (".ndjson", "jsonl"), (".csv", "csv"), (".parquet", "parquet")):
        if name.endswith(suffix):
            return kind
    raise UserError(f"{path}: unknown kind of file; give {FORMATS}")


def _jsonl(path: Path, data: bytes) -> Iterator[Row | Problem]:
    if data.lstrip()[:1] == b"[":
        raise UserError(f"{path}: holds one JSON array; write one JSON object a line")
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            yield Problem(path, number, f"bad encoding: byte {error.start + 1} is not UTF-8")
        except (ValueError, RecursionError) as error:
            yield Problem(path, number, f"bad JSON: {error}")
        else:
            if isinstance(values, dict):
                yield Row(number, {clean(name): _cleaned(value) for name, value in values.items()})
            else:
                yield Problem(path, number, f"not an object but {type(values).__name__}")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    return [_cleaned(part) for part in value] if isinstance(value, list) else value


def _csv(path: Path, data: bytes) -> Iterator[Row | Problem]:
    """Read with the header's names; undecodable bytes travel as surrogates so that only their row is bad."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        text = data.decode("utf-8", errors="surrogateescape")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header: list[str] | None = None
        start = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Problem(path, start, f"bad CSV: {error}")
                start = reader.line_num + 1
                continue
            if cells is None:
                return
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [clean(name) for name in cells]
                if len(set(header)) < len(header) or "" in header:
                    raise UserError(f"{path}:1: the header needs one distinct name per column, it has {header}")
            elif any("\udc80" <= char <= "\udcff" for cell in cells for char in cell):
                yield Problem(path, line, "bad encoding: not UTF-8")
            elif len(cells) != len(header):
                yield Problem(path, line, f"{len(cells)} fields where the header has {len(header)}")
            else:
                yield Row(line, {name: _cell(cell) for name, cell in zip(header, cells, strict=True)})
    finally:
        csv.field_size_limit(before)


def _cell(text: str) -> str | list[str] | None:
    """Clean one field; a list of strings written as JSON or Python becomes a list."""
    text = clean(text)
    if text.startswith("[") and text.endswith("]"):
        try:
            values = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return text
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            return [clean(value) for value in values]
    return text or None


def _parquet(path: Path) -> Iterator[Row | Problem]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        number = 0
        for batch in file.iter_batches():
            for values in batch.to_pylist():
                number += 1
                yield Row(number, {clean(name): _plain(value) for name, value in values.items()})
    except pyarrow.ArrowException as error:
        raise UserError(f"{path}: is not a Parquet file ({str(error).splitlines()[0]}); give {FORMATS}") from error


def _plain(value: Any) -> Any:
    """Turn what Arrow yields into what JSON can hold: dates as ISO text, NaN as unknown, decimals as floats."""
    match value:
        case float():
            return value if value == value else None
        case bytes():
            return clean(value.decode("utf-8", errors="replace"))
        case None | bool() | int() | str() | list():
            return _cleaned([_plain(part) for part in value] if isinstance(value, list) else value)
        case dict():
            return value
        case _ if hasattr(value, "isoformat"):
            return str(value.isoformat())[:10]
        case _:
            return float(value)
