"""Other people's conversations as they come in: the same shape for every format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agent.belief import Verdict
from agent.redaction import redact
from finetune.formats.lines import kind_of
from retrieval.catalog import UserError
from retrieval.rows import Problem, Row, clean

Role = Literal["user", "assistant"]
_THOUGHTS = re.compile(r"<details\b[^>]*>.*?</details>|<think>.*?</think>", re.DOTALL)
"""What chat programs keep of a model's reasoning."""
_GAP = re.compile(r"[ \t\r\n,]*")
BROKEN = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as `surrogateescape` reads it."""


class MalformedError(Exception):
    """A record that is not what its format says; the message says in what."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    role: Role
    text: str
    titles: tuple[str, ...] | None = None
    """Titles that it names, as the data marks them; None where they are to be found in the text."""
    rating: Literal[-1, 0, 1] = 0
    comment: str = ""
    """What came with the rating."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation, oldest message first."""

    id: str
    said: tuple[Said, ...]
    verdicts: tuple[tuple[str, Verdict], ...] = ()
    """(title, verdict) of what was answered about the items afterwards."""


def written(text: str) -> str:
    """Return a text as it is kept: line by line without what does not print, and without private data."""
    lines = (clean(line) for line in text.splitlines())
    return redact("\n".join(line for line in lines if line))


def spoken(said: Sequence[Said]) -> Iterator[Said]:
    """Yield the messages that say something, as they are kept; what an assistant thinks is not said."""
    for one in said:
        if text := written(one.text if one.role == "user" else _THOUGHTS.sub(" ", one.text)):
            yield replace(one, text=text)


def read_text(path: Path) -> str:
    """Return what a file holds; UserError when it cannot be read. Bytes that are not UTF-8 come as surrogates."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): name a file of conversations") from error
    if b"\0" in data:
        raise UserError(f"{path}: is binary or not UTF-8: give text in UTF-8")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def records(path: Path, text: str) -> Iterator[Row | Problem]:
    """Yield the objects of a JSON array, of JSON lines, or the only one, each with its line, or what is wrong there."""
    if text.lstrip()[:1] == "[":
        yield from _of_array(path, text)
        return
    first = text.lstrip().partition("\n")[0]
    if first and not _parses(first) and _parses(text):
        yield _row(path, 1, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _row(path, number, line)


def _of_array(path: Path, text: str) -> Iterator[Row | Problem]:
    decoder, place, line, counted = json.JSONDecoder(), text.index("[") + 1, 1, 0
    while True:
        start = _between(text, place)
        line, counted = line + text.count("\n", counted, start), start
        if text[start : start + 1] == "]":
            return
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            yield Problem(path, line, f"bad JSON ({error!s:.60}): what follows in the array is left out too")
            return
        yield _checked(path, line, text[start:place], value)


def _between(text: str, place: int) -> int:
    found = _GAP.match(text, place)
    return found.end() if found else place


def _row(path: Path, number: int, text: str) -> Row | Problem:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Problem(path, number, f"bad JSON ({error!s:.60}): write one object a line, or one array")
    return _checked(path, number, text, value)


def _checked(path: Path, number: int, text: str, value: Any) -> Row | Problem:
    if BROKEN.search(text):
        return Problem(path, number, "bad encoding: write UTF-8")
    if not isinstance(value, dict):
        return Problem(path, number, f"is no conversation but {kind_of(value)}: each is an object")
    return Row(number, value)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
