"""Runs of many scenarios: order, rounds, processes, going on after a kill; the schema and the coverage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from agent.belief import Verdict
from evals.coverage import coverage, summary
from evals.reading import Script, read_all
from evals.records import as_record, from_record
from evals.rounds import plan, play_all
from evals.run import Played, play
from evals.scenario import json_schema
from evals.unfinished import Unfinished

SHIPPED = Path(__file__).parents[2] / "evals"


@pytest.fixture
def scripts(tmp_path: Path) -> list[Script]:
    for name in ("one", "two", "three"):
        belief = "belief: {constraints: {lacks: [{attribute: year}]}}, update: {items: {lacks: [{item: Alien (1979)}]}}"
        text = f"name: {name}\nturns: [{{say: a comedy, expect: {{items: {{count: {{at_least: 1}}}}, {belief}}}}}]\n"
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return read_all([tmp_path])


class Counting:
    """Opens the recommender without weights and counts how often it was asked."""

    def __init__(self, breaks_at: int = 0) -> None:
        self.heard = 0
        self.breaks_at = breaks_at

    @contextmanager
    def open(self, **given: Any) -> Iterator[Any]:
        from evals.opening import opened

        with opened(**given) as rec:
            reply = rec.reply

            def counted(conversation: str, text: str) -> Any:
                self.heard += 1
                if self.heard == self.breaks_at:
                    raise KeyboardInterrupt
                return reply(conversation, text)

            rec.reply = counted  # type: ignore[method-assign]
            yield rec


@pytest.fixture
def given(demo_home: Path) -> dict[str, Any]:
    return {"home": demo_home, "model": "scripted", "encoder": "hashing", "adapter": "none"}


def test_later_rounds_are_in_another_order_that_the_seed_fixes() -> None:
    names = [str(number) for number in range(20)]
    plays = plan(names, 3, seed=1)
    assert plays == plan(names, 3, seed=1)
    assert [name for number, name in plays if number == 1] == names
    second = [name for number, name in plays if number == 2]
    assert second != names
    assert sorted(second) == sorted(names)
    assert plays != plan(names, 3, seed=2)


def test_a_killed_run_goes_on_where_it_stopped(scripts: list[Script], given: dict[str, Any], tmp_path: Path) -> None:
    store = Unfinished.begin(tmp_path, "run", given, resume=False)
    broken = Counting(breaks_at=3)
    with pytest.raises(KeyboardInterrupt):
        play_all(scripts, store, given, rounds=2, open_stage=broken.open)
    whole = Counting()
    again = Unfinished.begin(tmp_path, "run", given, resume=True)
    played = play_all(scripts, again, given, rounds=2, open_stage=whole.open)
    assert whole.heard == 4
    assert [(one.round, one.script.scenario.name) for one in played] == [
        (number, name) for number in (1, 2) for name in ("one", "three", "two")
    ]


def test_two_processes_play_what_one_would(scripts: list[Script], given: dict[str, Any], tmp_path: Path) -> None:
    results = []
    for jobs in (1, 2):
        store = Unfinished.begin(tmp_path, f"run {jobs}", given, resume=False)
        played = play_all(scripts, store, given, jobs=jobs)
        results.append([(one.name, one.status, one.turns[0].reply and one.turns[0].reply["items"]) for one in played])
    assert results[0] == results[1]
    assert [status for _, status, _ in results[0]] == ["passed"] * 3


def test_a_record_brings_back_what_was_played(scripts: list[Script], given: dict[str, Any]) -> None:
    from evals.opening import opened

    with opened(**given) as rec:
        played = play(scripts[0], rec, 2)
    again = from_record(json.loads(json.dumps(as_record(played))), scripts[0])
    assert json.dumps(as_record(again)) == json.dumps(as_record(played))
    assert (again.name, again.status) == (played.name, played.status) == ("one (round 2)", "passed")


def test_coverage_names_what_was_never_exercised(scripts: list[Script], given: dict[str, Any]) -> None:
    from evals.opening import opened

    with opened(**given) as rec:
        found = coverage([play(scripts[0], rec)])
    assert set(found["graph nodes"].values()) == {1}
    assert found["intents"]["recommend"] == 1
    assert found["expectations"]["items.count"] == 1
    assert found["expectations"]["reasons.grounded"] == 0
    assert {f"item {verdict}" for verdict in get_args(Verdict)} <= set(found["belief operations"])
    nodes, intents, *_ = summary(found)
    assert nodes == "graph nodes: 7 of 7"
    assert intents.startswith("intents: 1 of 10; never: ")
    nothing: list[Played] = []
    assert not any(count for counts in coverage(nothing).values() for count in counts.values())


def test_the_schema_that_ships_is_that_of_the_code() -> None:
    assert (SHIPPED / "scenario.schema.json").read_text("utf-8").strip() == json_schema(), (
        "run `python -m evals schema > evals/scenario.schema.json`"
    )


def test_editors_accept_what_the_reader_accepts() -> None:
    check = jsonschema.Draft202012Validator(json.loads(json_schema()))
    for path in (SHIPPED / "scenarios").rglob("*.yaml"):
        check.validate(yaml.safe_load(path.read_text("utf-8")))
    short = {"say": "x", "expect": {"intent": "chat", "question": "genres", "items": {"count": 3}}}
    check.validate({"name": "n", "turns": [short]})
    with pytest.raises(jsonschema.ValidationError):
        check.validate({"name": "n", "turns": [{"say": "x", "expect": {"intnet": "chat"}}]})


def test_the_same_run_writes_the_same_bytes_in_any_order_of_hashing(demo_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    said = "a tense film like Alien (1979) about lonely people"
    path.write_text(f"name: one\nturns:\n  - say: {said}\n  - say: more\n", "utf-8")
    written = []
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.json"
        options = ("--home", str(demo_home), "--model", "scripted", "--encoder", "hashing", "--adapter", "none")
        subprocess.run(
            [sys.executable, "-m", "evals", "run", str(path), "--json", str(out), *options],
            env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True,
        )  # fmt: skip
        written.append(out.read_bytes())
    assert written[0] == written[1]
