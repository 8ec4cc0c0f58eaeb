"""What stands behind the page, without a browser: turns that are stopped, wait, fail, or belong to someone else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from agent import Recommender, Settings
from agent.belief import BeliefState
from agent.page.frame import examples_of
from agent.page.page import Page, View
from agent.reply import Recommendation, Reply
from app import build_page
from retrieval.catalog import Catalog


class SlowRecommender:
    """Shows one item at once and writes its reason only when `go` is set; remembers how each turn ended."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.go = threading.Event()
        self.turns: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.serving = "shipped"

    def stream(self, conversation: str, text: str, user: str = "") -> Iterator[Reply]:
        if "broken" in text:
            raise ValueError("that cannot be read")
        item = Recommendation(self.catalog.items[0].id, "Stone Terrace", "<a_1>", 1, 1.0)
        belief = BeliefState(turn=1).model_dump(mode="json")
        reason = "from the facts"
        try:
            yield Reply(conversation, 1, items=(item,), belief=belief)
            self.go.wait(10)
            yield Reply(conversation, 1, items=(item,), belief=belief)
            reason = "written to the end"
        finally:
            self.turns.append(
                {**Reply(conversation, 1, reason, (item,), belief=belief, done=True).as_dict(), "user": text}
                | {"via": "text", "feedback": []}
            )

    def history(self, conversation: str) -> list[dict[str, Any]]:
        return list(self.turns)

    def belief(self, conversation: str) -> dict[str, Any]:
        return BeliefState().model_dump(mode="json")

    def profile(self, user: str) -> dict[str, Any]:
        return {"user": user, "on": True, "summary": "", "entries": []}

    def conversations(self) -> list[dict[str, Any]]:
        return [{"id": "terminal-1", "title": "said in a terminal", "turns": 1}]

    def answering(self, conversation: str = "") -> str:
        return self.serving

    def delete(self, conversation: str) -> None:
        self.deleted.append(conversation)


@pytest.fixture
def slow(wines: Catalog) -> SlowRecommender:
    return SlowRecommender(wines)


@pytest.fixture
def page(slow: SlowRecommender, tmp_path: Path) -> Page:
    page = Page(Settings(home=tmp_path))
    page.rec = cast(Recommender, slow)
    page.ready.set()
    return page


def last(views: Iterator[View]) -> View:
    *_, view = views
    return view


def test_stop_ends_the_turn_with_what_it_has(page: Page, slow: SlowRecommender) -> None:
    name = page.conversation("me")
    page.begin(name, "a riesling")
    views = page.views("me", name)
    while "Stone Terrace" not in (view := next(views)).live:
        assert view.busy
    page.stop(name)
    assert "Stopping" in next(view.live for view in views if view.busy)
    slow.go.set()
    view = last(views)
    assert not view.busy
    assert "from the facts" in view.live and "written to the end" not in view.live


def test_a_turn_is_finished_when_nobody_watches_any_more(page: Page, slow: SlowRecommender) -> None:
    name = page.conversation("me")
    page.begin(name, "a riesling")
    views = page.views("me", name)
    next(views)
    del views
    slow.go.set()
    assert "written to the end" in last(page.views("me", name)).live


def test_a_second_message_waits_its_turn_instead_of_crossing_the_first(page: Page, slow: SlowRecommender) -> None:
    name = page.conversation("me")
    page.begin(name, "a riesling")
    page.begin(name, "a malbec")
    slow.go.set()
    last(page.views("me", name))
    assert [turn["user"] for turn in slow.turns] == ["a riesling"]


def test_while_the_recommender_loads_its_stage_is_shown_and_messages_wait(
    slow: SlowRecommender, tmp_path: Path
) -> None:
    page = Page(Settings(home=tmp_path))
    page.stage = "Getting ready: opening the index"
    name = page.conversation("me")
    page.begin(name, "a <b>riesling</b>")
    view = next(page.views("me", name))
    assert "opening the index" in view.live
    assert "a &lt;b&gt;riesling&lt;/b&gt;" in view.live
    page.rec, page.stage = cast(Recommender, slow), ""
    slow.go.set()
    page.ready.set()
    assert "Stone Terrace" in last(page.views("me", name)).live


def test_what_cannot_be_done_is_said_on_the_page(page: Page) -> None:
    name = page.conversation("me")
    page.begin(name, "broken")
    assert "that cannot be read" in last(page.views("me", name)).live


def test_a_conversation_of_another_browser_is_neither_opened_nor_listed_nor_deleted(
    page: Page, slow: SlowRecommender
) -> None:
    mine = page.conversation("me")
    assert page.conversation("me", mine) == mine
    assert page.conversation("someone else", mine) != mine
    assert page.click("someone else", page.conversation("someone else"), {"do": "open", "id": mine})[0] != mine
    page.click("someone else", page.conversation("someone else"), {"do": "delete", "id": mine})
    assert slow.deleted == []
    assert "said in a terminal" not in last(page.views("me", mine)).side
    page.click("me", mine, {"do": "delete", "id": mine})
    assert slow.deleted == [mine]


def test_the_side_says_what_answers(page: Page, slow: SlowRecommender) -> None:
    mine = page.conversation("me")
    slow.serving = "v3, adapter mine@1234"
    assert "Answers: v3, adapter mine@1234<br>" in last(page.views("me", mine)).side


@pytest.mark.parametrize("on", [True, False])
def test_the_tab_for_review_is_there_unless_it_is_turned_off(tmp_path: Path, on: bool) -> None:
    config = build_page(Page(Settings(home=tmp_path, review=on))).get_config_file()
    tabs = {one["props"]["label"]: one["props"]["visible"] for one in config["components"] if one["type"] == "tabitem"}
    assert tabs == {"Chat": True, "Review": on}


def test_examples_come_from_the_values_of_any_catalog(wines: Catalog) -> None:
    examples = examples_of(wines)
    assert any("riesling" in text or "pinot noir" in text or "syrah" in text for text in examples)
    assert any(item.title in text for item in wines for text in examples)
