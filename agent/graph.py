"""One user turn as a graph: understand, decide, retrieve, rerank, explain, answer, record.

    understand  the message and the belief become an update, and the belief is revised
    decide      recommend, search, ask, compare, explain or chat; and, when nothing fits, a way out
    retrieve    candidates that satisfy every limit
    rerank      the language model puts them in order; the cards can be drawn
    explain     one checked reason per item, each sent as it is finished
    answer      the sentence around the items, an answer from the facts, or what is in the way
    record      the ledger, the log, the profile; then the checkpoint

A checkpoint is written once, at the end of a turn. Only `record` changes what lasts, so a turn that breaks off leaves
the conversation as it was before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.log import connect
from agent.nodes import answer, decide, explain, record, rerank, retrieve, understand
from agent.state import Here, State

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore
    from langgraph.store.sqlite import SqliteStore


NODES = (understand, decide, retrieve, rerank, explain, answer, record)


def open_checkpoints(path: Path) -> SqliteSaver:
    """Open the SQLite file that holds the checkpoint of every conversation."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    from langgraph.checkpoint.sqlite import SqliteSaver

    return SqliteSaver(connect(path))


def open_store(path: Path) -> SqliteStore:
    """Open the SQLite file that holds every profile. The store locks: it serves several threads."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    from langgraph.store.sqlite import SqliteStore

    store = SqliteStore(connect(path))
    store.setup()
    return store


def draw() -> str:
    """Return the graph as a Mermaid diagram, drawn by LangGraph."""
    return build().get_graph().draw_mermaid()


def to_retrieve_or_answer(state: State) -> Literal["retrieve", "answer"]:
    """Look for items when the decision says so."""
    return "retrieve" if state["decision"]["search"] else "answer"


def to_rerank_or_answer(state: State) -> Literal["rerank", "answer"]:
    """Rank what was found, or say that there is nothing."""
    return "rerank" if state["candidates"] else "answer"


def build(
    checkpointer: SqliteSaver | None = None, store: BaseStore | None = None
) -> CompiledStateGraph[State, Here, Any, Any]:
    """Wire the nodes; `store` holds the profiles."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State, context_schema=Here)
    for node in NODES:
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "understand")
    graph.add_edge("understand", "decide")
    graph.add_conditional_edges("decide", to_retrieve_or_answer)
    graph.add_conditional_edges("retrieve", to_rerank_or_answer)
    graph.add_edge("rerank", "explain")
    graph.add_edge("explain", "answer")
    graph.add_edge("answer", "record")
    graph.add_edge("record", END)
    return graph.compile(checkpointer=checkpointer, store=store)
