"""Simulated users on screen and on paper: tables, and dialogues that can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evals.results import Result
from evals.simulation.user import Dialogue, User
from retrieval.catalog import Catalog

if TYPE_CHECKING:
    from rich.console import Console

STEPS = (1, 2, 3, 5, 8, 12, 20)
"""Turns at which the success is printed, beside the last one; the result holds all."""
ON_THE_WAY = ("turns to accept", "reward", "understood", "questions")
"""Measures of the dialogue; those not printed are in the result."""
SHOWN = ("violations", "repeats", "diversity", "novelty")


def print_tables(result: Result, turns: int, console: Console) -> None:
    """Print success by turn, the other measures, what was shown to all users together, and the notes."""
    from rich.table import Table

    notes = dict(result.notes)
    exposure: Mapping[str, Mapping[str, Any]] = notes.pop("exposure")
    bare = replace(result, notes={})
    steps = sorted({*(k for k in STEPS if k < turns), turns})
    bare.print(console, "Success by turn", [f"success@{k}" for k in steps])
    bare.print(console, "\nOn the way", ON_THE_WAY)
    bare.print(console, "\nWhat was shown", SHOWN)
    table = Table(box=None, pad_edge=False, header_style="bold", title="\nOver all users", title_justify="left")
    table.add_column("system")
    for name in next(iter(exposure.values()), {}):
        table.add_column(name, justify="right")
    for system, values in exposure.items():
        table.add_row(system, *("-" if value is None else f"{value:.4g}" for value in values.values()))
    console.print(table)
    for name, value in notes.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True, markup=False)


def transcripts(dialogues: Iterable[Dialogue], users: Sequence[User], catalog: Catalog) -> str:
    """Write dialogues as text: what the user wants, then each message with its clicks, the reply and the list."""
    by_id = {user.id: user for user in users}
    return "\n".join("\n".join(_lines(one, by_id[one.user], catalog)) for one in dialogues)


def _lines(dialogue: Dialogue, user: User, catalog: Catalog) -> list[str]:
    title = f"{dialogue.user} with {dialogue.system}"
    lines = [title, "=" * len(title), f"wants: {user.wish} ({len(user.accepts)} of {len(catalog)} accepted)"]
    for exchange in dialogue.exchanges:
        move, heard = exchange.move, exchange.heard
        clicks = [f"[clicks {verdict}: {catalog.label(catalog[item])}]" for item, verdict in move.clicks]
        lines += ["", *clicks, f"user  ({move.kind}) {move.text}", f"agent {heard.text}"]
        lines += [f"      {place}. {_card(item, user, catalog)}" for place, item in enumerate(heard.items, start=1)]
    end = dialogue.end if dialogue.accepted is None else f"accepted {catalog.label(catalog[dialogue.accepted])}"
    return [*lines, "", f"-> {end} after {len(dialogue.exchanges)} turns", ""]


def _card(item: str, user: User, catalog: Catalog) -> str:
    marks = [name for name, ids in (("accepted", user.accepts), ("seen", user.seen)) if item in ids]
    return catalog.label(catalog[item]) + (f"  ({', '.join(marks)})" if marks else "")
