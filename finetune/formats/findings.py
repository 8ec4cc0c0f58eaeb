"""What is wrong with a line, field by field, each with its fix."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from agent.redaction import private
from finetune.formats.lines import MODELS, SIGNS, Format, Open, format_of, kind_of

LIKE = 0.8
"""Likeness from which on an unknown field is taken for a misspelt one."""
NAMES = frozenset({"id", "conversation"})
"""Fields that hold no words."""
_FIXES = {
    "missing": ("is missing", "add it"),
    "extra_forbidden": ("is unknown here", "remove it"),
    "string_type": ("is {}, not text", "put it in quotes"),
    "bool_type": ("is {}", "write true or false"),
    "int_type": ("is {}", "write a whole number"),
    "int_from_float": ("is {}", "write a whole number"),
    "float_type": ("is {}", "write a number"),
    "finite_number": ("is {}", "write a number that ends"),
    "tuple_type": ("is {}, not a list", "write a list, [] for nothing"),
    "list_type": ("is {}, not a list", "write a list, [] for nothing"),
    "dict_type": ("is {}, not an object", "write an object, {{...}}"),
    "model_type": ("is {}, not an object", "write an object, {{...}}"),
    "too_short": ("is empty", "write at least one entry, or leave the line out"),
}


class Finding(NamedTuple):
    """One thing that is wrong: where in the line, what, and what to do."""

    field: str
    wrong: str
    fix: str

    def __str__(self) -> str:
        """Write `field: what is wrong: the fix`."""
        return f"{self.field}: {self.wrong}: {self.fix}"


def check(line: str) -> tuple[Format | None, dict[str, Any], list[Finding]]:
    """Return the format of a line, what it holds, and everything that is wrong with it, in its order."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return None, {}, [Finding("line", f"is no JSON ({error!s:.60})", "write one JSON object on each line")]
    if not isinstance(values, dict):
        return None, {}, [Finding("line", f"is {kind_of(values)}, not an object", "write one JSON object on each line")]
    kind = format_of(values)
    if kind is None:
        fix = f"it is told by one of the fields {', '.join(SIGNS)}"
        return None, values, [Finding("line", "has no known format", fix)]
    try:
        found = MODELS[kind].model_validate_json(line)
    except ValidationError as error:
        return kind, values, explained(error)
    return kind, values, list(_misspelt(found, ""))


def explained(error: ValidationError) -> list[Finding]:
    """Return what a model found wrong, one finding for each place, in its order."""
    findings: dict[str, Finding] = {}
    for one in error.errors(include_url=False):
        if one["type"] == "too_short" and one["input"]:
            continue  # it has entries, of which something was said already
        place = _path(one["loc"]) or "line"
        findings.setdefault(place, Finding(place, *_said(one)))
    return list(findings.values())


def private_data(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (field, kind) of every piece of private data in the words of a line."""
    waiting: list[tuple[str, Any]] = [("", values)]
    while waiting:
        place, value = waiting.pop()
        match value:
            case str():
                yield from ((place, one.kind) for one in private(value))
            case list():
                waiting += [(f"{place}[{number}]", part) for number, part in enumerate(value)][::-1]
            case dict():
                parts = [(name, part) for name, part in value.items() if name not in NAMES]
                waiting += [(f"{place}.{name}" if place else name, part) for name, part in parts][::-1]


def _said(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is wrong and the fix, of one of pydantic's errors."""
    kind, given = error["type"], kind_of(error.get("input"))
    if kind == "value_error":
        wrong, _, fix = str(error["ctx"]["error"]).rpartition(": ")
        return wrong, fix
    if kind == "literal_error":
        return f"is {given}", f"write {error['ctx']['expected']}"
    if kind in ("greater_than", "greater_than_equal"):
        least = error["ctx"].get("gt", error["ctx"].get("ge"))
        return f"is {given}", f"write {'more than' if kind == 'greater_than' else 'at least'} {least:g}"
    if kind in _FIXES:
        wrong, fix = _FIXES[kind]
        return wrong.format(given), fix.format()
    return str(error["msg"])[:1].lower() + str(error["msg"])[1:], "write it as the format says"


def _misspelt(model: BaseModel, place: str) -> Iterator[Finding]:
    """Yield fields that a place does not have and that are written almost like one it has."""
    if isinstance(model, Open):
        known = [field.alias or name for name, field in type(model).model_fields.items()]
        for name in model.model_extra or ():
            if near := get_close_matches(name, known, n=1, cutoff=LIKE):
                where = f"{place}.{name}" if place else name
                yield Finding(where, "is no field", f"did you mean `{near[0]}`? It would not be read")
    for name in type(model).model_fields:
        value = getattr(model, name)
        for number, part in enumerate(value if isinstance(value, tuple) else ()):
            if isinstance(part, BaseModel):
                yield from _misspelt(part, f"{place}.{name}[{number}]" if place else f"{name}[{number}]")


def _path(loc: tuple[int | str, ...]) -> str:
    """Write a place as `turns[2].update.intent`."""
    written = ""
    for part in loc:
        written += f"[{part}]" if isinstance(part, int) else f".{part}" if written else part
    return written
