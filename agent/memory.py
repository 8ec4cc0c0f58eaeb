"""The memory of conversations: a checkpoint after every turn, kept in step with the log; and the profiles beside it.

The log is written first, so it decides what happened. A checkpoint that is behind is brought forward from it, one that
is ahead of it, because the log was lost, is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.belief import BeliefState, BeliefUpdate, apply
from agent.graph import build, open_checkpoints, open_store
from agent.log import ConversationLog
from agent.profile_store import ProfileStore
from agent.state import Here


class Memory:
    """Runs turns on the graph and keeps what they leave. One conversation must not run two turns at a time."""

    def __init__(self, home: Path, log: ConversationLog) -> None:
        """Keep checkpoints and profiles in SQLite files of their own under `home`."""
        self._log = log
        self._checkpoints = open_checkpoints(home / "checkpoints.sqlite")
        self._store = open_store(home / "profiles.sqlite")
        self.profiles = ProfileStore(self._store)
        self._graph = build(self._checkpoints, self._store)

    def run(self, turn: Mapping[str, Any], here: Here) -> Iterator[Any]:
        """Run one turn and yield what its nodes send; the checkpoint is written when it is exhausted."""
        config = _config(here.conversation)
        return self._graph.stream(turn, config, context=here, stream_mode="custom", durability="exit")

    def state(self, conversation: str) -> dict[str, Any]:
        """Return the state in the latest checkpoint; empty for an unknown conversation."""
        return dict(self._graph.get_state(_config(conversation)).values)

    def belief(self, conversation: str) -> BeliefState:
        """Return the belief of the checkpoint, after bringing it forward to the log where it is behind."""
        values = self._graph.get_state(_config(conversation)).values
        logged, last = values.get("logged") or 0, self._log.last(conversation)
        if logged != last:
            if logged > last:
                self._checkpoints.delete_thread(conversation)
                logged = 0
            for entry in self._log.entries(conversation, after=logged):
                if entry.kind == "undo":
                    self.go_back(conversation, entry.turn, entry.seq)
                else:
                    self.set(conversation, dict(entry.content["belief"]), entry.seq)
            values = self._graph.get_state(_config(conversation)).values
        return BeliefState.model_validate(values.get("belief") or {})

    def set(self, conversation: str, belief: dict[str, Any], seq: int) -> None:
        """Write a checkpoint with `belief`, which includes the log up to entry `seq`."""
        self._graph.update_state(_config(conversation), {"belief": belief, "logged": seq}, as_node="record")

    def go_back(self, conversation: str, turn: int, seq: int) -> None:
        """Make the checkpoint before `turn` the latest one; what was said since of the lists before it stays said."""
        snapshot = self._graph.get_state(_config(conversation))
        while snapshot.values.get("belief", {}).get("turn", 0) >= turn:
            if snapshot.parent_config is None:
                self._graph.update_state(_config(conversation), {"belief": {}, "logged": seq}, as_node="record")
                return
            snapshot = self._graph.get_state(snapshot.parent_config)
        belief = BeliefState.model_validate(snapshot.values.get("belief") or {})
        for entry in self._log.entries(conversation, after=snapshot.values.get("logged") or 0):
            if entry.kind == "feedback" and entry.turn < turn and entry.seq < seq:
                belief = apply(belief, BeliefUpdate.model_validate(entry.content["update"]), belief.turn)
        plain = belief.model_dump(mode="json")
        self._graph.update_state(snapshot.config, {"belief": plain, "logged": seq}, as_node="record")

    def forget(self, conversation: str) -> None:
        """Remove every checkpoint of a conversation."""
        self._checkpoints.delete_thread(conversation)

    def close(self) -> None:
        """Close the files."""
        self._checkpoints.conn.close()
        self._store.conn.close()


def _config(conversation: str) -> Any:
    return {"configurable": {"thread_id": conversation}}
