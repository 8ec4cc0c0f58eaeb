"""The scenarios about films: the fast ones hold without weights, the acceptance dialogue with the embedded models."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from agent import Recommender, Settings
from evals.coverage import coverage
from evals.reading import check_all, read_all, select
from evals.report import print_explanation
from evals.run import Played, play

ROOT = Path(__file__).parents[2]
SCRIPTS = {script.path.stem: script for script in read_all([ROOT / "evals" / "scenarios" / "films"])}
KNOWN_GAPS = [stem for stem, script in SCRIPTS.items() if script.scenario.gap]
FAST = [script.path.stem for script in select(SCRIPTS.values(), ["fast"]) if script.path.stem not in KNOWN_GAPS]
UNREACHABLE = {"set contains", "drop a verdict"}
"""Belief operations that no message of a person is understood as yet."""


@pytest.fixture(scope="module")
def weightless(built_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    home = shutil.copytree(built_demo, tmp_path_factory.mktemp("weightless"), dirs_exist_ok=True)
    rec = Recommender.open(Settings(home=home, model="scripted", encoder="hashing", adapter="none"))
    yield rec
    rec.close()


@pytest.fixture(scope="module")
def playing(weightless: Recommender) -> Callable[[str], Played]:
    """Play each scenario once, whichever tests ask for it."""
    return cache(lambda stem: play(SCRIPTS[stem], weightless))


def explained(played: Played) -> str:
    text = io.StringIO()
    print_explanation(played, Console(file=text, width=160))
    return text.getvalue()


@pytest.mark.parametrize("stem", FAST)
def test_a_fast_scenario_holds_without_weights(stem: str, playing: Callable[[str], Played]) -> None:
    played = playing(stem)
    assert played.status == "passed", explained(played)


def test_every_scenario_is_possible_over_the_demo_catalog(weightless: Recommender) -> None:
    check_all(SCRIPTS.values(), weightless.catalog)


def test_the_fast_scenarios_exercise_every_node_intent_operation_and_kind_of_expectation(
    playing: Callable[[str], Played],
) -> None:
    found = coverage([playing(stem) for stem in FAST])
    never = {name for counts in found.values() for name, count in counts.items() if not count}
    assert never == UNREACHABLE


def test_there_are_enough_scenarios_and_at_most_a_quarter_are_known_gaps() -> None:
    assert len(SCRIPTS) - len(KNOWN_GAPS) >= 60
    assert len(KNOWN_GAPS) <= len(SCRIPTS) / 4


def test_every_tag_is_explained_in_the_document() -> None:
    explained_tags = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "scenarios.md").read_text("utf-8"), re.M)
    used = {tag for script in read_all([ROOT / "evals" / "scenarios"]) for tag in script.scenario.tags}
    assert used <= set(explained_tags)


def test_every_scenario_names_the_schema_for_editors() -> None:
    files = sorted((ROOT / "evals" / "scenarios").rglob("*.yaml"))
    first_lines = {file.name: file.read_text("utf-8").splitlines()[0] for file in files}
    schema = "# yaml-language-server: $schema=../../scenario.schema.json"
    assert {name for name, line in first_lines.items() if line != schema} == set()


@pytest.mark.models
def test_the_acceptance_dialogue_holds_with_the_embedded_models(embedded: Recommender) -> None:
    played = play(SCRIPTS["tense_thriller"], embedded)
    assert played.status == "passed", explained(played)
    codes = embedded.semantic_ids
    for turn in played.turns:
        assert turn.reply is not None
        for item in turn.reply["items"]:
            assert codes.item_of(codes.codes[item["id"]]) == item["id"]
            assert item["semantic_id"].startswith("<a_")
            assert item["reason"]


@pytest.mark.models
def test_who_has_no_idea_is_asked_whatever_orders_the_candidates(embedded: Recommender) -> None:
    played = play(SCRIPTS["the_answer_narrows"], embedded)
    assert played.status == "passed", explained(played)
