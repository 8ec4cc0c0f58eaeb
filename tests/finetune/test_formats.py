"""Lines of every format are checked field by field, and what is wrong is said with its fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from finetune.__main__ import app
from finetune.examples import labelled, read_dialogues
from finetune.formats.findings import check
from finetune.formats.lines import MODELS, SIGNS, Format
from retrieval.catalog import UserError

ASKED = [{"role": "user", "content": "a dry white"}]
TOLD = [{"role": "assistant", "content": "Chalk Field"}]
GOOD: dict[Format, dict[str, Any]] = {
    "dialogues": {
        "id": "a", "split": "train", "persona": "a cook",
        "turns": [
            {
                "user": "a dry white, under 20",
                "update": {
                    "intent": "refine",
                    "set": [{"attribute": "price", "op": "at_most", "value": 20}],
                    "prefer": [{"attribute": "text", "value": "dry", "weight": -1}],
                    "drop": [{"attribute": "region"}, {"attribute": "grapes", "value": "Syrah"}],
                    "items": [{"ref": "#2", "verdict": "seen"}],
                },
                "shown": [{"title": "Green Gate (2023)", "reason": "It is."}, {"title": "River Bend (2021)"}],
                "reply": "Here.", "thumb": "up",
            },
            {"user": "", "update": {}},
        ],
    },
    "messages": {"id": "a", "messages": [*ASKED, *TOLD, *ASKED]},
    "preferences": {
        "prompt": ASKED, "chosen": TOLD, "rejected": [{"role": "assistant", "content": "Red Hill"}], "weight": 2.5,
        "conversation": "a", "turn": 1,
    },
    "kto": {"prompt": ASKED, "completion": TOLD, "label": False, "conversation": "a", "turn": 1},
    "sharegpt": {"id": 1, "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "Hello."}]},
}  # fmt: skip


def said(line: object) -> list[str]:
    return [str(finding) for finding in check(line if isinstance(line, str) else json.dumps(line))[2]]


@pytest.mark.parametrize("kind", MODELS)
def test_a_good_line_is_known_by_its_fields_and_nothing_is_said_of_it(kind: Format) -> None:
    found, values, findings = check(json.dumps(GOOD[kind]))
    assert (found, values, findings) == (kind, GOOD[kind], [])


def test_every_packaged_dialogue_is_good() -> None:
    for path in labelled():
        assert not [line for line in path.read_text("utf-8").splitlines() if said(line)]


def changed(kind: Format, **fields: Any) -> dict[str, Any]:
    return {**GOOD[kind], **fields}


def in_turn(**fields: Any) -> dict[str, Any]:
    return {"id": "a", "turns": [{"user": "hi", "update": {}, **fields}]}


def in_update(**fields: Any) -> dict[str, Any]:
    return in_turn(update=fields)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", ["line: is no JSON (Expecting property name enclosed in double quotes: line 1 co): write one JSON"]),
        ("[]", ["line: is a list, not an object: write one JSON object on each line"]),
        ({}, ["line: has no known format: it is told by one of the fields turns, messages"]),
        ('{"id": "a", "messages": [{"role": "user", "content": "\\ud800"}]}', ["line: invalid JSON"]),
        (changed("dialogues", id=""), ["id: is '', not a name: write text that no other line has"]),
        (changed("dialogues", id=True), ["id: is True, not a name"]),
        (changed("dialogues", split="tran"), ["split: is 'tran': write 'train' or 'dev'"]),
        (changed("dialogues", turns=[]), ["turns: is empty: write at least one entry, or leave the line out"]),
        ({"turns": [{}]}, ["id: is missing: add it", "turns[0].user: is missing", "turns[0].update: is missing"]),
        (
            in_turn(shown=[{"reason": 1}]),
            ["turns[0].shown[0].title: is missing", "turns[0].shown[0].reason: is 1, not text: put it in quotes"],
        ),
        (in_turn(shown="Red Hill"), ["turns[0].shown: is 'Red Hill', not a list: write a list, [] for nothing"]),
        (in_turn(shown=["Red Hill"]), ["turns[0].shown[0]: is 'Red Hill', not an object: write an object, {...}"]),
        (in_turn(shwon=[]), ["turns[0].shwon: is no field: did you mean `shown`? It would not be read"]),
        (in_turn(thumb="sideways"), ["turns[0].thumb: is 'sideways': write 'up' or 'down'"]),
        (in_update(intent="buy"), ["turns[0].update.intent: is 'buy': write 'recommend', 'search'"]),
        (in_update(wishes=[]), ["turns[0].update.wishes: is unknown here: remove it"]),
        (
            in_update(set=[{"attribute": "price", "op": "at_most", "value": "cheap"}]),
            ["turns[0].update.set[0].value: 'cheap' is no number: at_most needs one"],
        ),
        (
            in_update(prefer=[{"attribute": "price", "value": None}]),
            ["turns[0].update.prefer[0].value: is null, not text or a number: write one of them"],
        ),
        (
            in_update(drop=[{"attribute": "price", "value": None}]),
            ["turns[0].update.drop[0].value: is null: leave it out to take back all of the attribute"],
        ),
        (
            in_update(items=[{"ref": " ", "verdict": "great"}]),
            ["turns[0].update.items[0].ref: says nothing", "turns[0].update.items[0].verdict: is 'great': write"],
        ),
        (
            changed("messages", messages=TOLD),
            ["messages: message 0 is the answer to nothing: begin with what the person says"],
        ),
        (changed("messages", messages=[*ASKED, *ASKED]), ["messages: message 1 is the person's again: join it"]),
        (
            changed("messages", messages=[{"role": "system", "content": "Be nice."}]),
            ["messages[0].role: is 'system': write 'user' or 'assistant'"],
        ),
        (changed("preferences", prompt=[*ASKED, *TOLD]), ["prompt: ends with an answer: end with what the person"]),
        (changed("preferences", rejected=TOLD), ["rejected: is what was chosen: leave the pair out"]),
        (changed("preferences", rejected=ASKED), ["rejected: holds what the person says: leave only what is answered"]),
        (changed("preferences", weight=0), ["weight: is 0: write more than 0"]),
        (changed("preferences", turn=-1), ["turn: is -1: write at least 0"]),
        (changed("kto", label="yes"), ["label: is 'yes': write true or false"]),
        ({"completion": TOLD}, ["prompt: is missing: add it", "label: is missing: add it"]),
        (changed("sharegpt", conversations=[{"from": "user", "value": 3}]),
         ["conversations[0].from: is 'user': write 'human' or 'gpt'", "conversations[0].value: is 3, not text"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_said_where_it_is_with_the_fix(line: object, expected: list[str]) -> None:
    found = said(line)
    assert len(found) == len(expected), found
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_names_file_and_line_of_everything_and_exits_with_one(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    bad = changed("kto", label=1)
    path.write_text("\n".join(map(json.dumps, [GOOD["kto"], bad, GOOD["dialogues"]])) + "\n\n{\n")
    result = call("validate", path)
    assert result.exit_code == 1
    assert f"{path}:2: label: is 1: write true or false" in result.output and f"{path}:5: line: is no" in result.output
    assert result.output.splitlines()[-1].startswith("4 lines (2 kto, 1 dialogues, 1 no known format): 2 bad")


def test_good_files_exit_with_zero_and_private_data_are_told(tmp_path: Path) -> None:
    path, other = tmp_path / "talk.jsonl", tmp_path / "pairs.jsonl"
    asked = [{"role": "user", "content": "write to ada@example.org"}]
    path.write_text(json.dumps({"id": "555-123-4567", "messages": asked}) + "\n")
    other.write_text(json.dumps(GOOD["preferences"]) + "\n")
    result = call("validate", path, other)
    assert result.exit_code == 0
    assert f"{path}:1: warning: messages[0].content: holds private data (email)" in result.output
    assert "2 lines (1 messages, 1 preferences): 0 bad, 1 with private data" in result.output


def test_a_name_that_two_lines_have_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(f"{json.dumps(GOOD['messages'])}\n" * 2)
    assert f"{path}:2: id: is 'a', which line 1 is called too" in call("validate", path).output


@pytest.mark.parametrize("content", [None, b"\0\1", b"{}\n\xff\n"])
def test_a_file_that_cannot_be_read_is_said_in_one_line_and_a_broken_line_where_it_is(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "talk.jsonl"
    if content is not None:
        path.write_bytes(content)
    result = call("validate", path)
    if content and b"\xff" in content:
        assert result.exit_code == 1 and f"{path}:2: line: is not UTF-8" in result.output
    else:
        assert isinstance(result.exception, UserError) and "\n" not in str(result.exception)


KEYS = st.sampled_from(
    [*SIGNS, *("id", "user", "update", "shown", "role", "content", "prompt", "from", "value", "set", "items", "weight")]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", "gpt"]),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), parts, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON.map(json.dumps) | st.text())
def test_no_line_makes_the_check_fail(line: str) -> None:
    _, _, findings = check(line)
    assert all(one.field and one.wrong and one.fix for one in findings)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_dialogues_that_are_good_can_be_read(tmp_path_factory: pytest.TempPathFactory, turns: object) -> None:
    line = json.dumps({"id": "a", "turns": turns})
    if not said(line):
        path = tmp_path_factory.mktemp("good") / "talk.jsonl"
        path.write_text(line + "\n")
        assert len(read_dialogues(path)) == 1


def test_every_good_line_is_read_as_training_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(json.dumps(GOOD["dialogues"]) + "\n")
    assert read_dialogues(path) == [GOOD["dialogues"]]
