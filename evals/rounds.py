"""Play many scenarios: in rounds, in parallel processes, and on from where a killed run stopped."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.opening import opened
from evals.reading import Script, check_all
from evals.records import as_record, from_record
from evals.run import Played, Stage, play
from retrieval.catalog import UserError

Play = tuple[int, str]
"""A round, from 1, and the name of a scenario."""


@dataclass(frozen=True)
class Store:
    """A file of what is played so far, one JSON object a line; several processes may add to it."""

    path: Path

    @classmethod
    def begin(cls, path: Path, scripts: Sequence[Script], made_by: Mapping[str, Any], resume: bool) -> Store:
        """Start the file anew, or with `resume` go on with it.

        UserError when there is nothing to go on with, or when it was made from other scenarios or settings.
        """
        told = [[script.scenario.model_dump(mode="json") for script in scripts], dict(made_by)]
        first = {"made_by": hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()}
        store = cls(path)
        if not resume:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(first) + "\n", "utf-8")
        elif not path.exists():
            raise UserError("there is no unfinished run to go on with: leave --resume out")
        elif next(store._lines(), None) != first:
            raise UserError("the unfinished run was over other scenarios or settings: give the same, or no --resume")
        else:
            # A line that the killed process did not finish must not swallow the next one.
            path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in store._lines()), "utf-8")
        return store

    def add(self, played: Played) -> None:
        """Append what was played, in one write."""
        line = json.dumps(as_record(played), ensure_ascii=False, default=str) + "\n"
        target = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(target, line.encode())
        finally:
            os.close(target)

    def records(self) -> dict[Play, Any]:
        """Return what is played so far."""
        return {(one["round"], one["name"]): one for one in self._lines() if "round" in one}

    def count(self) -> int:
        """Return how many plays are finished."""
        return self.path.read_bytes().count(b"\n") - 1

    def end(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)

    def _lines(self) -> Iterator[Any]:
        for line in self.path.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # a line that a killed process did not finish
                continue


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
    store: Store,
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
    done = store.records()
    left = [one for one in plays if one not in done]
    if left and jobs == 1:
        report(len(plays) - len(left), len(plays))
        _play_share(scripts, left, store, given, open_stage, lambda: report(store.count(), len(plays)))
    elif left:
        _play_in_parallel(scripts, left, store, given, jobs, lambda: report(store.count(), len(plays)))
    records = store.records()
    order = {name: place for place, name in enumerate(by_name)}
    return [from_record(records[one], by_name[one[1]]) for one in sorted(plays, key=lambda p: (p[0], order[p[1]]))]


def _play_share(
    scripts: Sequence[Script],
    plays: Sequence[Play],
    store: Store,
    given: Mapping[str, Any],
    open_stage: Callable[..., Any] = opened,
    report: Callable[[], None] = lambda: None,
) -> None:
    by_name = {script.scenario.name: script for script in scripts}
    with open_stage(**given) as stage:
        rec: Stage = stage
        check_all(scripts, rec.catalog)
        for number, name in plays:
            store.add(play(by_name[name], rec, number))
            report()


def _play_in_parallel(
    scripts: Sequence[Script],
    plays: Sequence[Play],
    store: Store,
    given: Mapping[str, Any],
    jobs: int,
    report: Callable[[], None],
) -> None:
    """Give every process each `jobs`-th play and its part of the cores."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    threads = os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    assert int(threads) > 0
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
