"""Whether the estimates are right for the real recommender, when another version really talks with the same people.

People of communities talk with what ships, and a version is learned from them. Then others log: each says a first
message to what ships, whose list is drawn by chance, and takes or leaves it. What that says of the version's lists is
held against what the version gets when still others say their first messages to it. Only first turns count: what a
person says first does not depend on who answers, so that both meet the same kind of turns. Later ones differ, because
people go on from what they were shown, and no weighing of single turns makes up for that.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.reactions import GOOD, Reacted
from evals.compare import signed
from evals.results import Estimate, short
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from agent import Recommender
    from evals.offpolicy.estimators import Estimated

Say = Callable[[str], None]
TEACHERS, TEACHING_TURNS = 150, 3
LOGGING_FROM, ANSWERING_FROM = 1_000_001, 2_000_001
"""Numbers of the first users who log, and of the first whom a version answers."""


@dataclass(frozen=True)
class Plan:
    """Who talks, and with what."""

    home: Path
    """A fresh one: what is said is logged in it, and the version is made there."""
    users: int
    """People who log, and as many others whom each target answers."""
    explore: float
    model: str
    encoder: str
    seed: int


@dataclass(frozen=True)
class Compared:
    """One target: what it got, and what the log said that it would get."""

    target: str
    truth: Estimate
    logged: Estimate
    unsupported: float
    found: tuple[Estimated, ...]


def run(plan: Plan, say: Say) -> list[Compared]:
    """Let people teach and log, estimate, and let versions answer others. UserError when a step cannot be done."""
    from agent import Recommender, Settings
    from agent.versions import SHIPPED, Versions
    from evals.offpolicy.drawn import drawn_turns
    from evals.offpolicy.report import judge, logged_reward
    from evals.offpolicy.versions import Rankings, score

    settings = Settings(
        home=plan.home, model=plan.model, encoder=plan.encoder, explore=plan.explore, seed=plan.seed
    )
    if (plan.home / "log.sqlite").exists():
        raise UserError(f"{plan.home} has conversations already: name a fresh home")
    say(f"{TEACHERS} people teach")
    rec = Recommender.open(settings)
    _talk(rec, plan.seed, range(1, 1 + TEACHERS), TEACHING_TURNS)
    say("learning")
    _learn(plan)
    say(f"{plan.users} people log")
    logged = _talk(rec, plan.seed, range(LOGGING_FROM, LOGGING_FROM + plan.users), 1)
    rec.close()
    [version] = Versions(plan.home).names()
    rankings = Rankings(settings, say)
    turns, _ = drawn_turns((one for one in logged if _wants(one)), rankings.index.fingerprint)
    compared = []
    for name, explore in ((SHIPPED, plan.explore / 2), (SHIPPED, 0.0), (version, plan.explore), (version, 0.0)):
        log = score(rankings.open(name), turns, explore, name)
        judged = judge(f"{name}, explore {explore:g}", log, plan.seed)
        say(f"{judged.name} answers {plan.users} people")
        truth = Estimate.of(float(bool(one.with_verdict(GOOD))) for one in _answered(plan, name, explore))
        compared.append(Compared(judged.name, truth, logged_reward(log), judged.unsupported, judged.found))
    return compared


def _talk(rec: Recommender, seed: int, numbers: range, turns: int) -> list[Reacted]:
    """Let people talk, each with a conversation of their own; return their turns and what they took."""
    from agent.reactions import reactions
    from evals.simulation.communities import community_user
    from evals.simulation.dialogue import converse

    people = [community_user(number, rec.catalog, seed, 0.0) for number in numbers]
    for user in people:
        converse(user, rec, system="", turns=turns, seed=seed)
    own = {f"simulated-{user.id}" for user in people}
    return [one for one in reactions(rec.tools.log) if one.conversation in own]


def _answered(plan: Plan, version: str, explore: float) -> Iterable[Reacted]:
    """Return the first turns of people whom a version answers, in a log of its own."""
    from agent.versions import Versions
    from evals.opening import opened

    folder = Versions(plan.home).folder_of(version, "ranker")
    ranker = None if folder is None else str(folder)
    given = {"model": plan.model, "encoder": plan.encoder, "seed": plan.seed}
    with opened(home=plan.home, **given, explore=explore, ranker=ranker) as rec:
        people = range(ANSWERING_FROM, ANSWERING_FROM + plan.users)
        return [one for one in _talk(rec, plan.seed, people, 1) if _wants(one)]


def _wants(turn: Reacted) -> bool:
    """Tell whether a turn's list is one that chance draws where it may: there is something wanted, and a list."""
    from agent.variety import nothing_wanted

    return turn.action == "recommend" and bool(turn.exposures) and not nothing_wanted(turn.belief)


def _learn(plan: Plan) -> None:
    words = ["learn", f"--home={plan.home}", f"--encoder={plan.encoder}", f"--seed={plan.seed}", "--no-labelled"]
    done = subprocess.run([sys.executable, "-m", "finetune", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"learning failed: {done.stderr.strip()[-300:]}")


def print_compared(compared: list[Compared], console: Console) -> None:
    """Print one table a target: each estimate beside what the target really got."""
    from rich.table import Table

    for one in compared:
        title = f"\n{one.target}: got {one.truth} ({one.truth.n} people); the logger got {one.logged}; "
        title += f"{one.unsupported:.1%} of the lists without support"
        table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
        table.add_column("estimator", no_wrap=True)
        for name in ("estimate", "95 % interval", "off by", "in standard errors", "effective turns", "largest weight"):
            table.add_column(name, justify="right", no_wrap=True)
        for found in one.found:
            if found.value is None or one.truth.value is None:
                table.add_row(found.name, *"-----")
                continue
            off = found.value - one.truth.value
            both = (found.error**2 + one.truth.error**2) ** 0.5
            table.add_row(
                found.name,
                f"{short(found.value)} ± {short(found.error)}",
                f"{short(found.low)} to {short(found.high)}",
                signed(off),
                f"{off / both:+.1f}" if both else "-",
                f"{found.effective:.1f}",
                f"{found.largest:.1f}",
            )
        console.print(table)
