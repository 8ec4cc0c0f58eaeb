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
from evals.html import as_html
from evals.item_expectations import diversity
from evals.reading import Script, read, select
from evals.report import as_junit, as_result, closed, print_table, totals, unsteady
from evals.run import Played, play
from retrieval.catalog import Catalog

UPDATE: dict[str, Any] = {
    "intent": "recommend",
    "set": [{"attribute": "price", "op": "at_most", "value": 20}],
    "prefer": [{"attribute": "grapes", "value": "Riesling", "weight": 1.0}],
    "drop": [{"attribute": "region", "value": "Mosel"}],
    "items": [{"ref": "#1", "item_id": "old-cellar", "title": "Old Cellar", "verdict": "seen"}],
}
BELIEF: dict[str, Any] = {
    "intent": "recommend",
    "constraints": [{"attribute": "price", "op": "at_most", "value": 20, "words": "under 20", "turn": 1}],
    "preferences": [{"attribute": "grapes", "value": "Riesling", "weight": 1.0, "words": "riesling", "turn": 1}],
    "items": [
        {"ref": "Old Cellar", "item_id": "old-cellar", "title": "Old Cellar", "verdict": "seen", "words": "seen it"}
    ],
    "questions": [{"attribute": "region", "text": "From where?", "words": "", "turn": 1}],
}


class OneCode:
    """Semantic IDs of which only the first item's is what the replies carry."""

    def text(self, item_id: str) -> str:
        return "<a_2>" if item_id == "red-hill" else "<a_1>"


class Cellar:
    """A recommender without a mind: it shows the lists it was given, one a turn, and notes what was done to it."""

    def __init__(self, catalog: Catalog, *lists: tuple[str, ...], reason: str = "", breaks: bool = False) -> None:
        self.catalog, self.lists, self.reason, self.breaks = catalog, lists, reason, breaks
        self.semantic_ids: Any = OneCode()
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
            UPDATE, BELIEF, {"cards": 0.1, "total": 0.2}, True,
        )  # fmt: skip

    def remove(self, conversation: str, attribute: str, value: str | int | float | None = None) -> Reply:
        self.done.append(("remove", attribute, value))
        return self.reply(conversation, "")

    def feedback(
        self, conversation: str, turn: int, item_id: str | None = None, *, verdict: str, words: str = ""
    ) -> None:
        self.done.append(("feedback", turn, item_id, verdict))

    def export(self, conversation: str) -> dict[str, Any]:
        found = {"item_id": "old-cellar", "score": 0.5, "propensity": 0.2, "scores": {"dense": 0.5}}
        return {"entries": [{"candidates": [found]}]}

    def delete(self, conversation: str) -> None:
        self.done.append(("delete", conversation))
        self.turn = 0


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
        ("{update: {set: {has: [{attribute: price, op: at_most}]}}}", True),
        ("{update: {set: {lacks: [{attribute: price}]}}}", False),
        ("{update: {prefer: {has: [{attribute: grapes, weight: 1}]}}}", True),
        ("{update: {prefer: {has: [{attribute: grapes, weight: -1}]}}}", False),
        ("{update: {drop: {has: [{attribute: region}]}}}", True),
        ("{update: {drop: {has: [{attribute: region, value: Rioja}]}}}", False),
        ("{update: {items: {has: [{item: Old Cellar, verdict: seen}]}}}", True),
        ("{update: {items: {has: [{item: Old Cellar, verdict: liked}]}}}", False),
        ("{update: {nothing: true}}", False),
        ("{items: {semantic_ids_valid: true}}", True),
        ("{items: {diversity: {at_most: 0.9}}}", True),
        ("{items: {diversity: {at_least: 0.9}}}", False),
        ("{reasons: {mentions: [riesling]}}", True),
        ("{reasons: {mentions: [malbec]}}", False),
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
        ("delete", "eval-one"),
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


