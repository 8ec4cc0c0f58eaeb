from __future__ import annotations

import pytest

from agent.belief import BeliefState, apply
from agent.feedback import AGAINST, REACTIONS, REASONS, meant

CARDS = [{"id": "a", "title": "A (1990)"}, {"id": "b", "title": "B"}]


def verdicts(item: str | None, verdict: str, reason: str = "") -> list[tuple[str | None, str]]:
    return [(entry.item_id, entry.verdict) for entry in meant(CARDS, item, verdict, reason, "").items]


def test_a_reaction_to_an_item_is_a_verdict_on_it() -> None:
    assert verdicts("a", "liked") == [("a", "liked")]
    assert verdicts("b", "thumbs_down") == [("b", "disliked")]


@pytest.mark.parametrize(
    ("reason", "kind"), [("wrong_item", "rejected"), ("seen_it", "seen"), ("other", "disliked"), ("", "disliked")]
)
def test_a_reason_says_what_is_wrong_with_an_item(reason: str, kind: str) -> None:
    assert verdicts("a", "disliked", reason) == [("a", kind)]


@pytest.mark.parametrize("reason", ["ungrounded", "not_what_i_meant"])
def test_a_complaint_about_what_was_said_is_no_verdict_on_the_item(reason: str) -> None:
    assert verdicts("a", "disliked", reason) == []


def test_a_reason_for_a_bad_reply_speaks_of_all_its_items() -> None:
    assert verdicts(None, "thumbs_down", "seen_it") == [("a", "seen"), ("b", "seen")]
    assert verdicts(None, "thumbs_down", "wrong_item") == [("a", "rejected"), ("b", "rejected")]
    assert verdicts(None, "thumbs_down") == verdicts(None, "thumbs_up") == []


def test_a_click_says_nothing() -> None:
    assert verdicts("a", "clicked") == []


@pytest.mark.parametrize("verdict", sorted(REACTIONS - AGAINST))
def test_only_what_is_bad_has_a_reason(verdict: str) -> None:
    with pytest.raises(ValueError, match=verdict):
        meant(CARDS, "a", verdict, REASONS[0], "")


@pytest.mark.parametrize(
    ("item", "verdict", "reason"), [("c", "liked", ""), ("a", "adored", ""), ("a", "disliked", "boring")]
)
def test_what_is_not_there_is_named(item: str, verdict: str, reason: str) -> None:
    with pytest.raises(ValueError, match="c|adored|boring"):
        meant(CARDS, item, verdict, reason, "")


def test_the_last_word_counts() -> None:
    belief = apply(BeliefState(), meant(CARDS, "a", "liked", "", ""))
    belief = apply(belief, meant(CARDS, "a", "disliked", "", ""))
    assert [entry.verdict for entry in belief.items] == ["disliked"]
