"""Keep what a long benchmark has measured so far, so that a killed run goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ("agent", "retrieval", "prompts", "evals/bench")
"""Folders of the code that decides the values."""


@dataclass(frozen=True)
class Partial:
    """A file with one measured turn a line; it goes when the run is finished."""

    path: Path
    done: dict[str, Any]
    """Turn -> its values."""

    @classmethod
    def open(cls, folder: Path, made_by: Mapping[str, Any]) -> Partial:
        """Go on with what was measured under the same `made_by`, or begin."""
        key = hashlib.sha256(json.dumps(made_by, sort_keys=True, default=str).encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        path, done = folder / f"{key}.jsonl", {}
        if path.is_file():
            whole, _, _ = path.read_bytes().rpartition(b"\n")  # what a killed process did not finish has no line end
            path.write_bytes(whole + b"\n" if whole else b"")
            done = {one["turn"]: one["values"] for one in map(json.loads, whole.splitlines())}
        return cls(path, done)

    def add(self, turn: str, values: Any) -> None:
        """Keep the values of one turn, on disk when this returns to the caller."""
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"turn": turn, "values": values}, ensure_ascii=False) + "\n")
        self.done[turn] = values

    def end(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def code_hash() -> str:
    """Hash the code that decides the values: a change of it makes them other ones."""
    digest = hashlib.sha256()
    for folder in MEASURED:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix in (".py", ".txt", ".json"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
