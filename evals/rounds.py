"""Play many scenarios: in rounds, in parallel processes, and on from where a killed run stopped."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evals.opening import opened
from evals.reading import Script, check_all
from evals.records import as_record, from_record
from evals.run import Played, Stage, play
from evals.unfinished import Unfinished

Play = tuple[int, str]
"""A round, from 1, and the name of a scenario."""


def key_of(play: Play) -> str:
    """Return the name under which a play is kept."""
    return f"{play[0]} {play[1]}"


def plan(names: Sequence[str], rounds: int, seed: int) -> list[Play]:
    """Return all plays: the first round in the order of the files, each later one in an order drawn by the seed.

    A scenario that depends on what was played before it is found by its other rounds.
    """
    plays = []
    for number in range(1, rounds + 1):
        order = list(names)
        if number > 1:
            random.Random(f"{seed}-{number}").shuffle(order)
        plays += [(number, name) for name in order]
    return plays


def play_all(
    scripts: Sequence[Script],
    store: Unfinished,
    given: Mapping[str, Any],
    *,
    rounds: int = 1,
    jobs: int = 1,
    seed: int = 0,
    open_stage: Callable[..., Any] = opened,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> list[Played]:
    """Play what the store does not hold yet and return everything, by round and then in the order of the files.

    `given` are the settings that `open_stage` is called with; `report` is told how many plays are done.
    """
    by_name = {script.scenario.name: script for script in scripts}
    plays = plan(list(by_name), rounds, seed)
    done = store.done()
    left = [one for one in plays if key_of(one) not in done]
    if left and jobs == 1:
        report(len(plays) - len(left), len(plays))
        _play_share(scripts, left, store, given, open_stage, lambda: report(store.count(), len(plays)))
    elif left:
        _play_in_parallel(scripts, left, store, given, jobs, lambda: report(store.count(), len(plays)))
    records = store.done()
    order = {name: place for place, name in enumerate(by_name)}
    inside = sorted(plays, key=lambda one: (one[0], order[one[1]]))
    return [from_record(records[key_of(one)], by_name[one[1]]) for one in inside]


def _play_share(
    scripts: Sequence[Script],
    plays: Sequence[Play],
    store: Unfinished,
    given: Mapping[str, Any],
    open_stage: Callable[..., Any] = opened,
    report: Callable[[], None] = lambda: None,
) -> None:
    by_name = {script.scenario.name: script for script in scripts}
    with open_stage(**given) as stage:
        rec: Stage = stage
        check_all(scripts, rec.catalog)
        for number, name in plays:
            store.add(key_of((number, name)), as_record(play(by_name[name], rec, number)))
            report()


def _play_in_parallel(
    scripts: Sequence[Script],
    plays: Sequence[Play],
    store: Unfinished,
    given: Mapping[str, Any],
    jobs: int,
    report: Callable[[], None],
) -> None:
    """Give every process each `jobs`-th play and its part of the cores."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        shares = [
            pool.submit(_play_share, scripts, plays[first::jobs], store, given) for first in range(jobs)
            if plays[first::jobs]
        ]  # fmt: skip
        while not all(share.done() for share in shares):
            time.sleep(0.2)
            report()
        for share in shares:
            share.result()
