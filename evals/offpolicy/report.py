"""The estimates of some targets on screen and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.offpolicy.estimators import Estimated, Weighed, estimates
from evals.results import Estimate, short

if TYPE_CHECKING:
    from rich.console import Console

FEW = 200
"""Effective turns below which an estimate is marked: there its interval held the truth less often than it says."""
MUCH = 0.2
"""Share of lists without support from which on all estimates are off."""
ADVICE = (
    "Read `DR, items` and `SNIPS, items` first: over many logs they were nearest to the truth, and off by a few "
    "hundredths where people take the first thing from the top (`python -m evals offpolicy-truth`). `SNIPS, lists` "
    "assumes nothing of people, and needs far more turns."
)
SAME = 0.01
"""By how much a list's weight may be off 1 where a version that logged is drawn anew."""


@dataclass(frozen=True)
class Judged:
    """What a log says of one target."""

    name: str
    found: tuple[Estimated, ...]
    unsupported: float
    """Share of its lists that could not have been drawn: nothing but the reward model speaks for those."""
    reproduced: float
    """Share of the turns whose list it draws with the probability that is logged."""


def judge(name: str, log: Weighed, seed: int) -> Judged:
    """Return every estimate of a target."""
    same = np.abs(log.lists - 1) < SAME
    return Judged(name, tuple(estimates(log, seed)), float(log.unsupported.mean()), float(same.mean()))


def logged_reward(log: Weighed) -> Estimate:
    """Return the mean reward of what was shown, with its error over conversations."""
    rewards, turns = np.bincount(log.conversation, log.reward), np.bincount(log.conversation)
    mean = float(rewards.sum() / turns.sum())
    spread = float(((rewards - mean * turns) ** 2).sum())
    units = len(turns)
    error = (spread * units / (units - 1)) ** 0.5 / float(turns.sum()) if units > 1 else 0.0
    return Estimate(mean, error, units)


def print_judged(judged: Judged, console: Console) -> None:
    """Print one line an estimator, then what the log cannot tell."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title=judged.name, title_justify="left")
    table.add_column("estimator", no_wrap=True)
    for name in ("reward per turn", "95 % interval", "effective turns", "largest weight"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for one in judged.found:
        value = "-" if one.value is None else f"{short(one.value)} ± {short(one.error)}"
        interval = "-" if one.value is None else f"{short(one.low)} to {short(one.high)}"
        few = "[yellow]rests on few turns[/]" if one.effective < FEW else ""
        table.add_row(one.name, value, interval, f"{one.effective:.1f}", f"{one.largest:.2f}", few)
    console.print(table)
    console.print(
        f"{judged.unsupported:.1%} of its lists could not have been drawn in the logged turns: what those would get is "
        "not in the log",
        highlight=False, markup=False, soft_wrap=True, style="yellow" if judged.unsupported > MUCH else "",
    )  # fmt: skip
    if judged.unsupported > MUCH:
        console.print("That is too much for any estimate: ask people, by a trial of both (`python -m evals trial`).")
    console.print(ADVICE, highlight=False, markup=False, soft_wrap=True, style="dim")


def print_check(judged: Judged, logged: Estimate, console: Console) -> None:
    """Print in one line how a version that logged is found again from its own log."""
    snips = next(one for one in judged.found if one.name == "SNIPS, items")
    value = "-" if snips.value is None else f"{short(snips.value)} ± {short(snips.error)}"
    console.print(
        f"{judged.name}, which logged, from its own turns: {value} (SNIPS, items) beside {logged} as it was; "
        f"{judged.reproduced:.1%} of the lists have the probability that is logged",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip


def as_plain(judged: Sequence[Judged], logged: Estimate, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything as plain data, for JSON."""
    return {
        "kind": "offpolicy",
        "made_by": dict(made_by),
        "logged": asdict(logged),
        "targets": {one.name: asdict(one) for one in judged},
    }
