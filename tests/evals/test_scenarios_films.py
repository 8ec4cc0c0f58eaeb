"""The scenarios that ship hold: all of them without weights, the acceptance dialogue with the embedded models."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from agent import Recommender, Settings
from evals.reading import Script, check_all, read_all
from evals.report import print_explanation
from evals.run import Played, play

FILMS = Path(__file__).parents[2] / "evals" / "scenarios" / "films"
SCRIPTS = read_all([FILMS])


@pytest.fixture(scope="module")
def weightless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    home = tmp_path_factory.mktemp("weightless")
    rec = Recommender.open(Settings(home=home, model="scripted", encoder="hashing", adapter="none"))
    yield rec
    rec.close()


def explained(played: Played) -> str:
    text = io.StringIO()
    print_explanation(played, Console(file=text, width=160))
    return text.getvalue()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path.stem)
def test_a_scenario_that_ships_holds_without_weights(script: Script, weightless: Recommender) -> None:
    check_all([script], weightless.catalog)
    played = play(script, weightless)
    assert played.status == "passed", explained(played)


@pytest.mark.models
def test_the_acceptance_dialogue_holds_with_the_embedded_models(embedded: Recommender) -> None:
    script = next(script for script in SCRIPTS if script.path.stem == "tense_thriller")
    played = play(script, embedded)
    assert played.status == "passed", explained(played)
    for turn in played.turns:
        assert turn.reply is not None
        for item in turn.reply.items:
            assert embedded.tools.retriever.semantic_ids.item_of(
                embedded.tools.retriever.semantic_ids.codes[item.id]
            ) == item.id  # fmt: skip
            assert item.semantic_id.startswith("<a_")
            assert item.reason
