"""What lets a version answer, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_ranker import plants

from agent.belief import BeliefState
from finetune.gate import Check, GateConfig, Verdict, exposure, preferred, ranking, regressions
from finetune.learning import Measured
from finetune.probe import Request

CATALOG = plants()
CONFIG = GateConfig(requests=100)
ASKED = [Request(f"request {number}", BeliefState()) for number in range(100)]


def measured(before: list[float], after: list[float]) -> Measured:
    gains = {"now": before, "new": after}
    return Measured({name: {f"c{n}": [value] for n, value in enumerate(own)} for name, own in gains.items()})


@pytest.mark.parametrize(
    ("before", "after", "passed"),
    [
        ([0.5] * 50, [0.5] * 50, True),
        ([0.5] * 50, [0.6] * 50, True),
        ([0.5] * 50, [0.495] * 50, False),
        ([0.0, 1.0] * 25, [1.0, 0.0] * 25, True),
        ([0.0, 1.0] * 25, [0.9, 0.0] * 25, False),
        ([], [], True),
    ],
)
def test_a_ranking_is_worse_when_it_is_lower_for_certain_or_by_more_than_the_margin(
    before: list[float], after: list[float], passed: bool
) -> None:
    check = ranking("held out", measured(before, after), "now", "new", CONFIG)
    assert check.passed is passed
    assert passed or "worse" in check.said


def showing(*often: tuple[str, int]) -> Any:
    """Show each of some items in the first so many lists, and others besides."""

    def search(query: Any) -> list[SimpleNamespace]:
        number = int(query.message.split()[1])
        first = [item for item, count in often if number < count]
        rest = [f"p{10 + (number + k) % 30}" for k in range(4)]
        return [SimpleNamespace(item_id=item) for item in dict.fromkeys([*first, *rest])][:4]

    return SimpleNamespace(catalog=CATALOG, search=search)


def test_an_item_that_is_suddenly_everywhere_is_refused_with_how_often() -> None:
    items, breeders = exposure(showing(), showing(("p1", 60)), ASKED, CONFIG)
    assert not items.passed and "p1 in 60 of 100 lists, 0 now" in items.said
    assert breeders.name == "exposure of breeders"


def test_what_is_shown_often_already_or_seldom_still_may_rise() -> None:
    assert exposure(showing(("p1", 20)), showing(("p1", 60)), ASKED, CONFIG)[0].passed
    assert exposure(showing(), showing(("p1", 10)), ASKED, CONFIG)[0].passed
    assert not exposure(showing(), showing(("p1", 11)), ASKED, CONFIG)[0].passed


def test_whoever_made_what_is_everywhere_is_refused_though_no_single_item_is() -> None:
    own = [item.id for item in CATALOG if "Breeder 6" in item.values("breeders")][:5]

    def search(query: Any) -> list[SimpleNamespace]:
        number = int(query.message.split()[1])
        return [SimpleNamespace(item_id=own[number % len(own)])] if number < 45 else []

    before, after = (SimpleNamespace(catalog=CATALOG, search=one) for one in (lambda query: [], search))
    items, breeders = exposure(before, after, ASKED, CONFIG)  # type: ignore[arg-type]
    assert items.passed and not breeders.passed and "Breeder 6 in 45 of 100 lists, 0 now" in breeders.said


@pytest.mark.parametrize(
    ("after", "now", "passed", "said"),
    [
        ("ab", "ab", True, "2 of 2 hold"),
        ("ab", "", True, "2 of 2 hold"),
        ("a", "a", True, "1 of 2 hold, 1 fail as they do now"),
        ("a", "ab", False, "1 that hold now fail: b.yaml"),
        ("", "ab", False, "2 that hold now fail: a.yaml, b.yaml"),
    ],
)
def test_a_scenario_that_holds_now_has_to_hold_and_one_that_fails_need_not(
    after: str, now: str, passed: bool, said: str
) -> None:
    played: list[Path] = []

    def play(paths: Sequence[Path]) -> dict[Path, bool]:
        played.extend(paths)
        return {path: path.stem in now for path in paths}

    held = {Path(f"{name}.yaml"): name in after for name in "ab"}
    assert regressions(held, play) == Check("scenarios", passed, said)
    assert played == [path for path, holds in held.items() if not holds], "no other need be played twice"


@pytest.mark.parametrize(("fewer", "passed"), [(0, True), (2, True), (3, False)])
def test_an_adapter_may_be_wrong_about_a_few_more_pairs_and_not_about_many(fewer: int, passed: bool) -> None:
    right = measured([1.0, 0.0] * 20, [0.0] * 2 * fewer + [1.0, 0.0] * (20 - fewer))
    check = preferred("pairs", right, "now", "new", CONFIG)
    assert check.passed is passed and "share right" in check.said


def test_one_thing_that_is_worse_is_enough() -> None:
    good, bad = Check("a", True, ""), Check("b", False, "by 3")
    assert Verdict((good,)).passed and not Verdict((good, bad)).passed
    told = {"name": "b", "passed": False, "said": "by 3", "measured": True}
    assert Verdict((good, bad)).as_dict()["checks"][1] == told
