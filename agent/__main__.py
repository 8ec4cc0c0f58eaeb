"""`python -m agent`: look into what the agent makes of a message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent.query_understanding import QueryUnderstanding

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def options() -> None:
    """Look into what the agent makes of a message."""


@app.command()
def explain(
    text: Annotated[str, typer.Argument(help="The message.")],
    before: Annotated[
        list[str] | None, typer.Option(help="A message said before it; may repeat, in order. Each gets its reply.")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the index; TASTEMAKER_HOME or ~/.tastemaker.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the segments, spelling, facets and intent of a message, what it changes, and the query that follows."""
    from agent.belief import BeliefState
    from agent.query_understanding import explain as explained
    from agent.recommender import Recommender
    from agent.settings import Settings, borrowed
    from agent.understanding import Understanding

    if not text.strip():
        raise UserError('explain: the message is empty; write it in quotes: python -m agent explain "no horror"')
    settings = Settings(home=home) if home else Settings()
    with borrowed(settings.home) as elsewhere:
        recommender = Recommender.open(
            settings.model_copy(update={"home": elsewhere}), say=lambda line: typer.echo(line, err=True)
        )
        try:
            for message in before or []:
                recommender.reply("explain", message)
            belief = BeliefState.model_validate(recommender.belief("explain"))
            understanding = recommender.tools.understanding
            assert isinstance(understanding, Understanding)
            found = explained(understanding, text, belief)
        finally:
            recommender.close()
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _print(found)


def _print(found: QueryUnderstanding) -> None:
    """Print it as a few tables, in the order in which it is made."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()

    def table(title: str, *columns: str) -> Table:
        console.print(Text(f"\n{title}", style="bold"))
        made = Table(box=None, pad_edge=False, header_style="dim")
        for column in columns:
            made.add_column(column)
        return made

    def show(made: Table) -> None:
        console.print(made if made.row_count else Text("nothing", style="dim"))

    for written, read in found.spelling:
        console.print(Text(f"read {written!r} as {read!r}"))
    segments = table("segments", "words", "kind", "means")
    for segment in found.segments:
        segments.add_row(Text(segment.words), segment.kind, Text("; ".join(segment.means)))
    show(segments)
    facets = table("what is said of them", "about", "said", "chance", "by the words")
    for facet in sorted(found.facets, key=lambda facet: (not facet.said, -facet.chance)):
        said = Text(", ".join(facet.said)) if facet.said else Text("-", style="dim")
        facets.add_row(Text(facet.about[:60]), said, f"{facet.chance:.2f}", Text(facet.words[:40]))
    show(facets)
    intents = table("intent", "", "chance")
    for name, chance in found.intents.items():
        intents.add_row(name, f"{chance:.2f}")
    show(intents)
    for title, data in (("what changes", found.update), ("the query", found.query)):
        lines = table(title, "", "")
        for name, value in data.items():
            lines.add_row(name, Text("; ".join(map(_line, value)) if isinstance(value, list) else str(value)))
        show(lines)


def _line(entry: object) -> str:
    return " ".join(str(value) for value in entry.values()) if isinstance(entry, dict) else str(entry)


def main() -> None:
    """Run a command; what the user can fix is one line and exit code 2."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
