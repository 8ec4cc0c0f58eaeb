"""The commands of `python -m evals bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.opening import Adapter, Encoder, Home, Model, Seed, opened
from retrieval.catalog import UserError

app = typer.Typer(no_args_is_help=True, help="Measure, and print the numbers with what they were measured on.")


@app.command()
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

    from evals.bench.turns import measure, print_turn_times

    with opened(home=home, model=model, adapter=adapter, encoder=encoder, seed=seed) as rec:
        times = measure(rec, n, Console(stderr=True))
    if json:
        Console().print_json(data=asdict(times))
    else:
        print_turn_times(times, Console())


@app.command()
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

    from evals.bench.understanding import read_dialogues, score

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
