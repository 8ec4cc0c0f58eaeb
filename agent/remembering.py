"""The step of a turn that reads what is known of the person from earlier conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.belief import BeliefState, BeliefUpdate
from agent.nodes import timed
from agent.profile import Source, informed, lasting, merged
from agent.profile_store import ProfileStore
from agent.state import Here, Plain, State

if TYPE_CHECKING:
    from langgraph.runtime import Runtime


@timed
def remember(state: State, runtime: Runtime[Here]) -> Plain:
    """Set the person's profile beside the belief, and find what of the message is worth adding to it."""
    here = runtime.context
    if not here.user or runtime.store is None:
        return {"informed": state["revised"], "learnt": []}
    belief, update = BeliefState.model_validate(state["revised"]), BeliefUpdate.model_validate(state["update"])
    at = here.tools.log.clock().isoformat(timespec="milliseconds")
    profile = ProfileStore(runtime.store).read(here.user)
    learnt = lasting(update, state["text"], profile, Source(here.conversation, belief.turn, at))
    both, used = informed(belief, merged((*profile, *learnt)), here.tools.retriever.catalog)
    runtime.stream_writer({"profile": [entry.model_dump(mode="json") for entry in used]})
    return {
        "informed": both.model_dump(mode="json"),
        "learnt": [entry.model_dump(mode="json") for entry in learnt],
    }
