"""What a run of scenarios came to: a table with explanations, JSON, and JUnit XML."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.run import Played

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {"passed": "[green]passed[/]", "failed": "[red]FAILED[/]", "error": "[magenta]ERROR[/]"}
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def totals(played: Sequence[Played]) -> dict[str, int]:
    """Count scenarios by status and the checks they made."""
    counts = {status: sum(one.status == status for one in played) for status in ("passed", "failed", "error")}
    checks = [check for one in played for turn in one.turns for check in turn.checks]
    return {**counts, "checks": len(checks), "checks_held": sum(check.holds for check in checks)}


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
            escape(one.script.scenario.name),
            f"{len(one.turns)}/{len(one.script.scenario.turns)}",
            f"{held}/{len(checks)}",
            f"{one.seconds:.1f}",
            MARKS[one.status],
        )
    console.print(table)
    for one in played:
        if one.status != "passed":
            print_explanation(one, console)
    count = totals(played)
    console.print(
        f"\n{count['passed']} passed, {count['failed']} failed, {count['error']} errors; "
        f"{count['checks_held']} of {count['checks']} checks held"
    )


def print_explanation(played: Played, console: Console) -> None:
    """Print where a scenario failed: the line in its file, what the person did, what was expected and what came."""
    from rich.markup import escape

    line = partial(console.print, highlight=False, soft_wrap=True)
    line(f"\n[bold]{escape(played.script.scenario.name)}[/]")
    for number, check, where in played.failures():
        line(f"  {escape(where)}  turn {number}: {escape(played.turns[number - 1].did)}")
        line(f"    {'.'.join(map(str, check.place))}", style="dim")
        line(f"    expected  {escape(check.expected)}")
        line(f"    got       {escape(check.got)}")
    if played.error:
        broken = len(played.turns)
        line(f"  {escape(played.script.where(('turns', broken)))}  turn {broken + 1} broke off:")
        line(escape(played.error.rstrip()), style="dim")


def as_json(played: Sequence[Played], run: Mapping[str, Any]) -> str:
    """Write the whole run as JSON: `run` (what made it), totals, and every turn with its reply and checks."""
    record = {
        "run": dict(run),
        "totals": totals(played),
        "scenarios": [
            {
                "name": one.script.scenario.name,
                "file": str(one.script.path),
                "tags": list(one.script.scenario.tags),
                "status": one.status,
                "error": one.error or None,
                "turns": [
                    {
                        "did": turn.did,
                        "seconds": round(turn.seconds, 3),
                        "checks": [
                            {
                                "what": ".".join(map(str, check.place)),
                                "expected": check.expected,
                                "got": check.got,
                                "holds": check.holds,
                            }
                            for check in turn.checks
                        ],
                        "reply": turn.reply.as_dict() if turn.reply else None,
                    }
                    for turn in one.turns
                ],
            }
            for one in played
        ],
    }
    return json.dumps(record, ensure_ascii=False, indent=2, default=str) + "\n"


def as_junit(played: Sequence[Played]) -> str:
    """Write the run as JUnit XML: an expectation that did not hold is a `failure`, an exception an `error`."""
    count = totals(played)
    suite = ET.Element(
        "testsuite",
        name="scenarios",
        tests=str(len(played)),
        failures=str(count["failed"]),
        errors=str(count["error"]),
        time=f"{sum(one.seconds for one in played):.3f}",
    )
    for one in played:
        case = ET.SubElement(
            suite,
            "testcase",
            name=_clean(one.script.scenario.name),
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
