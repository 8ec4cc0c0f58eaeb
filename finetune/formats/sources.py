"""Files of conversations in other people's formats, told apart by what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from finetune.formats.chats import of_messages, of_open_webui, of_sharegpt
from finetune.formats.corpora import is_inspired, of_inspired, of_redial
from finetune.formats.talks import MalformedError, Talk, read_text, records
from retrieval.catalog import UserError
from retrieval.rows import Problem

Source = Literal["auto", "redial", "inspired", "sharegpt", "open-webui", "messages"]
READERS: dict[Source, Callable[[Mapping[str, Any], str], Talk]] = {
    "redial": of_redial, "sharegpt": of_sharegpt, "open-webui": of_open_webui, "messages": of_messages,
}  # fmt: skip
"""How a record of each format is read, given what to call the conversation where it has no name."""
SIGNS: dict[str, Source] = {
    "respondentWorkerId": "redial", "movieMentions": "redial", "chat": "open-webui", "conversations": "sharegpt",
    "messages": "messages",
}  # fmt: skip
"""A field by which a format is known -> the format; the first that is there decides."""
_JSON = re.compile(r"^\s*[\[{]", re.MULTILINE)


def talks(path: Path, source: Source = "auto") -> Iterator[tuple[int, Talk] | Problem]:
    """Yield every conversation of a file with its line, or what is wrong there; `source` says what it must be.

    Of several conversations with the same name the first counts. UserError when the file cannot be read.
    """
    text = read_text(path)
    inspired = source == "inspired" or (source == "auto" and is_inspired(text))
    if not inspired and not _JSON.search(text):
        raise UserError(f"{path}: holds neither JSON nor INSPIRED's dialogues: give one of the two")
    lines: dict[str, int] = {}
    for one in of_inspired(path, text) if inspired else _of_records(path, text, source):
        if isinstance(one, Problem):
            yield one
        elif one[1].id in lines:
            yield Problem(path, one[0], f"id: {one[1].id!r:.60} stands in line {lines[one[1].id]} too: keep one")
        else:
            lines[one[1].id] = one[0]
            yield one


def _of_records(path: Path, text: str, source: Source) -> Iterator[tuple[int, Talk] | Problem]:
    for number, row in enumerate(records(path, text), start=1):
        if isinstance(row, Problem):
            yield row
            continue
        try:
            yield row.line, _reader(row.values, source)(row.values, f"{path.stem}-{number}")
        except MalformedError as error:
            yield Problem(path, row.line, str(error))


def _reader(values: Mapping[str, Any], source: Source) -> Callable[[Mapping[str, Any], str], Talk]:
    if source != "auto":
        return READERS[source]
    if "turns" in values:
        raise MalformedError("is a dialogue of our own already: give it to `sft --log` and `ranker --log` as it is")
    known = next((kind for sign, kind in SIGNS.items() if sign in values), None)
    if known is None:
        raise MalformedError(f"has no known format: say which by --format, or give it {', '.join(list(SIGNS)[2:])}")
    return READERS[known]
