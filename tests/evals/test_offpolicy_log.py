"""From what people said and took to what another version would have got."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent import Recommender, Settings
from agent.reactions import Reacted, reactions
from agent.versions import SHIPPED, Versions, digest
from evals.__main__ import app
from evals.offpolicy.drawing import Drawing
from evals.offpolicy.drawn import drawn_turns, unheard, weighed
from evals.offpolicy.estimators import estimates
from evals.offpolicy.versions import Rankings, drawing, score
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build

WISHES = ("a wine from 2012 or later", "a wine under 50 euros", "something from Burgundy", "a wine from 2015 or later")
PEOPLE = 40


def talk(rec: Recommender) -> None:
    """Let people ask for something, and take the third thing if it is there and they are in the mood."""
    for number in range(PEOPLE):
        reply = rec.reply(f"c{number}", WISHES[number % len(WISHES)])
        if number % 3 and len(reply.items) > 2:
            rec.feedback(f"c{number}", reply.turn, reply.items[2].id, "accepted")
        rec.reply(f"c{number}", "something else")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, wines: Catalog) -> Path:
    folder = tmp_path_factory.mktemp("home")
    build(wines, folder, HashingEncoder())
    rec = Recommender.open(settings_in(folder, explore=1.0))
    talk(rec)
    rec.close()
    with Versions(folder).making("by hand"):
        pass
    return folder


def settings_in(folder: Path, **more: float) -> Settings:
    return Settings(home=folder, model="scripted", encoder="hashing", **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def logged(home: Path) -> Iterator[list[Reacted]]:
    from agent.log import ConversationLog

    log = ConversationLog(home / "log.sqlite")
    yield list(reactions(log))
    log.close()


@pytest.fixture(scope="module")
def rankings(home: Path) -> Rankings:
    return Rankings(settings_in(home), lambda line: None)


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_version_that_logged_weighs_every_turn_with_one(logged: list[Reacted], rankings: Rankings) -> None:
    turns, left_out = drawn_turns(logged, rankings.index.fingerprint)
    log = score(rankings.open(SHIPPED), turns, None, SHIPPED)
    assert len(turns) >= PEOPLE and not left_out["turns over another index"]
    assert log.lists == pytest.approx(1, abs=1e-6) and log.items[log.shown] == pytest.approx(1, abs=1e-6)
    assert log.unsupported == pytest.approx(0, abs=1e-9)
    assert log.reward.sum() == sum(number % 3 > 0 for number in range(PEOPLE))
    for one in estimates(log):
        exact = not one.name.startswith("DR")  # its model adds what it takes off on average only
        assert one.value == pytest.approx(log.reward.mean(), abs=1e-9 if exact else 0.01), one.name


def test_another_way_of_drawing_weighs_what_it_would_show_more_often(
    logged: list[Reacted], rankings: Rankings
) -> None:
    turns, _ = drawn_turns(logged, rankings.index.fingerprint)
    ranking = rankings.open(SHIPPED)
    first = score(ranking, turns, 0.0, SHIPPED)
    for place, one in enumerate(turns):
        top = [each.item_id for each in ranking.rank(one)][: one.logged.size]
        for column, item in enumerate(one.drawn):
            assert (first.items[place, column] > 0) == (item in top)
        assert (first.lists[place] > 0) == (list(one.drawn) == top)


def test_lists_that_could_not_have_been_drawn_are_counted(logged: list[Reacted], rankings: Rankings) -> None:
    turns, _ = drawn_turns(logged, rankings.index.fingerprint)
    strange = [Drawing((one.logged.items[0], "elsewhere"), (0.5, 0.5), 1.0, 2) for one in turns]
    log = weighed(turns, strange, [{} for _ in turns])
    assert log.unsupported == pytest.approx(1)
    assert not log.lists[[one.logged.size > 1 for one in turns]].any()


def test_the_order_in_which_turns_are_logged_does_not_matter(logged: list[Reacted], rankings: Rankings) -> None:
    turns, _ = drawn_turns(logged, rankings.index.fingerprint)
    ranking = rankings.open(SHIPPED)
    for one, again in zip(
        estimates(score(ranking, turns, 0.5, "")), estimates(score(ranking, turns[::-1], 0.5, "")), strict=True
    ):
        assert one.value == pytest.approx(again.value) and one.low == pytest.approx(again.low), one.name


def test_a_version_draws_as_freely_as_was_logged_unless_told_otherwise(
    logged: list[Reacted], rankings: Rankings
) -> None:
    turns, _ = drawn_turns(logged, rankings.index.fingerprint)
    ranked = rankings.open(SHIPPED).rank(turns[0])
    assert drawing(turns[0], ranked, None).temperature == 1.0 and drawing(turns[0], ranked, 0.0).temperature == 0.0


def test_lists_shown_for_certain_are_refused_with_the_setting_that_helps(logged: list[Reacted]) -> None:
    sure = [replace(one, explore=0.0) for one in logged]
    with pytest.raises(UserError, match="propensity of 1.*explore = 0.3"):
        drawn_turns(sure, logged[0].index)
    with pytest.raises(UserError, match="no turns at all"):
        drawn_turns([], "")
    with pytest.raises(UserError, match="over another index"):
        drawn_turns(logged, "another")


def test_a_log_in_which_nothing_was_left_to_chance_is_refused_whatever_the_setting_said(logged: list[Reacted]) -> None:
    def certain(one: Reacted) -> Reacted:
        candidates = ({**each, "propensity": 1.0 if each["propensity"] else 0.0} for each in one.candidates)
        return replace(one, candidates=tuple(candidates))

    sure = [certain(one) for one in logged]
    with pytest.raises(UserError, match="lists shown for certain"):
        drawn_turns(sure, logged[0].index)


def test_what_a_version_has_learned_from_does_not_speak_for_it(home: Path, logged: list[Reacted]) -> None:
    own = Versions(home)
    with own.making("by hand", parent=SHIPPED) as (half, record):
        (half / "adapter").mkdir()
        record["conversations"] = tuple(digest(f"c{number}") for number in range(PEOPLE // 2))
    teacher = own.names()[-1]
    with own.making("by hand", parent=teacher):
        pass
    rankings = Rankings(settings_in(home), lambda line: None)
    turns, _ = drawn_turns(logged, rankings.index.fingerprint)
    for name in (teacher, own.names()[-1]):
        kept = unheard(turns, rankings.heard(name), name)
        names = {one.turn.conversation for one in kept}
        assert names == {f"c{number}" for number in range(PEOPLE // 2, PEOPLE)}
    assert unheard(turns, rankings.heard("v1"), "v1") == turns
    with pytest.raises(UserError, match="v1 has learned from all"):
        unheard(turns, {digest(f"c{number}") for number in range(PEOPLE)}, "v1")


def test_the_command_prints_the_estimates_and_finds_the_logger_again(home: Path, tmp_path: Path) -> None:
    options = ("--home", home, "--model", "scripted", "--encoder", "hashing")
    done = call("offpolicy", "v1", *options, "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.output
    assert "v1, drawn as freely as logged" in done.output and "SNIPS, items" in done.output
    assert f"{SHIPPED}, which logged" in done.output and "100.0% of the lists have the probability" in done.output
    record = json.loads((tmp_path / "out.json").read_text())
    again = record["targets"][SHIPPED]["found"]
    assert [one["value"] for one in again] == [pytest.approx(record["logged"]["value"], abs=0.01)] * len(again)
    first = call("offpolicy", "v1", *options, "--explore", 0)
    assert "v1, drawn with explore 0" in first.output


def test_the_command_refuses_an_unknown_version_and_an_empty_home(home: Path, tmp_path: Path) -> None:
    unknown = call("offpolicy", "v9", "--home", home, "--model", "scripted", "--encoder", "hashing")
    assert isinstance(unknown.exception, UserError) and "v9" in str(unknown.exception)
    empty = call("offpolicy", "v1", "--home", tmp_path)
    assert isinstance(empty.exception, UserError) and "no conversations yet" in str(empty.exception)
