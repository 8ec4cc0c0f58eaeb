"""The command line of evaluation: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.reply import Recommendation, Reply
from agent.settings import borrowed
from evals import __main__ as cli
from evals.bench import commands
from evals.bench.turns import dialogues, replies, spread, sum_up
from evals.opening import need
from evals.results import read_result
from retrieval.catalog import Catalog, UserError


class Waiter:
    """A recommender that always pours the same."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.semantic_ids: Any = None
        self.tools: Any = SimpleNamespace(models={"model": "none"})
        self.heard: list[tuple[str, str]] = []

    def reply(self, conversation: str, text: str) -> Reply:
        self.heard.append((conversation, text))
        item = Recommendation("red-hill", "Red Hill (2018)", "<a_1>", 1, 1.0, "Pinot Noir.", (), "facts")
        return Reply(
            conversation, 1, "Santé.", (item,), update={"intent": "recommend"}, done=True,
            timings={"understand": 0.25, "explain": 0.5, "cards": 0.5, "total": 1.0},
        )  # fmt: skip


    def export(self, conversation: str) -> dict[str, Any]:
        return {"entries": [{}]}

    def delete(self, conversation: str) -> None:
        pass


@pytest.fixture
def waiter(wines: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch) -> Waiter:
    one = Waiter(wines)
    for module in (cli, commands):
        monkeypatch.setattr(module, "opened", lambda **given: nullcontext(one))
    return one


def command(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> int:
    monkeypatch.setattr(sys, "argv", ["evals", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def scenario(tmp_path: Path, expectation: str) -> Path:
    path = tmp_path / "one.yaml"
    path.write_text(f"name: one\ntags: [wine]\nturns: [{{say: hi, expect: {expectation}}}]\n", "utf-8")
    return path


def test_a_run_that_holds_exits_with_0_and_writes_its_reports(
    waiter: Waiter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(tmp_path, "{intent: recommend, items: {count: 1}}")
    out, junit = tmp_path / "new" / "out.json", tmp_path / "out.xml"
    assert command(monkeypatch, "run", path, "--tag", "wine", "--json", out, "--junit", junit, "--seed", 3) == 0
    assert "1 passed, 0 failed, 0 errors" in capsys.readouterr().out
    assert json.loads(out.read_text("utf-8"))["made_by"]["seed"] == 3
    assert junit.read_text("utf-8").startswith("<?xml")


def test_a_failure_exits_with_1(
    waiter: Waiter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "run", scenario(tmp_path, "{intent: chat}")) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        ("{intnet: chat}", "one.yaml:3: unknown key 'intnet': did you mean 'intent'?"),
        ("{items: {includes: [Red Hil]}}", "one.yaml:3: the catalog has no item 'Red Hil': did you mean"),
    ],
)
def test_a_mistake_in_a_file_exits_with_2_and_one_line(
    waiter: Waiter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    expectation: str, said: str,
) -> None:  # fmt: skip
    assert command(monkeypatch, "run", scenario(tmp_path, expectation)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not waiter.heard


def test_a_tag_that_nothing_has_exits_with_2(
    waiter: Waiter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "run", scenario(tmp_path, "{}"), "--tag", "beer") == 2
    assert "no scenario has the tag beer" in capsys.readouterr().err


def test_bench_prints_spreads_shares_reasons_and_the_machine(
    waiter: Waiter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "bench", "turns", "--n", 3) == 0
    printed = capsys.readouterr().out
    assert "understand 25%" in printed
    assert "3 by facts" in printed
    assert "cores" in printed
    assert len(waiter.heard) == 4  # one of them warms up


def test_bench_writes_a_result_with_every_reply(
    waiter: Waiter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "times.json"
    assert command(monkeypatch, "bench", "turns", "--n", 2, "--json", out) == 0
    result = read_result(out)
    assert result.systems["tastemaker"]["total seconds"] == {"1": 1.0, "2": 1.0}
    assert result.notes["spreads"]["total"] == {"n": 2, "median": 1.0, "p90": 1.0, "max": 1.0}
    assert result.notes["shares"] == {"explain": 0.5, "understand": 0.25}


def test_the_benchmark_says_at_least_twenty_different_things() -> None:
    said = [text for messages in dialogues() for text in messages]
    assert len(said) >= 20
    assert len(set(said)) >= len(said) - 2


def test_more_messages_than_there_are_begin_again_in_new_conversations(waiter: Waiter) -> None:
    said = [text for messages in dialogues() for text in messages]
    assert len(list(replies(waiter, len(said) + 1))) == len(said) + 1  # type: ignore[arg-type]
    assert waiter.heard[0][1] == waiter.heard[-1][1]
    assert waiter.heard[0][0] != waiter.heard[-1][0]


@pytest.mark.parametrize(
    ("seconds", "median", "p90", "most"),
    [([], None, None, None), ([2.0], 2.0, 2.0, 2.0), ([1.0, 3.0], 2.0, 2.8, 3.0), ([3.0, 1.0, 2.0], 2.0, 2.8, 3.0)],
)
def test_spread_is_right_at_the_edges(
    seconds: list[float], median: float | None, p90: float | None, most: float | None
) -> None:
    found = spread(seconds)
    assert (found.n, found.median, found.max) == (len(seconds), median, most)
    assert found.p90 == (pytest.approx(p90) if p90 is not None else None)


def test_replies_without_items_do_not_count_as_cards() -> None:
    times = sum_up([Reply("c", 1, timings={"total": 2.0, "cards": 0.1})])
    assert times.spreads["cards"].n == 0
    assert times.spreads["total"].n == 1


def test_an_evaluation_builds_in_the_home_it_was_given_and_talks_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with borrowed(home) as elsewhere:
        (elsewhere / "index" / "CURRENT").write_text("1", "utf-8")
        (elsewhere / "log.sqlite").write_text("words", "utf-8")
    assert (home / "index" / "CURRENT").read_text("utf-8") == "1"
    shared = ["adapters", "index", "models", "ranker", "reader", "versions"]
    assert sorted(path.name for path in home.iterdir()) == shared
    assert not elsewhere.exists()


def test_a_library_that_is_not_there_is_named_with_the_command_that_brings_it() -> None:
    need("json")
    with pytest.raises(UserError, match=r"not installed: no_such_library: run `pip install -e '.\[bench\]'`"):
        need("json", "no_such_library")
