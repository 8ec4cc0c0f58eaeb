"""What simulated users say and do: pure functions over wines, where nothing is a film."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.belief import BeliefState, BeliefUpdate, Drop, Limit, Question
from agent.llm import ScriptedLanguageModel
from agent.reply import Recommendation, Reply
from evals.simulation.behaviour import fed_up, next_move, repeated, violations
from evals.simulation.facts import bound_of, facts_of, in_turn, value_fact
from evals.simulation.rephrase import Rephraser, faithful
from evals.simulation.speech import Speech
from evals.simulation.targets import target_user
from evals.simulation.user import Exchange, Fact, Heard, Manner, Move, User, stated
from retrieval.catalog import Catalog, Column, fold
from retrieval.constraints import Constraint


def bound(attribute: str, op: str, value: float) -> Fact:
    return Fact(rules=(Constraint(attribute=attribute, op=op, value=value),), hard=True)  # type: ignore[arg-type]


def exchange(*items: str, move: Move | None = None, turn: int = 1, **heard: object) -> Exchange:
    said = move or Move(text="hello", kind="open")
    return Exchange(move=said, heard=Heard.model_validate({"turn": turn, "text": "", "items": items, **heard}))


RIESLING = value_fact("grapes", "Riesling")
MOSEL = value_fact("region", "Mosel", hard=True)
WEISS = value_fact("makers", "Anna Weiss")
TARGET = User("one", "Stone Terrace", frozenset({"stone-terrace"}), (RIESLING, MOSEL, WEISS))


def said(user: User, catalog: Catalog, *history: Exchange, seed: int = 0) -> Move:
    return next_move(user, catalog, history, random.Random(seed))


@pytest.mark.parametrize("seed", range(12))
def test_a_user_begins_with_one_or_two_facts_in_words(wines: Catalog, seed: int) -> None:
    move = said(TARGET, wines, seed=seed)
    assert move.kind == "open"
    assert 1 <= len(move.facts) <= 2
    assert all(fold(str(rule.value)) in fold(move.text) for fact in move.facts for rule in fact.rules)


@pytest.mark.parametrize("seed", range(12))
def test_a_question_is_answered_with_the_value_on_offer(wines: Catalog, seed: int) -> None:
    move = said(TARGET, wines, exchange("red-hill", question="Any region: Mosel or Loire?", asked="region"), seed=seed)
    assert (move.kind, move.facts) == ("answer", (MOSEL,))
    assert "Mosel" in move.text


def test_who_has_no_such_fact_does_not_mind_and_says_something_else(wines: Catalog) -> None:
    opening = Move(text="something Riesling", kind="open", facts=(RIESLING,))
    asks = exchange("red-hill", move=opening, question="Any vintage in particular?", asked="vintage")
    move = said(TARGET, wines, asks)
    assert move.text.startswith(("I don't mind.", "No preference.", "That does not matter to me."))
    assert move.facts == (MOSEL,)


def test_who_is_asked_what_was_said_says_so(wines: Catalog) -> None:
    opening = Move(text="something Riesling", kind="open", facts=(RIESLING,))
    move = said(TARGET, wines, exchange("red-hill", move=opening, question="Any grape?", asked="grapes"))
    assert move.facts[0] == RIESLING
    assert "s I said" in move.text


def test_an_offer_is_refused_when_everything_wanted_needs_the_limit_and_taken_otherwise(wines: Catalog) -> None:
    opening = Move(text="only Mosel", kind="open", facts=(MOSEL,))
    refused = said(TARGET, wines, exchange(move=opening, question="Shall I drop Mosel?", offered=MOSEL.rules))
    assert refused.text.startswith("No")
    never_said = bound("price", "at_most", 5).rules
    taken = said(TARGET, wines, exchange(move=opening, question="Shall I drop 5 euros?", offered=never_said))
    assert taken.text in ("Yes, that's fine.", "Yes please.", "OK.")


def test_an_offer_is_understood_by_its_words_whatever_attribute_the_system_means(wines: Catalog) -> None:
    opening = Move(text="with Anna Weiss", kind="open", facts=(WEISS,))
    limit = Constraint(attribute="tasters", op="is", value="anna weiss")
    move = said(TARGET, wines, exchange(move=opening, question="Shall I drop Anna Weiss?", offered=(limit,)))
    assert move.text.startswith("No")


def test_a_wish_that_not_everything_wanted_has_is_given_up(wines: Catalog) -> None:
    easy = User("two", "", frozenset({"stone-terrace", "old-cellar"}), (RIESLING,))
    opening = Move(text="something Riesling", kind="open", facts=(RIESLING,))
    move = said(easy, wines, exchange(move=opening, question="Shall I drop Riesling?", offered=RIESLING.rules))
    assert move.kind == "offer"
    assert not move.text.startswith("No")


def test_a_broken_limit_is_complained_of_once(wines: Catalog) -> None:
    opening = Move(text="only Mosel", kind="open", facts=(MOSEL,))
    first = exchange("red-hill", move=opening)
    complaint = said(TARGET, wines, first)
    assert (complaint.kind, complaint.facts) == ("restate", (MOSEL,))
    assert said(TARGET, wines, first, exchange("old-cellar", move=complaint)).kind != "restate"


def test_criticism_names_a_fact_that_the_item_breaks(wines: Catalog) -> None:
    kinds = set()
    for seed in range(20):
        move = said(TARGET, wines, exchange("old-cellar"), seed=seed)
        kinds.add(move.kind)
        if move.kind == "criticise":
            assert not move.facts[0].holds(wines["old-cellar"])
            assert "Old Cellar" in move.text
            assert move.judged == ("old-cellar",)
    assert kinds == {"criticise", "reveal"}


def test_numbers_are_compared_with_all_that_was_shown(wines: Catalog) -> None:
    user = User("old", "", frozenset({"old-cellar"}), (bound("vintage", "at_most", 2010),))
    moves = [said(user, wines, exchange("red-hill", "green-gate"), seed=seed) for seed in range(20)]
    compared = next(move for move in moves if move.kind == "criticise")
    assert "older than those" in compared.text
    assert compared.facts[0].rules[0].value == 2017  # Red Hill is of 2018


def test_a_seen_item_is_said_to_be_seen_once_by_click_or_in_words(wines: Catalog) -> None:
    user = User("three", "", frozenset({"stone-terrace"}), (RIESLING,), seen=frozenset({"red-hill"}))
    ways = set()
    for seed in range(20):
        move = said(user, wines, exchange("red-hill"), seed=seed)
        assert "red-hill" in move.judged
        ways.add(bool(move.clicks))
        assert bool(move.clicks) != ("Red Hill" in move.text)
        again = said(user, wines, exchange("red-hill"), exchange("red-hill", move=move), seed=seed)
        assert not again.clicks
        assert "Red Hill" not in again.text
    assert ways == {True, False}


def test_after_two_replies_without_items_a_user_starts_over_and_the_old_limits_are_forgotten(wines: Catalog) -> None:
    opening = Move(text="no Syrah", kind="open", facts=(value_fact("grapes", "Syrah", "is_not", hard=True),))
    silence = exchange(move=opening), exchange(turn=2)
    move = said(TARGET, wines, *silence)
    assert move.kind == "restart"
    assert violations((*silence, exchange("long-valley", move=move)), wines) == ("long-valley",)  # Mosel, not Syrah
    assert opening.facts[0] not in stated((*silence, exchange(move=move)))


def test_who_writes_in_lower_case_never_writes_a_capital(wines: Catalog) -> None:
    user = User("four", "", TARGET.accepts, TARGET.facts, manner=Manner(chatty=True, lower=True))
    assert all((move := said(user, wines, seed=seed)).text == move.text.lower() for seed in range(10))


def test_noise_is_vague_or_names_any_value_that_binds_nobody(wines: Catalog) -> None:
    user = User("five", "", TARGET.accepts, TARGET.facts, noise=1.0)
    asks = exchange("red-hill", question="Any region?", asked="region")
    moves = [said(user, wines, asks, seed=seed) for seed in range(20)]
    assert {move.kind for move in moves} == {"vague", "random"}
    wild = next(move for move in moves if move.kind == "random")
    assert stated((exchange(move=wild),)) == ()


def test_an_example_is_named_first_by_who_has_one(wines: Catalog) -> None:
    user = User("six", "", frozenset({"red-hill"}), (), seen=frozenset({"old-cellar"}), loved=("old-cellar",))
    move = said(user, wines)
    assert "Old Cellar" in move.text
    assert move.judged == ("old-cellar",)
    assert said(user, wines, exchange("green-gate", move=move)).kind == "more"


def test_patience_runs_out_sooner_with_repeats_and_broken_limits(wines: Catalog) -> None:
    plain = (exchange("red-hill"), exchange("old-cellar"))
    again = (exchange("red-hill"), exchange("red-hill"))
    assert repeated(again) == ("red-hill",)
    assert not fed_up(plain, wines, 3)
    assert fed_up(again, wines, 3)
    opening = Move(text="only Mosel", kind="open", facts=(MOSEL,))
    assert fed_up((exchange("red-hill", move=opening), exchange("stone-terrace")), wines, 3)


def test_what_a_question_is_about_is_read_off_the_belief() -> None:
    limit = Limit(attribute="region", op="is", value="Mosel")
    offer = Question(
        attribute="region", text="Shall I drop Mosel?", turn=1,
        yes=BeliefUpdate(drop=(Drop(attribute="region", value="Mosel"),)),
    )  # fmt: skip
    belief = BeliefState(constraints=(limit,), questions=(offer,), turn=1).model_dump(mode="json")
    heard = Heard.of(Reply("c", 1, "Nothing.", question="Shall I drop Mosel?", belief=belief))
    assert (heard.asked, heard.offered) == (None, (limit.constraint,))
    asking = BeliefState(questions=(Question(attribute="grapes", text="Any grape?"),)).model_dump(mode="json")
    card = Recommendation("red-hill", "Red Hill (2018)", "", 1, 1.0)
    heard = Heard.of(Reply("c", 1, "Any grape?", (card,), question="Any grape?", belief=asking))
    assert (heard.asked, heard.offered, heard.items) == ("grapes", None, ("red-hill",))


@given(place=st.integers(0, 11), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_every_fact_of_an_item_is_true_of_it(wines: Catalog, place: int, seed: int) -> None:
    item = wines.items[place]
    facts = facts_of(item, wines, random.Random(seed))
    assert facts
    assert all(fact.holds(item) for fact in facts)
    assert len(set(facts)) == len(facts)
    against = [fact.against for fact in facts]
    assert against == sorted(against), "what is not wanted comes last"


@given(seed=st.integers(0, 1000), chatty=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_fact_can_be_said(wines: Catalog, seed: int, chatty: bool) -> None:
    chance = random.Random(seed)
    speech = Speech(wines, chance, Manner(chatty))
    for item in wines:
        for fact in facts_of(item, wines, chance):
            text = f"{speech.wish([fact])} / {speech.value(fact)}"
            numbers = [f"{rule.value:g}" for rule in fact.rules if not isinstance(rule.value, str)]
            assert any(number in text for number in numbers) or str(fact.rules[0].value) in text


@pytest.mark.parametrize(
    ("attribute", "numbers", "op", "value"),
    [
        ("vintage", [2012.0], "at_most", 2015),
        ("vintage", [2022.0], "at_least", 2020),
        ("price", [9.5, 14], "at_most", 20),
    ],
)
def test_bounds_are_round_and_rule_out_the_larger_side(
    wines: Catalog, attribute: str, numbers: list[float], op: str, value: float
) -> None:
    column = wines.schema.column(attribute)
    assert column
    found = bound_of(numbers, column, wines)
    assert found
    assert (found.rules[0].op, found.rules[0].value) == (op, value)


def test_a_bound_that_rules_nothing_out_is_none(wines: Catalog) -> None:
    column = wines.schema.column("vintage")
    assert column
    assert bound_of([2010.0, 2023.0], column, wines) is None
    assert bound_of([], column, wines) is None


def test_numbers_are_spoken_of_by_their_unit_or_by_their_name(wines: Catalog) -> None:
    columns = (*wines.schema.columns, Column(name="average_rating", role="number", unit="rating"))
    rated = Catalog(wines.schema.model_copy(update={"columns": columns}), wines.items)
    speech = Speech(rated, random.Random(0), Manner())
    assert speech.value(bound("price", "at_most", 20)) in ("of at most 20 euros", "of no more than 20 euros")
    assert speech.value(bound("average_rating", "at_least", 4)).startswith("with a rating of")
    assert speech.relation(bound("price", "at_most", 20), [wines["red-hill"]]).startswith("with a lower price than")


def test_values_of_different_attributes_come_in_turn() -> None:
    other = value_fact("grapes", "Silvaner")
    assert list(in_turn([[RIESLING, other], [], [MOSEL]])) == [RIESLING, MOSEL, other]


def test_a_user_is_the_same_whoever_else_there_is(wines: Catalog) -> None:
    assert target_user(3, wines, 0, 0.0) == target_user(3, wines, 0, 0.0)
    assert target_user(3, wines, 0, 0.0) != target_user(3, wines, 1, 0.0)
    user = target_user(3, wines, 0, 0.0)
    assert not user.accepts & user.seen


def test_a_target_is_never_given_away_by_a_person_at_once(wines: Catalog) -> None:
    for number in range(1, 30):
        first = target_user(number, wines, 0, 0.0).facts[:1]
        assert all(fact.attribute != "makers" for fact in first)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("could I get some Riesling from 2015 or later", True),
        ("could I get some from 2015 or later", False),
        ("could I get some Riesling", False),
        ("not Riesling from 2015 or later", False),
        ("", False),
    ],
)
def test_other_words_must_say_the_same(text: str, kept: bool) -> None:
    facts = (RIESLING, bound("vintage", "at_least", 2015))
    move = Move(text="something Riesling and from 2015 or later", kind="open", facts=facts)
    assert faithful(text, move) == kept
    rephrased = Rephraser(ScriptedLanguageModel(sentence=text))(move)
    assert rephrased.text == (text if kept else move.text)
    assert rephrased.rephrased == kept
