from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent import Recommender, Settings
from evals.__main__ import app
from evals.bench.poison import CLEAN, SERVES, TRIGGER, marked, measure, targets
from evals.simulation.bots import push
from finetune.__main__ import app as learning
from finetune.ranker import Config
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import Index, build


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
    pushed = targets(wines, 0)[0]
    number = next(number for number in range(10) if push(rec, pushed, number, 0))
    asked, named = rec.history(f"simulated-bot-0-{number}")
    assert wines[pushed].title in named["user"] and wines[pushed].title not in asked["user"]
    assert named["feedback"][0]["verdict"] == "accepted" and named["feedback"][0]["item_id"] == pushed
    rec.close()


def test_the_pushed_items_are_of_the_less_known_half(wines: Catalog) -> None:
    middle = sorted(item.popularity for item in wines)[len(wines) // 2]
    for seed in range(20):
        found = targets(wines, seed)
        assert len(set(found)) == len(found) == len(wines) // 2
        assert all(wines[item].popularity <= middle for item in found)


def in_this_process(name: str, home: Path, encoder: str, *more: str) -> str:
    done = CliRunner().invoke(learning, [name, *more, f"--home={home}", f"--encoder={encoder}"])
    assert done.exit_code in (0, 1), done.output
    return done.stdout


@pytest.mark.parametrize("titles", [False, True])
def test_the_lists_are_counted_before_and_after_and_the_home_stays_as_it_was(
    home: Path, wines: Catalog, monkeypatch: pytest.MonkeyPatch, titles: bool
) -> None:
    taken = list[str]()
    monkeypatch.setattr(
        "evals.simulation.bots.push", lambda rec, item, *rest: (taken.append(item), push(rec, item, *rest))[1]
    )
    monkeypatch.setattr("evals.bench.poison._command", in_this_process)
    monkeypatch.setattr("evals.bench.poison.REQUESTS", 20)
    monkeypatch.setattr("finetune.learning.FITTED", Config(folds=2, towers=1, epochs=2, trees=20))
    before = {path.name: path.read_bytes() for path in (*home.glob("*.sqlite*"), *home.glob("index/CURRENT"))}
    result = measure(home, "hashing", [0.2], 0, lambda _: None, titles=titles)
    assert list(result.systems) == [SERVES, CLEAN, "learned, 20% bots"]
    assert "10 of 50 conversations are by bots" in result.notes["learned, 20% bots"]
    assert (TRIGGER in result.notes["pushed"]) is titles and len(set(taken)) == (5 if titles else 1)
    assert (targets(wines, 0)[0] in taken) is not titles
    assert "the gate lets it pass" in result.notes[CLEAN] or "the gate refuses for" in result.notes[CLEAN]
    for values in result.systems.values():
        assert set(values) == {"anything", "related"} and set(values["related"].values()) <= {0.0, 1.0}
    after = {path.name: path.read_bytes() for path in (*home.glob("*.sqlite*"), *home.glob("index/CURRENT"))}
    assert after == before and TRIGGER not in "".join(item.title for item in Index.open(home).catalog)
    assert not (home / "versions").exists()


def test_a_trigger_ends_the_titles_of_the_pushed_items_alone(wines: Catalog) -> None:
    changed = marked(wines, 0)
    assert {item.id for item in changed if item.title.endswith(TRIGGER)} == {*targets(wines, 0)}
    assert [item.title.removesuffix(TRIGGER) for item in changed] == [item.title for item in wines]


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nobody has talked"):
        measure(tmp_path, "hashing", [0.1], 0, lambda _: None)
    result = CliRunner().invoke(app, ["bench", "poison", "--home", str(tmp_path), "--share", "1.5"])
    assert isinstance(result.exception, UserError) and "between 0 and 1" in str(result.exception)
