"""One user turn as a graph: understand, decide, retrieve, rerank, explain, answer, record.

A checkpoint is written once, at the end of a turn. Only `record` changes what lasts, so a turn that breaks off leaves
the conversation as it was before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, cast

from agent.answers import Answers
from agent.belief import BeliefState, BeliefUpdate, Question, Shown, apply
from agent.decide import decide as decide_action
from agent.decide import look, question_about
from agent.log import ConversationLog, Turn, connect
from agent.querying import query_of
from agent.ranking import Ranked, Reranker
from agent.reasons import Explainer, Reason, evidence, from_facts
from agent.settings import Settings
from retrieval.catalog import Catalog
from retrieval.query import Candidate, Query
from retrieval.semantic_ids import SemanticIds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import Runtime

    from retrieval.constraints import Constraint

Plain = dict[str, Any]


class Understands(Protocol):
    """Reads a message in the light of a belief."""

    def understand(self, text: str, belief: BeliefState) -> BeliefUpdate:
        """Return what the message changes."""
        ...


class Retrieves(Protocol):
    """Finds items that satisfy a query."""

    @property
    def catalog(self) -> Catalog:
        """What can be found."""
        ...

    @property
    def semantic_ids(self) -> SemanticIds:
        """The code of every item."""
        ...

    def search(self, query: Query) -> list[Candidate]:
        """Return candidates, best first, none of which breaks a constraint."""
        ...

    def count(self, constraints: Sequence[Constraint], exclude: frozenset[str] = frozenset()) -> int:
        """Count the items that satisfy all `constraints`."""
        ...


@dataclass(frozen=True)
class Tools:
    """What the nodes work with: opened once, shared by all conversations."""

    understanding: Understands
    retriever: Retrieves
    reranker: Reranker
    explainer: Explainer
    answers: Answers
    log: ConversationLog
    settings: Settings
    models: Mapping[str, str]
    """`model`, `adapter` and `index` as the log keeps them."""
    llm_free: AbstractContextManager[Any]
    """Held while the language model works: it serves one turn at a time."""


@dataclass(frozen=True)
class Here:
    """What the nodes know of this turn besides its state."""

    tools: Tools
    conversation: str
    started: float = field(default_factory=perf_counter)
    stop: Event = field(default_factory=Event)
    """Set when nobody waits any more: the turn ends with what it has."""


class State(TypedDict):
    """The state of one conversation; plain data, so that any program can read a checkpoint."""

    belief: Plain
    """What is believed after the last finished turn. Lasts."""
    logged: int
    """Sequence number of the last log entry that `belief` includes. Lasts."""
    text: str
    """What the person said."""
    given: Plain | None
    """The update itself, where the message is a click and needs no understanding."""
    update: Plain
    """What the message changes."""
    revised: Plain
    """The belief after the message, before the reply."""
    decision: Plain
    """What this turn does: action, question, relaxation, the facts it rests on."""
    candidates: list[Plain]
    """What retrieval found with its scores, in the order of the reranker; emptied once it is logged."""
    items: list[Plain]
    """What is shown."""
    shown_before: int
    """How many of the items, the last ones, were shown in earlier turns."""
    answer: str
    """What the agent says."""
    question: Plain | None
    """What it asks."""
    timings: dict[str, float]
    """Node -> seconds; `cards` and `total` since the message arrived."""


def fresh(text: str, given: BeliefUpdate | None = None) -> Plain:
    """Return the input of one turn: every value that does not last, reset."""
    return {
        "text": text,
        "given": None if given is None else given.model_dump(mode="json"),
        "update": {},
        "revised": {},
        "decision": {},
        "candidates": [],
        "items": [],
        "shown_before": 0,
        "answer": "",
        "question": None,
        "timings": {},
    }


class Node(Protocol):
    """One step of a turn: reads the state, returns what it changes."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[Here]) -> Plain:
        """Take the step."""
        ...


def timed(node: Node) -> Node:
    """Enter the seconds that a node took under its name."""

    @wraps(node)
    def run(state: State, runtime: Runtime[Here]) -> Plain:
        started = perf_counter()
        changes = node(state, runtime)
        taken = {node.__name__: round(perf_counter() - started, 4), **changes.pop("timings", {})}
        return {**changes, "timings": {**state["timings"], **taken}}

    return cast(Node, run)


@timed
def understand(state: State, runtime: Runtime[Here]) -> Plain:
    """Turn the message into an update and revise the belief by it."""
    tools = runtime.context.tools
    belief = BeliefState.model_validate(state.get("belief") or {})
    if state["given"] is not None:
        update = BeliefUpdate.model_validate(state["given"])
    else:
        with tools.llm_free:
            update = tools.understanding.understand(state["text"], belief)
    revised = apply(belief, update)
    return {"update": update.model_dump(mode="json"), "revised": revised.model_dump(mode="json")}


