"""What the probes found: as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.probe import Finding

if TYPE_CHECKING:
    from rich.table import Table


def table(findings: Sequence[Finding], adapter: str) -> Table:
    """Return a table with the range wanted beside each figure; what is out of it is marked."""
    from rich.table import Table

    drawn = Table("probe", "figure", "value", "n", "wanted", "", title=f"Probes of {adapter}", title_justify="left")
    last = ""
    for finding in findings:
        value = f"{finding.mean:.3f}" if finding.mean < 100 else f"{finding.mean:,.0f}"
        error = f" ± {finding.error:.3f}" if finding.error is not None else ""
        sign = "" if finding.healthy else "[bold]out of range[/]"
        probe = "" if finding.probe == last else finding.probe
        drawn.add_row(probe, finding.figure, value + error, f"{finding.n:,}", finding.wanted, sign)
        last = finding.probe
    return drawn


def write(path: Path, findings: Sequence[Finding], made_by: Mapping[str, Any]) -> None:
    """Write all figures with what they were made by."""
    versions = {name: version(name) for name in ("torch", "transformers", "peft")}
    found = [{**asdict(finding), "healthy": finding.healthy} for finding in findings]
    path.write_text(json.dumps({**made_by, "versions": versions, "findings": found}, indent=1) + "\n", "utf-8")
