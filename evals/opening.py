"""Open the recommender for an evaluation: its options on the command line, and a log of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from agent import Recommender, Settings

WIDTH = 140
"""Characters of a line where there is no terminal."""

Home = Annotated[Path | None, typer.Option(help="Folder with the index and models. Default: that of the settings.")]
Model = Annotated[str | None, typer.Option(help="Language model: embedded, scripted, a path or a Hub id.")]
Adapter = Annotated[str | None, typer.Option(help="Adapter: auto, none, a path, or a name under home/adapters.")]
Encoder = Annotated[str | None, typer.Option(help="Sentence encoder: embedded, hashing, a path or a Hub id.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Json = Annotated[Path | None, typer.Option(help="Write the result with every single value to this file.")]


def need(*modules: str) -> None:
    """Refuse to begin without the libraries of the `bench` extra; UserError says how to get them."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise UserError(f"not installed: {', '.join(missing)}: run `pip install -e '.[bench]'`")


def console() -> Console:
    """Return where results are printed: as wide as the terminal, and wide enough for every table in a file."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=WIDTH)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar with the time left on standard error; what it gives is told (done, of)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def settings_of(**given: Any) -> Settings:
    """Return the settings with the fields in `given`; None leaves a field as the settings have it."""
    from agent import Settings

    return Settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def opened(**given: Any) -> Iterator[Recommender]:
    """Open the recommender that people talk to, on the index and models of its home and with a log of its own.

    `given` are fields of `Settings`; None leaves a field as the settings have it.
    """
    from agent import Recommender
    from agent.settings import borrowed

    settings = settings_of(**given)
    with borrowed(settings.home) as home:
        rec = Recommender.open(settings.model_copy(update={"home": home}), say=lambda line: typer.echo(line, err=True))
        try:
            yield rec
        finally:
            rec.close()
