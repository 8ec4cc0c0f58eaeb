"""The real page in a real browser: Chromium drives `app.py` over the whole demo catalog."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import CHROMIUM

from retrieval.catalog import Catalog

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FAKES = ("--model", "scripted", "--encoder", "hashing")
WAIT = 60_000

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not Path(CHROMIUM).exists() and not os.environ.get("CI"), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], built_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return serve(shutil.copytree(built_demo, tmp_path_factory.mktemp("page"), dirs_exist_ok=True), *FAKES)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".tries button", timeout=WAIT)
    yield page
    context.close()


def say(page: Page, text: str) -> None:
    turns = page.locator("section.turn").count()
    page.fill("#box textarea", text)
    page.press("#box textarea", "Enter")
    settled = "n => document.querySelectorAll('section.turn').length > n && document.querySelector('#live .after')"
    page.wait_for_function(settled, arg=turns, timeout=WAIT)


def cards(page: Page, part: str = "#live") -> list[str]:
    return [str(card.get_attribute("data-item")) for card in page.locator(f"{part} article.card").all()]


def test_a_person_asks_sees_fitting_cards_likes_one_removes_a_chip_and_finds_it_all_after_a_reload(
    page: Page, demo_catalog: Catalog
) -> None:
    say(page, "a tense thriller from the 90s, nothing with horror")
    shown = cards(page)
    assert len(shown) >= 3
    for item in map(demo_catalog.__getitem__, shown):
        assert "Thriller" in item.values("genres")
        assert "Horror" not in item.values("genres")
        assert 1990 <= (item.number("year") or 0) <= 1999
    reasons = page.locator("#live .card .reason").all_inner_texts()
    assert len(reasons) == len(shown) and all(reasons)

    like = page.locator("#live .card").first.get_by_role("button", name="Like", exact=True)
    like.click()
    page.wait_for_selector("#live .card [aria-pressed=true]", timeout=WAIT)
    page.wait_for_selector("#known :text('Like these')", timeout=WAIT)

    page.get_by_role("button", name="Remove no Horror").click()
    page.wait_for_function("() => document.querySelectorAll('section.turn').length > 1", timeout=WAIT)
    page.wait_for_selector("#live .after", timeout=WAIT)
    assert "no Horror" not in page.locator("#known").inner_text()
    assert "Thriller" in page.locator("#known").inner_text()

    before = (page.locator("section.turn").all_inner_texts(), page.locator("#known").inner_text())
    assert re.search(r"\?c=\w+", page.url)
    page.reload()
    page.wait_for_selector("#live .after", timeout=WAIT)
    assert (page.locator("section.turn").all_inner_texts(), page.locator("#known").inner_text()) == before
    assert cards(page, "#past") == shown


def test_an_example_can_be_clicked_and_the_turn_undone(page: Page) -> None:
    page.locator(".tries button").first.click()
    page.wait_for_selector("#live .after", timeout=WAIT)
    assert cards(page)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector(".tries button", timeout=WAIT)
    assert page.locator("section.turn").count() == 0


def test_what_is_said_before_the_models_are_loaded_is_answered_once_they_are(
    browser: Browser, serve: Callable[..., str], tmp_path: Path
) -> None:
    tab = browser.new_page()
    tab.goto(serve(tmp_path / "home", *FAKES))
    tab.fill("#box textarea", "a western")
    tab.press("#box textarea", "Enter")
    tab.wait_for_selector("#live .after", timeout=WAIT)
    assert tab.locator("#live .you").inner_text() == "a western"
    assert cards(tab)
    tab.close()


def test_a_verdict_can_be_taken_back_by_its_chip(page: Page) -> None:
    say(page, "a western")
    page.locator("#live .card").first.get_by_role("button", name="Seen it").click()
    chip = page.locator("#known .chip").filter(has_text=page.locator("#live h4").first.inner_text())
    chip.wait_for(timeout=WAIT)
    chip.get_by_role("button").click()
    page.wait_for_selector("#past section.turn", timeout=WAIT)
    page.wait_for_selector("#live .after", timeout=WAIT)
    assert "Seen" not in page.locator("#known").inner_text()


def test_what_is_remembered_is_shown_with_its_words_used_corrected_and_forgotten(page: Page, browser: Browser) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    say(page, "I hate horror. A tense thriller please")
    title = page.locator("#live h4").first.inner_text()
    page.locator("#live .card").first.get_by_role("button", name="Seen it").click()
    page.locator(".memory summary").click()
    entries = page.locator(".memory li")
    entries.filter(has_text=title).wait_for(timeout=WAIT)
    assert "“I hate horror”" in entries.filter(has_text="Horror").inner_text()

    page.get_by_role("button", name="New conversation").click()
    page.wait_for_selector(".tries button", timeout=WAIT)
    say(page, "a tense thriller please")
    assert title not in page.locator("#live h4").all_inner_texts()
    assert page.locator("#known .chip").filter(has_text="Horror").count() == 0
    context = browser.new_context()
    other = context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".tries button", timeout=WAIT)
    assert other.locator(".memory li").count() == 0
    context.close()

    page.get_by_role("button", name="I like it").click()
    page.wait_for_selector(".memory :text('You like')", timeout=WAIT)
    page.get_by_role("button", name="Forget Horror").click()
    entries.filter(has_text="Horror").wait_for(state="detached", timeout=WAIT)
    page.locator(".memory").get_by_role("button", name="Turn off").click()
    page.wait_for_selector(".memory .off", timeout=WAIT)
    page.reload()
    page.wait_for_selector(".memory .off", state="attached", timeout=WAIT)
    page.locator(".memory summary").click()
    assert entries.count() == 1
    page.get_by_role("button", name="Forget everything").click()
    entries.first.wait_for(state="detached", timeout=WAIT)
    page.locator(".memory button").filter(has_text="Turn on").wait_for(state="attached", timeout=WAIT)


def test_edit_puts_the_last_message_back_into_the_box_and_why_shows_what_a_reason_rests_on(page: Page) -> None:
    say(page, "a western from the 60s")
    page.locator("#live summary").first.click()
    assert "<a_" in page.locator("#live .why").first.inner_text()
    page.get_by_role("button", name="Edit").click()
    page.wait_for_selector(".tries button", timeout=WAIT)
    assert page.input_value("#box textarea") == "a western from the 60s"


def test_two_browsers_never_share_a_conversation(page: Page, browser: Browser) -> None:
    say(page, "a quiet western")
    context = browser.new_context()
    other = context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".tries button", timeout=WAIT)
    assert "western" not in other.locator("body").inner_text().lower().replace("for a western", "")
    assert other.locator("section.turn").count() == 0
    context.close()


def test_thumbs_belong_to_the_turn_they_were_given_to(page: Page) -> None:
    say(page, "something funny")
    say(page, "and something with space")
    page.locator("#past section.turn").first.get_by_role("button", name="Good reply").click()
    page.wait_for_selector("#past [aria-pressed=true]", timeout=WAIT)
    page.reload()
    page.wait_for_selector("#past [aria-pressed=true]", timeout=WAIT)
    assert page.locator("#live [aria-pressed=true]").count() == 0


def test_what_a_person_or_a_catalog_writes_is_never_markup(
    page: Page, browser: Browser, serve: Callable[..., str], tmp_path: Path
) -> None:
    say(page, "<img src=x onerror=\"document.title='owned'\"> <script>document.title='owned'</script> ${1}")
    assert "onerror" in page.locator("#live .you").inner_text()
    assert page.locator("#live img, #past img").count() == 0
    assert page.title() == "Tastemaker"

    evil = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>{{constructor}}${1}"
    rows = [{"id": f"i{n}", "title": f"{evil} {n}", "text": evil, "tags": [evil, "plain"]} for n in range(6)]
    (tmp_path / "evil.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    home = tmp_path / "home"
    build = [sys.executable, "-m", "retrieval", "build", "--catalog", str(tmp_path / "evil.jsonl"), "--home", str(home)]
    subprocess.run([*build, "--encoder", "hashing"], check=True, capture_output=True)
    other = browser.new_page()
    other.goto(serve(home, *FAKES))
    other.wait_for_selector("#box textarea", timeout=WAIT)
    other.wait_for_selector(".hello", timeout=WAIT)
    say(other, "anything plain")
    assert cards(other)
    assert "<script>" in other.locator("#live .card h4").first.inner_text()
    assert other.locator("#live img, #live h4 script").count() == 0
    assert other.title() == "Tastemaker"
    other.close()


def test_conversations_are_found_again_after_the_program_was_restarted(
    browser: Browser,
    serve: Callable[..., str],
    started: dict[str, subprocess.Popen[bytes]],
    demo_home: Path,
) -> None:
    context = browser.new_context()
    tab = context.new_page()
    address = serve(demo_home, *FAKES)
    tab.goto(address)
    tab.wait_for_selector(".tries button", timeout=WAIT)
    say(tab, "a western from the 60s")
    shown, state = cards(tab), context.storage_state()
    started[address].kill()
    started[address].wait(30)
    restarted = serve(demo_home, *FAKES)
    for origin in state["origins"]:
        origin["origin"] = restarted
    again = browser.new_context(storage_state=state)
    tab = again.new_page()
    tab.goto(restarted)
    tab.get_by_role("button", name="a western from the 60s").click(timeout=WAIT)
    tab.wait_for_selector("#live .after", timeout=WAIT)
    assert cards(tab) == shown
    again.close()
    context.close()


@pytest.mark.models
def test_the_page_as_it_ships_answers_with_the_embedded_models_from_a_fresh_home(
    browser: Browser, serve: Callable[..., str], tmp_path: Path, demo_catalog: Catalog
) -> None:
    tab = browser.new_page()
    tab.goto(serve(tmp_path / "home"))
    tab.wait_for_selector(".tries button", timeout=240_000)
    say(tab, "a heist film that is funny, no longer than two hours")
    shown = [demo_catalog[item] for item in cards(tab)]
    assert shown
    assert all((item.number("runtime") or 999) <= 120 for item in shown)
    assert all(tab.locator("#live .card .reason").all_inner_texts())
    tab.close()
