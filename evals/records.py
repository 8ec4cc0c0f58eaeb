"""Played scenarios as plain data, for files, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evals.reading import Script
from evals.run import Played, PlayedTurn
from evals.seen import Check

Plain = dict[str, Any]


def as_record(played: Played) -> Plain:
    """Return everything about a played scenario except the script itself, which its file holds."""
    return {
        "name": played.script.scenario.name,
        "round": played.round,
        "error": played.error,
        "turns": [asdict(turn) for turn in played.turns],
    }


def from_record(record: Mapping[str, Any], script: Script) -> Played:
    """Return what `as_record` was given; `script` must be the one that was played."""
    turns = (
        PlayedTurn(
            turn["did"],
            turn["reply"],
            tuple(turn["candidates"]),
            turn["seconds"],
            tuple(Check(**{**check, "place": tuple(check["place"])}) for check in turn["checks"]),
        )
        for turn in record["turns"]
    )
    return Played(script, tuple(turns), record["error"], record["round"])


def without_times(record: Mapping[str, Any]) -> Plain:
    """Return a record without what differs from run to run: durations."""
    turns = []
    for turn in record["turns"]:
        reply = turn["reply"] and {name: value for name, value in turn["reply"].items() if name != "timings"}
        nodes = [name for name in (turn["reply"] or {}).get("timings", {}) if name not in ("cards", "total")]
        turns.append({**{name: turn[name] for name in ("did", "candidates", "checks")}, "reply": reply, "nodes": nodes})
    return {**record, "turns": turns}