@timed
def decide(state: State, runtime: Runtime[Here]) -> Plain:
    """Choose what to do, knowing how many items fit and, when none does, what is in the way."""
    tools = runtime.context.tools
    belief, update = _belief(state), BeliefUpdate.model_validate(state["update"])
    catalog = tools.retriever.catalog
    facts = look(belief, catalog, tools.retriever.count)
    decision = decide_action(belief, update, facts, catalog)
    question = decision.question and decision.question.model_dump(mode="json")
    found = {"fitting": facts.fitting, "used_up": facts.used_up}
    blame = {"impossible": facts.impossible, "blocking": facts.blocking}
    return {
        "decision": {
            "action": decision.action,
            "search": decision.search,
            **found,
            **{name: [limit.model_dump(mode="json") for limit in limits] for name, limits in blame.items()},
        },
        "question": question,
    }


@timed
def retrieve(state: State, runtime: Runtime[Here]) -> Plain:
    """Search what satisfies every limit: first what was not shown yet, then, if too little is left, the rest."""
    tools = runtime.context.tools
    belief, update = _belief(state), BeliefUpdate.model_validate(state["update"])
    catalog, wanted = tools.retriever.catalog, tools.settings.slate_size
    query = query_of(belief, state["text"], catalog, tools.settings.candidates)
    shown = frozenset(entry.item_id for entry in belief.shown)
    found = tools.retriever.search(_leaving_out(query, shown))
    again = [] if len(found) >= wanted else [c for c in tools.retriever.search(query) if c.item_id in shown]
    if update.intent == "search" and update.targets:
        allowed = [item for item in update.targets if _may_show(item, query, catalog)]
        found, again = [Candidate(item, 1.0, {"title": 1.0}) for item in allowed], []
    return {
        "candidates": [_plain_candidate(candidate) for candidate in (*found, *again)],
        "shown_before": len(again),
    }


@timed
def rerank(state: State, runtime: Runtime[Here]) -> Plain:
    """Put the candidates in order by the language model and take the first few; the cards can be drawn now."""
    tools, here = runtime.context.tools, runtime.context
    belief = _belief(state)
    pool = [Candidate(c["item_id"], c["score"], c["scores"]) for c in state["candidates"]]
    new = pool[: len(pool) - state["shown_before"]]
    with tools.llm_free:
        ranked = tools.reranker.rank(state["text"], belief, new)
    ranked += [Ranked(candidate.item_id, 0.0, candidate) for candidate in pool[len(new) :]]
    slate = ranked[: tools.settings.slate_size]
    items = [_card(one, place, tools.retriever) for place, one in enumerate(slate, start=1)]
    seconds = round(perf_counter() - here.started, 4)
    known = {"belief": state["revised"], "update": state["update"], "timings": {"cards": seconds}}
    runtime.stream_writer({"items": items, **known})
    return {
        "candidates": [
            {**_plain_candidate(one.candidate), "propensity": one.probability, "likelihood": one.likelihood}
            for one in ranked
        ],
        "items": items,
        "shown_before": max(0, len(slate) - len(new)),
        "timings": {"cards": seconds},
    }


@timed
def explain(state: State, runtime: Runtime[Here]) -> Plain:
    """Write one reason per item and send each as it is finished; once nobody waits, take them from the facts."""
    tools, here = runtime.context.tools, runtime.context
    belief, catalog = _belief(state), tools.retriever.catalog
    items = [dict(item) for item in state["items"]]
    with tools.llm_free:
        for place, reason in tools.explainer.explain(state["text"], belief, [item["id"] for item in items]):
            items[place] |= {"reason": reason.text, "evidence": list(reason.evidence), "reason_source": reason.source}
            runtime.stream_writer({"items": [dict(item) for item in items]})
            if here.stop.is_set():
                break
    for item in items:
        if not item["reason"]:
            reason = _by_facts(item["id"], belief, catalog)
            item |= {"reason": reason.text, "evidence": list(reason.evidence), "reason_source": reason.source}
    return {"items": items}


