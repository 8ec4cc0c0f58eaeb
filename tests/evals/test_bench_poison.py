from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent import Recommender, Settings
from evals.__main__ import app
from evals.bench.poison import CLEAN, SERVES, measure, target
from evals.simulation.bots import push
from finetune.__main__ import app as learning
from finetune.ranker import Config
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build


@pytest.fixture(scope="module")
def home(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home in which people have talked about wines and taken some."""
    folder = tmp_path_factory.mktemp("home")
    build(wines, folder, HashingEncoder())
    rec = Recommender.open(Settings(home=folder, model="scripted", encoder="hashing"))
    for number in range(40):
        reply = rec.reply(f"c{number}", "a red wine" if number % 2 else "something white")
        rec.feedback(f"c{number}", reply.turn, reply.items[number % len(reply.items)].id, "accepted")
    rec.close()
    return folder


def test_a_bot_asks_for_what_an_item_has_and_then_takes_it(home: Path, tmp_path: Path, wines: Catalog) -> None:
    build(wines, tmp_path, HashingEncoder())
    rec = Recommender.open(Settings(home=tmp_path, model="scripted", encoder="hashing"))
    pushed = target(wines, 0)
    number = next(number for number in range(10) if push(rec, pushed, number, 0))
    asked, named = rec.history(f"simulated-bot-0-{number}")
    assert wines[pushed].title in named["user"] and wines[pushed].title not in asked["user"]
    assert named["feedback"][0]["verdict"] == "accepted" and named["feedback"][0]["item_id"] == pushed
    rec.close()


def test_the_pushed_item_is_one_of_the_less_known(wines: Catalog) -> None:
    middle = sorted(item.popularity for item in wines)[len(wines) // 2]
    assert all(wines[target(wines, seed)].popularity <= middle for seed in range(20))


def in_this_process(name: str, home: Path, encoder: str, *more: str) -> str:
    done = CliRunner().invoke(learning, [name, *more, f"--home={home}", f"--encoder={encoder}"])
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def test_the_lists_are_counted_before_and_after_and_the_home_stays_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.bench.poison._command", in_this_process)
    monkeypatch.setattr("evals.bench.poison.REQUESTS", 20)
    monkeypatch.setattr("finetune.learning.FITTED", Config(folds=2, towers=1, epochs=2, trees=20))
    before = {path.name: path.read_bytes() for path in home.glob("*.sqlite*")}
    result = measure(home, "hashing", [0.2], 0, lambda _: None)
    assert list(result.systems) == [SERVES, CLEAN, "learned, 20% bots"]
    assert "10 of 50 conversations are by bots" in result.notes["learned, 20% bots"]
    assert "the gate" in result.notes[CLEAN]
    for values in result.systems.values():
        assert set(values) == {"anything", "related"} and set(values["related"].values()) <= {0.0, 1.0}
    assert {path.name: path.read_bytes() for path in home.glob("*.sqlite*")} == before
    assert not (home / "versions").exists()


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nobody has talked"):
        measure(tmp_path, "hashing", [0.1], 0, lambda _: None)
    result = CliRunner().invoke(app, ["bench", "poison", "--home", str(tmp_path), "--share", "1.5"])
    assert isinstance(result.exception, UserError) and "between 0 and 1" in str(result.exception)
