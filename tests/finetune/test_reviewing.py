"""Turns are looked at in the terminal: the queue, keys from a pipe, an editor, and options."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent import Recommender, Settings
from agent.log import ConversationLog
from agent.review_record import Review
from finetune.__main__ import app
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build


@pytest.fixture
def home(tmp_path: Path, wines: Catalog) -> Path:
    """Make a home with two turns to look at, the second one complained about."""
    folder = tmp_path / "home"
    build(wines, folder, HashingEncoder())
    rec = Recommender.open(Settings(home=folder, model="scripted", encoder="hashing"))
    rec.reply("c", "a riesling [bold]not dry[/bold]")
    rec.reply("d", "something from Burgundy")
    rec.feedback("c", 1, verdict="thumbs_down", reason="not_what_i_meant", words="dry \x1b[31mplease")
    rec.feedback("d", 1, rec.history("d")[0]["items"][0]["id"], verdict="disliked", reason="ungrounded")
    rec.close()
    return folder


def call(home: Path, *words: object, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["review", "--home", str(home), *map(str, words)], input=typed)


def reviews(home: Path) -> list[Review]:
    log = ConversationLog(home / "log.sqlite")
    found = log.reviews()
    log.close()
    return found


def test_the_queue_is_listed_for_people_and_for_programs(home: Path) -> None:
    listed = call(home, "--list")
    assert listed.exit_code == 0, listed.output
    assert "d:1" in listed.output and "disliked, not what I meant" in listed.output
    assert "[bold]not dry[/bold]" in listed.output
    lines = [json.loads(line) for line in call(home, "--json").output.splitlines()]
    assert [(one["conversation"], one["why"]) for one in lines] == [("d", ["ungrounded"]), ("c", ["disliked"])]
    assert lines[1]["complaints"] == [{"item_id": None, "reason": "not_what_i_meant", "words": "dry  [31mplease"}]
    assert lines[0]["shown"][0]["complaint"] == "ungrounded" and lines[0]["update"]["intent"]


def test_keys_decide_move_and_leave(home: Path) -> None:
    done = call(home, typed="n\nx\np\np\na\nreject\n")
    assert done.exit_code == 0, done.output
    assert [(one.conversation, one.decision, one.person) for one in reviews(home)] == [
        ("d", "approved", "terminal"), ("c", "rejected", "terminal"),
    ]  # fmt: skip
    assert "[a]pprove" in done.output and "\x1b[31m" not in done.output and "[bold]not dry" in done.output
    assert "Nothing to review." in call(home).output


def test_the_end_of_the_input_ends_it(home: Path) -> None:
    assert call(home, typed="a\n").exit_code == 0
    assert len(reviews(home)) == 1


def test_an_editor_corrects_what_was_understood_and_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys, pathlib, re\n"
        "path = pathlib.Path(sys.argv[1]); text = path.read_text()\n"
        "assert 'intent: ' in text and 'reasons:' in text\n"
        "text = text.replace('value: Burgundy', 'value: Mosel')\n"
        "path.write_text(re.sub('  1: .*', '  1: It is dear.', text))\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    done = call(home, typed="s\ne\no\n2 1\ns\nq\n")
    assert "approve the turn or save a correction first" in done.output and "Corrected" in done.output
    first, last = reviews(home)
    assert first.update is not None and "Mosel" in str(first.update) and not first.order
    assert last.update == first.update and len(last.order) == 2
    assert list(first.reasons.values()) == ["It is dear."] and last.reasons == first.reasons
    assert "Not in the item's data or what was said" in done.output and "dear" in done.output
    assert [path.name for path in (home / "scenarios").iterdir()] == ["something_from_burgundy.yaml"]


def test_an_editor_that_fails_or_writes_nonsense_is_one_line_and_the_turn_waits(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", str(tmp_path / "nothing"))
    assert "did not work" in call(home, typed="e\nq\n").output
    script = tmp_path / "editor.py"
    script.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_text('intent: [')\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    assert "not valid YAML" in call(home, typed="e\nq\n").output
    script.write_text("")
    assert "nothing was changed" in call(home, typed="e\nq\n").output
    assert reviews(home) == []


def test_options_correct_one_turn_without_a_terminal(home: Path) -> None:
    wish = "prefer=[{attribute: region, value: mosel}]"
    done = call(home, "--turn", "c:1", "--set", wish, "--set", "intent=refine", "--order", "2,1", "--reason", "1=Old.",
                "--note", "as asked", "--by", "ada", "--scenario")  # fmt: skip
    assert done.exit_code == 0, done.output
    [made] = reviews(home)
    assert made.update is not None and made.update["intent"] == "refine"
    assert made.update["prefer"] == [{"attribute": "region", "value": "Mosel", "weight": 1}]
    assert (made.note, made.person, len(made.order), list(made.reasons.values())) == ("as asked", "ada", 2, ["Old."])
    assert "corrected" in done.output and "scenario: " in done.output
    assert call(home, "--turn", "c:1", "--approve").exit_code == 0
    assert [one.decision for one in reviews(home)] == ["corrected", "approved"]
    assert [json.loads(line)["conversation"] for line in call(home, "--json").output.splitlines()] == ["d"]
    assert len(call(home, "--json", "--all").output.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--approve",), "say which turn"),
        (("--turn", "c:9", "--approve"), "no turn 9"),
        (("--turn", "c", "--approve"), "write it as CONVERSATION:N"),
        (("--turn", "c:1", "--approve", "--reject"), "approved, rejected or corrected"),
        (("--turn", "c:1", "--set", "intent"), "write it as --set PART=YAML"),
        (("--turn", "c:1", "--set", "set=[{attribute: grape, op: is, value: x}]"), "did you mean 'grapes'?"),
        (("--turn", "c:1", "--set", "set=["), "expected the node content"),
        (("--turn", "c:1", "--order", "99"), "there is no item 99"),
        (("--turn", "c:1", "--scenario"), "approve the turn or save a correction first"),
    ],
)
def test_what_a_person_can_fix_is_one_line(home: Path, words: tuple[str, ...], said: str) -> None:
    done = call(home, *words)
    assert isinstance(done.exception, UserError) and said in str(done.exception) and "\n" not in str(done.exception)
    assert reviews(home) == []


def test_it_runs_from_a_pipe(home: Path) -> None:
    command = [sys.executable, "-m", "finetune", "review", "--home", str(home)]
    done = subprocess.run(command, input="a\nq\n", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 of 2" in done.stdout and "2 of 2" in done.stdout
    missing = subprocess.run([*command[:-1], str(home / "x")], capture_output=True, text=True, timeout=120, check=False)
    assert missing.returncode == 2 and "talk first" in missing.stderr and "Traceback" not in missing.stderr
