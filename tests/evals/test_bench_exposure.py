"""Exposure by group: what is even and what is not, and that nothing but the weighting tells the two rankers apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agent import Recommender, Settings
from evals.__main__ import app
from evals.bench.exposure import (
    COVERED,
    GINI,
    LIFT,
    SEARCH,
    SERVES,
    UNWEIGHTED,
    WEIGHTED,
    as_result,
    differences,
    lifts,
    measure,
    print_exposure,
    uneven,
)
from evals.results import read_result
from finetune.exposures import FEWEST, GROUPS, Grouping, gap, gini, groupings, ratios
from finetune.ranker import Config
from retrieval.catalog import Catalog, CatalogSchema, Column, Item, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build

PAIRS = Grouping(("a", "b"), np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32))
"""Four items, of which three are of one group."""


def mugs(colours: list[str], years: list[int | None] | None = None) -> Catalog:
    """Make mugs of these colours, by one potter, without popularity."""
    columns = (
        Column(name="id", role="id"),
        Column(name="title", role="title"),
        Column(name="colour", role="facet"),
        Column(name="potter", role="facet", people=True),
        Column(name="made", role="number", unit="year"),
    )
    made = years or [None] * len(colours)
    rows = enumerate(zip(colours, made, strict=True))
    items = [
        Item(f"m{place}", f"Mug {place}", "", {"colour": tuple(colour.split()), "potter": ("Ann",), "made": year})
        for place, (colour, year) in rows
    ]
    return Catalog(CatalogSchema(columns=columns), items)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([2, 2, 2, 2], [1, 1]), ([5, 1, 0, 2], [1, 1]), ([1, 1, 1, 0], [4 / 3, 0]), ([0, 0, 0, 7], [0, 4])],
)
def test_a_ratio_is_the_share_of_what_is_shown_over_the_share_of_the_catalog(
    counts: list[int], expected: list[float]
) -> None:
    assert ratios(np.array(counts), PAIRS) == pytest.approx(expected)
    assert gap(ratios(np.array(counts), PAIRS)) == pytest.approx(max(expected) - min(expected), abs=1e-6)


def test_a_gap_needs_two_groups() -> None:
    assert np.isnan(gap(np.array([1.0]))) and np.isnan(gap(np.array([])))


@pytest.mark.parametrize(
    ("counts", "value"), [([3, 3, 3, 3], 0), ([0, 0, 0, 4], 0.75), ([1, 3], 0.25), ([0, 0], 0), ([5], 0)]
)
def test_gini_is_zero_when_all_are_shown_equally_often_and_near_one_when_one_alone_is(
    counts: list[int], value: float
) -> None:
    assert gini(np.array(counts)) == pytest.approx(value)


def test_groups_are_decades_and_the_values_of_facets_but_people_and_what_is_rare() -> None:
    size = round(1 / FEWEST)
    catalog = mugs(["red", *["red blue"] * size, "green"], [1999, 2000, *[None] * size])
    found = groupings(catalog)
    assert list(found) == ["made", "colour"]
    assert found["colour"].names == ("blue", "red") and found["colour"].members.sum(axis=0).tolist() == [size, size + 1]
    assert found["made"].names == ()
    assert groupings(mugs(["red", "blue"], [1999, 2003]))["made"].names == ("1990s", "2000s")
    assert "colour" not in groupings(mugs([f"colour-{number}" for number in range(GROUPS + 1)]))


def test_where_nothing_is_shown_nothing_can_be_measured() -> None:
    found = uneven(np.zeros(4, np.int64), {"size": PAIRS})
    assert list(found) == ["gap by size", GINI] and all(np.isnan(value) for value in found.values())


def test_the_lift_of_a_list_is_its_popularity_over_that_of_the_catalog(wines: Catalog) -> None:
    mean = sum(item.popularity for item in wines) / len(wines)
    found = lifts([[wines.items[0].id, wines.items[11].id], []], wines)
    assert found == {"0": pytest.approx((1 + 1 / 12) / 2 / mean), "1": None}
    assert lifts([["m0"]], mugs(["red"])) == {"0": None}


def test_lists_that_are_the_same_differ_by_nothing_and_others_by_what_the_whole_shows() -> None:
    catalog = mugs(["red"] * 4 + ["blue"] * 4)
    even = [[f"m{(number + k) % 8}" for k in (0, 2, 4, 6)] for number in range(40)]
    red = [["m0", "m1", "m2", "m3"] for _ in range(40)]
    same = {one.metric: one for one in differences(even, even, catalog, 0)}
    assert list(same) == ["gap by colour", GINI] and all(one.low == one.high == 0 for one in same.values())
    found = {one.metric: one for one in differences(even, red, catalog, 0)}
    assert found["gap by colour"].mean == pytest.approx(2, abs=1e-6) and found[GINI].mean == pytest.approx(0.5)
    assert all(one.low <= one.mean <= one.high and one.n == 40 for one in found.values())
    assert found["gap by colour"].low > 1
    with pytest.raises(ValueError, match="40 and 39 lists"):
        differences(even, red[1:], catalog, 0)


def test_the_interval_of_a_gini_coefficient_is_about_as_wide_as_chance_makes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evals.bench.exposure.DRAWS", 200)
    catalog = mugs(["red"] * 300)
    chance = np.random.default_rng(0)
    likely = 1 / np.arange(1, 301)

    def drawn(power: float) -> list[list[str]]:
        odds = likely**power / (likely**power).sum()
        return [[f"m{place}" for place in chance.choice(300, 4, replace=False, p=odds)] for _ in range(150)]

    found = [differences(drawn(0.3), drawn(0.8), catalog, seed)[-1] for seed in range(12)]
    spread = np.std([one.mean for one in found], ddof=1)
    width = np.mean([one.high - one.low for one in found]) / 2 / 1.96
    assert 0.5 < width / spread < 2
    assert sum(one.low <= np.mean([each.mean for each in found]) <= one.high for one in found) >= 9


def test_the_result_has_every_system_and_is_read_back_and_printed(wines: Catalog, tmp_path: Path) -> None:
    from rich.console import Console

    ids = [item.id for item in wines]
    some = [[ids[(number + k) % 12] for k in range(4)] for number in range(12)]
    shown = {SEARCH: some, SERVES: some, UNWEIGHTED: [ids[:4]] * 12, WEIGHTED: some}
    result = as_result(shown, wines, 0, {"serving": "shipped"})
    figures = result.notes["figures"]
    assert figures[SEARCH][GINI] == 0 and figures[SEARCH][COVERED] == 1 and figures[UNWEIGHTED][COVERED] == 1 / 3
    assert figures[SEARCH]["gap by region"] == pytest.approx(0, abs=1e-6)
    assert figures[UNWEIGHTED]["gap by region"] == pytest.approx(3)
    assert result.notes["ratios"][UNWEIGHTED]["region"]["Mosel"] == pytest.approx(3)
    assert {one["metric"] for one in result.notes["differences"]} == {
        "gap by vintage", "gap by grapes", "gap by region", GINI,
    }  # fmt: skip
    (tmp_path / "x.json").write_text(result.as_json(), "utf-8")
    console = Console(record=True, width=160, file=(tmp_path / "x").open("w"))
    print_exposure(read_result(tmp_path / "x.json"), console)
    told = console.export_text()
    assert "gap by region" in told and LIFT in told and "-.667" in told and "what serves: shipped" in told


@pytest.fixture(scope="module")
def home(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home in which people were shown wines by chance, and took the least known."""
    folder = tmp_path_factory.mktemp("home")
    build(wines, folder, HashingEncoder())
    rec = Recommender.open(Settings(home=folder, model="scripted", encoder="hashing", explore=0.3))
    for number in range(40):
        reply = rec.reply(f"c{number}", "a red wine" if number % 2 else "something white")
        least = max((item.id for item in reply.items), key=wines.position.__getitem__)
        rec.feedback(f"c{number}", reply.turn, least, "accepted")
    rec.close()
    return folder


