"""The command that removes a person says what it did, and what is out of its reach."""

from __future__ import annotations

from pathlib import Path

from cellar import turn, written
from typer.testing import CliRunner, Result

from agent.log import ConversationLog
from agent.versions import Versions, digest
from finetune.__main__ import app
from retrieval.catalog import UserError


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def talked(home: Path) -> ConversationLog:
    log = ConversationLog(home / "log.sqlite")
    written(log, "c", [turn(1, "a red", "Here.", ["Red Hill"]), turn(2, "thanks", "Bye.")], person="ada")
    written(log, "c", [turn(3, "me too", "Here.")], person="bob")
    written(log, "d", [turn(1, "a white", "Here.")], person="bob")
    with Versions(home).making("test") as (_, record):
        record["conversations"] = (digest("c"),)
    return log


def test_a_trial_tells_and_removes_nothing_then_everything_goes(tmp_path: Path) -> None:
    log = talked(tmp_path)
    tried = call("forget", "--user", "ada", "--home", tmp_path, "--dry-run")
    assert tried.exit_code == 0 and len(log.turns("c")) == 3
    assert "would be removed: 1 conversation with 3 turns, 1 of them with others, and their checkpoints" in tried.output
    done = call("forget", "--user", "ada", "--home", tmp_path)
    assert done.exit_code == 0 and done.output == tried.output.replace("would be removed", "removed")
    assert "v1 learned from 1 of these conversations" in done.output
    assert f"python -m finetune learn --home {tmp_path}" in done.output
    assert "out of reach: files that were exported before" in done.output
    assert [one.conversation for one in log.turns()] == ["d"] and log.of_person("ada") == []
    log.close()


def test_nobody_of_that_name_is_said_in_one_line(tmp_path: Path) -> None:
    talked(tmp_path).close()
    result = call("forget", "--user", "eve", "--home", tmp_path)
    assert isinstance(result.exception, UserError) and "holds nothing of 'eve'" in str(result.exception)
