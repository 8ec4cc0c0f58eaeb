"""What is made of a message, as data and on the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.__main__ import app
from agent.belief import BeliefState
from agent.linking import Linker
from agent.query_understanding import QueryUnderstanding, explain
from agent.understanding import Understanding
from retrieval.catalog import Catalog


@pytest.fixture(scope="module")
def understood(demo_catalog: Catalog) -> QueryUnderstanding:
    understanding = Understanding(Linker(demo_catalog))
    return explain(understanding, "a thriler from the 90s, no Brad Pitt, bittersweet like Heat", BeliefState())


def test_segments_stand_in_the_order_of_the_text_with_what_they_mean(understood: QueryUnderstanding) -> None:
    found = {segment.words: segment.means for segment in understood.segments}
    assert found["Brad Pitt"] == ("cast: Brad Pitt",)
    assert found["Heat"] == ("Heat (1995)",)
    assert any("year at_least 1990" in means for means in found.values())
    places = [understood.text.find(segment.words) for segment in understood.segments]
    assert places == sorted(places)


def test_a_corrected_spelling_is_told(understood: QueryUnderstanding) -> None:
    assert ("thriler", "thriller") in understood.spelling


def test_the_update_and_the_query_follow_from_what_was_said(understood: QueryUnderstanding) -> None:
    assert {"attribute": "cast", "op": "is_not", "value": "Brad Pitt"} in understood.update["set"]
    assert "cast is_not Brad Pitt" in understood.query["constraints"]
    said = {facet.about.strip(): facet.said for facet in understood.facets if facet.said}
    assert said["cast: Brad Pitt"] == ("is_not",)
    assert all(0 <= facet.chance <= 1 for facet in understood.facets)


def test_it_is_plain_data_that_reads_back(understood: QueryUnderstanding) -> None:
    assert QueryUnderstanding.model_validate_json(understood.model_dump_json()) == understood


def test_the_command_prints_it_for_people_and_for_programs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTEMAKER_ENCODER", "hashing")
    monkeypatch.setenv("TASTEMAKER_MODEL", "scripted")
    runner = CliRunner()
    done = runner.invoke(app, ["explain", "no [bold]horror[/bold]", "--before", "a thriller"])
    assert done.exit_code == 0, done.output
    assert "Horror" in done.output
    assert "Thriller" in done.output, "what was said before takes part in the query"
    done = runner.invoke(app, ["explain", "no horror", "--json"])
    data = json.loads(done.stdout[done.stdout.index("{") :])
    assert data["update"]["set"] == [{"attribute": "genres", "op": "is_not", "value": "Horror"}]
    assert not (home / "log.sqlite").exists(), "nothing of it is among the conversations"
