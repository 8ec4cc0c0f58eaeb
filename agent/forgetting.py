"""Everything a home holds of one person, and its removal: from the log, the checkpoints, the profiles, the scenarios.

What was learned from their conversations is a sum over many and cannot be unlearned; the versions are named instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.graph import open_checkpoints, open_store
from agent.log import ConversationLog, connect
from agent.profile_store import ProfileStore
from agent.review_scenario import written_of
from agent.versions import Versions, digest
from retrieval.catalog import UserError

LOG, CHECKPOINTS, PROFILES = "log.sqlite", "checkpoints.sqlite", "profiles.sqlite"
REWARD = "reward"
"""The folder of the reward head, which is no version, and what it is called."""


@dataclass(frozen=True)
class Footprint:
    """What a home holds of a person."""

    user: str
    conversations: tuple[str, ...]
    """Those in which they did anything, oldest first."""
    shared: int
    """How many of these others spoke in too."""
    turns: int
    """Turns of these conversations, whoever spoke, also those that were taken back."""
    reviews: int
    """Decisions of theirs about turns of other conversations."""
    profile: int
    """What stands in their profile."""
    switched_off: bool
    """Whether they had turned their profile off, which is remembered too."""
    scenarios: tuple[Path, ...]
    """Files in the home that hold words of these conversations."""
    learned: tuple[tuple[str, int], ...]
    """(version or `REWARD`, of how many of these conversations it learned)."""
    unread: str = ""
    """Why the versions could not be asked; empty when they were."""


def footprint(home: Path, user: str) -> Footprint:
    """Return what `home` holds of a person. UserError when that is nothing."""
    if not user:
        raise UserError("nobody is without a name: give --user the name that the conversations were held under")
    with _opened(home) as (log, profiles):
        conversations = () if log is None else tuple(log.of_person(user))
        entries = [] if log is None else [entry for one in conversations for entry in log.entries(one)]
        others = {entry.conversation for entry in entries if entry.person not in ("", user)}
        own = [] if log is None else [one for one in log.reviews() if one.person == user]
        learned, unread = _learned(home, conversations)
        found = Footprint(
            user=user,
            conversations=conversations,
            shared=len(others),
            turns=sum(entry.kind == "turn" for entry in entries),
            reviews=sum(one.conversation not in conversations for one in own),
            profile=0 if profiles is None else len(profiles.entries(user)),
            switched_off=profiles is not None and not profiles.is_on(user),
            scenarios=tuple(sorted({path for one in conversations for path in written_of(home, one)})),
            learned=learned,
            unread=unread,
        )
    if not (found.conversations or found.reviews or found.profile or found.switched_off):
        raise UserError(f"{home} holds nothing of {user!r:.80}: give --user the name as it was given when they talked")
    return found


def forget(home: Path, user: str) -> Footprint:
    """Remove everything that `home` holds of a person; return what it was. UserError when that is nothing.

    Of conversations in which others spoke too, all is removed. Stopped halfway, it can be done again: the log, which
    says which conversations are theirs, goes last. UserError when a program that reads keeps words in a file.
    """
    try:
        found = footprint(home, user)
    except UserError:
        rewrite(home)  # a first try may have removed everything and found a file in use
        raise
    with _opened(home) as (log, profiles):
        checkpoints = open_checkpoints(home / CHECKPOINTS) if (home / CHECKPOINTS).is_file() else None
        if profiles is not None:
            profiles.forget(user)
            profiles.switch(user, True)
        for conversation in found.conversations:
            if checkpoints is not None:
                checkpoints.delete_thread(conversation)
            if profiles is not None:
                profiles.forget_conversation(conversation)
        if checkpoints is not None:
            checkpoints.conn.close()
        for path in found.scenarios:
            path.unlink(missing_ok=True)
        if log is not None:
            log.delete_reviews_by(user)
            for conversation in found.conversations:
                log.delete(conversation)
    rewrite(home)
    return found


@contextmanager
def _opened(home: Path) -> Iterator[tuple[ConversationLog | None, ProfileStore | None]]:
    """Open the log and the profiles of a home; None for a file that is not there, which is not made."""
    log = ConversationLog(home / LOG) if (home / LOG).is_file() else None
    store = open_store(home / PROFILES) if (home / PROFILES).is_file() else None
    try:
        yield log, None if store is None else ProfileStore(store)
    finally:
        if log is not None:
            log.close()
        if store is not None:
            store.conn.close()


def _learned(home: Path, conversations: tuple[str, ...]) -> tuple[tuple[tuple[str, int], ...], str]:
    """Return how many of the conversations each version learned from; a damaged version keeps nobody in the home."""
    versions, reward = Versions(home), home / REWARD / "record.json"
    try:
        by = [name for one in conversations for name in versions.learned_from(one)]
        found = [(name, by.count(name)) for name in versions.names() if name in by]
        heard = json.loads(reward.read_text("utf-8"))["conversations"] if reward.is_file() else ()
        found += [(REWARD, count)] if (count := sum(digest(one) in heard for one in conversations)) else []
        return tuple(found), ""
    except (UserError, ValueError, KeyError) as error:
        return (), str(error)


def rewrite(home: Path) -> None:
    """Write the SQLite files anew from what they hold: deleting alone leaves bytes where pages were split before.

    UserError when a file, or its write-ahead log, is in use for longer than 30 s.
    """
    for path in filter(Path.is_file, (home / CHECKPOINTS, home / PROFILES, home / LOG)):
        with closing(connect(path)) as connection:
            try:
                connection.execute("VACUUM")
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except connection.OperationalError:
                busy = True
        if busy:
            raise UserError(f"{path}: all rows are removed, but a program keeps bytes of them: stop it, then again")
