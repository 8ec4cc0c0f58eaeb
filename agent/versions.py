"""What has been learned, version by version, and which of them answers.

A version is a folder under `versions` in the home with what was learned (a ranker, an adapter, or both) and a record of
where it came from. One small file says which serves; it is replaced in one step, so that a running program sees the
old or the new one and never half of it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from retrieval.catalog import UserError
from retrieval.chroma import write_atomically
from retrieval.learned import ranker_folder

if TYPE_CHECKING:
    from retrieval.index import Index

Part = Literal["ranker", "adapter"]
PARTS: tuple[Part, ...] = get_args(Part)
SHIPPED = "shipped"
"""What serves where nothing was promoted: the packaged parts, or what stands in the home under their own names."""
FOLDER, RECORD, SERVING = "versions", "version.json", "serving.json"
ROLLED_BACK = "rolled back"
_NAME = re.compile(r"v[1-9]\d*")


class Version(BaseModel):
    """Where a version came from, and what is known of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    parent: str = SHIPPED
    """What served when it was made."""
    made: str = ""
    """UTC, ISO 8601."""
    how: str = ""
    """The command that made it."""
    parts: dict[Part, str] = {}
    """Part -> the version whose folder holds it; what is missing is as shipped."""
    data: str = ""
    """Hash of what it learned from."""
    conversations: tuple[str, ...] = ()
    """Digests of the ids of the conversations that it learned from."""
    metrics: dict[str, Any] = {}
    gate: dict[str, Any] | None = None
    """What the gate said last, None before it was asked."""


class Versions:
    """The versions of one home."""

    def __init__(self, home: Path) -> None:
        """Look into `home`; nothing is read or written yet."""
        self.home, self.folder = home, home / FOLDER

    def names(self) -> list[str]:
        """Return the names of all versions, oldest first."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted((one.name for one in found if _NAME.fullmatch(one.name)), key=lambda name: int(name[1:]))

    def read(self, name: str) -> Version:
        """Return a version. UserError when there is none of that name, or when its record cannot be read."""
        if name == SHIPPED:
            return Version(name=SHIPPED)
        path = self.folder / name / RECORD
        try:
            return Version.model_validate_json(path.read_text("utf-8"))
        except OSError:
            known = ", ".join([SHIPPED, *self.names()])
            raise UserError(f"no version {name!r} in {self.folder}: one of {known}") from None
        except ValueError as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "not text in UTF-8"
            raise UserError(f"{path}: not the record of a version ({why}): remove the folder") from error

    def folder_of(self, name: str, part: Part) -> Path | None:
        """Return the folder of a part of a version, None where it is as shipped."""
        owner = self.read(name).parts.get(part)
        return None if owner is None else self.folder / owner / part

    def ranker(self, name: str, wanted: str, index: Index, encoder: str) -> Path | None:
        """Return the folder of the ranker that a version orders by, None for the search alone.

        `wanted` is the setting `ranker`: one that names a ranker goes before the version's own.
        """
        own = self.folder_of(name, "ranker") if wanted == "auto" else None
        return own or ranker_folder(wanted, index, encoder, self.home)

    @property
    def serving(self) -> str:
        """The name of the version that answers."""
        return str(self._serving()["serving"])

    @property
    def stamp(self) -> int:
        """A number that is another one after every change of what serves."""
        try:
            return (self.folder / SERVING).stat().st_mtime_ns
        except OSError:
            return 0

    def history(self) -> list[dict[str, str]]:
        """Return every change of what serves, oldest first: `at`, `from`, `to`, `why`."""
        return list(self._serving()["history"])

    @contextmanager
    def making(self, how: str, *, parent: str | None = None) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Give the folder of a new version and the record to fill in; the version is there once all is written.

        A folder named after a part becomes that part; the other parts are the parent's. An error leaves nothing.
        """
        parent = self.serving if parent is None else parent
        inherited = self.read(parent).parts
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self._take_name()
        half = self.folder / f".{name}"
        record: dict[str, Any] = {}
        try:
            yield half, record
            own = {part: name for part in PARTS if (half / part).is_dir()}
            made = datetime.now(UTC).isoformat(timespec="seconds")
            version = Version(name=name, parent=parent, made=made, how=how, parts={**inherited, **own}, **record)
            (half / RECORD).write_text(version.model_dump_json(indent=1) + "\n", "utf-8")
            half.rename(self.folder / name)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise

    def note(self, name: str, gate: Mapping[str, Any]) -> None:
        """Write what the gate said of a version into its record."""
        version = self.read(name).model_copy(update={"gate": dict(gate)})
        write_atomically(self.folder / name / RECORD, version.model_dump_json(indent=1) + "\n")

    def serve(self, name: str, why: str) -> None:
        """Let a version answer from the next turn on; nothing changes where it does. UserError when it is not there."""
        self.read(name)
        now = self._serving()
        if name == now["serving"] and why != ROLLED_BACK:
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        change = {"at": at, "from": now["serving"], "to": name, "why": why}
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"serving": name, "history": [*now["history"], change]}, indent=1)
        write_atomically(self.folder / SERVING, f"{text}\n")

    def roll_back(self) -> str:
        """Let the version answer that did before the last promotion; return its name. UserError when there is none.

        Several in a row go back further, as undoing does.
        """
        stack: list[str] = []
        for change in self.history():
            if change["why"] == ROLLED_BACK:
                stack.pop()
            else:
                stack.append(change["from"])
        if not stack:
            raise UserError(f"nothing was promoted in {self.folder}: {SHIPPED} answers, and there is nothing before it")
        self.serve(stack[-1], ROLLED_BACK)
        return stack[-1]

    def learned_from(self, conversation: str) -> list[str]:
        """Return the names of the versions that learned from a conversation."""
        return [name for name in self.names() if digest(conversation) in self.read(name).conversations]

    def _take_name(self) -> str:
        """Reserve the next name by making the folder that the version grows in."""
        number = max([0, *(int(name[1:]) for name in self.names())]) + 1
        while True:
            try:
                (self.folder / f".v{number}").mkdir()
            except FileExistsError:
                number += 1
            else:
                return f"v{number}"

    def _serving(self) -> dict[str, Any]:
        path = self.folder / SERVING
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return {"serving": found["serving"], "history": found["history"]}
        except FileNotFoundError:
            return {"serving": SHIPPED, "history": []}
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: cannot be read ({error!r}): remove it to answer as shipped") from error


def digest(conversation: str) -> str:
    """Return what stands for a conversation in records that outlive it."""
    return hashlib.sha256(conversation.encode()).hexdigest()[:16]
