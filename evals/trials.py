"""Two versions that answer at the same time: what the trial says by now, however often somebody looks.

`Settings.trial` gives each conversation to one of two versions by a hash of its name, half of them each. A conversation
counts once, as a success when something that it showed was liked or accepted, whatever else happened in it.

Whoever looks after every conversation and stops at the first p < .05 of an ordinary test is wrong far more often than
in 5 % (Johari, Koomen, Pekelis and Walsh, Peeking at A/B Tests, KDD 2017). So the test is one that holds at all times.
With s = 1 for the one arm and -1 for the other, and c the share of successes before, x = 2 s (success - c) has the
difference of the two success rates as its mean, because the arm was drawn with 1/2. Against the claim that the mean is
m one bets the share b of what one has, again and again: if the claim holds, the capital, the product of 1 + b (x - m),
is a martingale, and ever exceeds 20 with a probability of 5 % at most (Ville 1939). Capital is spread over several b,
as a mixture sequential probability ratio test spreads over effects (Robbins 1970), and evenly over both directions. The
interval holds what was never refuted (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting,
2024, arXiv:2010.09686, who find it narrower than the empirical-Bernstein one of Howard et al., 2021, arXiv:1810.08240).
Nothing here is an approximation for large numbers. That no difference is claimed needs no more than the draw of the
arms; the interval is that of a difference that stays the same.
"""

from __future__ import annotations

import json as plain_json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from evals.compare import signed
from evals.opening import Home, Json, console, settings_of
from evals.results import Estimate, short
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent.reactions import Reacted

Array = NDArray[np.float64]
LEVEL = 0.05
BETS = 0.25 * 0.5 ** np.arange(6)
"""Shares that are bet; x - m is within -3 and 3, so that no capital is ever lost as a whole."""
SETTLED = 30
"""Minutes after which a conversation counts."""
CLOSE = 0.02
"""A difference that hardly anybody would notice."""
UNEVEN = 3.3
"""Standard deviations by which the arms may differ in size before something is wrong with the draw (p = .001)."""


@dataclass(frozen=True)
class Outcome:
    """One conversation, answered by one version from its beginning to its end."""

    version: str
    began: datetime
    success: bool


@dataclass(frozen=True)
class Look:
    """What a trial says of the second arm's success rate less the first's."""

    difference: float
    low: float
    """Lower end of the interval that holds at all times together, with a probability of 95 %."""
    high: float
    p: float
    """Of no difference; holds whenever one looks. Below .05 just when the interval leaves out zero."""
    n: int


def look(second: Sequence[bool], success: Sequence[bool]) -> Look:
    """Return what n conversations say, in the order in which they began; at least one in each arm."""
    arm, good = np.asarray(second, bool), np.asarray(success, np.float64)
    assert 0 < arm.sum() < len(arm) == len(good), (len(arm), len(good))
    before = np.cumsum(good) - good
    centred = good - (0.5 + before) / (1 + np.arange(len(good)))
    x = np.where(arm, 2.0, -2.0) * centred
    capital = max(_capital(x, 0.0), _capital(-x, 0.0))
    difference = float(good[arm].mean() - good[~arm].mean())
    return Look(difference, _least(x), -_least(-x), min(1.0, 2 * math.exp(-capital)), len(arm))


def _capital(x: Array, mean: float) -> float:
    """Return the logarithm of the most that bets on more than `mean` ever came to, from 1 spread over all `BETS`."""
    grown = np.cumsum(np.log1p(BETS[:, None] * (x - mean)), 1)
    most = grown.max(0)
    return float((most + np.log(np.exp(grown - most).mean(0))).max())


def _least(x: Array) -> float:
    """Return the smallest mean that was never refuted by bets on more; what they come to falls with the mean."""
    low, high = -1.0, 1.0
    for _ in range(22):
        middle = (low + high) / 2
        if _capital(x, middle) >= math.log(2 / LEVEL):
            low = middle
        else:
            high = middle
    return low


def outcomes(reacted: Iterable[Reacted]) -> tuple[list[Outcome], int]:
    """Return the conversations in the order in which they began, and how many were left out.

    Left out is what several versions answered, because one was promoted meanwhile.
    """
    from agent.reactions import GOOD

    turns: dict[str, list[Reacted]] = {}
    for one in reacted:
        turns.setdefault(one.conversation, []).append(one)
    whole = [own for own in turns.values() if len({one.version for one in own}) == 1]
    found = [
        Outcome(own[0].version, datetime.fromisoformat(own[0].at), any(one.with_verdict(GOOD) for one in own))
        for own in sorted(whole, key=lambda own: own[0].seq)
    ]
    return found, len(turns) - len(whole)