def test_an_item_with_a_code_that_the_index_did_not_give_it_fails(script: Write, wines: Catalog) -> None:
    turn = script("{say: hi, expect: {items: {semantic_ids_valid: true}}}")
    assert play(turn, Cellar(wines, ("red-hill",))).status == "failed"


def test_a_question_is_known_by_what_it_is_about(script: Write, wines: Catalog) -> None:
    asks = Cellar(wines, ())
    assert play(script("{say: hi, expect: {question: true}}"), asks).status == "passed"
    assert play(script("{say: hi, expect: {question: region}}"), asks).status == "passed"
    assert play(script("{say: hi, expect: {question: grapes}}"), asks).status == "failed"
    assert play(script("{say: hi, expect: {question: {asked: false}}}"), asks).status == "failed"


def test_a_scenario_leaves_no_conversation_behind(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("stone-terrace",), breaks=True)
    play(script("{say: hi}", "{say: more}"), rec)
    assert rec.done[-1] == ("delete", "eval-one")


def test_diversity_is_the_mean_jaccard_distance_of_facet_values(wines: Catalog) -> None:
    same = [wines["stone-terrace"], wines["stone-terrace"]]
    assert diversity(same, wines) == 0
    assert diversity(same[:1], wines) is None


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
    assert "1 passed, 1 failed, 1 errors, 0 known gaps; 1 of 2 checks held" in text.getvalue()


def test_json_and_junit_keep_failures_apart_from_errors(three: list[Played]) -> None:
    record = json.loads(as_result(three, {"seed": 0}).as_json())
    assert record["summary"]["tastemaker"]["passed"] == pytest.approx({"value": 1 / 3, "error": 1 / 3, "n": 3})
    record = record["notes"]
    assert [one["status"] for one in record["scenarios"]] == ["passed", "failed", "error"]
    assert record["totals"] == totals(three) == {
        "passed": 1, "failed": 1, "gap": 0, "error": 1, "checks": 2, "checks_held": 1,
    }  # fmt: skip
    assert record["scenarios"][0]["turns"][0]["reply"]["items"][0]["id"] == "red-hill"
    suite = ET.fromstring(as_junit(three).encode()).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["error"]]


def test_the_same_run_gives_the_same_bytes(script: Write, wines: Catalog) -> None:
    one = script("{say: hi, expect: {items: {count: 1}, latency_ms: {at_most: 60000}}}")
    first, second = (as_result([play(one, Cellar(wines, ("red-hill",)))], {}).as_json() for _ in range(2))
    assert first == second


def test_the_page_shows_every_scenario_and_runs_no_markup_of_what_was_said(three: list[Played]) -> None:
    page = as_html(three, {"seed": 0, "home": None})
    assert "a &lt;b&gt; &amp; [red]" in page
    assert "a <b> &" not in page
    assert page.count('<details class="one"') == 3
    assert "the cork broke" in page
    assert "Old Cellar" in page
    assert "http" not in page


def test_a_scenario_that_ends_differently_in_its_rounds_is_named(three: list[Played]) -> None:
    good, bad = three[:2]
    again = Played(good.script, bad.turns, "", 2)
    assert unsteady([good, again, bad]) == ["unsteady: good: passed in 1 of 2 rounds"]


def test_a_known_gap_is_no_failure_and_is_named_when_it_has_closed(script: Write, wines: Catalog) -> None:
    rec = Cellar(wines, ("red-hill",), ("red-hill",))
    there, here = (
        play(script(f"{{say: hi, expect: {{intent: {intent}}}}}", name=intent, tags="[]\ngap: not yet"), rec)
        for intent in ("chat", "recommend")
    )
    assert (there.status, here.status) == ("gap", "passed")
    assert closed([there, here]) == [f"closed: {here.script.where(('gap',))}: all holds now, take `gap` out"]
    assert 'skipped="1"' in as_junit([there])
    assert "Known gap: not yet." in as_html([there], {})
    text = io.StringIO()
    print_table([there], Console(file=text, width=200))
    assert "0 passed, 0 failed, 0 errors, 1 known gaps" in text.getvalue()
