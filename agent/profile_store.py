"""Where profiles are kept: LangGraph's SQLite store in a file of its own, one namespace per user."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from agent.profile import ProfileEntry, merged

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore, SearchItem

ROOT, SWITCH = "profile", "switch"
PAGE = 1000
"""Rows read at once."""


class ProfileStore:
    """Reads and changes profiles in a store. A user's namespace is a digest of the name: no two can meet or nest."""

    def __init__(self, store: BaseStore) -> None:
        """Work on `store`, a `SqliteStore`: what is removed is to leave its file."""
        self._store = store

    def read(self, user: str) -> tuple[ProfileEntry, ...]:
        """Return what stands in a user's profile, oldest first; nothing while it is switched off."""
        return self.entries(user) if self.is_on(user) else ()

    def entries(self, user: str) -> tuple[ProfileEntry, ...]:
        """Return what stands in a user's profile even while it is switched off."""
        return merged(ProfileEntry.model_validate(row.value) for row in self._rows((ROOT, _name(user))))

    def add(self, user: str, contributions: Iterable[ProfileEntry]) -> None:
        """Keep contributions, unless the profile is switched off; what a turn says twice of a subject, the last."""
        if self.is_on(user):
            for entry in contributions:
                self.put(user, entry)

    def put(self, user: str, entry: ProfileEntry) -> None:
        """Keep one contribution, in the place of an earlier one of the same turn to the same subject."""
        place = sha256(f"{entry.conversation}\x1f{entry.turn}".encode()).hexdigest()[:16]
        self._store.put((ROOT, _name(user)), f"{place}-{entry.subject}", entry.model_dump(mode="json"))

    def forget(self, user: str, subject: str | None = None) -> int:
        """Remove every contribution to a subject, or all of a user; return how many there were."""
        rows = [
            row
            for row in self._rows((ROOT, _name(user)))
            if subject is None or ProfileEntry.model_validate(row.value).subject == subject
        ]
        return self._remove(rows)

    def forget_conversation(self, conversation: str, since: int = 0) -> int:
        """Remove what the turns of a conversation from `since` on contributed, to whomever."""
        rows = self._rows((ROOT,), {"conversation": conversation})
        return self._remove([row for row in rows if row.value["turn"] >= since])

    def is_on(self, user: str) -> bool:
        """Tell whether a user's profile is read and written; it is unless it was switched off."""
        return self._store.get((SWITCH, _name(user)), "off") is None

    def switch(self, user: str, on: bool) -> None:
        """Read and write a user's profile from now on, or stop to; what it holds stays."""
        place = (SWITCH, _name(user))
        if on:
            self._store.delete(place, "off")
        else:
            self._store.put(place, "off", {"off": True})

    def _rows(self, namespace: tuple[str, ...], where: dict[str, Any] | None = None) -> list[SearchItem]:
        rows: list[SearchItem] = []
        while True:
            page = self._store.search(namespace, filter=where, limit=PAGE, offset=len(rows))
            rows += page
            if len(page) < PAGE:
                return rows

    def _remove(self, rows: list[SearchItem]) -> int:
        for row in rows:
            self._store.delete(row.namespace, row.key)
        file: Any = self._store
        if rows:
            with file.lock:  # What was removed leaves the write-ahead log too.
                file.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(rows)


def _name(user: str) -> str:
    return sha256(user.encode()).hexdigest()