def test_two_rankers_are_learned_and_the_home_stays_as_it_was(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.bench.exposure.REQUESTS", 20)
    monkeypatch.setattr("evals.bench.exposure.DRAWS", 50)
    monkeypatch.setattr("finetune.learning.FITTED", Config(folds=2, towers=1, epochs=2, trees=20))
    before = {path.relative_to(home) for path in home.rglob("*")}
    out = tmp_path / "out.json"
    done = CliRunner().invoke(app, ["bench", "exposure", f"--home={home}", "--encoder=hashing", f"--json={out}"])
    assert done.exit_code == 0, done.output
    assert "gap by region" in done.output and "by chance" not in done.output
    written = json.loads(out.read_text("utf-8"))
    assert list(written["systems"]) == [SEARCH, SERVES, UNWEIGHTED, WEIGHTED]
    assert written["made_by"]["serving"] == "shipped" and written["made_by"]["labelled"] == 0
    assert all(len(values[LIFT]) == 20 for values in written["systems"].values())
    assert written["systems"][SEARCH] == written["systems"][SERVES]
    mean = {name: one[LIFT]["value"] for name, one in written["summary"].items()}
    assert mean[UNWEIGHTED] < mean[SEARCH] > mean[WEIGHTED] != mean[UNWEIGHTED]
    assert all(0 < figures[COVERED] <= 1 for figures in written["notes"]["figures"].values())
    assert {path.relative_to(home) for path in home.rglob("*")} == before


def test_what_cannot_be_measured_is_said(tmp_path: Path, wines: Catalog) -> None:
    settings = Settings(home=tmp_path, model="scripted", encoder="hashing")
    with pytest.raises(UserError, match="nobody has talked there"):
        measure(settings, lambda _: None, lambda done, of: None)
    build(wines, tmp_path, HashingEncoder())
    rec = Recommender.open(settings)
    rec.reply("c", "a red wine")
    rec.close()
    said: list[str] = []
    with pytest.raises(UserError, match="nobody has liked or accepted"):
        measure(settings, said.append, lambda done, of: None)
    assert "chance has drawn no list" in said[0]
