"""How long a turn takes, and where the time goes."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agent.reply import Reply
from evals.results import Result
from evals.run import Talker

if TYPE_CHECKING:
    from rich.console import Console

WHOLE = ("cards", "total")
"""Timings that count from the arrival of the message; all others are stages."""


@dataclass(frozen=True)
class Spread:
    """Median, 90th percentile and maximum of some durations, in seconds; None where there were none."""

    n: int
    median: float | None
    p90: float | None
    max: float | None


@dataclass(frozen=True)
class TurnTimes:
    """The outcome of the benchmark: one spread per timing, shares of stages, and where reasons came from."""

    warm_up: float
    """Seconds of a first turn that is not counted: it loads what is loaded on first use."""
    spreads: Mapping[str, Spread]
    shares: Mapping[str, float]
    """Stage -> its part of the sum of all totals, 0..1; stages overlap nothing, the rest is between them."""
    reasons: Mapping[str, int]
    """Source of a reason -> how many there were."""
    machine: Mapping[str, Any]
    seconds: Mapping[str, Mapping[str, float | None]]
    """`cards seconds` and `total seconds` -> reply -> how long it took."""

    def as_result(self, made_by: Mapping[str, Any]) -> Result:
        """Return the seconds of every reply, with the rest in the notes."""
        notes = {name: value for name, value in asdict(self).items() if name != "seconds"}
        return Result("bench turns", made_by, {"tastemaker": self.seconds}, notes)


def dialogues() -> list[list[str]]:
    """Read the benchmark's conversations: a list of messages each."""
    text = files("evals.bench").joinpath("turns.yaml").read_text("utf-8")
    return [list(map(str, messages)) for messages in yaml.safe_load(text)]


def replies(rec: Talker, n: int, name: str = "bench") -> Iterator[Reply]:
    """Play the conversations, over again if need be, until `n` messages are answered; `name` begins their ids."""
    script = dialogues()
    left = n
    for number in count():
        conversation, messages = f"{name}-{number}", script[number % len(script)][:left]
        for text in messages:
            yield rec.reply(conversation, text)
        left -= len(messages)
        if left <= 0:
            return


def measure(rec: Talker, n: int, console: Console) -> TurnTimes:
    """Answer `n` messages after one that warms up, and sum up the timings the replies carry."""
    from rich.progress import Progress

    warm_up = list(replies(rec, 1, "warm-up"))[0].timings.get("total", 0.0)
    with Progress(console=console, transient=True) as progress:
        found = list(progress.track(replies(rec, n), total=n, description="Answering"))
    return sum_up(found, warm_up)


def sum_up(found: Sequence[Reply], warm_up: float = 0.0) -> TurnTimes:
    """Turn the timings of some replies into spreads and shares."""
    cards = [reply for reply in found if reply.items]
    spreads = {
        "cards": spread([reply.timings["cards"] for reply in cards if "cards" in reply.timings]),
        "total": spread([reply.timings["total"] for reply in found if "total" in reply.timings]),
    }
    stages: dict[str, float] = {}
    for reply in found:
        for stage, seconds in reply.timings.items():
            if stage not in WHOLE:
                stages[stage] = stages.get(stage, 0.0) + seconds
    whole = sum(reply.timings.get("total", 0.0) for reply in found)
    reasons: dict[str, int] = {}
    for reply in found:
        for item in reply.items:
            reasons[item.reason_source or "none"] = reasons.get(item.reason_source or "none", 0) + 1
    shares = {stage: seconds / whole for stage, seconds in stages.items()} if whole else {}
    every = {
        f"{name} seconds": {str(place): reply.timings.get(name) for place, reply in enumerate(found, start=1)}
        for name in WHOLE
    }
    ordered = dict(sorted(shares.items(), key=lambda pair: -pair[1]))
    return TurnTimes(warm_up, spreads, ordered, reasons, machine(), every)


def spread(seconds: Sequence[float]) -> Spread:
    """Return median, 90th percentile (linear between ranks) and maximum."""
    if not seconds:
        return Spread(0, None, None, None)
    ordered = sorted(seconds)

    def at(part: float) -> float:
        place = part * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return Spread(len(ordered), at(0.5), at(0.9), ordered[-1])


def machine() -> dict[str, Any]:
    """Say what the numbers were measured on."""
    import torch

    from retrieval.encoder import best_dtype

    information = Path("/proc/cpuinfo")
    lines = information.read_text("utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "dtype": str(best_dtype()).removeprefix("torch."),
        "load": round(os.getloadavg()[0], 1),
    }


def print_turn_times(times: TurnTimes, console: Console) -> None:
    """Print the spreads, the shares and where the reasons came from."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seconds")
    for name in ("n", "median", "p90", "max"):
        table.add_column(name, justify="right")
    for name, one in times.spreads.items():
        numbers = (one.median, one.p90, one.max)
        table.add_row(name, str(one.n), *("-" if number is None else f"{number:.2f}" for number in numbers))
    console.print(table)
    console.print(f"first turn, not counted: {times.warm_up:.2f} s", highlight=False)
    shares = ", ".join(f"{stage} {share:.0%}" for stage, share in times.shares.items())
    console.print(f"share of the whole: {shares or 'unknown'}", highlight=False)
    console.print(f"reasons: {', '.join(f'{n} by {source}' for source, n in times.reasons.items()) or 'none'}",
                  highlight=False)  # fmt: skip
    console.print(
        "measured on {cores} cores ({cpu}), {threads} threads, {dtype}, load {load}".format(**times.machine),
        highlight=False,
    )
