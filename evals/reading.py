"""Scenario files: YAML in, scenarios out, and every mistake as file:line with the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from agent.belief import ITEMS
from evals.scenario import SHOWN, DropPattern, ExpectedQuestion, Scenario
from retrieval.catalog import Catalog, UserError, fold
from retrieval.constraints import Constraint

Place = tuple[str | int, ...]
"""Where something stands in a file: keys and list positions from the top."""
_ALLOWED = re.compile(r"'([^']*)'|(-?\d+|True)")


@dataclass(frozen=True)
class Script:
    """A scenario with the file it came from and the line of each part."""

    scenario: Scenario
    path: Path
    lines: Mapping[Place, int]

    def where(self, place: Place = ()) -> str:
        """Return `file:line` of a part, of the nearest part around it when it has no line of its own."""
        return _where(self.path, self.lines, place)


def read_all(paths: Iterable[Path]) -> list[Script]:
    """Read scenario files and folders of them, in sorted order; names must be unique.

    UserError with one line for every mistake in every file.
    """
    scripts: list[Script] = []
    mistakes: list[str] = []
    for file in dict.fromkeys(file for path in paths for file in _files(path)):
        try:
            scripts.append(read(file))
        except UserError as error:
            mistakes.append(str(error))
    first: dict[str, Script] = {}
    for script in scripts:
        other = first.setdefault(script.scenario.name, script)
        if other is not script:
            mistakes.append(
                f"{script.where(('name',))}: the name {script.scenario.name!r} is taken by {other.path}: rename one"
            )
    if mistakes:
        raise UserError("\n".join(mistakes))
    return scripts


def read(path: Path) -> Script:
    """Read one scenario file; UserError with one line for every mistake."""
    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:1: not a text file in UTF-8: save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(f"{path}:{mark.line + 1 if mark else 1}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}:1: not valid YAML: {str(error).splitlines()[0]}") from error
    if node is None:
        raise UserError(f"{path}:1: the file is empty: a scenario has a name and turns")
    lines: dict[Place, int] = {}
    twice = [f"{path}:{line}: the key {key!r} stands here twice: keep one" for line, key in _walk(node, (), lines)]
    if twice:
        raise UserError("\n".join(twice))
    try:
        return Script(Scenario.model_validate(yaml.safe_load(text)), path, lines)
    except ValidationError as error:
        raise UserError(
            "\n".join(f"{_where(path, lines, wrong['loc'])}: {_explain(wrong)}" for wrong in error.errors())
        ) from error


def select(scripts: Iterable[Script], tags: Iterable[str]) -> list[Script]:
    """Keep the scripts that have at least one of `tags`; all of them when none is given."""
    wanted = set(tags)
    return [script for script in scripts if not wanted or wanted & set(script.scenario.tags)]


def check_all(scripts: Iterable[Script], catalog: Catalog) -> None:
    """Refuse what `check_against` refuses, for several scripts at once."""
    mistakes: list[str] = []
    for script in scripts:
        try:
            check_against(script, catalog)
        except UserError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UserError("\n".join(mistakes))


def check_against(script: Script, catalog: Catalog) -> None:
    """Refuse expectations that no reply over `catalog` can meet: unknown attributes, values and items."""
    mistakes: list[str] = []
    columns = [column.name for column in catalog.schema.columns]
    for place, part in _parts(script.scenario):
        key = "about" if isinstance(part, ExpectedQuestion) else "attribute"
        attribute = getattr(part, key, None)
        if not isinstance(attribute, str):
            continue
        free = ("text", ITEMS) if isinstance(part, DropPattern) else ("text",)
        if attribute not in free and catalog.schema.column(attribute) is None:
            mistakes.append(f"{script.where((*place, key))}: the catalog has no attribute {attribute!r}"
                            + _nearest(attribute, columns))  # fmt: skip
        elif isinstance(part, Constraint) and part.op in ("is", "is_not"):
            values = next((v for name, v in catalog.vocabulary.items() if fold(name) == fold(part.attribute)), None)
            if values is not None and fold(str(part.value)) not in {fold(value) for value in values}:
                mistakes.append(f"{script.where((*place, 'value'))}: no item has {part.attribute} {part.value!r}"
                                + _nearest(str(part.value), values))  # fmt: skip
    for place, name in _named_items(script.scenario):
        shown = SHOWN.fullmatch(name)
        if shown and not 1 <= int(shown[1]) <= place[1]:
            mistakes.append(f"{script.where(place)}: {name!r} is not before turn {place[1] + 1}: count turns from 1")
        if shown:
            continue
        try:
            find_item(name, catalog)
        except UserError as error:
            mistakes.append(f"{script.where(place)}: {error}")
    if mistakes:
        raise UserError("\n".join(mistakes))


def find_item(name: str, catalog: Catalog) -> str:
    """Return the id of the item with this id, label (`T (YYYY)`) or title; UserError when none or several have it."""
    if name in catalog:
        return name
    wanted = fold(name)
    found = [item.id for item in catalog if fold(catalog.label(item)) == wanted]
    found = found or [item.id for item in catalog if fold(item.title) == wanted]
    if len(found) == 1:
        return found[0]
    labels = [catalog.label(catalog[item]) for item in found]
    if labels:
        raise UserError(f"{name!r} could be any of {', '.join(labels)}: say which")
    raise UserError(f"the catalog has no item {name!r}{_nearest(name, [catalog.label(item) for item in catalog])}")


def _where(path: Path, lines: Mapping[Place, int], place: Place) -> str:
    while place and place not in lines:
        place = place[:-1]
    return f"{path}:{lines.get(place, 1)}"


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        found = sorted(file for pattern in ("*.yaml", "*.yml") for file in path.rglob(pattern))
        if not found:
            raise UserError(f"{path}: no scenario (*.yaml) in this folder: name a file or another folder")
        return found
    if not path.exists():
        raise UserError(f"{path}: no such file or folder: check the path")
    return [path]


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Iterator[tuple[int, str]]:
    """Note the line of every part in `lines`, keys by the line of the key; yield the (line, key) of every repeat."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield key.start_mark.line + 1, name
            seen.add(name)
            lines[(*place, name)] = key.start_mark.line + 1
            yield from _walk(value, (*place, name), lines)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield from _walk(value, (*place, position), lines)


