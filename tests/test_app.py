from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

FAKES = ("--model", "scripted", "--encoder", "hashing")


def app(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "app.py", "--home", str(home), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def home(built_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(built_demo, tmp_path_factory.mktemp("terminal"), dirs_exist_ok=True)


def test_json_gives_one_reply_a_line_and_nothing_else(home: Path) -> None:
    done = app(home, *FAKES, "--json", "--say", "a tense thriller from the 90s", "--say", "no Harrison Ford")
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["turn"], second["turn"]) == (1, 2)
    assert first["items"] and first["items"][0]["semantic_id"].startswith("<a_")
    assert second["update"]["set"][0]["op"] == "is_not"
    assert {"cards", "total"} <= set(first["timings"])


def test_a_conversation_in_the_terminal_can_be_continued(home: Path) -> None:
    app(home, *FAKES, "--json", "--conversation", "mine", "--say", "a western")
    done = app(home, *FAKES, "--json", "--conversation", "mine", "--say", "from the 60s")
    reply = json.loads(done.stdout)
    assert reply["turn"] == 2
    assert {entry["value"] for entry in reply["belief"]["constraints"]} >= {"Western"}


def test_what_a_person_said_of_their_taste_is_remembered_in_the_next_conversation(home: Path) -> None:
    app(home, *FAKES, "--user", "ada", "--say", "I hate horror and have seen Heat", "--say", "I love westerns")
    done = app(home, *FAKES, "--user", "ada", "--say", "something for tonight")
    assert "Remembered: not for you Horror" in done.stdout and "Remembered: you have seen Heat (1995)" in done.stdout
    other = app(home, *FAKES, "--user", "bo", "--say", "something for tonight")
    assert "Remembered" not in other.stdout and other.returncode == 0


def test_without_json_a_person_reads_titles_reasons_and_how_to_go_on(home: Path) -> None:
    done = app(home, *FAKES, "--say", "a western from the 60s")
    assert "1. " in done.stdout and "(196" in done.stdout
    assert "--conversation" in done.stderr


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--json",), "--say"),
        (("--user", "ada"), "--say"),
        (("--user", "x" * 201, "--say", "x"), "--user"),
        (("--host", "0.0.0.0"), "0.0.0.0"),
        (("--model", "nowhere/at-all", "--say", "x"), "nowhere/at-all"),
        (("--model", "embedded", "--adapter", "absent", "--say", "x"), "absent"),
    ],
)
def test_what_a_person_can_fix_is_one_line_and_exit_code_2(home: Path, options: tuple[str, ...], part: str) -> None:
    done = app(home, "--encoder", "hashing", *options)
    assert done.returncode == 2, done.stderr
    assert part in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = app(home, *FAKES, "--port", port)
    assert done.returncode == 2
    assert port in done.stderr
