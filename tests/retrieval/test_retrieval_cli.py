"""The build, search and inspect commands: tables, JSON and one-line errors with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrieval.__main__ import app

ROWS = [
    {"id": "a", "title": "Slow [red] Train", "tags": ["calm"], "year": 1990, "text": "A long ride through the hills."},
    {"id": "b", "title": "Fast Boat", "tags": ["loud", "calm"], "year": 2005, "text": "A race on the river."},
    {"id": "c", "title": "Night Bus", "tags": ["loud"], "year": 2015, "text": "The last bus of the night."},
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def catalog_file(tmp_path: Path) -> Path:
    path = tmp_path / "rides.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS), "utf-8")
    return path


@pytest.fixture
def built(catalog_file: Path, tmp_path: Path) -> Path:
    result = run("build", "--catalog", catalog_file, "--home", tmp_path / "home", "--encoder", "hashing")
    assert result.exit_code == 0, result.output
    return tmp_path / "home"


def test_build_prints_the_schema_and_what_was_left_out(catalog_file: Path, tmp_path: Path) -> None:
    with catalog_file.open("a") as file:
        file.write("{broken\n")
    result = run("build", "--catalog", catalog_file, "--home", tmp_path / "home", "--encoder", "hashing")
    assert result.exit_code == 0
    assert "tags" in result.stdout and "facet" in result.stdout and "1 rows left out" in result.stdout
    assert f"{catalog_file}:4: bad JSON" in result.stderr


def test_build_in_json_carries_the_problems_and_the_fingerprint(catalog_file: Path, tmp_path: Path) -> None:
    with catalog_file.open("a") as file:
        file.write('{"id": "a", "title": "again"}\n')
    result = run("build", "--catalog", catalog_file, "--home", tmp_path, "--encoder", "hashing", "--json")
    data = json.loads(result.stdout)
    assert data["items"] == 3 and data["left_out"] == 1 and len(data["fingerprint"]) == 16
    assert data["problems"] == [{"line": 4, "reason": "duplicate id 'a', first at line 1", "kept": False}]


def test_search_lists_what_matches_in_json(built: Path) -> None:
    result = run("search", "--home", built, "a river race", "--json")
    data = json.loads(result.stdout)
    assert data["matching"] == 3 and data["items"][0]["id"] == "b" and data["items"][0]["title"] == "Fast Boat (2005)"
    assert data["items"][0]["semantic_id"].startswith("<a_") and set(data["items"][0]["scores"]) >= {"dense", "lexical"}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (["year<=2005"], {"a", "b"}),
        (["year >= 2005", "tags = LOUD"], {"b", "c"}),
        (["tags!=calm"], {"c"}),
        (["title~bus"], {"c"}),
        (["year=2005"], {"b"}),
    ],
)
def test_limits_on_the_command_line_hold(built: Path, limits: list[str], expected: set[str]) -> None:
    options = [part for text in limits for part in ("--where", text)]
    data = json.loads(run("search", "--home", built, *options, "--json").stdout)
    assert {item["id"] for item in data["items"]} == expected and data["matching"] == len(expected)


def test_titles_are_printed_as_they_are(built: Path) -> None:
    result = run("search", "--home", built, "train", "--limit", 1)
    assert result.exit_code == 0 and "[red]" in result.stdout and "1 of 3 matching items" in result.stdout


def test_nothing_found_is_a_table_without_rows(built: Path) -> None:
    result = run("search", "--home", built, "--where", "year>=3000")
    assert result.exit_code == 0 and "0 of 0 matching items" in result.stdout


def test_inspect_shows_counts_health_and_one_item(built: Path) -> None:
    result = run("inspect", "--home", built)
    assert result.exit_code == 0 and "Semantic-ID health" in result.stdout and "perplexity" in result.stdout
    data = json.loads(run("inspect", "--home", built, "--json").stdout)
    assert data["items"] == 3 and data["facets"]["tags"]["top"] == {"calm": 2, "loud": 2}
    assert {"usage", "perplexity", "collisions", "purity", "purity_random"} <= set(data["health"])
    item = json.loads(run("inspect", "b", "--home", built, "--json").stdout)
    assert item["title"] == "Fast Boat" and len(item["codes"]) == 4 and set(item["nearest"]) == {"a", "c"}
    assert "[red]" in run("inspect", "a", "--home", built).stdout


def test_export_writes_what_ships_with_a_catalog(catalog_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    run("build", "--catalog", catalog_file, "--home", tmp_path / "h", "--encoder", "hashing", "--export", out)
    assert {path.name for path in out.iterdir()} == {
        "manifest.json",
        "documents.npy",
        "vectors.npy",
        "semantic_ids.npz",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "--catalog", "none.jsonl"], "none.jsonl: no such file"),
        (["build", "--catalog", "{catalog}", "--encoder", "/none"], "no such folder"),
        (["build", "--catalog", "{catalog}", "--schema", "none.toml"], "none.toml: cannot be read"),
        (["build", "--catalog", "{catalog}", "--strict"], "rides.jsonl:4: bad JSON"),
        (["search", "x"], "no index here; make one with `python -m retrieval build"),
        (["inspect"], "no index here"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(
    catalog_file: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    with catalog_file.open("a") as file:
        file.write("{broken\n")
    filled = [argument.format(catalog=catalog_file) for argument in arguments]
    result = run(*filled, "--home", tmp_path / "empty")
    assert result.exit_code == 2 and words in result.stderr
    assert (
        len([line for line in result.stderr.splitlines() if not line.endswith("(item kept)")]) == 1
        or "--encoder" in filled
    )


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("yeer<=1999", "no column 'yeer' to filter by; the nearest is 'year'"),
        ("year", "write column"),
        ("year<=soon", "<= compares a number column with a number"),
        ("tags>=3", ">= compares a number column"),
    ],
)
def test_a_limit_that_cannot_be_executed_says_why(built: Path, limit: str, words: str) -> None:
    result = run("search", "--home", built, "--where", limit)
    assert result.exit_code == 2 and words in result.stderr


def test_an_unknown_item_names_the_nearest(built: Path) -> None:
    result = run("inspect", "aa", "--home", built)
    assert result.exit_code == 2 and "the nearest id is 'a'" in result.stderr
