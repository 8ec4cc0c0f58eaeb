"""The conversation log: an append-only record in SQLite that evaluation, training and recovery read.

Every turn, feedback and undo is one entry with a sequence number. A turn is written here before it is acknowledged and
before the checkpoint moves, so this file decides what happened: a checkpoint that is behind is brought forward from it.
Only deletion at the person's own wish removes rows; it leaves an entry that says so and nothing else. What reviewers
decide about turns stands beside it, is append-only too, and is no part of a conversation's sequence.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agent.feedback import Feedback
from agent.review_record import Review
from retrieval.catalog import UserError

EntryKind = Literal["turn", "feedback", "undo", "delete"]

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation TEXT NOT NULL,
        kind TEXT NOT NULL,
        turn INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        at TEXT NOT NULL
    );
    CREATE INDEX entries_by_conversation ON entries (conversation, seq);
    CREATE TABLE turns (
        seq INTEGER NOT NULL UNIQUE REFERENCES entries (seq),
        conversation TEXT NOT NULL,
        turn INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (conversation, turn, attempt)
    ) WITHOUT ROWID;
    CREATE TABLE feedback (
        seq INTEGER PRIMARY KEY REFERENCES entries (seq),
        conversation TEXT NOT NULL,
        turn INTEGER NOT NULL,
        item_id TEXT,
        verdict TEXT NOT NULL,
        words TEXT NOT NULL,
        "update" TEXT NOT NULL,
        belief TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE entries ADD COLUMN person TEXT NOT NULL DEFAULT '';
    CREATE INDEX entries_by_person ON entries (person) WHERE person <> '';
    ALTER TABLE feedback ADD COLUMN reason TEXT NOT NULL DEFAULT '';
    ALTER TABLE feedback ADD COLUMN key TEXT NOT NULL DEFAULT '';
    CREATE UNIQUE INDEX feedback_by_key ON feedback (conversation, key) WHERE key <> '';
    """,
    """
    CREATE TABLE reviews (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        seq INTEGER NOT NULL REFERENCES entries (seq),
        conversation TEXT NOT NULL,
        turn INTEGER NOT NULL,
        decision TEXT NOT NULL,
        "update" TEXT NOT NULL,
        "order" TEXT NOT NULL,
        reasons TEXT NOT NULL,
        note TEXT NOT NULL,
        person TEXT NOT NULL,
        at TEXT NOT NULL
    );
    CREATE INDEX reviews_by_conversation ON reviews (conversation, number);
    """,
)
"""Applied in order on open; `PRAGMA user_version` counts those that were. Never edited, only added to."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything one turn did, as plain data."""

    turn: int
    user: str
    """What the person said; for a removed chip, a sentence that says so."""
    via: str
    """`text` or `chip`."""
    action: str
    update: Mapping[str, Any]
    belief: Mapping[str, Any]
    """The belief after the turn, with what was shown and asked."""
    candidates: tuple[Mapping[str, Any], ...]
    """item_id, score, scores by source, likelihood; `probability`, by which the list is drawn; `propensity`, with which
    an item that is shown was drawn at its place among those left. Best first."""
    shown: tuple[Mapping[str, Any], ...]
    """Recommendations with their Semantic IDs, reasons and evidence."""
    text: str
    question: str | None
    model: str
    adapter: str
    index: str
    """Fingerprint of the items, the encoder and the codes."""
    timings: Mapping[str, float]
    reranker: str = "none"
    """What ordered the candidates with the language model."""
    version: str = "shipped"
    """Which of the learned versions answered."""
    explore: float = 0.0
    """The temperature at which the list was drawn; 0 for the first ones."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: what happened, and the belief after it where there is one."""

    seq: int
    conversation: str
    kind: EntryKind
    turn: int
    attempt: int
    at: str
    """UTC, ISO 8601."""
    person: str = ""
    """Whose doing it was; empty for somebody without a name."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """The turn's or the feedback's fields; empty for an undo or a deletion."""


class ConversationMoved(RuntimeError):
    """The conversation was continued elsewhere since it was read; nothing was written."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a SQLite file for several threads and processes: write-ahead log, 30 s of patience, secure deletion.

    UserError when the file is something else, or damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    try:
        connection.executescript("PRAGMA busy_timeout=30000; PRAGMA journal_mode=WAL; PRAGMA secure_delete=ON;")
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorname not in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise
        raise UserError(f"{path}: {error}; put a copy of it back, or move it away to begin anew") from None
    return connection


