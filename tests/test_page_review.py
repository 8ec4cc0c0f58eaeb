"""The review in a real browser, and what the chat tells it: complaints with reasons, and looks into cards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from test_page import FAKES, WAIT, pytestmark, say

from agent import Recommender, Settings
from agent.log import ConversationLog
from agent.review_record import Review
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder
from retrieval.index import build

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["pytestmark"]
EVIL = "<img src=x onerror=\"document.title='owned'\"> {{constructor}} ${1}"
COMPLAINED = ("a riesling from Mosel", "something from Burgundy", "a syrah", "a malbec", f"a chardonnay {EVIL}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, wines: Catalog) -> Path:
    """Make a home with turns that people complained about; the last one of `COMPLAINED` is the newest."""
    folder = tmp_path_factory.mktemp("review")
    build(wines, folder, HashingEncoder())
    rec = Recommender.open(Settings(home=folder, model="scripted", encoder="hashing"))
    for text in COMPLAINED:
        rec.reply(text[:20], text)
        rec.feedback(text[:20], 1, verdict="thumbs_down", reason="other", words=f"bad <b>{text[:10]}</b>")
    rec.reply("d", "hmmm the usual stuff")
    rec.close()
    return folder


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], home: Path) -> str:
    return serve(home, *FAKES)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open the chat; the page must not have written an error into its console by the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(address)
    page.wait_for_selector(".tries button", timeout=WAIT)
    yield page
    context.close()
    assert not errors


def open_turn(page: Page, text: str) -> None:
    page.get_by_role("tab", name="Review").click()
    page.locator(".desk nav button").filter(has_text=text).click(timeout=WAIT)
    page.locator(".quote").filter(has_text=text).wait_for(timeout=WAIT)


def press(page: Page, name: str) -> str:
    """Press a button of the review; return what it says then."""
    page.evaluate("document.querySelector('.desk').dataset.old = 1")
    page.locator(".desk .bar").get_by_role("button", name=name, exact=True).click()
    return drawn(page)


def drawn(page: Page) -> str:
    page.wait_for_selector(".desk:not([data-old])", timeout=WAIT)
    page.wait_for_timeout(100)
    return page.locator(".told").inner_text() if page.locator(".told").count() else ""


def last_review(home: Path) -> Review:
    log = ConversationLog(home / "log.sqlite")
    *_, last = log.reviews()
    log.close()
    return last


def given(home: Path, text: str) -> list[dict[str, Any]]:
    """Return the reactions in the conversation that began with this text."""
    log = ConversationLog(home / "log.sqlite")
    name = next(turn.conversation for turn in log.turns() if turn.content["user"] == text)
    found = [dict(entry.content) for entry in log.entries(name) if entry.kind == "feedback"]
    log.close()
    return found


def test_complaints_come_first_the_newest_on_top_and_nothing_in_them_is_markup(page: Page) -> None:
    page.get_by_role("tab", name="Review").click()
    page.wait_for_selector(".desk [data-open]", timeout=WAIT)
    rows = page.locator(".desk nav li").all_inner_texts()
    assert rows[0].startswith("a chardonnay <img") and "hmmm the usual stuff\nHardly understood" in rows[-1]
    assert page.locator(".quote").inner_text() == COMPLAINED[-1]
    assert "“bad <b>a chardonn</b>”" in page.locator(".desk section").inner_text()
    page.wait_for_timeout(200)
    assert page.locator(".desk img, .desk section p b").count() == 0 and page.title() == "Tastemaker"
    assert "Disliked" in rows[0] and "Something else" in page.locator(".desk section").inner_text()


def test_a_turn_is_approved_and_the_next_one_opens(page: Page, home: Path) -> None:
    open_turn(page, "a malbec")
    assert press(page, "Approve") == "Approved: a malbec"
    assert page.locator(".quote").inner_text() == "a syrah"
    made = last_review(home)
    assert (made.conversation, made.decision, len(made.person)) == ("a malbec", "approved", 16)
    page.locator(".desk nav summary").click()
    page.locator(".desk nav details button").filter(has_text="a malbec").click()
    page.locator(".quote").filter(has_text="a malbec").wait_for(timeout=WAIT)
    assert "approved" in page.locator(".desk section p").first.inner_text()


def test_everything_is_done_by_keyboard(page: Page, home: Path) -> None:
    page.get_by_role("tab", name="Chat").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".desk [data-open]", timeout=WAIT)
    stops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.closest('.desk nav') ? 'queue' : document.activeElement.id"))
    assert "queue" in stops and stops[-1] != "" and "understood" not in stops[: stops.index("queue")]

    first = page.locator(".quote").inner_text()
    for key, same in (("j", False), ("k", True), ("n", False)):
        page.evaluate("document.querySelector('.desk').dataset.old = 1; document.activeElement.blur()")
        page.keyboard.press(key)
        drawn(page)
        assert (page.locator(".quote").inner_text() == first) is same
        assert page.evaluate("document.activeElement.className") == "quote"

    open_turn(page, "a syrah")
    page.locator("#understood").focus()
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    assert page.locator(".quote").inner_text() == "a syrah", "a letter in a text box is a letter"
    page.keyboard.press("Backspace")
    page.evaluate("document.querySelector('.desk').dataset.old = 1; document.activeElement.blur()")
    page.keyboard.press("r")
    assert drawn(page) == "Rejected: a syrah"
    assert (last_review(home).conversation, last_review(home).decision) == ("a syrah", "rejected")


def test_a_correction_is_checked_kept_and_made_into_a_scenario(page: Page, home: Path) -> None:
    open_turn(page, "something from Burgundy")
    assert "approve the turn or save a correction first" in press(page, "Make a scenario") + trouble(page)
    understood = page.locator("#understood").input_value()
    page.fill("#understood", understood.replace("value: Burgundy", "value: Burgundi"))
    press(page, "Save correction")
    assert trouble(page) == "set 1: region 'Burgundi': did you mean 'Burgundy'?"
    assert "Burgundi" in page.locator("#understood").input_value()
    assert page.evaluate("document.activeElement.id") == "understood"

    page.fill("#understood", understood.replace("intent: recommend", "intent: search"))
    titles = page.locator("#listed b").all_inner_texts()
    page.get_by_role("button", name=f"Move down: {titles[0]}").click()
    assert page.evaluate("document.activeElement.dataset.move") == "down"
    page.get_by_role("button", name=f"Take off: {titles[-1]}").click()
    page.locator("#listed textarea").first.fill("It is blue.")
    told = press(page, "Make a scenario")
    assert "Correction saved" in told and "not in the data" in told and "blue" in told
    assert "something_from_burgundy.yaml" in told and trouble(page) == ""
    made = last_review(home)
    assert made.decision == "corrected" and made.update is not None and made.update["intent"] == "search"
    assert list(made.reasons.values()) == ["It is blue."] and len(made.order) == len(titles) - 1
    assert page.locator("#listed b").all_inner_texts() == [titles[1], titles[0], *titles[2:-1]]
    scenario = yaml.safe_load((home / "scenarios" / "something_from_burgundy.yaml").read_text("utf-8"))
    schema = json.loads(Path("evals/scenario.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(scenario)
    assert scenario["turns"][0]["expect"]["intent"] == "search"


def trouble(page: Page) -> str:
    return str(page.locator("#trouble").inner_text()) if page.locator("#trouble").is_visible() else ""


def test_in_the_chat_a_bad_reply_takes_a_reason_or_own_words(page: Page, home: Path) -> None:
    say(page, "a pinot noir, please")
    page.get_by_role("button", name="Bad reply").click()
    page.get_by_role("button", name="Not what I meant").click()
    page.wait_for_selector("#live .wrong [aria-pressed=true]", timeout=WAIT)
    page.get_by_role("button", name="Something else").click()
    page.wait_for_selector("#live .own:focus", timeout=WAIT)
    page.keyboard.type("too dear, write to me@example.org")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#live .own')?.value.includes('[email]')", timeout=WAIT)
    assert [(one["reason"], one["words"]) for one in given(home, "a pinot noir, please")] == [
        ("", ""), ("not_what_i_meant", ""), ("other", ""), ("other", "too dear, write to [email]"),
    ]  # fmt: skip


def test_a_look_into_a_card_is_kept_once_and_disturbs_nothing(page: Page, home: Path) -> None:
    say(page, "a silvaner, please")
    page.evaluate("document.querySelector('#live .card').dataset.old = 1")
    why = page.locator("#live .card summary").first
    for _ in range(3):
        why.click()
        page.wait_for_timeout(400)
    assert page.locator("#live .card[data-old] details[open]").count() == 1
    page.reload()
    page.locator("#live .card summary").first.click(timeout=WAIT)
    page.wait_for_timeout(600)
    [look] = given(home, "a silvaner, please")
    assert look["verdict"] == "clicked"
    assert look["item_id"] == page.locator("#live .card").first.get_attribute("data-item")
