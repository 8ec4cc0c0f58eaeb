"""Dialogues that a killed run leaves behind, in a file named by everything that made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.simulation.user import Dialogue
from retrieval.catalog import UserError


@dataclass(frozen=True)
class Partial:
    """One dialogue a line, in the order in which they were finished."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, made_by: Mapping[str, Any], resume: bool) -> Partial:
        """Start the file anew, or with `resume` go on with it; UserError when there is nothing to go on with."""
        key = hashlib.sha256(json.dumps(made_by, sort_keys=True, default=str).encode()).hexdigest()[:16]
        partial = cls(folder / f"simulate-{key}.jsonl")
        if not resume:
            folder.mkdir(parents=True, exist_ok=True)
            partial.path.write_text("", "utf-8")
        elif not partial.path.exists():
            raise UserError("no unfinished run with these options, models and data: give the same, or no --resume")
        return partial

    def add(self, dialogue: Dialogue) -> None:
        """Append one finished dialogue."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(dialogue.model_dump_json() + "\n")

    def done(self) -> dict[tuple[str, str], Dialogue]:
        """Return (system, user) -> dialogue; a line that a killed process did not finish does not count."""
        found = {}
        for line in self.path.read_text("utf-8").splitlines():
            try:
                dialogue = Dialogue.model_validate_json(line)
            except ValidationError:
                continue
            found[dialogue.system, dialogue.user] = dialogue
        return found

    def end(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)
