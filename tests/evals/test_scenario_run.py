"""Playing scenarios: what holds, what fails and why, what breaks, and what is written about it."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent.reply import Recommendation, Reply
from evals.reading import Script, read
from evals.report import as_json, as_junit, print_table, totals
from evals.run import Played, play, select
from retrieval.catalog import Catalog

BELIEF: dict[str, Any] = {
    "intent": "recommend",
    "constraints": [{"attribute": "price", "op": "at_most", "value": 20, "words": "under 20", "turn": 1}],
    "preferences": [{"attribute": "grapes", "value": "Riesling", "weight": 1.0, "words": "riesling", "turn": 1}],
    "items": [{"item_id": "old-cellar", "title": "Old Cellar", "verdict": "seen", "words": "seen it", "turn": 1}],
}


class Cellar:
    """A recommender without a mind: it shows the lists it was given, one a turn, and notes what was done to it."""

    def __init__(self, catalog: Catalog, *lists: tuple[str, ...], reason: str = "", breaks: bool = False) -> None:
        self.catalog, self.lists, self.reason, self.breaks = catalog, lists, reason, breaks
        self.turn = 0
        self.done: list[tuple[Any, ...]] = []

    def reply(self, conversation: str, text: str) -> Reply:
        if self.breaks and self.turn:
            raise RuntimeError("the cork broke\x00")
        self.turn += 1
        items = tuple(
            Recommendation(item, self.catalog.label(self.catalog[item]), "<a_1>", rank, 0.5, self.reason)
            for rank, item in enumerate(self.lists[self.turn - 1], start=1)
        )
        return Reply(
            conversation, self.turn, "Here you are.", items, "Red or white?" if not items else None, "recommend",
            {"intent": "recommend"}, BELIEF, {"cards": 0.1, "total": 0.2}, True,
        )  # fmt: skip

    def remove(self, conversation: str, attribute: str, value: str | int | float | None = None) -> Reply:
        self.done.append(("remove", attribute, value))
        return self.reply(conversation, "")

    def feedback(
        self, conversation: str, turn: int, item_id: str | None = None, *, verdict: str, words: str = ""
    ) -> None:
        self.done.append(("feedback", turn, item_id, verdict))


Write = Callable[..., Script]


@pytest.fixture
def script(tmp_path: Path) -> Write:
    def write(*turns: str, name: str = "one", tags: str = "[]") -> Script:
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"name: {name}\ntags: {tags}\nturns:\n" + "".join(f"  - {turn}\n" for turn in turns), "utf-8")
        return read(path)

    return write


def outcomes(played: Played) -> dict[str, bool]:
    assert not played.error, played.error
    return {".".join(map(str, check.place)): check.holds for turn in played.turns for check in turn.checks}


@pytest.mark.parametrize(
    ("expectation", "holds"),
    [
        ("{intent: recommend}", True),
        ("{intent: [chat, recommend]}", True),
        ("{intent: chat}", False),
        ("{action: recommend}", True),
        ("{belief: {constraints: {has: [{attribute: price}]}}}", True),
        ("{belief: {constraints: {has: [{attribute: Price, op: at_most, value: 20.0}]}}}", True),
        ("{belief: {constraints: {has: [{attribute: price, value: 30}]}}}", False),
        ("{belief: {constraints: {lacks: [{attribute: price}]}}}", False),
        ("{belief: {constraints: {lacks: [{attribute: vintage}]}}}", True),
        ("{belief: {preferences: {has: [{value: riesling, weight: 1}]}}}", True),
        ("{belief: {preferences: {has: [{value: riesling, weight: -1}]}}}", False),
        ("{belief: {items: {has: [{item: Old Cellar, verdict: seen}]}}}", True),
        ("{belief: {items: {has: [{item: Old Cellar, verdict: liked}]}}}", False),
        ("{belief: {items: {lacks: [{item: Red Hill}]}}}", True),
        ("{items: {count: 2}}", True),
        ("{items: {count: {at_least: 3}}}", False),
        ("{items: {all: [{attribute: region, op: is, value: mosel}]}}", True),
        ("{items: {all: [{attribute: price, op: at_most, value: 20}]}}", False),
        ("{items: {any: [{attribute: price, op: at_most, value: 20}]}}", True),
        ("{items: {any: [{attribute: price, op: at_most, value: 1}]}}", False),
        ("{items: {none: [{attribute: grapes, op: is, value: Syrah}]}}", True),
        ("{items: {none: [{attribute: grapes, op: is, value: Riesling}]}}", False),
        ("{items: {includes: [Stone Terrace (2019)]}}", True),
        ("{items: {includes: [Red Hill]}}", False),
        ("{items: {excludes: [Red Hill]}}", True),
        ("{items: {excludes: [slate-garden]}}", False),
        ("{items: {not_shown_before: true}}", True),
        ("{reasons: {grounded: true}}", True),
        ("{text: {contains: [HERE]}}", True),
        ("{text: {contains: [wine]}}", False),
        ("{text: {lacks: [here]}}", False),
        ("{question: false}", True),
        ("{question: true}", False),
        ("{latency_ms: {at_most: 60000}}", True),
        ("{latency_ms: {at_least: 60000}}", False),
    ],
)
def test_each_kind_of_expectation_holds_and_fails(script: Write, wines: Catalog, expectation: str, holds: bool) -> None:
    rec = Cellar(wines, ("stone-terrace", "slate-garden"), reason="Riesling from Mosel.")
    found = outcomes(play(script(f"{{say: hi, expect: {expectation}}}"), rec))
    assert found
    assert all(found.values()) == holds


def test_a_reason_with_a_fact_of_another_item_is_not_grounded(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("stone-terrace",), reason="Malbec from Mendoza.")
    played = play(script("{say: hi, expect: {reasons: {grounded: true}}}"), rec)
    assert played.status == "failed"
    assert "Malbec" in next(played.failures())[1].got


def test_an_item_without_a_reason_is_not_grounded(script: Write, wines: Catalog) -> None:
    played = play(script("{say: hi, expect: {reasons: {grounded: true}}}"), Cellar(wines, ("stone-terrace",)))
    assert played.status == "failed"


def test_items_of_earlier_turns_are_named_by_turn_and_place(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("stone-terrace", "old-cellar"), ("river-bend", "old-cellar"))
    played = play(
        script(
            "{say: hi}",
            "{say: cheaper, expect: {items: {excludes: [turn 1 item 1, turn 1 item 2], includes: [turn 1 item 3],"
            " all: [{attribute: price, op: at_most, value: turn 1 item 1}], not_shown_before: true},"
            " belief: {items: {has: [{item: turn 1 item 2, verdict: seen}]}}}}",
        ),
        rec,
    )
    assert outcomes(played) == {
        "belief.items.has.0": True,
        "items.all.0": False,
        "items.includes.0": False,
        "items.excludes.0": True,
        "items.excludes.1": False,
        "items.not_shown_before": False,
    }


def test_a_bound_taken_from_an_item_without_that_number_fails_and_says_so(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("high-plain",), ())
    turn = "{say: cheaper, expect: {items: {all: [{attribute: price, op: at_most, value: turn 1 item 1}]}}}"
    played = play(script("{say: hi}", turn), rec)
    assert [check.got for _, check, _ in played.failures()] == ["turn 1 item 1 has no known price"]


def test_clicks_reach_the_recommender_in_order(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("stone-terrace", "old-cellar"), ("red-hill",))
    played = play(
        script(
            "{say: hi}",
            "{feedback: {item: 2, verdict: seen}}",
            "{feedback: {item: Red Hill, verdict: liked}}",
            "{feedback: {verdict: thumbs_up}}",
            "{remove: {attribute: price, value: 20}}",
        ),
        rec,
    )
    assert played.status == "passed"
    assert rec.done == [
        ("feedback", 1, "old-cellar", "seen"),
        ("feedback", 1, "red-hill", "liked"),
        ("feedback", 1, None, "thumbs_up"),
        ("remove", "price", 20),
    ]


def test_an_exception_is_an_error_and_not_a_failure(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("stone-terrace",), breaks=True)
    played = play(script("{say: hi, expect: {intent: chat}}", "{say: more}"), rec)
    assert played.status == "error"
    assert "the cork broke" in played.error
    assert len(played.turns) == 1


def test_a_click_on_a_place_that_was_not_shown_is_an_error(script: Write, wines: Catalog) -> None:
    played = play(script("{say: hi}", "{feedback: {item: 5, verdict: seen}}"), Cellar(wines, ("red-hill",)))
    assert "feedback on item 5 of a list of 1" in played.error


def test_tags_select(script: Write) -> None:
    scripts = [script("{say: a}", name="a", tags="[x]"), script("{say: b}", name="b", tags="[y, z]")]
    assert select(scripts, []) == scripts
    assert [one.scenario.name for one in select(scripts, ["z", "none"])] == ["b"]


@pytest.fixture
def three(script: Write, wines: Catalog) -> list[Played]:
    return [
        play(script("{say: hi, expect: {items: {count: 1}}}", name="good"), Cellar(wines, ("red-hill",))),
        play(script("{say: 'a <b> & [red]', expect: {intent: chat}}", name="bad"), Cellar(wines, ("red-hill",))),
        play(script("{say: hi}", "{say: more}", name="broken"), Cellar(wines, ("red-hill",), breaks=True)),
    ]


def test_the_report_explains_each_failure_by_file_line_and_values(three: list[Played]) -> None:
    text = io.StringIO()
    print_table(three, Console(file=text, width=200))
    assert "bad.yaml:4  turn 1: a <b> & [red]" in text.getvalue()
    assert "expected  chat" in text.getvalue()
    assert "got       recommend" in text.getvalue()
    assert "turn 2 broke off" in text.getvalue()
    assert "1 passed, 1 failed, 1 errors; 1 of 2 checks held" in text.getvalue()


def test_json_and_junit_keep_failures_apart_from_errors(three: list[Played]) -> None:
    record = json.loads(as_json(three, {"seed": 0}))
    assert [one["status"] for one in record["scenarios"]] == ["passed", "failed", "error"]
    assert record["totals"] == totals(three) == {"passed": 1, "failed": 1, "error": 1, "checks": 2, "checks_held": 1}
    assert record["scenarios"][0]["turns"][0]["reply"]["items"][0]["id"] == "red-hill"
    suite = ET.fromstring(as_junit(three).encode()).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["error"]]
