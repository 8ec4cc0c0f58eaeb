"""Whether the estimates are right: many logs of a world in which the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from evals.offpolicy import synthetic
from evals.offpolicy.estimators import ESTIMATORS, Estimated, estimates
from evals.results import Estimate

if TYPE_CHECKING:
    from rich.console import Console

DRAWS = 400
"""Resamples for each of the many intervals."""


@dataclass(frozen=True)
class Held:
    """How one estimator did for one target, over many logs."""

    world: str
    target: str
    estimator: str
    truth: float
    unsupported: float
    """Share of the target's lists that the logger never draws."""
    mean: float
    """Of the estimates; what of a log could not be estimated does not count."""
    bias: Estimate
    """Over the logs."""
    rmse: float
    coverage: float
    """Share of the 95 % intervals that held the truth."""
    effective: float
    """Mean over the logs."""

    @property
    def coverage_error(self) -> float:
        """Return the standard error of the coverage."""
        return float(np.sqrt(self.coverage * (1 - self.coverage) / max(1, self.bias.n)))


def hold(
    conversations: int, repeats: int, explore: float, seed: int, tell: Callable[[int, int], None] = lambda *_: None
) -> list[Held]:
    """Draw `repeats` logs of some conversations in either kind of world; return how every estimator did."""
    found: list[Held] = []
    kinds: Sequence[synthetic.Kind] = get_args(synthetic.Kind)
    for number, kind in enumerate(kinds):
        world = synthetic.make(kind, explore, seed)
        made: dict[str, list[list[Estimated]]] = {name: [] for name in world.targets}
        for repeat in range(repeats):
            tell(number * repeats + repeat, len(kinds) * repeats)
            log = synthetic.draw_log(world, conversations, np.random.default_rng([seed, 2, number, repeat]))
            for name in world.targets:
                made[name].append(estimates(log.weighed(world, name), repeat, DRAWS))
        for name, target in world.targets.items():
            truth, unsupported = world.truth(target, seed), float(world.unsupported[name].mean())
            found += [_held(kind, name, truth, unsupported, column) for column in zip(*made[name], strict=True)]
    return found


def _held(world: str, target: str, truth: float, unsupported: float, made: Sequence[Estimated]) -> Held:
    known = [one for one in made if one.value is not None]
    values = np.array([one.value for one in known], float)
    errors = values - truth
    return Held(
        world=world,
        target=target,
        estimator=made[0].name,
        truth=truth,
        unsupported=unsupported,
        mean=float(values.mean()) if len(values) else float("nan"),
        bias=Estimate.of(errors.tolist()),
        rmse=float(np.sqrt((errors**2).mean())) if len(values) else float("nan"),
        coverage=float(np.mean([one.low <= truth <= one.high for one in known])) if known else float("nan"),
        effective=float(np.mean([one.effective for one in made])),
    )


def print_held(held: Sequence[Held], console: Console) -> None:
    """Print one table a world and target."""
    from rich.table import Table

    for start in range(0, len(held), len(ESTIMATORS)):
        block = held[start : start + len(ESTIMATORS)]
        first = block[0]
        title = f"\nitems taken {first.world}, target {first.target}: truth {first.truth:.4f}, "
        title += f"{first.unsupported:.1%} of the lists without support"
        table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
        table.add_column("estimator", no_wrap=True)
        for name in ("mean", "bias ± se", "RMSE", "coverage ± se", "effective turns", "logs"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in block:
            table.add_row(
                one.estimator, f"{one.mean:.4f}", f"{one.bias.value or 0:+.4f} ± {one.bias.error:.4f}",
                f"{one.rmse:.4f}", f"{one.coverage:.3f} ± {one.coverage_error:.3f}", f"{one.effective:.1f}",
                str(one.bias.n),
            )  # fmt: skip
        console.print(table)
