"""Scenario files: what is read, and how each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.reading import check_against, find_item, read, read_all
from evals.scenario import Bounds
from retrieval.catalog import Catalog, UserError

GOOD = """\
name: asks for a grape
tags: [wine]
turns:
  - say: a riesling under 20 euros
    expect:
      intent: recommend
      items:
        count: 3
        all: [{attribute: price, op: at_most, value: 20}]
  - feedback: {item: 1, verdict: seen}
  - say: cheaper
    expect:
      items: {all: [{attribute: price, op: at_most, value: turn 1 item 2}], excludes: [turn 1 item 1]}
"""


def mistake(tmp_path: Path, text: str) -> str:
    path = tmp_path / "one.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as caught:
        read(path)
    return str(caught.value).replace(str(tmp_path), "")


def test_a_scenario_is_read_with_the_line_of_each_part(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD, "utf-8")
    script = read(path)
    assert [turn.say for turn in script.scenario.turns] == ["a riesling under 20 euros", None, "cheaper"]
    assert script.scenario.turns[0].expect.intent == ("recommend",)
    assert script.scenario.turns[0].expect.items.count == Bounds(at_least=3, at_most=3)
    assert script.where(("turns", 0, "expect", "items", "count")).endswith("one.yaml:8")
    assert script.where(("turns", 2, "expect", "items", "all", 0, "nowhere")).endswith("one.yaml:13")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  - say: cheaper", "  - sai: cheaper", "/one.yaml:11: unknown key 'sai': did you mean 'say'?"),
        ("        count: 3", "        cuont: 3", "/one.yaml:8: unknown key 'cuont': did you mean 'count'?"),
        ("op: at_most, value: 20",
         "op: atmost, value: 20", "/one.yaml:9: 'atmost' is not allowed here: did you mean 'at_most'"),
        ("intent: recommend", "intent: recomend",
         "/one.yaml:6: 'recomend' is not allowed here: did you mean 'recommend'?"),
        ("verdict: seen", "verdict: saw", "/one.yaml:10: 'saw' is not allowed here"),
        ("count: 3", "count: {at_least: 4, at_most: 3}", "/one.yaml:8: no number is at least 4 and at most 3"),
        ("count: 3", "count: {}", "/one.yaml:8: give at_least, at_most or both"),
        ("value: 20", "value: cheap", "/one.yaml:9: at_most needs a number or an item shown, as in `turn 1 item 2`"),
        ("  - say: cheaper\n", "  - say: cheaper\n    feedback: {verdict: seen}\n",
         "/one.yaml:11: a turn is one of say"),
        ("tags: [wine]", "name: again", "/one.yaml:2: the key 'name' stands here twice: keep one"),
        ("tags: [wine]", "tags: [wine", "not valid YAML"),
        ("name: asks for a grape\n", "", "'name' is missing"),
        ("count: 3", "count: [3]", "/one.yaml:8: count: "),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_what_would_be_right(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    assert said in mistake(tmp_path, GOOD.replace(before, after))


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a list\n", "just words", "name: x\nturns: []\n"])
def test_what_is_no_scenario_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    assert mistake(tmp_path, text).startswith("/one.yaml:")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="UTF-8"):
        read(path)


def test_all_mistakes_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("name: x\nturns: [{sya: hi}]\n", "utf-8")
    with pytest.raises(UserError) as caught:
        read_all([tmp_path])
    assert [line.partition(": ")[0][-8:] for line in str(caught.value).splitlines()] == ["a.yaml:2", "b.yaml:2"]


def test_a_folder_is_read_in_sorted_order_and_a_name_is_taken_once(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nturns: [{{say: hi}}]\n", "utf-8")
    assert [script.scenario.name for script in read_all([tmp_path, tmp_path / "a.yaml"])] == ["a", "b"]
    (tmp_path / "c.yaml").write_text("name: a\nturns: [{say: hi}]\n", "utf-8")
    with pytest.raises(UserError, match="taken by .*a.yaml"):
        read_all([tmp_path])


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no scenario"):
        read_all([tmp_path])
    with pytest.raises(UserError, match="no such file"):
        read_all([tmp_path / "none.yaml"])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("attribute: price, op: at_most, value: 20", "attribute: prize, op: at_most, value: 20",
         "one.yaml:9: the catalog has no attribute 'prize': did you mean 'price'?"),
        ("attribute: price, op: at_most, value: 20", "attribute: grapes, op: is, value: Reisling",
         "one.yaml:9: no item has grapes 'Reisling': did you mean 'Riesling'?"),
        ("excludes: [turn 1 item 1]", "excludes: [Old Celar]",
         "one.yaml:13: the catalog has no item 'Old Celar': did you mean 'Old Cellar (2010)'?"),
        ("excludes: [turn 1 item 1]", "excludes: [turn 3 item 1]", "one.yaml:13: 'turn 3 item 1' is not before turn 3"),
    ],
)  # fmt: skip
def test_expectations_that_the_catalog_cannot_meet_are_refused(
    tmp_path: Path, wines: Catalog, before: str, after: str, said: str
) -> None:
    path = tmp_path / "one.yaml"
    assert before in GOOD
    path.write_text(GOOD.replace(before, after), "utf-8")
    with pytest.raises(UserError) as caught:
        check_against(read(path), wines)
    assert said in str(caught.value)


def test_the_good_scenario_suits_the_catalog(tmp_path: Path, wines: Catalog) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD, "utf-8")
    check_against(read(path), wines)


@pytest.mark.parametrize("name", ["old-cellar", "Old Cellar", "OLD CELLAR (2010)"])
def test_an_item_is_found_by_id_title_and_label(wines: Catalog, name: str) -> None:
    assert find_item(name, wines) == "old-cellar"


def test_the_scenarios_that_ship_suit_the_demo_catalog(demo_catalog: Catalog) -> None:
    scripts = read_all([Path(__file__).parents[2] / "evals" / "scenarios" / "films"])
    assert len(scripts) >= 5
    for script in scripts:
        check_against(script, demo_catalog)
