"""The whole loop on a small home: people talk, it learns, the gate decides, others tell whether it helped."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.log import ConversationLog
from agent.versions import Versions
from evals.__main__ import app
from finetune.__main__ import app as learning
from finetune.ranker import Config
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder
from retrieval.index import build

QUICK = Config(folds=2, towers=1, epochs=2, trees=20)


def in_this_process(*words: str) -> subprocess.CompletedProcess[str]:
    done = CliRunner().invoke(learning, words)
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr or str(done.exception or ""))


def test_people_talk_a_version_is_learned_and_judged_and_others_say_whether_it_helped(
    wines: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.learning._command", in_this_process)
    monkeypatch.setattr("finetune.learning.FITTED", QUICK)
    home, out, plot = tmp_path / "home", tmp_path / "out.json", tmp_path / "plot.png"
    build(wines, home, HashingEncoder())
    done = CliRunner().invoke(
        app,
        ["learn", f"--home={home}", "--rounds=1", "--users=40", "--tested=4", "--turns=4", "--jobs=1",
         "--encoder=hashing", f"--json={out}", f"--plot={plot}"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    result = json.loads(out.read_text())
    assert list(result["systems"]) == ["shipped", "round 1"]
    assert all(len(metrics["success@3"]) == 4 for metrics in result["systems"].values())
    told = result["notes"]["round 1"]
    assert told in ("v1 promoted", "v1 refused")
    versions = Versions(home)
    gate = versions.read("v1").gate
    assert gate is not None and gate["passed"] == (told == "v1 promoted")
    assert versions.serving == ("v1" if gate["passed"] else "shipped")
    log = ConversationLog(home / "log.sqlite")
    assert len(log.conversations()) == 40, "those who test leave nothing behind"
    assert any(one["propensity"] < 1 for turn in log.turns() for one in turn.content["candidates"])
    log.close()
    assert re.search(r"^[1-9]\d* pairs from \d+ conversations$", done.output, re.M)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "success@3" in done.output and "relative" in done.output or "paired difference" in done.output
