"""A trial of two versions can be looked at after every conversation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from agent.belief import BeliefUpdate
from agent.feedback import Feedback
from agent.log import ConversationLog, Turn
from agent.versions import SHIPPED, Versions
from evals.__main__ import app
from evals.trials import CLOSE, LEVEL, Look, Outcome, conclusion, during, look, outcomes
from retrieval.catalog import UserError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def people(n: int, first: float, second: float, seed: int) -> tuple[list[bool], list[bool]]:
    """Draw the arms and successes of n conversations."""
    rng = np.random.default_rng(seed)
    arm = rng.random(n) < 0.5
    return arm.tolist(), (rng.random(n) < np.where(arm, second, first)).tolist()


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.6])
def test_no_difference_is_found_in_at_most_five_percent_though_it_is_looked_for_after_every_conversation(
    rate: float,
) -> None:
    trials = 400
    found = sum(look(*people(400, rate, rate, seed)).p <= LEVEL for seed in range(trials))
    assert found / trials <= LEVEL + 2 * (LEVEL * (1 - LEVEL) / trials) ** 0.5


def test_drift_over_time_is_not_taken_for_a_difference() -> None:
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        arm, rates = rng.random(400) < 0.5, np.linspace(0.05, 0.7, 400)
        found += look(arm.tolist(), (rng.random(400) < rates).tolist()).p <= LEVEL
    assert found / 200 <= 0.08


def test_what_was_found_once_stays_found_and_the_interval_shrinks() -> None:
    arm, success = people(900, 0.3, 0.45, 3)
    looks = [look(arm[:n], success[:n]) for n in range(20, 900, 40)]
    assert all(later.p <= sooner.p for sooner, later in zip(looks, looks[1:], strict=False))
    assert all(
        later.low >= sooner.low - 1e-5 and later.high <= sooner.high + 1e-5
        for sooner, later in zip(looks, looks[1:], strict=False)
    )
    assert looks[-1].high - looks[-1].low < 0.5 * (looks[3].high - looks[3].low)


def test_a_real_difference_is_found_and_its_size_is_in_the_interval() -> None:
    found = [look(*people(1500, 0.3, 0.45, seed)) for seed in range(60)]
    assert sum(one.low > 0 for one in found) >= 57
    assert sum(one.low <= 0.15 <= one.high for one in found) >= 57


@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.3, 0.6), (0.7, 0.4)])
def test_a_difference_is_significant_just_when_the_interval_leaves_out_zero(rates: tuple[float, float]) -> None:
    for seed in range(40):
        one = look(*people(200, *rates, seed))
        assert (one.p <= LEVEL) == (one.low > 0 or one.high < 0), one


def test_the_arms_are_mirror_images() -> None:
    arm, success = people(300, 0.2, 0.5, 0)
    one, other = look(arm, success), look([not each for each in arm], success)
    assert (one.low, one.high, one.p) == pytest.approx((-other.high, -other.low, other.p), abs=1e-5)


def test_one_conversation_in_each_arm_says_nothing() -> None:
    one = look([False, True], [False, True])
    assert one.p == 1.0 and one.low < -0.9 and one.high > 0.9
    with pytest.raises(AssertionError):
        look([True, True], [False, True])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, "v1 is better than shipped; the trial can end: `python -m finetune promote v1`"),
        (-0.2, -0.01, "v1 is worse than shipped"),
        (-CLOSE, CLOSE, "within .020 of each other"),
        (-0.03, 0.09, "may be up to .030 worse or .090 better"),
    ],
)
def test_the_conclusion_is_one_line(low: float, high: float, expected: str) -> None:
    said = conclusion(Look((low + high) / 2, low, high, 0.5, 100), SHIPPED, "v1")
    assert expected in said and "\n" not in said


def test_only_what_began_while_both_answered_and_is_over_counts() -> None:
    def at(minutes: int, version: str) -> Outcome:
        return Outcome(version, NOW - timedelta(minutes=minutes), False)

    found = [at(900, "a"), at(800, "a"), at(700, "b"), at(600, "a"), at(500, "b"), at(400, "c"), at(300, "a"),
             at(200, "b"), at(150, "b"), at(20, "a")]  # fmt: skip
    assert during(found, "a", "b", NOW, 30) == [found[3], found[4], found[6]]
    assert during(found, "a", "b", NOW, 0) == [found[3], found[4], *found[6:9]]
    assert during(found[:2], "a", "b", NOW, 0) == [] and during([], "a", "b", NOW, 0) == []


def told(log: ConversationLog, conversation: str, version: str, *, liked: bool) -> None:
    """Log a conversation of one turn."""
    nothing = BeliefUpdate(intent="recommend").model_dump(mode="json")
    shown = ({"id": "x", "rank": 1, "title": "X"},)
    turn = Turn(
        turn=1, user="something", via="text", action="recommend", update=nothing, belief={}, candidates=(),
        shown=shown, text="", question=None, model="", adapter="", index="", timings={}, version=version,
    )  # fmt: skip
    seq = log.add_turn(conversation, turn, log.last(conversation))
    if liked:
        update = {"items": [{"ref": "X", "verdict": "liked", "item_id": "x", "title": "X"}]}
        log.add_feedback(conversation, Feedback(1, "x", "liked", update=update, belief={}), seq)


@pytest.fixture
def tried(tmp_path: Path) -> Path:
    with Versions(tmp_path).making("by hand"):
        pass
    log = ConversationLog(tmp_path / "log.sqlite")
    rng = np.random.default_rng(0)
    for number in range(160):
        version = ("v1", SHIPPED)[int(rng.integers(2))]
        told(log, f"c{number}", version, liked=bool(rng.random() < {"v1": 0.8, SHIPPED: 0.2}[version]))
    log.close()
    return tmp_path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_says_which_version_is_better(tried: Path, tmp_path: Path) -> None:
    done = call("trial", "v1", "--home", tried, "--settled", 0, "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.output
    assert "v1 is better than shipped" in done.output and "always-valid" in done.output
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["look"]["low"] > 0 and record["look"]["p"] < LEVEL
    assert sum(arm["n"] for arm in record["arms"].values()) == record["look"]["n"] > 150


def test_conversations_that_may_still_go_on_do_not_count(tried: Path) -> None:
    done = call("trial", "v1", "--home", tried)
    assert isinstance(done.exception, UserError) and "has not begun" in str(done.exception)


def test_a_conversation_that_two_versions_answered_is_left_out(tried: Path) -> None:
    from agent.reactions import reactions

    log = ConversationLog(tried / "log.sqlite")
    before, none = outcomes(reactions(log))
    told(log, "mixed", "v1", liked=False)
    told(log, "mixed", SHIPPED, liked=True)
    after, mixed = outcomes(reactions(log))
    assert (none, mixed) == (0, 1) and len(after) == len(before) == 160
    log.close()


def test_without_a_trial_the_command_says_how_to_begin_one(
    tried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no trial is on" in str(call("trial", "--home", tried).exception)
    assert "serves" in str(call("trial", SHIPPED, "--home", tried).exception)
    assert "'v7'" in str(call("trial", "v7", "--home", tried).exception)
    monkeypatch.setenv("TASTEMAKER_TRIAL", "v1")
    assert call("trial", "--home", tried, "--settled", 0).exit_code == 0
