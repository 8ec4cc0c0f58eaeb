"""What a long run has finished so far, kept in a file so that a killed run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.catalog import UserError

ROOT = Path(__file__).resolve().parents[1]
CODE = ("agent", "retrieval", "prompts", "evals")
"""Folders of the code that decides what comes out."""


@dataclass(frozen=True)
class Unfinished:
    """A file with one finished part a line, named by everything that decides the parts; several processes may add."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, what: str, made_by: Any, resume: bool) -> Unfinished:
        """Begin anew, or with `resume` go on.

        UserError when no run of `what` was left unfinished that the same options, data and code made.
        """
        told = json.dumps([made_by, _code()], sort_keys=True, default=str)
        run = cls(folder / f"{what.replace(' ', '-')}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.jsonl")
        if not resume:
            folder.mkdir(parents=True, exist_ok=True)
            run.path.write_bytes(b"")
        elif not run.path.is_file():
            raise UserError(f"no unfinished {what} with these options, models, data and code: leave --resume out")
        else:
            # What a killed process did not finish has no line end.
            whole, _, _ = run.path.read_bytes().rpartition(b"\n")
            run.path.write_bytes(whole + b"\n" if whole else b"")
        return run

    def add(self, name: str, value: Any) -> None:
        """Keep one finished part, in a single write."""
        line = json.dumps([name, value], ensure_ascii=False, default=str) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def done(self) -> dict[str, Any]:
        """Return the finished parts by name, in the order in which they were finished."""
        return dict(map(json.loads, self.path.read_bytes().splitlines()))

    def count(self) -> int:
        """Return how many parts are finished."""
        return self.path.read_bytes().count(b"\n")

    def end(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return a hash of a file's bytes, for what a result was made by; UserError when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): name a file that is there") from error


def _code(folders: Sequence[str] = CODE) -> str:
    found = hashlib.sha256()
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*")):
        if path.suffix in (".py", ".txt", ".json"):
            found.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return found.hexdigest()
