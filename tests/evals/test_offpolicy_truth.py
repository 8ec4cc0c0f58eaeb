"""Estimates against worlds in which the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.offpolicy import synthetic, truth
from evals.offpolicy.estimators import estimates
from evals.offpolicy.synthetic import Kind, Policy, World


@pytest.fixture(autouse=True)
def few_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "CONTEXTS", 30)
    monkeypatch.setattr(synthetic, "LISTS", 1000)


def with_freer(world: World) -> World:
    """Let the logger itself be the target, drawing more freely: nothing that it shows is without support."""
    freer = Policy(world.logger.weights**0.3)
    return replace(world, targets={"freer": freer}, unsupported={"freer": freer.unsupported(world.logger)})


@pytest.mark.parametrize("kind", ["for itself", "from the top"])
def test_the_true_reward_is_what_people_give_on_average(kind: Kind) -> None:
    world = synthetic.make(kind, 0.5, 0)
    log = synthetic.draw_log(world, 20_000, np.random.default_rng(0))
    assert log.taken.sum(1).mean() == pytest.approx(world.truth(world.logger, 0), abs=0.012)
    assert set(log.taken.sum(1).tolist()) == {0.0, 1.0}


def test_where_items_are_taken_for_themselves_estimates_over_items_are_right() -> None:
    held = {(one.world, one.target, one.estimator): one for one in truth.hold(300, 12, 0.5, 0)}
    for target in ("the same", "near"):
        for estimator in ("IPS, items", "SNIPS, items", "DR, items"):
            one = held["for itself", target, estimator]
            assert one.bias.value is not None and abs(one.bias.value) < 4 * one.bias.error + 0.004, one
            assert one.coverage > 0.75, one


@pytest.mark.parametrize(("kind", "right"), [("for itself", True), ("from the top", False)])
def test_estimates_over_items_are_wrong_where_people_read_from_the_top_and_those_over_lists_are_not(
    kind: Kind, right: bool
) -> None:
    world = with_freer(synthetic.make(kind, 1.0, 0))
    log = synthetic.draw_log(world, 50_000, np.random.default_rng(0))
    found = {one.name: one.value or 0.0 for one in estimates(log.weighed(world, "freer"), draws=2)}
    expected = world.truth(world.targets["freer"], 0)
    for name in ("IPS, items", "SNIPS, items", "DR, items"):
        assert (abs(found[name] - expected) < 0.005) == right, (name, found[name], expected)
    for name in ("IPS, lists", "SNIPS, lists", "DR, lists"):
        assert found[name] == pytest.approx(expected, abs=0.015), name


def test_a_target_draws_only_what_it_can() -> None:
    world, contexts = synthetic.make("for itself", 0.3, 1), np.arange(30)
    for name, target in world.targets.items():
        orders = target.draw(contexts, np.random.default_rng(0))
        assert (target.chances(contexts, orders) > 0).all(), name
        assert target.marginals.sum(1) == pytest.approx(synthetic.SIZE, abs=1e-6), name
    assert world.unsupported["the same"] == pytest.approx(0) and world.unsupported["far"].mean() > 0.2
