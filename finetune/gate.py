"""Whether a version may answer: nothing that held may break, no ranking get worse, nobody's exposure jump."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from finetune.exposures import first
from finetune.learning import Measured
from finetune.probe import Finding
from finetune.requests import Request
from retrieval.catalog import UserError
from retrieval.search import Retriever


class GateConfig(BaseModel):
    """What a version has to satisfy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin: float = Field(0.01, ge=0)
    """NDCG@10 by which a ranking may be lower, on average, without counting as worse."""
    lift: float = Field(4.0, ge=1)
    """Times as often as now that an item, or whoever made it, may be shown."""
    share: float = Field(0.1, ge=0, le=1)
    """Share of all lists up to which nobody minds how often an item is shown: what people love may come up often."""
    requests: int = Field(400, ge=10)
    """Lists that exposure is counted over."""
    pairs: int = Field(150, ge=10)
    """Most pairs held out that adapters are compared on."""
    pairs_margin: float = Field(0.05, ge=0)
    """Share of pairs by which an adapter may be right less often without counting as worse."""
    probed: int = Field(30, ge=2)
    """Requests that an adapter is probed with."""
    seed: int = 0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    said: str
    """What was found, and by how much it missed."""
    measured: bool = True
    """Whether there was anything to look at; what was not measured passes."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the version may answer."""
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for the record of the version."""
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def ranking(name: str, measured: Measured, now: str, new: str, config: GateConfig) -> Check:
    """Check that NDCG@10 is not worse; see `not_worse`."""
    return not_worse(name, "NDCG@10", measured, now, new, config.margin, config.seed)


def preferred(name: str, measured: Measured, now: str, new: str, config: GateConfig) -> Check:
    """Check that an adapter is right about no fewer pairs; see `not_worse`."""
    return not_worse(name, "share right", measured, now, new, config.pairs_margin, config.seed)


def not_worse(name: str, figure: str, measured: Measured, now: str, new: str, margin: float, seed: int) -> Check:
    """Compare two versions paired by conversation, with 95 % of a bootstrap over conversations.

    Worse is what is lower by more than the margin, or lower for certain.
    """
    before, after = measured.gains[now], measured.gains[new]
    sums = np.array([np.sum(after[one]) - np.sum(before[one]) for one in before])
    counts = np.array([len(before[one]) for one in before])
    if not counts.sum():
        return Check(name, True, "nothing was taken in conversations held out: not measured", measured=False)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(sums), (2000, len(sums)))
    low, high = np.quantile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), (0.025, 0.975))
    mean = sums.sum() / counts.sum()
    passed = bool(high >= 0 and mean >= -margin)
    means = measured.means()
    interval = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}], n = {counts.sum()}"
    said = f"{figure} {means[new]:.4f} against {means[now]:.4f} now, {interval}"
    why = f"worse by more than {margin:g}" if mean < -margin else "worse for certain"
    return Check(name, passed, said if passed else f"{said}: {why}")


def exposure(now: Retriever, new: Retriever, asked: Sequence[Request], config: GateConfig) -> list[Check]:
    """Check that no item, and nobody who made some, is shown in many more lists than now."""
    catalog = now.catalog
    before, after = ([first(one, request) for request in asked] for one in (now, new))
    kinds: dict[str, Callable[[str], Sequence[str]]] = {"items": lambda item: [item]}
    for column in catalog.schema.with_role("facet"):
        if column.people:
            kinds[column.name] = lambda item, name=column.name: catalog[item].values(name)  # type: ignore[misc]
    return [
        _jump(f"exposure of {kind}", _lists_with(before, of), _lists_with(after, of), asked, config)
        for kind, of in kinds.items()
    ]


def _lists_with(lists: Sequence[Sequence[str]], of: Callable[[str], Sequence[str]]) -> Counter[str]:
    """Count in how many lists each item, or each of its values, is."""
    return Counter(value for own in lists for value in {value for item in own for value in of(item)})


def _jump(
    name: str, before: Mapping[str, int], after: Mapping[str, int], asked: Sequence[Request], config: GateConfig
) -> Check:
    """Tell who is shown more often than allowed: both the share of lists and the lift count."""
    least = config.share * len(asked)
    over = {who: count for who, count in after.items() if count > max(least, config.lift * before.get(who, 0))}
    if not over:
        most = max(after, key=lambda who: after[who] / max(before.get(who, 0), least), default="nobody")
        share = f"{after.get(most, 0)} of {len(asked)} lists, {before.get(most, 0)} now"
        return Check(name, True, f"the largest jump is {most}: {share}")
    worst = sorted(over, key=lambda who: -over[who])[:3]
    said = ", ".join(f"{who} in {over[who]} of {len(asked)} lists, {before.get(who, 0)} now" for who in worst)
    return Check(name, False, f"{said}: more than {config.lift:g} times, and than {config.share:.0%} of lists")


def probes(findings: Sequence[Finding]) -> Check:
    """Check that an adapter's figures are in their ranges; see `finetune.probe`."""
    bad = [one for one in findings if not one.healthy]
    ranged = [one for one in findings if one.wanted]
    if not bad:
        return Check("probes", True, f"all {len(ranged)} figures are in their ranges")
    return Check("probes", False, ", ".join(f"{one.figure}: {one.mean:.3f}, {one.wanted}" for one in bad))


def scenarios(
    paths: Sequence[Path], home: Path, options: Mapping[str, str], parts: Mapping[str, str]
) -> dict[Path, bool]:
    """Play scenarios in a process of their own, without chance or trial; return whether each file's held.

    `paths`: files or folders, those that come with the package without any. `options`: model and encoder. `parts`:
    folders of a version, by the names of their settings; the version that serves without any. UserError when they
    could not be played.
    """
    variables = {f"TASTEMAKER_{name.upper()}": value for name, value in {"explore": "0", "trial": "", **parts}.items()}
    given = [f"--{name}={value}" for name, value in {**options, "home": str(home)}.items()]
    with TemporaryDirectory(prefix="tastemaker-") as folder:
        out = Path(folder) / "scenarios.json"
        jobs = f"--jobs={os.cpu_count() or 1}"
        command = [sys.executable, "-m", "evals", "run", *map(str, paths), *given, jobs, f"--json={out}"]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
        if not out.is_file():
            last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
            raise UserError(f"the scenarios could not be played: {''.join(last) or done.returncode}")
        result = json.loads(out.read_text("utf-8"))
    return {Path(one["file"]): one["status"] == "passed" for one in result["notes"]["scenarios"]}


def regressions(after: Mapping[Path, bool], now: Callable[[Sequence[Path]], Mapping[Path, bool]]) -> Check:
    """Check that every scenario that holds now holds with the version.

    `now` plays scenarios with what serves; only those that fail with the version are asked for.
    """
    failing = [path for path, held in after.items() if not held]
    broken = sorted(path.name for path, held in now(failing).items() if held) if failing else []
    if broken:
        return Check("scenarios", False, f"{len(broken)} that hold now fail: {', '.join(broken[:3])}")
    others = f", {len(failing)} fail as they do now" if failing else ""
    return Check("scenarios", True, f"{len(after) - len(failing)} of {len(after)} hold{others}")