def during(found: Sequence[Outcome], first: str, second: str, now: datetime, settled: float) -> list[Outcome]:
    """Return the conversations of the trial that are `settled` minutes old at least.

    The trial lasts from the first conversation of whichever arm began later, which does not count itself, to the last
    one of whichever ended first. Where it begins does not depend on what comes after; where it ends depends on no
    success, and the test holds wherever one stops.
    """
    old = [one for one in found if one.version in (first, second) and now - one.began >= timedelta(minutes=settled)]
    places = {name: [place for place, one in enumerate(old) if one.version == name] for name in (first, second)}
    if not all(places.values()):
        return []
    begins = max(own[0] for own in places.values()) + 1
    return old[begins : min(own[-1] for own in places.values()) + 1]


def conclusion(found: Look, first: str, second: str) -> str:
    """Say in one line what can be concluded now."""
    if found.low > 0:
        return f"{second} is better than {first}; the trial can end: `python -m finetune promote {second}`"
    if found.high < 0:
        return f"{second} is worse than {first}; the trial can end: take `trial` out of the settings"
    if max(-found.low, found.high) <= CLOSE:
        return f"{second} and {first} are within {short(CLOSE)} of each other: whichever is cheaper will do"
    return (
        f"nothing can be concluded yet: {second} may be up to {short(max(0.0, -found.low))} worse or "
        f"{short(max(0.0, found.high))} better than {first}; go on, and look as often as you like"
    )


def trial(
    version: Annotated[str | None, typer.Argument(help="The version on trial. Default: that of the settings.")] = None,
    beside: Annotated[str | None, typer.Option(help="The version beside it. Default: the one that serves.")] = None,
    settled: Annotated[float, typer.Option(min=0, help="Minutes after which a conversation counts.")] = SETTLED,
    json: Json = None,
    home: Home = None,
) -> None:
    """Compare two versions that answer at the same time; look as often as you like.

    A conversation is a success when something was liked or accepted in it.
    """
    from agent.log import ConversationLog
    from agent.reactions import reactions
    from agent.versions import Versions
    from evals.report import write

    settings = settings_of(home=home)
    versions, path, screen = Versions(settings.home), settings.home / "log.sqlite", console()
    second, first = version or settings.trial, beside or versions.serving
    if not second:
        raise UserError('no trial is on: set trial = "v1" (or TASTEMAKER_TRIAL=v1), or name the version')
    if second == first:
        raise UserError(f"{first} serves: name the version beside it with --beside")
    for name in (first, second):
        versions.read(name)
    if not path.is_file():
        raise UserError(f"no conversations yet: {path} is not there; talk first with `python app.py`")
    log = ConversationLog(path)
    everything, mixed = outcomes(reactions(log))
    found = during(everything, first, second, log.clock(), settled)
    arms = {name: [one.success for one in found if one.version == name] for name in (first, second)}
    if not all(arms.values()):
        raise UserError(
            f"the trial has not begun: since both have answered, {first} has {len(arms[first])} conversations that are "
            f"{settled:g} minutes old and {second} {len(arms[second])}; set trial = \"{second}\" and let people talk"
        )
    seen = look([one.version == second for one in found], [one.success for one in found])
    said = conclusion(seen, first, second)
    print_trial(arms, seen, said, screen)
    if mixed:
        screen.print(f"left out: {mixed} conversations that several versions answered", style="dim")
    if json:
        record: dict[str, Any] = {"kind": "trial", "look": asdict(seen), "conclusion": said, "arms": {
            name: asdict(Estimate.of(map(float, own))) for name, own in arms.items()}}  # fmt: skip
        write(json, plain_json.dumps(record, indent=1) + "\n")


def print_trial(arms: dict[str, list[bool]], seen: Look, said: str, screen: Any) -> None:
    """Print the arms, the difference, and what can be concluded."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version")
    for name in ("conversations", "successes", "success"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, own in arms.items():
        table.add_row(name, str(len(own)), str(sum(own)), str(Estimate.of(map(float, own))))
    screen.print(table)
    first, second = arms
    screen.print(
        f"{second} less {first}: {signed(seen.difference)}, always-valid 95 % interval {signed(seen.low)} to "
        f"{signed(seen.high)}, p = {short(seen.p)}, over {seen.n} conversations",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    screen.print(said, highlight=False, soft_wrap=True, markup=False, style="bold")
    counts = [len(own) for own in arms.values()]
    if abs(counts[0] - counts[1]) > UNEVEN * math.sqrt(sum(counts)):
        screen.print("the arms differ too much in size for a draw of one in two: was the trial on all the time?")
