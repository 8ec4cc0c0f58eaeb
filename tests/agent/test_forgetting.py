"""After a person was forgotten, no file of the home holds a byte of what they wrote."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_world import Told, limit, open_world, wish

from agent import forgetting
from agent.log import ConversationLog, Turn, connect
from agent.recommender import Recommender
from agent.review_record import Review
from agent.versions import Versions, digest
from retrieval.catalog import UserError

SECRET = "zebra"
"""A part of every word that is to go."""


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def rec(tmp_path: Path, told: Told) -> Recommender:
    return open_world(tmp_path, told)


def says(told: Told, text: str) -> str:
    """Announce words that leave a limit and a lasting wish, with these words as their source."""
    return told.hears(text, limit("subjects", "is", "crime", words=text), wish("moods", "dark", words=text))


def left(home: Path) -> list[str]:
    return [
        str(path.relative_to(home))
        for path in home.rglob("*")
        if SECRET in path.name or (path.is_file() and SECRET.encode() in path.read_bytes())
    ]


def talk(rec: Recommender, told: Told) -> None:
    """Let ada talk alone and with bob, take something back, click, and decide about a turn of bob's; bob talks too."""
    rec.reply("c1", says(told, f"i love {SECRET} crime"), user="ada")
    shown = rec.reply("c1", says(told, f"i love {SECRET} wishes"), user="ada").items
    rec.feedback("c1", 2, shown[0].id, "disliked", words=f"{SECRET} reason", user="ada")
    rec.reply("c1", says(told, f"{SECRET} taken back"), user="ada")
    rec.undo("c1")
    rec.reply(f"{SECRET} name", says(told, f"i love {SECRET} and bob"), user="bob")
    rec.feedback(f"{SECRET} name", 1, verdict="thumbs_up", words=f"{SECRET} thanks", user="ada")
    bobs = rec.reply("c2", says(told, "i love what bob says"), user="bob").items
    rec.feedback("c2", 1, bobs[0].id, "liked", user="bob")
    [entry] = rec.tools.log.turns("c2")
    rec.tools.log.add_review(Review("c2", 1, entry.seq, "approved", note=f"{SECRET} note", person="ada"))


def test_no_byte_is_left_and_others_stay(rec: Recommender, told: Told, tmp_path: Path) -> None:
    talk(rec, told)
    assert {name.partition(".")[0] for name in left(tmp_path)} == {"log", "checkpoints", "profiles"}
    found = forgetting.forget(tmp_path, "ada")
    assert (found.conversations, found.shared, found.turns, found.reviews) == (("c1", f"{SECRET} name"), 1, 4, 1)
    assert found.profile and left(tmp_path) == []  # while the recommender that wrote it is open
    assert [one["id"] for one in rec.conversations()] == ["c2"] and rec.belief("c1")["turn"] == 0
    assert rec.profile("ada")["entries"] == [] and rec.profile("bob")["entries"]
    rec.close()
    assert left(tmp_path) == []


def test_a_crowded_log_keeps_nothing_where_its_pages_were_split(tmp_path: Path) -> None:
    chance, last, numbers = random.Random(9), defaultdict[str, int](int), defaultdict[str, int](int)
    log = ConversationLog(tmp_path / "log.sqlite")
    turn = Turn(1, "", "text", "chat", {}, {}, (), (), "", None, "scripted", "none", "books", {})
    for _ in range(500):  # deleting alone leaves 52 pieces of these
        word, who = (SECRET, "ada") if chance.random() < 0.4 else ("horse", "bob")
        name = f"{word}{who}{chance.randrange(60)}"
        numbers[name] += 1
        said = replace(turn, turn=numbers[name], user=word * chance.randrange(1, 200))
        last[name] = log.add_turn(name, said, after=last[name], person=who)
    forgetting.forget(tmp_path, "ada")
    assert left(tmp_path) == []
    assert {entry.person for entry in log.turns()} == {"bob"}
    log.close()