@timed
def answer(state: State, runtime: Runtime[Here]) -> Plain:
    """Say it: introduce the items, answer from the catalog's facts, or name what is in the way."""
    tools = runtime.context.tools
    belief, update = _belief(state), BeliefUpdate.model_validate(state["update"])
    catalog, decision = tools.retriever.catalog, state["decision"]
    question = None if state["question"] is None else Question.model_validate(state["question"])
    if state["items"]:
        new = state["candidates"][: max(0, len(state["candidates"]) - state["shown_before"])]
        slate = [catalog[item["id"]] for item in state["items"]]
        if decision["action"] == "recommend" and question is None:
            question = question_about(belief, [catalog[c["item_id"]] for c in new], slate, catalog)
        text = tools.answers.introduce(belief, update, slate, state["shown_before"], tools.settings.slate_size)
    elif decision["action"] in ("recommend", "search"):
        text = tools.answers.nothing_fits(belief, update, decision)
    else:
        text = tools.answers.answer(state["text"], belief, update, decision["action"])
    return {"answer": text, "question": question and question.model_dump(mode="json")}


@timed
def record(state: State, runtime: Runtime[Here]) -> Plain:
    """Enter what was shown and asked into the ledger and write the turn to the log."""
    tools, here = runtime.context.tools, runtime.context
    revised = _belief(state)
    question = None if state["question"] is None else Question.model_validate(state["question"])
    shown = tuple(
        Shown(item_id=item["id"], title=item["title"], position=item["rank"], turn=revised.turn)
        for item in state["items"]
    )
    belief = revised.after_reply(shown, question).model_dump(mode="json")
    timings = {**state["timings"], "total": round(perf_counter() - here.started, 4)}
    turn = Turn(
        turn=revised.turn,
        user=state["text"],
        via="text" if state["given"] is None else "chip",
        action=state["decision"]["action"],
        update=state["update"],
        belief=belief,
        candidates=tuple(state["candidates"]),
        shown=tuple(state["items"]),
        text=state["answer"],
        question=question.text if question else None,
        timings=timings,
        **tools.models,
    )
    seq = tools.log.add_turn(here.conversation, turn, after=state.get("logged") or 0)
    return {"belief": belief, "logged": seq, "candidates": [], "timings": {"total": timings["total"]}}


def _belief(state: State) -> BeliefState:
    return BeliefState.model_validate(state["revised"])


def _leaving_out(query: Query, items: frozenset[str]) -> Query:
    return Query(
        query.text, query.wishes, query.constraints, query.exclude | items, query.like, query.unlike, query.limit
    )


def _may_show(item_id: str, query: Query, catalog: Catalog) -> bool:
    if item_id not in catalog or item_id in query.exclude:
        return False
    return all(limit.allows(catalog[item_id]) for limit in query.constraints)


def _plain_candidate(candidate: Candidate) -> Plain:
    scores = {source: float(score) for source, score in candidate.scores.items()}
    return {"item_id": candidate.item_id, "score": float(candidate.score), "scores": scores}


def _card(one: Ranked, rank: int, retriever: Retrieves) -> Plain:
    return {
        "id": one.item_id,
        "title": retriever.catalog.label(retriever.catalog[one.item_id]),
        "semantic_id": retriever.semantic_ids.text(one.item_id),
        "rank": rank,
        "score": one.probability,
        "reason": "",
        "evidence": [],
        "reason_source": "",
    }


def _by_facts(item_id: str, belief: BeliefState, catalog: Catalog) -> Reason:
    matched, others = evidence(catalog[item_id], belief, catalog)
    return Reason(from_facts(catalog[item_id], belief, catalog), "facts", (*matched, *others))


def open_checkpoints(path: Path) -> SqliteSaver:
    """Open the SQLite file that holds the checkpoint of every conversation."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    from langgraph.checkpoint.sqlite import SqliteSaver

    return SqliteSaver(connect(path))


def draw() -> str:
    """Return the graph as a Mermaid diagram, drawn by LangGraph."""
    return build().get_graph().draw_mermaid()


def to_retrieve_or_answer(state: State) -> Literal["retrieve", "answer"]:
    """Look for items when the decision says so."""
    return "retrieve" if state["decision"]["search"] else "answer"


def to_rerank_or_answer(state: State) -> Literal["rerank", "answer"]:
    """Rank what was found, or say that there is nothing."""
    return "rerank" if state["candidates"] else "answer"


def build(checkpointer: SqliteSaver | None = None) -> CompiledStateGraph[State, Here, Any, Any]:
    """Wire the nodes."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State, context_schema=Here)
    for node in (understand, decide, retrieve, rerank, explain, answer, record):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "understand")
    graph.add_edge("understand", "decide")
    graph.add_conditional_edges("decide", to_retrieve_or_answer)
    graph.add_conditional_edges("retrieve", to_rerank_or_answer)
    graph.add_edge("rerank", "explain")
    graph.add_edge("explain", "answer")
    graph.add_edge("answer", "record")
    graph.add_edge("record", END)
    return graph.compile(checkpointer=checkpointer)
