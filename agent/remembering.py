"""What a turn knows of the person from earlier conversations, and what it adds.

A profile is set beside the belief where it is needed and never becomes a part of the state that a checkpoint keeps: a
reply may say that a list rests on it, not on what of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.belief import BeliefState, BeliefUpdate
from agent.profile import ProfileEntry, Source, informed, lasting, merged
from agent.profile_store import ProfileStore
from agent.state import Here, Plain, State

if TYPE_CHECKING:
    from langgraph.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Remembered:
    """The belief with what the person's profile adds to it, under turn 0, and both directions of the exchange."""

    belief: BeliefState
    used: Sequence[ProfileEntry] = ()
    """What of the profile takes part."""
    learnt: Sequence[ProfileEntry] = ()
    """What the message adds to the profile."""


def remembered(state: State, here: Here) -> Remembered:
    """Set the person's profile beside the belief after the message."""
    belief = BeliefState.model_validate(state["revised"])
    if not here.user:
        return Remembered(belief)
    at = here.tools.log.clock().isoformat(timespec="milliseconds")
    update, source = BeliefUpdate.model_validate(state["update"]), Source(here.conversation, belief.turn, at)
    learnt = lasting(update, state["text"], here.profile, source)
    return Remembered(*informed(belief, merged((*here.profile, *learnt)), here.tools.retriever.catalog), learnt)


def learn(state: State, runtime: Runtime[Here]) -> list[Plain]:
    """Add what the message taught to the profile; return what of the profile took part in the turn."""
    found = remembered(state, runtime.context)
    if found.learnt and runtime.store is not None:
        ProfileStore(runtime.store).add(runtime.context.user, found.learnt)
    return [entry.model_dump(mode="json") for entry in found.used]
