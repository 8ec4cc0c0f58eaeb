from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import Recommender, Settings
from agent.versions import SHIPPED, Versions, digest
from retrieval.catalog import UserError


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path)


def make(versions: Versions, *parts: str, **record: object) -> str:
    with versions.making("test") as (folder, told):
        for part in parts:
            (folder / part).mkdir()
        told.update(record)
    return versions.names()[-1]


def test_a_home_without_versions_answers_as_shipped(versions: Versions) -> None:
    assert versions.serving == SHIPPED and versions.names() == [] and versions.stamp == 0
    assert versions.folder_of(SHIPPED, "ranker") is None
    with pytest.raises(UserError, match="nothing was promoted"):
        versions.roll_back()


def test_a_version_keeps_the_parts_of_its_parent_that_it_does_not_make_anew(versions: Versions) -> None:
    first = make(versions, "ranker", data="abc")
    versions.serve(first, "better")
    second = make(versions, "adapter")
    assert versions.read(second).parent == first
    assert versions.folder_of(second, "ranker") == versions.folder / first / "ranker"
    assert versions.folder_of(second, "adapter") == versions.folder / second / "adapter"
    assert versions.read(first).data == "abc"


def test_what_breaks_off_leaves_no_version(versions: Versions) -> None:
    with pytest.raises(RuntimeError), versions.making("test") as (folder, _):
        (folder / "ranker").mkdir()
        raise RuntimeError
    assert versions.names() == [] and list(versions.folder.iterdir()) == []
    assert make(versions) == "v1"


def test_rolling_back_undoes_one_promotion_after_the_other(versions: Versions) -> None:
    names = [make(versions) for _ in range(3)]
    for name in names:
        versions.serve(name, "better")
    assert versions.serving == "v3"
    assert [versions.roll_back() for _ in range(2)] == ["v2", "v1"]
    versions.serve("v3", "again")
    assert [versions.roll_back() for _ in range(2)] == ["v1", SHIPPED]
    with pytest.raises(UserError, match="nothing"):
        versions.roll_back()
    assert [change["to"] for change in versions.history()] == ["v1", "v2", "v3", "v2", "v1", "v3", "v1", SHIPPED]


def test_every_change_of_what_serves_changes_the_stamp(versions: Versions) -> None:
    make(versions)
    stamps = [versions.stamp]
    for name in ("v1", SHIPPED, "v1"):
        versions.serve(name, "")
        stamps.append(versions.stamp)
    assert len(set(stamps)) == len(stamps)


def test_what_the_gate_said_is_kept_with_the_version(versions: Versions) -> None:
    make(versions)
    versions.note("v1", {"passed": False})
    assert versions.read("v1").gate == {"passed": False}


def test_the_versions_that_learned_from_a_conversation_are_known(versions: Versions) -> None:
    make(versions, conversations=(digest("c1"), digest("c2")))
    make(versions, conversations=(digest("c2"),))
    assert versions.learned_from("c2") == ["v1", "v2"] and versions.learned_from("c3") == []


def test_an_unknown_version_is_named_with_those_that_are_there(versions: Versions) -> None:
    make(versions)
    with pytest.raises(UserError, match="'v7'.*shipped, v1"):
        versions.serve("v7", "")
    (versions.folder / "v1" / "version.json").write_text("{}")
    with pytest.raises(UserError, match="not the record"):
        versions.read("v1")
    (versions.folder / "serving.json").write_text("no json")
    with pytest.raises(UserError, match="remove it"):
        _ = versions.serving


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def opened(home: Path, **given: object) -> Recommender:
    return Recommender.open(Settings(home=home, model="scripted", encoder="hashing", ranker="auto", **given))


def test_another_version_answers_from_the_next_turn_on_without_a_restart(home: Path) -> None:
    rec = opened(home)
    rec.reply("c", "a thriller")
    make(rec_versions := Versions(home))
    rec_versions.serve("v1", "better")
    assert rec.version() == "v1"
    rec.reply("c", "more")
    rec_versions.roll_back()
    rec.reply("c", "more")
    assert [turn.content["version"] for turn in rec.tools.log.turns("c")] == [SHIPPED, "v1", SHIPPED]
    rec.close()


def test_a_version_that_cannot_be_opened_does_not_answer(home: Path) -> None:
    said: list[str] = []
    rec = Recommender.open(Settings(home=home, model="scripted", encoder="hashing"), said.append)
    versions = Versions(home)
    name = make(versions, "ranker")
    versions.serve(name, "")
    assert rec.reply("broken", "a thriller").items and rec.version() == SHIPPED
    assert f"{SHIPPED} goes on answering" in said[-1] and "no learned ranker" in said[-1]
    versions.roll_back()
    rec.close()


def test_a_trial_gives_each_conversation_to_one_of_two_versions(home: Path) -> None:
    versions = Versions(home)
    name = make(versions)
    rec = opened(home, trial=name)
    arms = [rec.version(f"c{number}") for number in range(200)]
    assert set(arms) == {SHIPPED, name} and 70 < arms.count(name) < 130
    assert arms == [rec.version(f"c{number}") for number in range(200)]
    rec.reply("c0", "a thriller")
    assert rec.tools.log.turns("c0")[0].content["version"] == arms[0]
    assert json.loads(json.dumps(rec.export("c0")))["entries"][0]["version"] == arms[0]
    rec.close()
