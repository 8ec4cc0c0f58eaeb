"""Evaluate the recommender that people talk to: scenarios, benchmarks, simulated users, comparisons."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from evals.bench.commands import app as bench
from evals.offpolicy.commands import offpolicy, offpolicy_truth
from evals.opening import Adapter, Encoder, Home, Json, Model, Seed, console, need, opened, progress, settings_of
from evals.simulation.commands import simulate
from evals.trials import trial
from retrieval.catalog import UserError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(bench, name="bench")


@app.command()
def run(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Scenario files and folders of them. Default: those about films.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only scenarios with this tag; may be given again.")] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Rounds; from the second on in an order drawn by --seed.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that play at the same time.")] = 1,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was killed.")] = False,
    json: Json = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one HTML page with every transcript to this file.")] = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Play scripted dialogues and check what must hold after each turn.

    Exit code 0 when all passed but known gaps, 1 when an expectation did not hold or the program broke, 2 when the
    input is wrong.
    """
    from evals import report
    from evals.reading import read_all, select
    from evals.rounds import play_all
    from evals.unfinished import Unfinished

    films, here = Path(__file__).with_name("scenarios") / "films", Path.cwd()
    shipped = films.relative_to(here) if films.is_relative_to(here) else films
    scripts = select(read_all(paths or [shipped]), tag or ())
    if not scripts:
        raise UserError(f"no scenario has the tag {' or '.join(tag or ())}: leave --tag out to run them all")
    given = {"home": home, "model": model, "adapter": adapter, "encoder": encoder, "seed": seed}
    made_by = {"tags": tag or [], "repeat": repeat, **given}
    folder = settings_of(home=home).home
    told = [script.scenario.model_dump(mode="json") for script in scripts]
    store = Unfinished.begin(folder / "evals", "run", [told, made_by], resume)
    with progress("Playing") as tell:
        played = play_all(
            scripts, store, given, rounds=repeat, jobs=jobs, seed=seed or 0, open_stage=opened, report=tell
        )
    report.print_table(played, console())
    if json:
        report.write(json, report.as_result(played, made_by).as_json())
    if junit:
        report.write(junit, report.as_junit(played))
    if html:
        from evals.html import as_html

        report.write(html, as_html(played, made_by))
    store.end()
    if any(one.status in ("failed", "error") for one in played):
        raise typer.Exit(1)


app.command()(simulate)
app.command()(offpolicy)
app.command()(offpolicy_truth)
app.command()(trial)


@app.command()
def learn(
    home: Home = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often it learns.")] = 3,
    users: Annotated[int, typer.Option(min=1, help="New simulated people who talk in each round.")] = 300,
    tested: Annotated[int, typer.Option(min=2, help="People who talk after each round and teach nothing.")] = 150,
    turns: Annotated[int, typer.Option(min=1, help="Patience: messages at most.")] = 8,
    explore: Annotated[float, typer.Option(min=0, help="How freely lists are drawn while it learns.")] = 0.3,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that talk at the same time.")] = 2,
    json: Json = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture to this file.")] = None,
    model: Model = "scripted",
    encoder: Encoder = "embedded",
    seed: Seed = 0,
) -> None:
    """Let simulated people talk, learn from it, ask the gate, promote, and measure with others whether it helped.

    What is said is logged in the home, and what is learned becomes versions of it: name a fresh one.
    """
    from evals import learning, report

    if plot:
        need("matplotlib")
    if home is None:
        raise UserError("what people say is logged in the home, and versions are made there: give --home, a new folder")
    folder = settings_of(home=home).home
    plan = learning.Plan(
        folder, rounds, users, tested, turns, explore, model or "scripted", encoder or "embedded", seed or 0, jobs
    )
    result, _ = learning.run(plan, lambda line: typer.echo(line))
    result.print(console(), "Before and after learning", [f"success@{k}" for k in (1, 2, 3, turns)])
    learning.print_gain(result, console())
    if json:
        report.write(json, result.as_json())
    if plot:
        learning.draw(result, plot)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A result written with --json.")],
    second: Annotated[Path, typer.Argument(help="Another of the same command.")],
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
) -> None:
    """Compare two results unit by unit: difference of each metric with a bootstrap interval, and what flipped.

    Exit code 1 when the second is worse in a metric, 0 otherwise.
    """
    from evals.compare import print_comparison
    from evals.results import read_result

    differences = print_comparison(read_result(first), read_result(second), console(), seed)
    if any(one.verdict == "worse" for one in differences):
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from evals.scenario import json_schema

    typer.echo(json_schema())


def main() -> None:
    """Run the command line; a mistake of the user is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
