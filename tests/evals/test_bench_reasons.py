"""Figures of reasons: by hand on wines, with the floor and the ceiling in their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from agent.belief import BeliefState, Limit, Preference
from agent.fact_check import FactCheck
from agent.reasons import Reason
from evals.bench.reasons import REFERENCES, SWAPPED, Slate, measure, overlap, score, slates
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder

BELIEF = BeliefState(
    constraints=(Limit(attribute="region", op="is", value="Mosel"),),
    preferences=(
        Preference(attribute="grapes", value="Riesling", words="riesling"),
        Preference(attribute="grapes", value="Syrah", words="syrah"),
        Preference(attribute="grapes", value="Malbec", weight=-1, words="no malbec"),
    ),
)
SLATE = Slate("d/1", "a riesling from the mosel", BELIEF, ("stone-terrace", "slate-garden"), ("Riesling.", "Mosel."))


def measured(wines: Catalog, *texts: str) -> dict[str, dict[str, float | None]]:
    reasons = [Reason(text, "llm", ()) for text in texts]
    return measure(SLATE, reasons, wines, FactCheck(wines), HashingEncoder().encode)


def test_of_the_wishes_that_an_item_fulfils_the_share_that_is_named_counts(wines: Catalog) -> None:
    found = measured(wines, "Riesling from Mosel.", "Riesling.")
    assert found["covers"] == {"d/1/1": 1, "d/1/2": 0.5}


def test_a_false_fact_and_an_empty_reason_are_not_grounded(wines: Catalog) -> None:
    assert measured(wines, "Malbec from Mendoza.", "")["grounded"] == {"d/1/1": 0, "d/1/2": 0}
    assert measured(wines, "Riesling.", "Mosel.")["grounded"] == {"d/1/1": 1, "d/1/2": 1}


def test_two_reasons_that_say_the_same_are_not_distinct(wines: Catalog) -> None:
    assert measured(wines, "Riesling from Mosel.", "From Mosel: Riesling.")["distinct"] == {"d/1": 0}
    assert measured(wines, "Riesling.", "Mosel.")["distinct"] == {"d/1": 1}


def test_a_reason_in_the_words_of_the_request_is_coherent_with_it(wines: Catalog) -> None:
    near, far = measured(wines, SLATE.text, "Aged in oak.")["coherent"].values()
    assert near == pytest.approx(1, abs=1e-6)
    assert far is not None and far < 0.5


def test_overlap_is_one_for_the_very_reference_and_zero_for_other_words() -> None:
    long = Slate("d/1", "", BELIEF, ("a", "b"), ("a dry riesling from the mosel", "a red from spain"))
    found = overlap(long, [Reason(long.references[0], "llm", ()), Reason("nothing alike", "llm", ())])
    assert found["ROUGE-L"] == pytest.approx({"d/1/1": 1, "d/1/2": 0})
    assert found["BLEU"] == pytest.approx({"d/1/1": 1, "d/1/2": 0}, abs=1e-6)


def test_every_system_is_measured_on_the_same_items(wines: Catalog) -> None:
    def explain(text: str, belief: BeliefState, items: Sequence[str]) -> Iterator[tuple[int, Reason]]:
        yield from ((place, Reason("Riesling.", "llm", ())) for place in reversed(range(len(items))))

    told: list[Any] = []
    found = score([SLATE], explain, wines, HashingEncoder().encode, tell=lambda *where: told.append(where))
    assert told == [(1, 1)]
    assert {frozenset(table["grounded"]) for table in found.values()} == {frozenset({"d/1/1", "d/1/2"})}
    assert found["tastemaker"]["by the model"] == {"d/1/1": 1, "d/1/2": 1}
    assert found["from the facts alone"]["grounded"] == {"d/1/1": 1, "d/1/2": 1}
    assert found[REFERENCES]["covers"] != {}
    assert found[SWAPPED]["covers"] == {"d/1/1": 0.5, "d/1/2": 0.5}


def test_slates_are_the_turns_that_showed_items_of_the_catalog(wines: Catalog) -> None:
    dialogue = {
        "id": "d",
        "turns": [
            {"user": "hi", "update": {"intent": "chat"}, "shown": []},
            {
                "user": "a riesling", "update": {"intent": "recommend"},
                "shown": [{"title": "Stone Terrace (2019)", "reason": "Dry."}, {"title": "Unknown", "reason": "Odd."}],
            },
        ],
    }  # fmt: skip
    (one,) = slates([dialogue], wines, None, 0)
    assert (one.unit, one.items, one.references) == ("d/2", ("stone-terrace",), ("Dry.",))
    many = [{**dialogue, "id": str(number)} for number in range(9)]
    drawn = slates(many, wines, 3, 1)
    assert drawn == slates(many, wines, 3, 1)
    assert len(drawn) == 3
