"""What a run of scenarios has exercised: nodes of the graph, belief operations, kinds of expectation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from agent.belief import ITEMS, Intent, Verdict
from agent.graph import NODES
from evals.run import Played
from evals.scenario import Expect, Strict
from retrieval.constraints import Op

Counts = dict[str, int]


def coverage(played: Sequence[Played]) -> dict[str, Counts]:
    """Return how often each thing was exercised, what never was included: by turns, and by checks for expectations."""
    nodes, intents, operations, expectations = (Counter[str]() for _ in range(4))
    for turn in (turn for one in played for turn in one.turns):
        for check in turn.checks:
            expectations[".".join(step for step in check.place if isinstance(step, str))] += 1
        if turn.reply is not None:
            nodes.update(turn.reply["timings"].keys())
            intents[turn.reply["update"].get("intent", "")] += 1
            operations.update(set(_operations(turn.reply["update"])))
    return {
        "graph nodes": _counted((node.__name__ for node in NODES), nodes),
        "intents": _counted(get_args(Intent), intents),
        "belief operations": _counted(_all_operations(), operations),
        "expectations": _counted(_leaves(Expect), expectations),
    }


def summary(found: Mapping[str, Counts]) -> list[str]:
    """Write one line a kind: how many were exercised, and which never."""
    lines = []
    for kind, counts in found.items():
        never = [name for name, count in counts.items() if not count]
        tail = f"; never: {', '.join(never)}" if never else ""
        lines.append(f"{kind}: {len(counts) - len(never)} of {len(counts)}{tail}")
    return lines


def _counted(names: Iterator[str] | Sequence[str], counts: Counter[str]) -> Counts:
    return {name: counts[name] for name in names}


def _all_operations() -> list[str]:
    return [
        *(f"set {op}" for op in get_args(Op)), "prefer", "prefer not",
        "drop an attribute", "drop a value", "drop a verdict",
        *(f"item {verdict}" for verdict in get_args(Verdict)),
    ]  # fmt: skip


def _operations(update: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"set {entry['op']}" for entry in update.get("set", ()))
    yield from ("prefer" if entry["weight"] > 0 else "prefer not" for entry in update.get("prefer", ()))
    for entry in update.get("drop", ()):
        bare = "an attribute" if entry["value"] is None else "a value"
        yield f"drop {'a verdict' if entry['attribute'] == ITEMS else bare}"
    yield from (f"item {entry['verdict']}" for entry in update.get("items", ()))


def _leaves(model: type[Strict], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Strict):
            yield from _leaves(kind, f"{above}{name}.")
        else:
            yield above + name
