"""One self-contained HTML page for a run of scenarios: each turn with its belief diff, candidates and checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from agent.belief import BeliefState
from evals.belief_expectations import written
from evals.coverage import coverage
from evals.report import totals
from evals.run import Played, PlayedTurn

Plain = dict[str, Any]


def as_html(played: Sequence[Played], made_by: Mapping[str, Any]) -> str:
    """Write the page; no text in it can run as markup or script."""
    from jinja2 import Environment, StrictUndefined

    template = files("evals").joinpath("report.html.jinja").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(template).render(
        made_by={name: value for name, value in made_by.items() if value not in (None, [], "")},
        totals=totals(played),
        coverage=coverage(played),
        scenarios=[_scenario(one) for one in played],
    )


def _scenario(played: Played) -> Plain:
    return {
        "name": played.name,
        "file": str(played.script.path),
        "tags": played.script.scenario.tags,
        "status": played.status,
        "error": played.error,
        "gap": played.script.scenario.gap,
        "turns": list(_turns(played.turns)),
    }


def _turns(turns: Sequence[PlayedTurn]) -> Iterator[Plain]:
    before: list[str] = []
    for turn in turns:
        reply = turn.reply or {}
        after = _believed(reply["belief"]) if turn.reply else before
        shown = {item["id"] for item in reply.get("items", ())}
        yield {
            "did": turn.did,
            "text": reply.get("text", ""),
            "items": reply.get("items", ()),
            "intent": reply.get("update", {}).get("intent", ""),
            "added": [entry for entry in after if entry not in before],
            "gone": [entry for entry in before if entry not in after],
            "kept": [entry for entry in after if entry in before],
            "candidates": [{**one, "shown": one["item_id"] in shown} for one in turn.candidates],
            "checks": [{"what": ".".join(map(str, c.place)), "expected": c.expected, "got": c.got, "holds": c.holds}
                       for c in turn.checks],
        }  # fmt: skip
        before = after


def _believed(belief: Mapping[str, Any]) -> list[str]:
    state = BeliefState.model_validate(belief)
    return [*written(state.constraints), *written(state.preferences), *written(state.items)]
