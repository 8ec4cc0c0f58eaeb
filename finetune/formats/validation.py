"""Files of dialogues, chats and preferences, checked line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finetune.formats.findings import Finding, check, private_data
from finetune.formats.lines import NAMED, Format
from finetune.formats.talks import BROKEN, read_text


@dataclass(frozen=True)
class Checked:
    """One line of a file: its format, what is wrong, and private data that should not be there."""

    line: int
    """1-based."""
    format: Format | None
    findings: tuple[Finding, ...]
    private: tuple[tuple[str, str], ...] = ()
    """(field, kind) of each piece."""


def checked(path: Path) -> Iterator[Checked]:
    """Yield every line that is not empty. UserError when the file cannot be read."""
    names: dict[object, int] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        if BROKEN.search(line):
            yield Checked(number, None, (Finding("line", "is not UTF-8", "write the file in UTF-8"),))
            continue
        kind, values, findings = check(line)
        if kind in NAMED and (name := values.get("id")) is not None and not findings:
            if names.setdefault(str(name), number) != number:
                wrong = f"is {name!r:.60}, which line {names[str(name)]} is called too"
                findings = [Finding("id", wrong, "leave one of them out, or give it another name")]
        yield Checked(number, kind, tuple(findings), tuple(dict.fromkeys(private_data(values))))