def _parts(part: Any, place: Place = ()) -> Iterator[tuple[Place, BaseModel]]:
    """Yield every value of a scenario that was written in the file, with its place."""
    if isinstance(part, BaseModel):
        yield place, part
        for name in part.model_fields_set:
            yield from _parts(getattr(part, name), (*place, name))
    elif isinstance(part, tuple):
        for position, value in enumerate(part):
            yield from _parts(value, (*place, position))


def _named_items(scenario: Scenario) -> Iterator[tuple[tuple[str, int, *tuple[str | int, ...]], str]]:
    """Yield every item that a scenario names, with the place of the name; the second step is the turn from 0."""
    for number, turn in enumerate(scenario.turns):
        top = ("turns", number)
        for key in ("all", "any", "none"):
            for position, limit in enumerate(getattr(turn.expect.items, key)):
                if isinstance(limit.value, str) and limit.op in ("at_least", "at_most"):
                    yield (*top, "expect", "items", key, position, "value"), limit.value
        for key in ("includes", "excludes"):
            for position, name in enumerate(getattr(turn.expect.items, key)):
                yield (*top, "expect", "items", key, position), name
        for part in ("update", "belief"):
            for key in ("has", "lacks"):
                for position, pattern in enumerate(getattr(getattr(turn.expect, part).items, key)):
                    yield (*top, "expect", part, "items", key, position, "item"), pattern.item
        if turn.feedback is not None and isinstance(turn.feedback.item, str):
            yield (*top, "feedback", "item"), turn.feedback.item


def _explain(error: Any) -> str:
    """Say what is wrong with one part in a person's words, with the nearest thing that would be right."""
    *above, last = error["loc"] or ("",)
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {last!r}{_nearest(str(last), _keys_at(tuple(above)))}"
        case "literal_error":
            allowed = [word or number for word, number in _ALLOWED.findall(error["ctx"]["expected"])]
            return f"{error['input']!r} is not allowed here{_nearest(str(error['input']), allowed)}"
        case "missing":
            return f"{last!r} is missing"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"{last}: {error['msg'][:1].lower()}{error['msg'][1:]}, got {error['input']!r}"


def _keys_at(place: Place) -> list[str]:
    """Return the keys that are allowed at a place of a scenario file."""
    model: Any = Scenario
    for step in place:
        if isinstance(step, str) and isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(step)
            model = next(iter(_models_in(field.annotation)), None) if field else None
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _nearest(wrong: str, right: Iterable[str]) -> str:
    """Return `: did you mean X?`, or all that is allowed when nothing is near and the list is short."""
    by_fold = {fold(value): value for value in right}
    near = difflib.get_close_matches(fold(wrong), by_fold, n=1, cutoff=0.6)
    if near:
        return f": did you mean {by_fold[near[0]]!r}?"
    return f": use one of {', '.join(by_fold.values())}" if 0 < len(by_fold) <= 12 else ""
