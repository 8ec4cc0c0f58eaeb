"""From a log to a version that answers, by the commands that people use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from test_ranker import QUICK, SIZE, mate, plants
from typer.testing import CliRunner, Result

from agent import Recommender, Settings
from agent.log import ConversationLog
from agent.versions import SHIPPED, Versions
from finetune.__main__ import app
from finetune.loop import settings_of
from retrieval.catalog import UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build, open_or_build_demo


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home in which people have talked and taken something."""
    folder = tmp_path_factory.mktemp("home")
    build(plants(), folder, HashingEncoder())
    rec = Recommender.open(Settings(home=folder, model="scripted", encoder="hashing", slate_size=20))
    for number in range(40):
        reply = rec.reply(f"c{number}", f"something like Plant {number % SIZE}")
        wanted = f"p{mate(number % SIZE)}"
        if any(item.id == wanted for item in reply.items):
            rec.feedback(f"c{number}", reply.turn, wanted, "accepted")
    rec.close()
    return folder


def record_of(home: Path) -> list[str]:
    """Return the conversations that v1 learned from."""
    log = ConversationLog(home / "log.sqlite")
    names = [one["id"] for one in log.conversations() if "v1" in Versions(home).learned_from(one["id"])]
    log.close()
    return names


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_version_is_learned_judged_promoted_and_taken_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.learning.FITTED", QUICK)
    options = ("--home", home)
    learned = call("learn", *options)
    assert learned.exit_code == 0, learned.output
    assert "version v1: search NDCG@10" in learned.output and "finetune promote v1" in learned.output
    versions = Versions(home)
    assert versions.names() == ["v1"] and versions.serving == SHIPPED
    record = versions.read("v1")
    assert record.parts == {"ranker": "v1"} and record.conversations and record.data and record.gate is None

    tried = call("promote", "v1", *options, "--model", "scripted", "--dry-run")
    assert versions.serving == SHIPPED and versions.read("v1").gate is not None
    judged = call("promote", "v1", *options, "--model", "scripted")
    assert judged.exit_code == tried.exit_code
    gate = versions.read("v1").gate
    assert gate is not None and gate["passed"] is (judged.exit_code == 0)
    assert versions.serving == ("v1" if gate["passed"] else SHIPPED)
    assert all(check["name"] in judged.output for check in gate["checks"])

    if not gate["passed"]:
        versions.serve("v1", "for the test")
    listed = [json.loads(line) for line in call("versions", "--home", home, "--json").output.splitlines()]
    assert [one["name"] for one in listed] == [SHIPPED, "v1"]
    assert "answers" in call("versions", "--home", home).output
    first, *_ = record_of(home)
    assert "v1" in call("versions", "--home", home, "--of", first).output
    assert "v1" not in call("versions", "--home", home, "--of", "nobody").output
    back = call("rollback", "--home", home)
    assert back.exit_code == 0 and SHIPPED in back.output and versions.serving == SHIPPED


def test_a_home_of_another_encoder_keeps_its_index_and_is_opened_without_naming_it(
    built_demo: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(built_demo, tmp_path / "other")
    kept = (other / "index" / "CURRENT").read_text()
    with pytest.raises(UserError, match="built with the encoder 'hashing'"):
        open_or_build_demo(other, encoder="embedded", keep=True)
    assert settings_of(other).encoder == "hashing"
    assert (other / "index" / "CURRENT").read_text() == kept


def test_what_is_missing_is_said_in_one_line(home: Path, tmp_path: Path) -> None:
    for words, named in (
        (("learn", "--home", tmp_path), "talk first"),
        (("promote", "v9", "--home", home), "no version 'v9'"),
        (("promote", SHIPPED, "--home", home), "shipped needs no gate"),
        (("learn", "--home", home, "--encoder", "embedded"), "built with the encoder 'hashing'"),
        (("adopt", "nobody", "--home", home), "no adapter in"),
        (("rollback", "--home", tmp_path), "nothing was promoted"),
    ):
        result = call(*words)
        assert result.exit_code != 0 and isinstance(result.exception, UserError)
        assert named in str(result.exception) and "\n" not in str(result.exception)
