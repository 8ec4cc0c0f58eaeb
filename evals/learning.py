"""The whole loop with simulated people: they talk, it learns, the gate decides, and others tell whether it helped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.results import Result
from evals.simulation.user import Dialogue
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console

KIND = "learn"
TESTED_FROM = 1_000_001
"""Number of the first user that nothing is learned from."""
METRIC = "success@3"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is done in which order."""

    home: Path
    rounds: int
    users: int
    """New people who talk in each round."""
    tested: int
    """People who talk after each round and teach nothing."""
    turns: int
    explore: float
    """How freely lists are drawn while it learns; those who test it are shown the best."""
    model: str
    encoder: str
    seed: int
    jobs: int


@dataclass(frozen=True)
class Job:
    """Some people who talk in one process."""

    home: Path
    first: int
    count: int
    logged: bool
    """Whether the home keeps what is said; else it is forgotten."""
    explore: float
    plan: Plan


class Round(NamedTuple):
    """What a round came to."""

    version: str
    promoted: bool
    told: str
    """What the gate said."""


def run(plan: Plan, say: Say) -> tuple[Result, list[Round]]:
    """Measure what ships, then in each round let people talk, learn, ask the gate, and measure again.

    A round whose version the gate refused is as the one before: the same people would hear the same. UserError when a
    step cannot be done.
    """
    dialogues = _talk(plan, TESTED_FROM, plan.tested, logged=False, system="shipped")
    say(_figure("shipped", dialogues))
    found = list(dialogues)
    rounds: list[Round] = []
    for number in range(1, plan.rounds + 1):
        first = 1 + (number - 1) * plan.users
        taught = _talk(plan, first, plan.users, logged=True, system="learning")
        say(_figure(f"round {number}: {plan.users} new people, lists drawn by chance", taught))
        rounds.append(_learn(plan, say))
        if rounds[-1].promoted:
            dialogues = _talk(plan, TESTED_FROM, plan.tested, logged=False, system="")
        dialogues = [one.model_copy(update={"system": f"round {number}"}) for one in dialogues]
        say(_figure(f"after round {number}", dialogues))
        found += dialogues
    return _result(plan, found, rounds), rounds


def _learn(plan: Plan, say: Say) -> Round:
    """Export, learn and ask the gate by the commands that anybody would use."""
    home, encoder = f"--home={plan.home}", f"--encoder={plan.encoder}"
    with TemporaryDirectory(prefix="tastemaker-") as folder:  # words of people, which a home would have to forget
        out = f"--out={Path(folder) / 'preferences.jsonl'}"
        exported = _command("export", home, out, "--format=preferences")
    if exported.returncode:
        raise UserError(f"the export failed: {exported.stderr.strip()[-300:]}")
    say(exported.stdout.strip().splitlines()[-1].rsplit(" written to ", 1)[0])
    learned = _command("learn", home, encoder, f"--seed={plan.seed}")
    if learned.returncode:
        raise UserError(f"learning failed: {learned.stderr.strip()[-300:]}")
    version = learned.stdout.split("version ", 1)[1].split(":", 1)[0]
    say(learned.stdout.strip().splitlines()[0])
    judged = _command("promote", version, home, encoder, f"--model={plan.model}")
    if judged.returncode and not refused(judged):
        raise UserError(f"the gate failed: {judged.stderr.strip()[-300:]}")
    for line in judged.stdout.strip().splitlines():
        say(f"  {line}")
    return Round(version, judged.returncode == 0, judged.stdout)


def refused(judged: subprocess.CompletedProcess[str]) -> bool:
    """Tell a refusal of the gate from a program that broke: both end with 1."""
    return judged.returncode == 1 and any(line.startswith("FAILED") for line in judged.stdout.splitlines())


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "finetune", *words], capture_output=True, text=True, check=False)


