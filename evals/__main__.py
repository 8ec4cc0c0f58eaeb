"""The command line of evaluation: `python -m evals run` and `python -m evals bench`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent import Recommender

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
bench = typer.Typer(no_args_is_help=True, help="Measure, and print the numbers with what they were measured on.")
app.add_typer(bench, name="bench")

Home = Annotated[Path | None, typer.Option(help="Folder with the index and models. Default: that of the settings.")]
Model = Annotated[str | None, typer.Option(help="Language model: embedded, scripted, a path or a Hub id.")]
Adapter = Annotated[str | None, typer.Option(help="Adapter: auto, none, a path, or a name under home/adapters.")]
Encoder = Annotated[str | None, typer.Option(help="Sentence encoder: embedded, hashing, a path or a Hub id.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]


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


@bench.command()
def turns(
    n: Annotated[int, typer.Option("--n", min=1, help="How many messages to answer.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Answer fixed messages and print how long cards and whole replies took."""
    from dataclasses import asdict

    from rich.console import Console

    from evals.bench import measure, print_turn_times

    with opened(home=home, model=model, adapter=adapter, encoder=encoder, seed=seed) as rec:
        times = measure(rec, n, Console(stderr=True))
    if json:
        Console().print_json(data=asdict(times))
    else:
        print_turn_times(times, Console())


@bench.command()
def understanding(
    dialogues: Annotated[Path, typer.Argument(help="Labelled dialogues, one JSON object a line.")],
    split: Annotated[str, typer.Option(help="Only dialogues of this split, such as dev.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
) -> None:
    """Compare belief updates with labelled turns: precision, recall and F1 per kind, and turns that are all right."""
    from dataclasses import asdict

    from rich.console import Console

    from evals.understanding import read_dialogues, score

    if not dialogues.is_file():
        raise UserError(f"{dialogues}: no such file: name a file of labelled dialogues")
    labelled = read_dialogues(dialogues, split)
    if not labelled:
        raise UserError(f"{dialogues}: no dialogue of the split {split!r}: leave --split out to use all")
    with opened(home=home, model=model, adapter=adapter, encoder=encoder) as rec:
        table = score(rec.understand, labelled, rec.catalog)
    if json:
        Console().print_json(data=asdict(table))
    else:
        for name, numbers in table.rows():
            Console().print(f"{name:22}{numbers}", highlight=False, soft_wrap=True)


@contextmanager
def opened(**given: Any) -> Iterator[Recommender]:
    """Open the recommender that people talk to, on the index and models of its home and with a log of its own."""
    from agent import Recommender, Settings
    from evals.home import borrowed

    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    with borrowed(settings.home) as home:
        rec = Recommender.open(settings.model_copy(update={"home": home}), say=lambda line: typer.echo(line, err=True))
        try:
            yield rec
        finally:
            rec.close()


def main() -> None:
    """Run the command line; a mistake of the user is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
