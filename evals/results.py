"""The result of any evaluation: for each metric a value per unit, and the mean with its standard error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console


PLACES = 6
"""Decimal places of the numbers in a written result."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error over `n` units; `value` is None when nothing could be measured."""

    value: float | None
    error: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Estimate:
        """Return the mean of `values`; its error is the sample's standard deviation over the root of n."""
        known = list(values)
        if not known:
            return cls(None, 0.0, 0)
        mean = math.fsum(known) / len(known)
        spread = math.fsum((value - mean) ** 2 for value in known)
        error = math.sqrt(spread / (len(known) - 1) / len(known)) if len(known) > 1 else 0.0
        return cls(mean, error, len(known))

    def __str__(self) -> str:
        """Write `.123 ± .004`, or `-` when nothing was measured."""
        return "-" if self.value is None else f"{short(self.value)} ± {short(self.error)}"


@dataclass(frozen=True)
class Result:
    """What one evaluation measured.

    A unit is what was evaluated one by one: a scenario, a turn, a dialogue, a user. A unit that could not be measured
    is None; one that was measured and failed is 0.
    """

    kind: str
    """The command, such as `bench redial`. Results of the same kind can be compared."""
    made_by: Mapping[str, Any]
    """Settings, data and their hashes, versions: all that is needed to make it again."""
    systems: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    """System (ours and each floor) -> metric -> unit -> value."""
    notes: Mapping[str, Any]
    """What else is worth knowing: counts of what was left out, ceilings, shares."""

    def estimate(self, system: str, metric: str) -> Estimate:
        """Return the mean over the units that could be measured."""
        values = self.systems.get(system, {}).get(metric, {})
        return Estimate.of(value for value in values.values() if value is not None)

    def metrics(self) -> list[str]:
        """Return the names of all metrics, in the order in which they first appear."""
        return list(dict.fromkeys(metric for table in self.systems.values() for metric in table))

    def as_json(self) -> str:
        """Write everything, with the estimates beside the single values.

        Numbers are rounded to `PLACES`: the last digits of a sum depend on how the machine orders it.
        """
        summary = {
            system: {metric: asdict(self.estimate(system, metric)) for metric in table}
            for system, table in self.systems.items()
        }
        record = {"kind": self.kind, "made_by": self.made_by, "summary": summary, "notes": self.notes,
                  "systems": self.systems}  # fmt: skip
        return json.dumps(_rounded(record), ensure_ascii=False, indent=1, default=str) + "\n"

    def print(self, console: Console, title: str = "", metrics: Sequence[str] = ()) -> None:
        """Print a table of mean ± standard error, then the notes.

        One row a system and one column a metric; the other way round when there are more metrics than systems.
        """
        from rich.table import Table

        chosen = list(metrics) or self.metrics()
        table = Table(box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left")
        tall = len(chosen) > len(self.systems)
        table.add_column("metric" if tall else "system", no_wrap=True)
        for name in (*(self.systems if tall else chosen), "n"):
            table.add_column(name, justify="right", no_wrap=True)
        for name in chosen if tall else self.systems:
            cells = [(system, name) for system in self.systems] if tall else [(name, metric) for metric in chosen]
            found = [self.estimate(system, metric) for system, metric in cells]
            table.add_row(name, *map(str, found), str(max((one.n for one in found), default=0)))
        console.print(table)
        for name, value in self.notes.items():
            console.print(f"{name}: {value}", highlight=False, soft_wrap=True, markup=False)


def read_result(path: Path) -> Result:
    """Read what `--json` wrote; UserError when the file is something else."""
    try:
        record = json.loads(path.read_text("utf-8"))
        return Result(record["kind"], record["made_by"], record["systems"], record["notes"])
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): name a file written with --json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a result of an evaluation: name a file written with --json") from error


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, PLACES)
        case Mapping():
            return {name: _rounded(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_rounded(inner) for inner in value]
    return value


def short(value: float) -> str:
    """Write proportions as `.123`, larger numbers with two places."""
    if abs(value) < 1:
        return f"{value:.3f}".replace("0.", ".", 1)
    return f"{value:.3f}" if value == 1 else f"{value:.2f}"
