from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.feedback import Feedback
from agent.log import MIGRATIONS, ConversationLog, ConversationMoved, Turn
from retrieval.catalog import UserError

TURN = Turn(
    turn=1,
    user="something dark, „bitte“ 🌙",
    via="text",
    action="recommend",
    update={"intent": "recommend"},
    belief={"turn": 1},
    candidates=({"item_id": "b00", "score": 0.5, "propensity": 0.4},),
    shown=({"id": "b00", "semantic_id": "<a_1><b_2><c_3><d_0>", "reason": "Dark."},),
    text="Here is one.",
    question=None,
    model="scripted",
    adapter="none",
    index="books",
    timings={"total": 0.1},
)


@pytest.fixture
def log(tmp_path: Path) -> ConversationLog:
    return ConversationLog(tmp_path / "log.sqlite", clock=lambda: datetime(2024, 1, 2, tzinfo=UTC))


def test_a_file_that_is_no_log_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_text("what somebody else keeps here " * 50)
    with pytest.raises(UserError, match=r"log\.sqlite: file is not a database"):
        ConversationLog(path)
    assert path.read_text().startswith("what somebody else")


def test_a_turn_comes_back_as_it_was_written(log: ConversationLog) -> None:
    seq = log.add_turn("c", TURN, after=0)
    (entry,) = log.turns("c")
    assert (entry.seq, entry.turn, entry.attempt, entry.at) == (seq, 1, 1, "2024-01-02T00:00:00.000+00:00")
    assert entry.content["user"] == TURN.user
    assert entry.content["candidates"] == [dict(TURN.candidates[0])]
    assert entry.content["shown"][0]["semantic_id"] == "<a_1><b_2><c_3><d_0>"


def test_a_turn_that_was_taken_back_stays_in_the_log_but_does_not_stand(log: ConversationLog) -> None:
    seq = log.add_turn("c", TURN, after=0)
    seq = log.add_undo("c", 1, after=seq)
    log.add_turn("c", replace(TURN, user="again"), after=seq)
    assert [entry.content["user"] for entry in log.turns("c")] == ["again"]
    assert [(e.kind, e.attempt) for e in log.entries("c")] == [("turn", 1), ("undo", 0), ("turn", 2)]
    assert len(log.turns("c", undone=True)) == 2
    assert log.conversations() == [
        {"id": "c", "title": "again", "turns": 1, "updated": "2024-01-02T00:00:00.000+00:00"}
    ]


def test_what_a_person_said_are_the_words_of_the_turns_that_stand_and_no_clicks(log: ConversationLog) -> None:
    seq = log.add_turn("c", replace(TURN, user="first"), after=0)
    seq = log.add_turn("c", replace(TURN, turn=2, user="no more: dark", via="chip"), after=seq)
    seq = log.add_turn("c", replace(TURN, turn=3, user="taken back"), after=seq)
    seq = log.add_undo("c", 3, after=seq)
    log.add_turn("c", replace(TURN, turn=3, user="last"), after=seq)
    log.add_turn("other", replace(TURN, user="elsewhere"), after=0)
    assert log.said("c") == "first last" and log.said("nobody") == ""


def test_a_turn_that_does_not_know_the_last_entry_is_not_written(log: ConversationLog) -> None:
    log.add_turn("c", TURN, after=0)
    with pytest.raises(ConversationMoved, match="'c'"):
        log.add_turn("c", TURN, after=0)
    assert len(log.entries("c")) == 1


def test_conversations_are_kept_apart_and_listed_latest_first(log: ConversationLog) -> None:
    first = log.add_turn("a", TURN, after=0)
    log.add_turn("b", TURN, after=0)
    assert [one["id"] for one in log.conversations()] == ["b", "a"]
    log.add_feedback("a", Feedback(1, "b00", "liked"), after=first)
    assert [one["id"] for one in log.conversations()] == ["a", "b"]
    assert [entry.conversation for entry in log.turns()] == ["a", "b"]


def test_deletion_leaves_no_word_in_the_file(log: ConversationLog) -> None:
    seq = log.add_turn("secret-name", replace(TURN, user="my secret wish"), after=0)
    log.add_feedback("secret-name", Feedback(1, None, "thumbs_down", "secret words"), after=seq, person="secret person")
    log.add_turn("other", TURN, after=0)
    log.delete("secret-name")
    assert log.entries("secret-name") == [] and len(log.turns()) == 1
    assert [entry.kind for entry in log.entries()] == ["turn", "delete"]
    for path in log.path.parent.iterdir():
        assert b"secret" not in path.read_bytes(), path.name


def test_a_deleted_name_can_begin_again(log: ConversationLog) -> None:
    log.add_turn("c", TURN, after=0)
    log.delete("c")
    log.add_turn("c", TURN, after=0)
    assert [entry.attempt for entry in log.turns("c")] == [1]


def test_an_export_holds_everything_in_order(log: ConversationLog) -> None:
    seq = log.add_turn("c", TURN, after=0)
    given = Feedback(1, "b00", "seen", "ages ago", update={"intent": "feedback"}, belief={"turn": 1})
    log.add_feedback("c", given, after=seq)
    exported = log.export("c")
    assert [entry["kind"] for entry in exported["entries"]] == ["turn", "feedback"]
    assert exported["entries"][1]["words"] == "ages ago"
    assert exported["entries"][1]["update"] == {"intent": "feedback"}


def test_a_reaction_with_a_known_key_is_written_once(log: ConversationLog) -> None:
    seq = log.add_turn("c", TURN, after=0)
    first = log.add_feedback("c", Feedback(1, "b00", "liked", key="k"), after=seq)
    assert log.knows("c", "k") and not log.knows("d", "k") and not log.knows("c", "")
    assert log.add_feedback("c", Feedback(1, "b00", "disliked", key="k"), after=seq) == first
    assert [entry.kind for entry in log.entries("c")] == ["turn", "feedback"]


def test_the_conversations_of_a_person_are_those_in_which_they_did_anything(log: ConversationLog) -> None:
    log.add_turn("b", TURN, after=0, person="ada")
    seq = log.add_turn("a", TURN, after=0)
    log.add_feedback("a", Feedback(1, "b00", "liked"), after=seq, person="ada")
    log.add_turn("x", TURN, after=0, person="bob")
    assert log.of_person("ada") == ["b", "a"] and log.of_person("eve") == []


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_log_of_every_earlier_schema_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "log.sqlite"
    with sqlite3.connect(path) as old:
        for migration in MIGRATIONS[:version]:
            old.executescript(migration)
        old.execute(f"PRAGMA user_version={version}")
    old.close()
    log = ConversationLog(path)
    log.add_turn("c", TURN, after=0)
    log.close()
    again = ConversationLog(path)
    assert len(again.turns("c")) == 1


def test_two_logs_on_one_file_and_many_threads_lose_nothing(tmp_path: Path) -> None:
    logs = [ConversationLog(tmp_path / "log.sqlite") for _ in range(2)]

    def write(name: str, log: ConversationLog) -> None:
        seq = 0
        for turn in range(1, 11):
            seq = log.add_turn(name, replace(TURN, turn=turn), after=seq)

    threads = [threading.Thread(target=write, args=(f"c{place}", logs[place % 2])) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(logs[0].turns(f"c{place}")) for place in range(4)] == [10] * 4
