from __future__ import annotations

from typing import Any

import pytest
from small_world import CATALOG, limit, verdict, wish

from agent.belief import BeliefState, BeliefUpdate, Drop, apply
from agent.revising import revised

SPACE_OUT = BeliefUpdate(set=(limit("subjects", "is_not", "space"), limit("year", "at_least", 1990)))
NINETIES = BeliefUpdate(set=(limit("year", "at_least", 1990), limit("year", "at_most", 1999)))


def said(before: BeliefUpdate, update: BeliefUpdate) -> str:
    old = apply(BeliefState(), before)
    return revised(old, apply(old, update), update, CATALOG.schema)


@pytest.mark.parametrize(
    ("before", "update", "words"),
    [
        (SPACE_OUT, {"set": (limit("subjects", "is", "space"),)}, "Now “space” instead of “no space”."),
        (SPACE_OUT, {"prefer": (wish("subjects", "space"),)}, "Now “space” instead of “no space”."),
        (SPACE_OUT, {"drop": (Drop(attribute="year"),)}, "No longer “1990 or later”."),
        (
            SPACE_OUT,
            {"drop": (Drop(attribute="year"), Drop(attribute="subjects", value="space"))},
            "No longer “no space”. No longer “1990 or later”.",
        ),
        (
            NINETIES,
            {"drop": (Drop(attribute="year"),), "set": (limit("year", "at_most", 1969),)},
            "Now “1969 or earlier” instead of “from 1990–1999”.",
        ),
        (
            BeliefUpdate(set=(limit("subjects", "is", "crime"),)),
            {"drop": (Drop(attribute="subjects", value="crime"),), "set": (limit("subjects", "is", "space"),)},
            "Now “space” instead of “crime”.",
        ),
        (
            BeliefUpdate(prefer=(wish("moods", "dark"),)),
            {"prefer": (wish("moods", "dark", -1.0),)},
            "Now “less dark” instead of “dark”.",
        ),
        (SPACE_OUT, {"set": (limit("year", "at_most", 2000),)}, ""),
        (SPACE_OUT, {"set": (limit("year", "at_least", 1990),)}, ""),
        (BeliefUpdate(prefer=(wish("moods", "dark"),)), {"set": (limit("moods", "is", "dark"),)}, ""),
        (SPACE_OUT, {"intent": "restart"}, "We start over."),
        (
            BeliefUpdate(items=(verdict("b00", "rejected"),)),
            {"drop": (Drop(attribute="items", value="b00"),)},
            f"What you said about {CATALOG.label(CATALOG['b00'])} is taken back.",
        ),
    ],
)
def test_what_a_message_overrules_is_said(before: BeliefUpdate, update: dict[str, Any], words: str) -> None:
    assert said(before, BeliefUpdate(**update)) == words


def test_nothing_is_said_where_nothing_was_in_force() -> None:
    assert said(BeliefUpdate(), SPACE_OUT) == ""
