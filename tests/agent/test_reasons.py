from __future__ import annotations

import pytest

from agent.belief import BeliefState, ItemVerdict, Limit, Preference
from agent.fact_check import FactCheck
from agent.llm import ScriptedLanguageModel
from agent.reasons import Explainer, evidence
from retrieval.catalog import Catalog

BELIEF = BeliefState(
    constraints=(
        Limit(attribute="grapes", op="is", value="Riesling", words="a riesling"),
        Limit(attribute="region", op="is_not", value="Burgundy", words="not burgundy"),
    ),
    items=(ItemVerdict(ref="River Bend", verdict="liked", item_id="river-bend"),),
    preferences=(Preference(attribute="text", value="for oysters", words="for oysters"),),
)


@pytest.mark.parametrize(
    "sentence",
    [
        "A Riesling from Mosel.",
        "A Riesling by Anna Weiss, and not from Burgundy.",
        "Made in 2019, a good match for oysters.",
        "From the 2010s, with no Malbec in it.",
        "A Riesling like River Bend (2021).",
        "Like River Bend, a Riesling.",
    ],
)
def test_a_sentence_of_the_items_facts_and_the_persons_words_passes(wines: Catalog, sentence: str) -> None:
    assert FactCheck(wines).unsupported(sentence, wines["stone-terrace"], BELIEF) == []


@pytest.mark.parametrize(
    ("sentence", "offence"),
    [
        ("A Malbec from Mosel.", "Malbec"),
        ("A Riesling from Burgundy.", "Burgundy"),
        ("A Riesling from 2015.", "2015"),
        ("A Riesling from the 1990s.", "1990s"),
        ("A Riesling by Luc Morel.", "Luc Morel"),
        ("A prize-winning Riesling.", "prize-winning"),
        ("A wine with no Riesling.", "not Riesling"),
        ("No rain, only Burgundy.", "Burgundy"),
        ("Grown on the moon.", "moon"),
        ("A Riesling with Anna Weiss as the region.", "Anna Weiss"),
        ("Like River Bend, and from 2021.", "2021"),
        ("A Riesling for any river.", "river"),
    ],
)
def test_a_fact_that_is_in_neither_item_nor_belief_is_found(wines: Catalog, sentence: str, offence: str) -> None:
    assert offence in FactCheck(wines).unsupported(sentence, wines["stone-terrace"], BELIEF)


def test_a_sentence_that_fails_the_check_never_reaches_the_person(wines: Catalog) -> None:
    invented = ScriptedLanguageModel(sentence="A prize-winning Malbec from the moon.")
    reasons = dict(Explainer(invented, wines).explain("a riesling", BELIEF, ["stone-terrace", "river-bend"]))
    assert {reason.source for reason in reasons.values()} == {"facts"}
    assert all("Malbec" not in reason.text and "moon" not in reason.text for reason in reasons.values())


def test_a_sentence_that_passes_is_kept_with_the_evidence_it_rests_on(wines: Catalog) -> None:
    honest = ScriptedLanguageModel(sentence="a Riesling from Mosel.")
    [(place, reason)] = Explainer(honest, wines).explain("a riesling", BELIEF, ["stone-terrace"])
    assert (place, reason.text, reason.source) == (0, "A Riesling from Mosel.", "llm")
    assert reason.evidence[0] == "grapes: Riesling"


def test_an_empty_factless_or_circling_sentence_is_replaced(wines: Catalog) -> None:
    for sentence in ("", "It is what you want.", "A Riesling, a Riesling, a Riesling from Mosel."):
        [(_, reason)] = Explainer(ScriptedLanguageModel(sentence=sentence), wines).explain("x", BELIEF, ["river-bend"])
        assert reason.source == "facts"


def test_a_reason_built_from_facts_passes_the_same_check_for_every_item(wines: Catalog, demo_catalog: Catalog) -> None:
    for catalog, belief in ((wines, BELIEF), (demo_catalog, BeliefState())):
        explainer = Explainer(ScriptedLanguageModel(), catalog)
        for item in list(catalog)[::20]:
            [reason] = explainer.from_facts(belief, [item.id])
            assert explainer.check.unsupported(reason.text, item, belief) == [], reason.text


def test_parts_of_two_names_are_not_one_and_a_surname_may_stand_for_its_name(demo_catalog: Catalog) -> None:
    check, item = FactCheck(demo_catalog), demo_catalog["the-sixth-sense-1999"]
    assert check.unsupported("Bruce Osment is in it.", item, BeliefState()) == ["Bruce", "Osment"]
    assert check.unsupported("Directed by Bruce Willis.", item, BeliefState()) == ["Bruce Willis"]
    assert check.unsupported("Starring M. Night Shyamalan.", item, BeliefState()) != []
    assert check.unsupported("With Willis and Toni Collette.", item, BeliefState()) == []


def test_a_sentence_like_that_of_another_item_is_replaced(wines: Catalog) -> None:
    same = ScriptedLanguageModel(sentence="A Riesling for oysters.")
    reasons = dict(Explainer(same, wines).explain("a riesling", BELIEF, ["stone-terrace", "slate-garden"]))
    assert [reason.source for reason in reasons.values()] == ["llm", "facts"]
    assert [reason.written for reason in reasons.values()] == ["A Riesling for oysters."] * 2


def test_evidence_names_what_was_asked_for_first(wines: Catalog) -> None:
    matched, others = evidence(wines["stone-terrace"], BELIEF, wines)
    assert matched == ("grapes: Riesling",)
    assert "region: Mosel" in others
