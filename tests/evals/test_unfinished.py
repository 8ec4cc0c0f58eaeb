"""Runs that were killed: what they leave, and when it is gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.unfinished import Unfinished
from retrieval.catalog import UserError


def test_what_was_finished_is_there_after_a_kill_and_a_torn_line_is_not(tmp_path: Path) -> None:
    run = Unfinished.begin(tmp_path / "new", "bench x", {"seed": 1}, resume=False)
    run.add("a", {"value": 1})
    run.add("b", None)
    with run.path.open("a") as torn:
        torn.write('["c", {"val')
    again = Unfinished.begin(tmp_path / "new", "bench x", {"seed": 1}, resume=True)
    assert again.done() == {"a": {"value": 1}, "b": None}
    again.add("c", 3)
    assert (list(again.done()), again.count()) == (["a", "b", "c"], 3)
    again.end()
    assert not run.path.exists()


def test_a_run_with_other_options_is_not_gone_on_with(tmp_path: Path) -> None:
    Unfinished.begin(tmp_path, "run", {"seed": 1}, resume=False)
    for what, made_by in (("run", {"seed": 2}), ("bench", {"seed": 1})):
        with pytest.raises(UserError, match=f"no unfinished {what} with these options"):
            Unfinished.begin(tmp_path, what, made_by, resume=True)


def test_without_resume_a_run_begins_anew(tmp_path: Path) -> None:
    Unfinished.begin(tmp_path, "run", {}, resume=False).add("a", 1)
    assert Unfinished.begin(tmp_path, "run", {}, resume=False).done() == {}


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=4)))
def test_any_text_comes_back_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, object]) -> None:
    run = Unfinished.begin(tmp_path_factory.mktemp("run"), "run", {}, resume=False)
    for name, value in parts.items():
        run.add(name, value)
    assert run.done() == parts
