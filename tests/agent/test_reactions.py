from __future__ import annotations

from pathlib import Path

import pytest
from small_world import Told, limit, open_world, verdict

from agent.reactions import BAD, GOOD, reactions
from agent.recommender import Recommender


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def rec(tmp_path: Path, told: Told) -> Recommender:
    return open_world(tmp_path, told)


def crime(told: Told) -> str:
    return told.hears("dark crime", limit("subjects", "is", "crime"))


def test_a_turn_comes_with_what_was_shown_and_what_became_of_it(rec: Recommender, told: Told) -> None:
    shown = [item.id for item in rec.reply("c", crime(told), user="ada").items]
    rec.feedback("c", 1, shown[0], "liked")
    rec.feedback("c", 1, shown[1], "clicked")
    rec.reply("c", told.hears("the third is bad", verdict(shown[2], "rejected"), intent="feedback"), user="ada")
    first, second = reactions(rec.tools.log)
    assert [(one.item_id, one.verdict, one.clicked) for one in first.exposures[:3]] == [
        (shown[0], "liked", False), (shown[1], None, True), (shown[2], "rejected", False),
    ]  # fmt: skip
    assert first.exposures[3].ignored and not first.exposures[1].ignored
    assert first.with_verdict(GOOD) == (shown[0],) and first.with_verdict(BAD) == (shown[2],)
    assert (first.person, first.text, first.aftermath, second.said) == ("ada", "dark crime", "went on", "dark crime")


def test_the_belief_of_a_turn_includes_clicks_made_before_it(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, shown[0].id, "seen")
    rec.reply("c", told.hears("more", intent="refine"))
    first, second = reactions(rec.tools.log)
    assert first.before.turn == 0 and not first.belief.items and first.belief.constraints
    assert [entry.verdict for entry in second.before.items] == ["seen"] and second.belief.turn == 2


def test_a_click_on_an_earlier_list_is_known_to_no_turn_before_it(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.reply("c", told.hears("more", intent="refine"))
    rec.feedback("c", 1, shown[0].id, "accepted")
    rec.reply("c", told.hears("and more", intent="refine"))
    before = [(one.before.turn, [entry.verdict for entry in one.before.items]) for one in reactions(rec.tools.log)]
    assert before == [(0, []), (1, []), (2, ["accepted"])]


def test_a_click_after_a_turn_that_was_taken_back_knows_nothing_of_it(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.reply("c", told.hears("space", limit("subjects", "is", "space")))
    rec.feedback("c", 1, shown[0].id, "liked")
    rec.undo("c")
    rec.reply("c", told.hears("more", intent="refine"))
    *_, last = reactions(rec.tools.log)
    assert [entry.verdict for entry in last.before.items] == ["liked"]
    assert [str(entry.constraint.value) for entry in last.before.constraints] == ["crime"]


def test_the_last_word_counts_and_the_last_thumb(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    for kind in ("liked", "disliked"):
        rec.feedback("c", 1, shown[0].id, kind)
    rec.feedback("c", 1, verdict="thumbs_up")
    rec.feedback("c", 1, verdict="thumbs_down", reason="not_what_i_meant", words="no crime at all")
    [one] = reactions(rec.tools.log, "c")
    assert one.exposures[0].verdict == "disliked"
    assert (one.thumb, one.reason, one.words) == ("thumbs_down", "not_what_i_meant", "no crime at all")


def test_what_was_taken_back_is_not_there(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    shown = rec.reply("c", told.hears("space", limit("subjects", "is", "space"))).items
    if shown:
        rec.feedback("c", 2, shown[0].id, "liked")
    rec.undo("c")
    assert [one.turn for one in reactions(rec.tools.log)] == [1]


@pytest.mark.parametrize(
    ("following", "expected"),
    [("dark crime please", "rephrased"), ("something with animals", "went on"), (None, "left")],
)
def test_what_people_do_next_says_what_they_did_not(
    rec: Recommender, told: Told, following: str | None, expected: str
) -> None:
    rec.reply("c", crime(told))
    if following:
        rec.reply("c", told.hears(following, intent="refine"))
    assert next(reactions(rec.tools.log)).aftermath == expected


def test_who_leaves_pleased_has_not_left(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, shown[0].id, "accepted")
    assert next(reactions(rec.tools.log)).aftermath == ""


def test_a_complaint_about_a_reason_is_kept_with_the_item(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, shown[0].id, "disliked", reason="ungrounded")
    [one] = reactions(rec.tools.log)
    assert one.complaints == ((shown[0].id, "ungrounded"),) and one.exposures[0].verdict is None
