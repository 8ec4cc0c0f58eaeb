"""What a run of scenarios came to: a table with explanations, a result, and JUnit XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from evals.coverage import coverage, summary
from evals.records import as_record, without_times
from evals.results import Result
from evals.run import Played, Status

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {
    "passed": "[green]passed[/]",
    "failed": "[red]FAILED[/]",
    "gap": "[yellow]known gap[/]",
    "error": "[magenta]ERROR[/]",
}
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def totals(played: Sequence[Played]) -> dict[str, int]:
    """Count scenarios by status and the checks they made."""
    counts = {status: sum(one.status == status for one in played) for status in get_args(Status)}
    checks = [check for one in played for turn in one.turns for check in turn.checks]
    return {**counts, "checks": len(checks), "checks_held": sum(check.holds for check in checks)}


def unsteady(played: Sequence[Played]) -> list[str]:
    """Write one line for each scenario that did not end alike in all its rounds."""
    ends: dict[str, list[str]] = {}
    for one in played:
        ends.setdefault(one.script.scenario.name, []).append(one.status)
    return [
        f"unsteady: {name}: passed in {rounds.count('passed')} of {len(rounds)} rounds"
        for name, rounds in ends.items()
        if len(set(rounds)) > 1
    ]


def closed(played: Sequence[Played]) -> list[str]:
    """Write one line for each known gap that is none any more."""
    shut = (one.script for one in played if one.script.scenario.gap and one.status == "passed")
    places = dict.fromkeys(script.where(("gap",)) for script in shut)
    return [f"closed: {where}: all holds now, take `gap` out" for where in places]


def print_table(played: Sequence[Played], console: Console) -> None:
    """Print one line a scenario, then for each that did not pass what was expected and what came."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("scenario", "left"), ("turns", "right"), ("checks", "right"), ("seconds", "right")):
        table.add_column(name, justify="left" if justify == "left" else "right")
    table.add_column("result")
    for one in played:
        checks = [check for turn in one.turns for check in turn.checks]
        held = sum(check.holds for check in checks)
        table.add_row(
            escape(one.name),
            f"{len(one.turns)}/{len(one.script.scenario.turns)}",
            f"{held}/{len(checks)}",
            f"{one.seconds:.1f}",
            MARKS[one.status],
        )
    console.print(table)
    for one in played:
        if one.status in ("failed", "error"):
            print_explanation(one, console)
    count = totals(played)
    console.print(
        f"\n{count['passed']} passed, {count['failed']} failed, {count['error']} errors, {count['gap']} known gaps; "
        f"{count['checks_held']} of {count['checks']} checks held"
    )
    for text in (*unsteady(played), *closed(played), *summary(coverage(played))):
        console.print(text, highlight=False, markup=False, soft_wrap=True, style="dim")


def print_explanation(played: Played, console: Console) -> None:
    """Print where a scenario failed: the line in its file, what the person did, what was expected and what came."""
    from rich.markup import escape

    line = partial(console.print, highlight=False, soft_wrap=True)
    line(f"\n[bold]{escape(played.name)}[/]")
    for number, check, where in played.failures():
        line(f"  {escape(where)}  turn {number}: {escape(played.turns[number - 1].did)}")
        line(f"    {'.'.join(map(str, check.place))}", style="dim")
        line(f"    expected  {escape(check.expected)}")
        line(f"    got       {escape(check.got)}")
    if played.error:
        broken = len(played.turns)
        line(f"  {escape(played.script.where(('turns', broken)))}  turn {broken + 1} broke off:")
        line(escape(played.error.rstrip()), style="dim")


def as_result(played: Sequence[Played], made_by: Mapping[str, Any]) -> Result:
    """Return the run as a result whose units are scenarios: passed, and the share of checks that held.

    A scenario that broke off has passed nothing. Its transcripts stand in the notes, without durations, so that the
    same run gives the same bytes.
    """
    passed: dict[str, float | None] = {one.name: float(one.status == "passed") for one in played}
    held: dict[str, float | None] = {}
    for one in played:
        checks = [check.holds for turn in one.turns for check in turn.checks]
        held[one.name] = sum(checks) / len(checks) if checks else None
    transcripts = [
        {
            "file": str(one.script.path),
            "tags": list(one.script.scenario.tags),
            "status": one.status,
            **without_times(as_record(one)),
        }
        for one in played
    ]
    notes = {"totals": totals(played), "coverage": coverage(played), "scenarios": transcripts}
    return Result("run", made_by, {"tastemaker": {"passed": passed, "checks held": held}}, notes)


def as_junit(played: Sequence[Played]) -> str:
    """Write the run as JUnit XML: an expectation that did not hold is a `failure`, an exception an `error`."""
    count = totals(played)
    suite = ET.Element(
        "testsuite",
        name="scenarios",
        tests=str(len(played)),
        failures=str(count["failed"]),
        skipped=str(count["gap"]),
        errors=str(count["error"]),
        time=f"{sum(one.seconds for one in played):.3f}",
    )
    for one in played:
        case = ET.SubElement(
            suite,
            "testcase",
            name=_clean(one.name),
            classname=_clean(str(one.script.path.with_suffix(""))).replace("/", "."),
            file=_clean(str(one.script.path)),
            time=f"{one.seconds:.3f}",
        )
        if one.error:
            last_line = one.error.strip().splitlines()[-1]
            ET.SubElement(case, "error", message=_clean(last_line)).text = _clean(one.error)
        elif one.status == "failed":
            lines = [
                f"{where} turn {number} {'.'.join(map(str, check.place))}: expected {check.expected}, got {check.got}"
                for number, check, where in one.failures()
            ]
            ET.SubElement(case, "failure", message=_clean(lines[0])).text = _clean("\n".join(lines))
        elif one.status == "gap":
            ET.SubElement(case, "skipped", message=_clean(f"known gap: {one.script.scenario.gap}"))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def write(path: Path, text: str) -> None:
    """Write a report, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _clean(text: str) -> str:
    """Replace the characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
