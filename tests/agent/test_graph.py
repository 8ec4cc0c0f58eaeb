from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_world import Told, limit, open_world

from agent.graph import draw, to_rerank_or_answer, to_retrieve_or_answer
from agent.state import State, fresh


def test_the_drawing_shows_the_turn() -> None:
    drawing = draw()
    for edge in (
        "__start__ --> understand", "understand --> decide", "decide -.-> retrieve", "decide -.-> answer",
        "retrieve -.-> rerank", "retrieve -.-> answer", "rerank --> explain", "explain --> answer",
        "answer --> record", "record --> __end__",
    ):  # fmt: skip
        assert edge in drawing, edge


def test_every_value_of_a_turn_is_reset_by_the_next() -> None:
    lasts = {"belief", "logged"}
    assert set(fresh("hello")) == set(State.__annotations__) - lasts


def test_every_field_of_the_state_is_explained() -> None:
    import ast
    import inspect

    import agent.state

    (state,) = [
        node
        for node in ast.parse(inspect.getsource(agent.state)).body
        if isinstance(node, ast.ClassDef) and node.name == "State"
    ]
    for field, doc in zip(state.body[1::2], state.body[2::2], strict=True):
        assert isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr), ast.dump(field)


@pytest.mark.parametrize(("search", "goes"), [(True, "retrieve"), (False, "answer")])
def test_items_are_looked_for_only_when_it_was_decided(search: bool, goes: str) -> None:
    state: State = {**fresh("x"), "belief": {}, "logged": 0, "decision": {"search": search}}  # type: ignore[typeddict-item]
    assert to_retrieve_or_answer(state) == goes


@pytest.mark.parametrize(("found", "goes"), [([{"item_id": "b00"}], "rerank"), ([], "answer")])
def test_nothing_found_is_answered_and_not_ranked(found: list[dict[str, str]], goes: str) -> None:
    state: State = {**fresh("x"), "belief": {}, "logged": 0, "candidates": found}  # type: ignore[typeddict-item]
    assert to_rerank_or_answer(state) == goes


def test_the_state_is_plain_data_and_one_checkpoint_a_turn(tmp_path: Path) -> None:
    told = Told()
    rec = open_world(tmp_path, told)
    for turn in range(1, 4):
        rec.reply("c", told.hears(f"turn {turn}", limit("year", "at_least", 1960 + turn)))
        checkpoints = list(rec._memory._checkpoints.list({"configurable": {"thread_id": "c"}}))
        assert len(checkpoints) == turn
    state = rec._memory._graph.get_state({"configurable": {"thread_id": "c"}})
    assert state.next == ()
    assert json.loads(json.dumps(state.values)) == state.values
    assert state.values["candidates"] == [], "the log has them"


def test_checkpoints_are_read_strictly() -> None:
    code = (
        "import os, pathlib, tempfile; os.environ.pop('LANGGRAPH_STRICT_MSGPACK', None); "
        "from agent.graph import open_checkpoints; open_checkpoints(pathlib.Path(tempfile.mkdtemp()) / 'c.sqlite'); "
        "from langgraph.checkpoint.serde import _msgpack; assert _msgpack.STRICT_MSGPACK_ENABLED is True"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