class ConversationLog:
    """The log of one home. Safe for several threads and several processes."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Open the log at `path`, create it, or bring an older one up to date."""
        self.path, self.clock = path, clock
        self._lock = threading.RLock()
        self._connection = connect(path)
        self._connection.row_factory = sqlite3.Row
        with self._writing() as connection:
            done = connection.execute("PRAGMA user_version").fetchone()[0]
            for number, migration in enumerate(MIGRATIONS[done:], start=done + 1):
                for statement in filter(str.strip, migration.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number:d}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for one transaction; commit at the end, roll back on an error."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _read(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def add_turn(self, conversation: str, turn: Turn, after: int, person: str = "") -> int:
        """Write one turn and return its sequence number.

        `after` is the last entry the turn knows of; ConversationMoved when another one has been written since.
        """
        record = {name: getattr(turn, name) for name in Turn.__slots__}
        with self._writing() as connection:
            _must_be_last(connection, conversation, after)
            attempt = connection.execute(
                "SELECT coalesce(max(attempt), 0) + 1 FROM turns WHERE conversation = ? AND turn = ?",
                (conversation, turn.turn),
            ).fetchone()[0]
            seq = self._enter(connection, conversation, "turn", turn.turn, attempt, person)
            connection.execute(
                "INSERT INTO turns VALUES (?, ?, ?, ?, ?)", (seq, conversation, turn.turn, attempt, _dump(record))
            )
        return seq

    def add_feedback(self, conversation: str, feedback: Feedback, after: int, person: str = "") -> int:
        """Write one reaction and return its sequence number; ConversationMoved as for a turn.

        A reaction whose key the conversation knows is not written again: the number is that of the first.
        """
        with self._writing() as connection:
            if feedback.key and (known := _by_key(connection, conversation, feedback.key)):
                return known
            _must_be_last(connection, conversation, after)
            seq = self._enter(connection, conversation, "feedback", feedback.turn, 0, person)
            connection.execute(
                "INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(seq, conversation, feedback.turn, feedback.item_id, feedback.verdict, feedback.words),
                    *(_dump(feedback.update), _dump(feedback.belief), feedback.reason, feedback.key),
                ),
            )
        return seq

    def knows(self, conversation: str, key: str) -> bool:
        """Tell whether a reaction with this key has been written."""
        return bool(key) and bool(_by_key(self._connection, conversation, key))

    def add_undo(self, conversation: str, turn: int, after: int) -> int:
        """Write that `turn` was taken back; return the sequence number."""
        with self._writing() as connection:
            _must_be_last(connection, conversation, after)
            return self._enter(connection, conversation, "undo", turn, 0)

    def add_review(self, review: Review) -> None:
        """Write what a reviewer decided about a turn. ValueError when the log holds no such turn (any more)."""
        with self._writing() as connection:
            found = connection.execute(
                "SELECT 1 FROM turns WHERE seq = ? AND conversation = ? AND turn = ?",
                (review.seq, review.conversation, review.turn),
            )
            if found.fetchone() is None:
                raise ValueError(f"conversation {review.conversation!r} has no turn {review.turn} (entry {review.seq})")
            connection.execute(
                'INSERT INTO reviews (seq, conversation, turn, decision, "update", "order", reasons, note, person, at) '
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(review.seq, review.conversation, review.turn, review.decision, _dump(review.update)),
                    *(_dump(review.order), _dump(review.reasons), review.note, review.person, self._now()),
                ),
            )

    def reviews(self, conversation: str | None = None) -> list[Review]:
        """Return every decision about the turns of one conversation, or of all, in the order they were made."""
        rows = self._read(
            "SELECT * FROM reviews WHERE ? IS NULL OR conversation = ? ORDER BY number", conversation, conversation
        )
        plain = ("conversation", "turn", "seq", "decision", "note", "person", "at")
        return [
            Review(
                update=json.loads(row["update"]),
                order=tuple(json.loads(row["order"])),
                reasons=json.loads(row["reasons"]),
                **{name: row[name] for name in plain},
            )
            for row in rows
        ]

    def decisions(self, conversation: str | None = None) -> dict[int, Review]:
        """Return the entry of each turn that was decided about -> the last decision, of one conversation or of all."""
        return {review.seq: review for review in self.reviews(conversation)}

    def delete(self, conversation: str) -> None:
        """Remove every word of a conversation, reviews too, and leave an entry that it was deleted."""
        with self._writing() as connection:
            for table in ("reviews", "turns", "feedback", "entries"):
                connection.execute(f"DELETE FROM {table} WHERE conversation = ?", (conversation,))
            self._enter(connection, "", "delete", 0, 0)
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def delete_reviews_by(self, person: str) -> None:
        """Remove every decision that a reviewer made."""
        with self._writing() as connection:
            connection.execute("DELETE FROM reviews WHERE person = ?", (person,))

    def of_person(self, person: str) -> list[str]:
        """Return the conversations in which a person has said or clicked anything, oldest first."""
        rows = self._read(
            "SELECT conversation FROM entries WHERE person = ? GROUP BY conversation ORDER BY min(seq)", person
        )
        return [row["conversation"] for row in rows]

    def last(self, conversation: str) -> int:
        """Return the sequence number of the conversation's last entry, 0 before the first."""
        return int(self._read("SELECT coalesce(max(seq), 0) FROM entries WHERE conversation = ?", conversation)[0][0])

    def lasts(self) -> dict[str, int]:
        """Return the sequence number of the last entry of every conversation, in the order they began."""
        rows = self._read(
            "SELECT conversation, max(seq) AS last FROM entries WHERE kind <> 'delete' "
            "GROUP BY conversation ORDER BY min(seq)"
        )
        return {row["conversation"]: row["last"] for row in rows}

    def entries(self, conversation: str | None = None, after: int = 0) -> list[Entry]:
        """Return the entries of one conversation, or of all, in the order they were written."""
        rows = self._read(
            'SELECT e.*, t.record, f.item_id, f.verdict, f.words, f."update", f.belief, f.reason, f.key FROM entries e '
            "LEFT JOIN turns t ON t.seq = e.seq LEFT JOIN feedback f ON f.seq = e.seq "
            "WHERE e.seq > ? AND (? IS NULL OR e.conversation = ?) ORDER BY e.seq",
            after, conversation, conversation,
        )  # fmt: skip
        return [_entry(row) for row in rows]

    def turns(self, conversation: str | None = None, *, undone: bool = False) -> list[Entry]:
        """Return the turns in order, those that were taken back only when `undone` is set."""
        kept: dict[str, list[Entry]] = {}
        for entry in self.entries(conversation):
            turns = kept.setdefault(entry.conversation, [])
            if entry.kind == "turn":
                turns.append(entry)
            elif entry.kind == "undo" and not undone:
                turns[:] = [turn for turn in turns if turn.turn < entry.turn]
        return sorted((turn for turns in kept.values() for turn in turns), key=lambda turn: turn.seq)

    def said(self, conversation: str) -> str:
        """Return what the person wrote in the turns that stand, oldest first."""
        rows = self._read(
            "SELECT e.kind, e.turn, json_extract(t.record, '$.user') AS user, json_extract(t.record, '$.via') AS via "
            "FROM entries e LEFT JOIN turns t ON t.seq = e.seq WHERE e.conversation = ? ORDER BY e.seq",
            conversation,
        )
        said: list[tuple[int, str]] = []
        for row in rows:
            if row["kind"] == "undo":
                said = [(turn, words) for turn, words in said if turn < row["turn"]]
            elif row["kind"] == "turn" and row["via"] == "text":
                said.append((row["turn"], row["user"]))
        return " ".join(words for _, words in said)

    def conversations(self) -> list[dict[str, Any]]:
        """Return id, title (the first words said), number of standing turns and last change, the latest first."""
        rows = self._read(
            "SELECT e.*, json_extract(t.record, '$.user') AS user FROM entries e LEFT JOIN turns t ON t.seq = e.seq "
            "WHERE e.kind <> 'delete' ORDER BY e.seq"
        )
        users: dict[str, list[tuple[int, str]]] = {}
        latest: dict[str, str] = {}
        for row in rows:
            said = users.setdefault(row["conversation"], [])
            latest.pop(row["conversation"], None)
            latest[row["conversation"]] = row["at"]
            if row["kind"] == "turn":
                said.append((row["turn"], row["user"]))
            elif row["kind"] == "undo":
                said[:] = [(turn, user) for turn, user in said if turn < row["turn"]]
        return [
            {"id": one, "title": users[one][0][1] if users[one] else "", "turns": len(users[one]), "updated": at}
            for one, at in reversed(latest.items())
        ]

    def export(self, conversation: str) -> dict[str, Any]:
        """Return one conversation with every entry, undone ones too, and every review of it, as plain data."""
        reviews = [asdict(review) for review in self.reviews(conversation)]
        return {
            "conversation": conversation,
            "entries": [
                {
                    **{"seq": e.seq, "kind": e.kind, "turn": e.turn, "attempt": e.attempt, "at": e.at},
                    **({"person": e.person} if e.person else {}),
                    **e.content,
                }
                for e in self.entries(conversation)
            ],
            **({"reviews": reviews} if reviews else {}),
        }

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _enter(
        self,
        connection: sqlite3.Connection,
        conversation: str,
        kind: EntryKind,
        turn: int,
        attempt: int,
        person: str = "",
    ) -> int:
        cursor = connection.execute(
            "INSERT INTO entries (conversation, kind, turn, attempt, at, person) VALUES (?, ?, ?, ?, ?, ?)",
            (conversation, kind, turn, attempt, self._now(), person),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")


def _must_be_last(connection: sqlite3.Connection, conversation: str, after: int) -> None:
    last = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM entries WHERE conversation = ?", (conversation,)
    ).fetchone()[0]
    if last != after:
        raise ConversationMoved(f"conversation {conversation!r} was continued elsewhere (entry {last}, not {after})")


def _by_key(connection: sqlite3.Connection, conversation: str, key: str) -> int:
    """Return the entry of the reaction with this key, 0 where there is none."""
    found = connection.execute("SELECT seq FROM feedback WHERE conversation = ? AND key = ?", (conversation, key))
    row = found.fetchone()
    return int(row[0]) if row else 0


def _entry(row: sqlite3.Row) -> Entry:
    content: dict[str, Any] = {}
    if row["kind"] == "turn":
        content = json.loads(row["record"])
    elif row["kind"] == "feedback":
        content = {name: row[name] for name in ("item_id", "verdict", "words", "reason", "key")}
        content |= {name: json.loads(row[name]) for name in ("update", "belief")}
    one = (row["seq"], row["conversation"], row["kind"], row["turn"], row["attempt"], row["at"], row["person"])
    return Entry(*one, content)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
