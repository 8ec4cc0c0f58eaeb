"""A schema file: TOML that overrides what was inferred about a catalog's columns and adds ways of saying its values."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from retrieval.catalog import Alias, CatalogSchema, Column, Role, UserError, fold

TOP = ("noun", "nouns", "also", "columns", "aliases", "titles", "slices")
OF_COLUMN = ("role", "unit", "people", "many", "singular")
UNIQUE: frozenset[Role] = frozenset({"id", "title", "popularity", "image", "link"})
"""Roles that one column plays; naming another takes it from the one inferred."""


def beside(catalog_file: Path) -> Path | None:
    """Return the schema file `NAME.toml` that lies beside a catalog file, or None."""
    name = catalog_file.name.removesuffix(".gz")
    path = catalog_file.with_name(f"{name.rpartition('.')[0] or name}.toml")
    return path if path.is_file() else None


def override(schema: CatalogSchema, path: Path) -> CatalogSchema:
    """Return the schema as the file at `path` changes it; UserError names file, key and the nearest valid one."""
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not TOML: {error}") from error
    for key in given:
        _known(path, key, TOP, "key")
    columns = {column.name: column for column in schema.columns}
    for name, settings in _table(path, given, "columns").items():
        _known(path, name, columns, "column", "columns.")
        columns[name] = _changed(path, columns[name], settings)
        role = columns[name].role
        if role in UNIQUE and "role" in settings:
            for other in columns.values():
                if other.role == role and other.name != name:
                    columns[other.name] = other.model_copy(update={"role": "ignore"})
    aliases = {
        fold(phrase): _aliases(path, phrase, value, columns) for phrase, value in _table(path, given, "aliases").items()
    }
    titles = {
        fold(phrase): _string(path, f"titles.{phrase}", item) for phrase, item in _table(path, given, "titles").items()
    }
    return CatalogSchema(
        columns=tuple(columns.values()),
        noun=_string(path, "noun", given.get("noun", schema.noun)),
        nouns=_string(path, "nouns", given.get("nouns", f"{given['noun']}s" if "noun" in given else schema.nouns)),
        also=_words(path, given.get("also", schema.also)),
        aliases={**schema.aliases, **aliases},
        titles={**schema.titles, **titles},
        slices={**schema.slices, **_slices(path, _table(path, given, "slices"), columns)},
    )


def _known(path: Path, key: str, valid: Collection[str], what: str, prefix: str = "") -> None:
    if key not in valid:
        near = difflib.get_close_matches(key, valid, 1, 0.0)
        raise UserError(f"{path}: unknown {what} `{prefix}{key}`; the nearest valid one is `{prefix}{near[0]}`")


def _table(path: Path, given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise UserError(f"{path}: `{key}` is a table, written [{key}]")
    return value


def _string(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{path}: `{key}` needs a string, it is {value!r}")
    return value


def _words(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise UserError(f"{path}: `also` needs a list of words, it is {value!r}")
    return tuple(_string(path, "also", word) for word in value)


def _changed(path: Path, column: Column, settings: Any) -> Column:
    if not isinstance(settings, dict):
        raise UserError(f"{path}: `columns.{column.name}` is a table, written [columns.{column.name}]")
    for key, value in settings.items():
        _known(path, key, OF_COLUMN, "key", f"columns.{column.name}.")
        wanted = bool if key in ("people", "many") else str
        if not isinstance(value, wanted):
            kind = "true or false" if wanted is bool else "a string"
            raise UserError(f"{path}: `columns.{column.name}.{key}` needs {kind}, it is {value!r}")
        if key == "role":
            _known(path, str(value), get_args(Role), "role")
    return Column.model_validate({**column.model_dump(), **settings})


def _aliases(path: Path, phrase: str, value: Any, columns: Mapping[str, Column]) -> tuple[Alias, ...]:
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if (
            not isinstance(entry, dict)
            or set(entry) != {"attribute", "value"}
            or not isinstance(entry["attribute"], str)
        ):
            raise UserError(f"{path}: `aliases.{phrase}` needs {{attribute = ..., value = ...}} or a list of such")
        _known(path, entry["attribute"], columns, "attribute", "")
        if isinstance(entry["value"], bool) or not isinstance(entry["value"], str | int | float):
            raise UserError(
                f"{path}: the value of `aliases.{phrase}` is a string or a number, it is {entry['value']!r}"
            )
    return tuple(Alias.model_validate(entry) for entry in entries)


def _slices(path: Path, table: Mapping[str, Any], columns: Mapping[str, Column]) -> dict[str, float]:
    """Read `"runtime.short" = 100` and `runtime.short = 100` alike."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat.update(
            {f"{key}.{word}": bound for word, bound in value.items()} if isinstance(value, dict) else {key: value}
        )
    for key, value in flat.items():
        _known(path, key.partition(".")[0], columns, "column", "slices.")
        if "." not in key or isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f'{path}: a slice is written "column.word" = number, not {key!r} = {value!r}')
    return {key: float(value) for key, value in flat.items()}