def _talk(plan: Plan, first: int, count: int, *, logged: bool, system: str) -> list[Dialogue]:
    """Let `count` people talk, in several processes; a person says the same in whichever."""
    share = -(-count // plan.jobs)
    explore = plan.explore if logged else 0.0
    jobs = [
        Job(plan.home, start, min(share, first + count - start), logged, explore, plan)
        for start in range(first, first + count, share)
    ]
    if len(jobs) == 1:
        found = [_converse(jobs[0])]
    else:
        with ProcessPoolExecutor(len(jobs), mp_context=get_context("spawn")) as pool:
            found = list(pool.map(_converse, jobs))
    return [dialogue.model_copy(update={"system": system}) for part in found for dialogue in part]


def _converse(job: Job) -> list[Dialogue]:
    """Let people talk, in the home itself or in one that shares its index and versions."""
    from agent import Recommender, Settings
    from evals.opening import opened
    from evals.simulation.communities import community_user
    from evals.simulation.dialogue import converse

    plan = job.plan
    given: dict[str, Any] = {
        "home": job.home, "model": plan.model, "encoder": plan.encoder, "explore": job.explore, "seed": plan.seed,
    }  # fmt: skip

    def talk(rec: Recommender) -> list[Dialogue]:
        numbers = range(job.first, job.first + job.count)
        people = [community_user(number, rec.catalog, plan.seed, 0.0) for number in numbers]
        return [converse(user, rec, system="", turns=plan.turns, seed=plan.seed) for user in people]

    if not job.logged:
        with opened(**given) as rec:
            return talk(rec)
    rec = Recommender.open(Settings(**given))
    try:
        return talk(rec)
    finally:
        rec.close()


def _result(plan: Plan, dialogues: Sequence[Dialogue], rounds: Sequence[Round]) -> Result:
    from evals.simulation.measures import measure
    from retrieval.index import Index

    index = Index.open(plan.home)
    made_by = {"users": plan.users, "tested": plan.tested, "rounds": plan.rounds, "turns": plan.turns,
               "explore": plan.explore, "model": plan.model, "encoder": plan.encoder, "seed": plan.seed}  # fmt: skip
    ends = {True: "promoted", False: "refused"}
    notes = {f"round {number}": f"{one.version} {ends[one.promoted]}" for number, one in enumerate(rounds, start=1)}
    return measure(dialogues, index.catalog, plan.turns, index.vectors, KIND, made_by, notes)


def _figure(what: str, dialogues: Sequence[Dialogue]) -> str:
    good = sum(one.end == "accepted" and len(one.exchanges) <= 3 for one in dialogues)
    return f"{what}: {good} of {len(dialogues)} found something within three turns"


def print_gain(result: Result, console: Console) -> None:
    """Print how much the last round is above what ships, relative and with the intervals of both."""
    from evals.compare import compare, signed

    names = list(result.systems)
    before, after = (result.estimate(name, METRIC) for name in (names[0], names[-1]))
    first, last = (Result(KIND, {}, {"x": result.systems[name]}, {}) for name in (names[0], names[-1]))
    [one] = [difference for difference in compare(first, last) if difference.metric == METRIC]
    relative = f"{one.mean / before.value:+.0%} relative, " if before.value else ""
    ends = [f"[{(e.value or 0) - 1.96 * e.error:.3f}, {(e.value or 0) + 1.96 * e.error:.3f}]" for e in (before, after)]
    console.print(
        f"{METRIC} {before} before and {after} after: {relative}paired difference {signed(one.mean)}, 95 % "
        f"{signed(one.low)} to {signed(one.high)}; intervals {ends[0]} and {ends[1]}",
        highlight=False, soft_wrap=True, markup=False,
    )  # fmt: skip


def draw(result: Result, path: Path, metric: str = METRIC) -> None:
    """Write a picture of a metric, with 95 % intervals, before and after each round."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(result.systems)
    found = [result.estimate(name, metric) for name in names]
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    means = [one.value or 0.0 for one in found]
    axes.errorbar(range(len(names)), means, [1.96 * one.error for one in found], fmt="o-", capsize=5)
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel=metric, ylim=(0, 1), title=f"{metric} with 95 % intervals, {found[0].n} people who teach nothing")
    axes.grid(axis="y", alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
