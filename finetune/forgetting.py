"""The command that removes a person from a home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.loop import Home

if TYPE_CHECKING:
    from agent.forgetting import Footprint

AFTERWARDS = (
    "out of reach: files that were exported before, and adapters trained on them by `sft --log`; remove these yourself"
)


def forget(
    user: Annotated[str, typer.Option(help="Name that the person talked under.")],
    home: Home = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Tell what would be removed, and remove nothing.")] = False,
) -> None:
    """Remove a person: every conversation they took part in, its checkpoints, their profile; name what learned of it.

    Conversations in which others spoke too are removed as a whole.
    """
    from agent import forgetting
    from agent.settings import Settings

    folder = (Settings(home=home) if home else Settings()).home
    found = forgetting.footprint(folder, user) if dry else forgetting.forget(folder, user)
    for line in told(found, folder, dry):
        typer.echo(line)


def told(found: Footprint, home: Path, dry: bool) -> list[str]:
    """Return what was removed, or would be, and what is left to do, line by line."""
    from agent.forgetting import REWARD

    done = "would be removed" if dry else "removed"
    others = f", {found.shared} of them with others" if found.shared else ""
    lines = [f"{done}: {_many(len(found.conversations), 'conversation')} with {_many(found.turns, 'turn')}{others}"]
    lines[0] += ", and their checkpoints" if found.conversations else ""
    if found.profile or found.switched_off:
        off = ", and that it was turned off" if found.switched_off else ""
        lines.append(f"{done}: a profile with {_many(found.profile, 'entry', 'entries')}{off}")
    if found.reviews:
        lines.append(f"{done}: {_many(found.reviews, 'review')} of other people's turns")
    lines += [f"{done}: the scenario {path}" for path in found.scenarios]
    lines += [f"{name} learned from {count} of these conversations" for name, count in found.learned]
    if any(name == REWARD for name, _ in found.learned):
        lines.append(f"make the reward head anew without them: `python -m finetune reward --home {home}`")
    if any(name != REWARD for name, _ in found.learned):
        again = f"python -m finetune learn --home {home}"
        lines.append(f"what was learned cannot be unlearned: make a version without them, `{again}`, and promote it")
    if found.unread:
        lines.append(f"whether a version learned from them is not known: {found.unread}")
    return [*lines, AFTERWARDS]


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or f'{one}s'}"