def test_what_is_told_beforehand_is_what_goes(rec: Recommender, told: Told, tmp_path: Path) -> None:
    talk(rec, told)
    rec.remember("ada", False)
    before = forgetting.footprint(tmp_path, "ada")
    assert before.switched_off and before.turns == 4 and left(tmp_path)
    assert forgetting.forget(tmp_path, "ada") == before
    assert rec.profile("ada")["on"] and not left(tmp_path)


def test_the_versions_that_learned_from_it_are_named(rec: Recommender, told: Told, tmp_path: Path) -> None:
    talk(rec, told)
    versions = Versions(tmp_path)
    for known in (("c1", "c2"), ("c2",), ("c1", f"{SECRET} name")):
        with versions.making("test") as (_, record):
            record["conversations"] = tuple(map(digest, known))
    assert forgetting.footprint(tmp_path, "ada").learned == (("v1", 1), ("v3", 2))
    (tmp_path / "reward").mkdir()
    (tmp_path / "reward" / "record.json").write_text(json.dumps({"conversations": [digest("c1"), digest("c9")]}))
    assert forgetting.footprint(tmp_path, "ada").learned == (("v1", 1), ("v3", 2), ("reward", 1))
    (tmp_path / "versions" / "v2" / "version.json").write_text("{}")
    damaged = forgetting.forget(tmp_path, "ada")
    assert damaged.learned == () and "v2" in damaged.unread and not left(tmp_path)


def test_scenarios_that_hold_their_words_go_too(rec: Recommender, told: Told, tmp_path: Path) -> None:
    talk(rec, told)
    folder = tmp_path / "scenarios"
    folder.mkdir()
    for name, conversation in ((f"i_love_{SECRET}", "c1"), ("bob", "c2")):
        text = f"# Turn 1 of conversation {digest(conversation)}, approved\nname: {name}\n"
        (folder / f"{name}.yaml").write_text(text)
    assert forgetting.footprint(tmp_path, "ada").scenarios == (folder / f"i_love_{SECRET}.yaml",)
    forgetting.forget(tmp_path, "ada")
    assert [path.name for path in folder.iterdir()] == ["bob.yaml"] and not left(tmp_path)


@pytest.mark.parametrize("name", ["nobody", "", "ADA"])
def test_who_is_not_there_is_said_in_one_line_and_nothing_changes(
    rec: Recommender, told: Told, tmp_path: Path, name: str
) -> None:
    talk(rec, told)
    before = len(rec.tools.log.entries())
    for ask in (forgetting.footprint, forgetting.forget):
        with pytest.raises(UserError) as error:
            ask(tmp_path, name)
        assert "\n" not in str(error.value)
    assert len(rec.tools.log.entries()) == before


def test_a_home_without_a_log_is_asked_and_left_empty(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds nothing of 'ada'"):
        forgetting.forget(tmp_path, "ada")
    assert not list(tmp_path.iterdir())


def test_a_profile_without_conversations_goes_too(rec: Recommender, told: Told, tmp_path: Path) -> None:
    shown = rec.reply("c", says(told, f"i love {SECRET}"), user="ada").items
    rec.feedback("c", 1, shown[0].id, "liked", words=SECRET, user="ada")
    rec.tools.log.delete("c")
    found = forgetting.forget(tmp_path, "ada")
    assert found.conversations == () and found.profile and rec.profile("ada")["entries"] == []
    assert not [name for name in left(tmp_path) if name.startswith("profiles")]


def test_a_file_in_use_is_said_and_the_next_try_clears_it(
    rec: Recommender, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(rec, told)

    def impatient(path: Path) -> Any:
        connection = connect(path)
        connection.execute("PRAGMA busy_timeout=50")
        return connection

    for module in ("agent.log", "agent.forgetting"):
        monkeypatch.setattr(f"{module}.connect", impatient)
    reader = connect(tmp_path / "log.sqlite")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM turns").fetchall()
    with pytest.raises(UserError, match=r"log\.sqlite: all rows are removed"):
        forgetting.forget(tmp_path, "ada")
    reader.execute("ROLLBACK")
    with pytest.raises(UserError, match="holds nothing of 'ada'"):
        forgetting.forget(tmp_path, "ada")
    assert left(tmp_path) == []
    reader.close()
