"""The command line of evaluation: `python -m evals run` and `python -m evals bench`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from evals.bench.commands import app as bench
from evals.opening import Adapter, Encoder, Home, Model, Seed, opened
from retrieval.catalog import UserError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(bench, name="bench")


@app.command()
def run(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Scenario files and folders of them. Default: those that ship.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only scenarios with this tag; may be given again.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON to this file.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Play scripted dialogues and check what must hold after each turn.

    Exit code 0 when all passed, 1 when an expectation did not hold or the program broke, 2 when the input is wrong.
    """
    from rich.console import Console
    from rich.progress import Progress

    from evals import report
    from evals.reading import check_all, read_all
    from evals.run import play, select

    shipped = Path(__file__).with_name("scenarios")
    scripts = select(read_all(paths or [shipped]), tag or ())
    if not scripts:
        raise UserError(f"no scenario has the tag {' or '.join(tag or ())}: leave --tag out to run them all")
    console = Console()
    with opened(home=home, model=model, adapter=adapter, encoder=encoder, seed=seed) as rec:
        check_all(scripts, rec.catalog)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            played = [play(script, rec) for script in progress.track(scripts, description="Playing")]
    report.print_table(played, console)
    made_by = {
        "scenarios": len(scripts), "tags": tag or [], "home": home, "model": model, "adapter": adapter,
        "encoder": encoder, "seed": seed,
    }  # fmt: skip
    if json:
        report.write(json, report.as_json(played, made_by))
    if junit:
        report.write(junit, report.as_junit(played))
    if any(one.status != "passed" for one in played):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; a mistake of the user is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
