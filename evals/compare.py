"""Compare two results unit by unit: paired bootstrap per metric, and which units flipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evals.results import Result, short
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console

DRAWS = 2000
SHOWN = 20
"""Flips that are listed."""
Verdict = Literal["better", "worse", "no difference seen", "the same"]
COSTS = ("turns to accept", "violation", "repeat", "question", "gini", "seconds")
"""Words in the names of metrics of which less is better."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of one system in two results, over the units that both could measure."""

    system: str
    metric: str
    n: int
    before: float
    after: float
    low: float
    """Lower end of the 95 % interval of the mean difference."""
    high: float

    @property
    def mean(self) -> float:
        """Mean of the second minus mean of the first."""
        return self.after - self.before

    @property
    def verdict(self) -> Verdict:
        """Say which way it went, if the interval excludes zero."""
        if self.low == self.high == self.mean == 0:
            return "the same"
        if self.low <= 0 <= self.high or self.n < 2:
            return "no difference seen"
        return "better" if (self.mean > 0) != any(word in self.metric for word in COSTS) else "worse"


@dataclass(frozen=True, slots=True)
class Flip:
    """A unit of a metric with values 0 and 1 that changed sides."""

    system: str
    metric: str
    unit: str
    gained: bool


def compare(first: Result, second: Result, seed: int = 0, draws: int = DRAWS) -> list[Difference]:
    """Return the difference of every metric that both results have, in the order of the second.

    The interval is the percentile interval of the mean of paired differences, resampled by unit (Efron and Tibshirani,
    An Introduction to the Bootstrap, 1993, chapter 13). UserError when the two measured different things.
    """
    import numpy as np

    if first.kind != second.kind:
        raise UserError(f"`{first.kind}` and `{second.kind}` do not compare: give two results of the same command")
    found = []
    for system, metric, units in _shared(first, second):
        pairs = np.array([(first.systems[system][metric][u], second.systems[system][metric][u]) for u in units], float)
        if not len(pairs):
            continue
        changes = pairs[:, 1] - pairs[:, 0]
        rng = np.random.default_rng([seed, len(changes)])
        means = np.array([changes[rng.integers(0, len(changes), len(changes))].mean() for _ in range(draws)])
        low, high = np.quantile(means, (0.025, 0.975))
        before, after = pairs.mean(0)
        found.append(Difference(system, metric, len(pairs), float(before), float(after), float(low), float(high)))
    if not found:
        raise UserError("the two results share no unit that both could measure: were they made from the same data?")
    return found


def flips(first: Result, second: Result) -> Iterator[Flip]:
    """Yield the units that passed in one result and failed in the other."""
    for system, metric, units in _shared(first, second):
        before, after = first.systems[system][metric], second.systems[system][metric]
        if {before[unit] for unit in units} | {after[unit] for unit in units} <= {0.0, 1.0}:
            for unit in units:
                if before[unit] != after[unit]:
                    yield Flip(system, metric, unit, bool(after[unit]))


def verdict(differences: list[Difference]) -> str:
    """Say in one line what the comparison comes to."""
    better = [f"{one.system} {one.metric}" for one in differences if one.verdict == "better"]
    worse = [f"{one.system} {one.metric}" for one in differences if one.verdict == "worse"]
    if not better and not worse:
        same = all(one.verdict == "the same" for one in differences)
        return "The second is the same as the first." if same else "No difference that chance would not make."
    parts = [f"{word} in {', '.join(names)}" for word, names in (("better", better), ("worse", worse)) if names]
    return f"The second is {' and '.join(parts)}."


def print_comparison(first: Result, second: Result, console: Console, seed: int = 0) -> list[Difference]:
    """Print the verdict, one line a metric with its interval, and the flips; return the differences."""
    from rich.table import Table

    differences = compare(first, second, seed)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("system", "metric"):
        table.add_column(name)
    for name in ("first", "second", "difference", "95 % interval", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    colours = {"better": "green", "worse": "red"}
    for one in differences:
        colour = colours.get(one.verdict, "dim")
        table.add_row(
            one.system, one.metric, short(one.before), short(one.after), signed(one.mean),
            f"{signed(one.low)} to {signed(one.high)}", str(one.n), f"[{colour}]{one.verdict}[/]",
        )  # fmt: skip
    console.print(table)
    changed = list(flips(first, second))
    for flip in changed[:SHOWN]:
        arrow = "now holds" if flip.gained else "no longer holds"
        console.print(f"{flip.system} {flip.metric}: {flip.unit} {arrow}", highlight=False, markup=False)
    if len(changed) > SHOWN:
        console.print(f"and {len(changed) - SHOWN} more")
    console.print(verdict(differences), highlight=False, style="bold")
    return differences


def _shared(first: Result, second: Result) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (system, metric, units that both could measure)."""
    for system, table in second.systems.items():
        for metric, values in table.items():
            other = first.systems.get(system, {}).get(metric, {})
            units = [unit for unit, value in values.items() if value is not None and other.get(unit) is not None]
            if other:
                yield system, metric, units


def signed(value: float) -> str:
    """Write a difference with its sign."""
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{short(abs(value))}"
