"""The commands of `python -m evals bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from evals.opening import Adapter, Encoder, Home, Json, Model, Seed, console, need, opened, progress, settings_of
from retrieval.catalog import UserError

app = typer.Typer(no_args_is_help=True, help="Measure, and print the numbers with what they were measured on.")


@app.command()
def turns(
    n: Annotated[int, typer.Option("--n", min=1, help="How many messages to answer.")] = 20,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Answer fixed messages and print how long cards and whole replies took."""
    from rich.console import Console

    from evals.bench.turns import measure, print_turn_times
    from evals.report import write

    with opened(home=home, model=model, adapter=adapter, encoder=encoder, seed=seed) as rec:
        times = measure(rec, n, Console(stderr=True))
        made_by = {"n": n, **rec.tools.models}
    print_turn_times(times, console())
    if json:
        write(json, times.as_result(made_by).as_json())


@app.command()
def understanding(
    dialogues: Annotated[
        Path | None, typer.Argument(help="Labelled dialogues, one JSON object a line. Default: those that ship.")
    ] = None,
    split: Annotated[str, typer.Option(help="Only dialogues of this split: dev, train, or all.")] = "dev",
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    reader: Annotated[str | None, typer.Option(help="Who judges: auto, none, or a folder with a reader.")] = None,
    by_part: Annotated[bool, typer.Option("--parts", help="Score each part of the understanding alone too.")] = False,
) -> None:
    """Compare belief updates with labelled turns: precision, recall and F1 per kind, and turns that are all right."""
    from evals.bench.understanding import as_result, majority, parts, print_scores, score
    from evals.report import write
    from finetune.examples import read_dialogues

    labelled = read_dialogues(dialogues, None if split == "all" else split)
    if not labelled:
        raise UserError(f"{dialogues or 'the dialogues that ship'}: none of the split {split!r}: try --split all")
    given = {"home": home, "model": model, "adapter": adapter, "encoder": encoder, "reader": reader}
    with opened(**given) as rec, progress("Reading") as tell:
        by_name = parts(rec) if by_part else {"tastemaker": rec.understand}
        systems = {name: score(one, labelled, rec.catalog, tell) for name, one in by_name.items()}
        systems["most frequent intent"] = score(majority(labelled), labelled, rec.catalog)
        made_by = {"dialogues": dialogues, "split": split, **rec.tools.models}
    print_scores(systems, console())
    if json:
        write(json, as_result(systems, made_by).as_json())


@app.command()
def intents(
    path: Annotated[Path, typer.Argument(help="IARD's dialogues: one JSON file.")],
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
) -> None:
    """Compare intents with those annotated in IARD; docs/evaluation.md has the mapping."""
    from evals.bench.intents import best_constant, print_intents, read_iard, score
    from evals.report import write
    from evals.results import Result

    dialogues = read_iard(path)
    with opened(home=home, model=model, adapter=adapter, encoder=encoder) as rec, progress("Reading") as tell:
        systems = {
            "tastemaker": score(rec.understand, dialogues, tell),
            "best constant": score(best_constant(dialogues), dialogues),
        }
        result = Result("bench intents", {"path": path, **rec.tools.models}, systems, {})
    print_intents(result, console())
    if json:
        write(json, result.as_json())


@app.command()
def reasons(
    dialogues: Annotated[
        Path | None, typer.Argument(help="Labelled dialogues with reasons, one JSON object a line.")
    ] = None,
    split: Annotated[str, typer.Option(help="Only dialogues of this split: dev, train, or all.")] = "dev",
    sample: Annotated[int, typer.Option(min=1, help="How many turns, drawn by --seed.")] = 60,
    references: Annotated[bool, typer.Option(help="Also ROUGE-L and BLEU against what people wrote.")] = False,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Measure reasons for the items that people showed: grounded, covering the wishes, distinct, coherent."""
    from evals.bench.reasons import score, slates
    from evals.report import write
    from evals.results import Result
    from finetune.examples import read_dialogues
    from retrieval.encoder import open_encoder

    if references:
        need("rouge_score", "sacrebleu")
    labelled = read_dialogues(dialogues, None if split == "all" else split)
    with opened(home=home, model=model, adapter=adapter, encoder=encoder, seed=seed) as rec:
        turns = slates(labelled, rec.catalog, sample, rec.settings.seed)
        if not turns:
            raise UserError("no turn shows an item of this catalog with a reason: name other dialogues or --split all")
        encode = open_encoder(rec.settings.encoder).encode
        with progress("Explaining") as tell:
            found = score(turns, rec.tools.explainer.explain, rec.catalog, encode, references, tell)
        made_by = {"dialogues": dialogues, "split": split, "sample": sample, "seed": seed, **rec.tools.models}
    result = Result("bench reasons", made_by, found, {"turns": len(turns)})
    result.print(console())
    if json:
        write(json, result.as_json())


@app.command()
def critique(
    catalog: Annotated[
        Path | None, typer.Option(help="What is searched: a JSONL or CSV catalog. Default: the catalog of the home.")
    ] = None,
    references: Annotated[int, typer.Option(min=1, help="Items critiqued by each value, drawn by --seed.")] = 5,
    split: Annotated[
        str, typer.Option(help="Which half of the items: `validation`, to choose by, or `test`, to report.")
    ] = "test",
    json: Json = None,
    home: Home = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Ask for older, funnier, less violent than an item: how many of the first ten are, and how like it they stay."""
    from evals.bench.catalogs import home_of
    from evals.bench.critique import cases, measure
    from evals.report import write
    from evals.results import Result
    from retrieval.encoder import open_encoder
    from retrieval.index import open_or_build_demo
    from retrieval.remembered import Remembering
    from retrieval.search import Retriever

    if split not in ("validation", "test"):
        raise UserError(f"--split {split}: no such split: choose validation or test")
    settings = settings_of(home=home, encoder=encoder, seed=seed)
    place = settings.home
    if catalog is not None:
        place = home_of(catalog, place, settings.encoder, lambda line: typer.echo(line, err=True))
    index = open_or_build_demo(place, encoder=settings.encoder)
    found = cases(index.catalog, references, split, settings.seed)
    with progress("Searching") as tell:
        values = measure(Retriever(index, Remembering(open_encoder(settings.encoder))), found, tell)
    made_by = {"catalog": catalog, "references": references, "split": split, "seed": settings.seed,
               "encoder": settings.encoder, "index": index.fingerprint}  # fmt: skip
    result = Result("bench critique", made_by, values, {"critiques": len(found), "items": len(index.catalog)})
    result.print(console())
    if json:
        write(json, result.as_json())


@app.command()
def interests(
    path: Annotated[Path, typer.Argument(help="MovieLens folder or ratings.csv.")],
    joins: Annotated[
        Path | None, typer.Option(help="JSONL that joins id with ml_id. Default: both use the same ids.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Which half of the people: `validation`, to choose by, or `test`, to report.")
    ] = "test",
    json: Json = None,
    home: Home = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Find what people liked next from what they had liked: several interests, one vector, the latest, popularity."""
    from evals.bench.interests import LENGTHS, PAIRS, cases, differences, measure, print_result, systems
    from evals.report import write
    from evals.results import Result, short
    from evals.simulation.ratings import read_ratings
    from retrieval.encoder import open_encoder
    from retrieval.index import open_or_build_demo
    from retrieval.search import Weights

    if split not in ("validation", "test"):
        raise UserError(f"--split {split}: no such split: choose validation or test")
    settings = settings_of(home=home, encoder=encoder, seed=seed)
    index = open_or_build_demo(settings.home, encoder=settings.encoder)
    ratings = read_ratings(path, joins, index.catalog)
    found = {length: cases(ratings, length, "test" if split == "test" else "validation") for length in LENGTHS}
    if not any(found.values()):
        raise UserError(f"{path}: nobody liked enough items of the catalog: give more ratings, or --joins")
    compared = systems(index, open_encoder(settings.encoder), Weights())
    with progress("Searching") as tell:
        values = measure(compared, found, settings.seed, tell)
    notes = {
        f"{second} - {first}, {one.metric}": f"{short(one.mean)} [{short(one.low)}, {short(one.high)}] n {one.n}"
        for first, second in PAIRS
        for one in differences(values, first, second, settings.seed)
    }
    made_by = {"path": path, "joins": joins, "split": split, "seed": settings.seed, "encoder": settings.encoder,
               "index": index.fingerprint}  # fmt: skip
    result = Result("bench interests", made_by, values, notes)
    print_result(result, console())
    if json:
        write(json, result.as_json())


@app.command()
def beauty(
    folder: Annotated[Path, typer.Argument(help="Folder with beauty_sequences.txt and beauty_items.jsonl.")],
    systems: Annotated[
        str,
        typer.Option(
            help="Of markov, knn, sasrec, generative, with commas between; the last two are trained for minutes when "
            "they are named for the first time. Default: the counting ones and those already trained."
        ),
    ] = "",
    split: Annotated[
        str, typer.Option(help="What is ranked: `validation`, to choose by, or `test`, to report.")
    ] = "validation",
    limit_users: Annotated[int | None, typer.Option(min=1, help="Only the first users, for a quick try.")] = None,
    json: Json = None,
    home: Home = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Rank each user's next item: floors, Markov, kNN, SASRec and the generative Semantic-ID retriever."""
    from rich.console import Console

    from evals.bench.beauty import Bench, measure, print_result
    from evals.bench.sequences import read_sequences
    from evals.report import write
    from retrieval.encoder import open_encoder

    if split not in ("validation", "test"):
        raise UserError(f"--split {split}: no such split: choose validation or test")
    settings = settings_of(home=home, encoder=encoder, seed=seed)
    bench = Bench(
        read_sequences(folder, limit_users), open_encoder(settings.encoder), settings.seed,
        settings.home / "benchmarks", Console(stderr=True),
    )  # fmt: skip
    wanted = [name.strip() for name in systems.split(",") if name.strip()]
    result = measure(bench, "test" if split == "test" else "validation", wanted, folder)
    print_result(result, console())
    if json:
        write(json, result.as_json())


@app.command()
def codes(
    folder: Annotated[Path, typer.Argument(help="Folder with beauty_sequences.txt and beauty_items.jsonl.")],
    split: Annotated[
        str, typer.Option(help="What is ranked: `validation`, to choose by, or `test`, to report.")
    ] = "validation",
    users: Annotated[int, typer.Option(min=1, help="Users to learn from and to measure on, drawn by the seed.")] = 6000,
    rows: Annotated[int, typer.Option(min=1, help="Rows of the ranker's table.")] = 4096,
    only: Annotated[str, typer.Option(help="Only systems whose name contains this, such as rq-vae or prefix.")] = "",
    json: Json = None,
    home: Home = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Compare kinds of Semantic IDs: their health, here and in the home's catalog, and their pieces in a ranker."""
    from dataclasses import replace

    from evals.bench.codes import HEADLINE, Task, home_health, measure
    from evals.bench.sequences import read_sequences
    from evals.report import write
    from retrieval.encoder import open_encoder

    if split not in ("validation", "test"):
        raise UserError(f"--split {split}: no such split: choose validation or test")
    settings = settings_of(home=home, encoder=encoder, seed=seed)
    task = Task.of(read_sequences(folder), users, settings.seed)
    vectors = open_encoder(settings.encoder).encode(task.data.texts, progress=True)
    which: Literal["validation", "test"] = "test" if split == "test" else "validation"
    result = measure(
        task, vectors, which, rows, folder, settings.encoder, lambda line: typer.echo(line, err=True), only
    )
    result = replace(result, notes={**result.notes, **home_health(settings.home, settings.seed)})
    result.print(console(), "Pieces of Semantic IDs as features of a light ranker", HEADLINE)
    if json:
        write(json, result.as_json())


Train = Annotated[
    Path | None,
    typer.Option(help="Data for popularity and co-mention, as PATH. Default: the other folds of PATH itself."),
]
Resume = Annotated[bool, typer.Option(help="Go on with a run that was killed.")]
Learn = Annotated[
    bool, typer.Option(help="Learn the order from --train, or from the other folds of PATH, and measure it.")
]
Ratings = Annotated[Path | None, typer.Option(help="Ratings to learn from besides: a folder or ratings.csv.")]
Joins = Annotated[Path | None, typer.Option(help="JSONL that joins id with ml_id. Default: the same ids.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Measure only so many turns, drawn by the seed.")]


@app.command()
def redial(
    path: Annotated[Path, typer.Argument(help="ReDial's raw dialogues, or its recommendation turns, as JSON lines.")],
    catalog: Annotated[Path, typer.Option(help="What is ranked: ReDial's films.json, or a JSONL or CSV catalog.")],
    train: Train = None,
    sample: Sample = None,
    resume: Resume = False,
    learn: Learn = False,
    ratings: Ratings = None,
    joins: Joins = None,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Rank all films in the middle of ReDial's dialogues, and print where those recommended next stand."""
    from evals.bench.ranking_run import bench
    from evals.bench.redial import read_redial

    given = {"home": home, "model": model, "adapter": adapter, "encoder": encoder, "seed": seed}
    training = read_redial(train) if train else None
    bench("bench redial", read_redial(path), training, catalog, sample, resume, json, given, learn, ratings, joins)


@app.command()
def inspired(
    path: Annotated[Path, typer.Argument(help="INSPIRED's context-title pairs (CSV), or its dialogues (TSV).")],
    catalog: Annotated[
        Path | None, typer.Option(help="What is ranked, as for redial. Default: the catalog of the home.")
    ] = None,
    train: Train = None,
    sample: Sample = None,
    resume: Resume = False,
    learn: Learn = False,
    ratings: Ratings = None,
    joins: Joins = None,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Rank all films in the middle of INSPIRED's dialogues, and print where those recommended next stand."""
    from evals.bench.inspired import read_inspired
    from evals.bench.ranking_run import bench

    given = {"home": home, "model": model, "adapter": adapter, "encoder": encoder, "seed": seed}
    training = read_inspired(train) if train else None
    bench("bench inspired", read_inspired(path), training, catalog, sample, resume, json, given, learn, ratings, joins)


@app.command()
def dialogues(
    path: Annotated[
        Path | None, typer.Argument(help="Labelled dialogues, one JSON object a line. Default: those that ship.")
    ] = None,
    split: Annotated[str, typer.Option(help="Only dialogues of this split: dev, train, or all.")] = "dev",
    train: Train = None,
    sample: Sample = None,
    resume: Resume = False,
    learn: Learn = False,
    ratings: Ratings = None,
    joins: Joins = None,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Rank the catalog of the home in the middle of labelled dialogues, and print where those shown stand.

    Popularity and co-mention come from the dialogues of the other splits when --train is not given.
    """
    from evals.bench.labelled import read_labelled
    from evals.bench.ranking_run import bench
    from finetune.examples import packaged

    given = {"home": home, "model": model, "adapter": adapter, "encoder": encoder, "seed": seed}
    source = path or packaged()
    data, whole = read_labelled(source, split), read_labelled(train or source)
    others = {turn.dialogue for turn in whole.turns} - {turn.dialogue for turn in data.turns}
    bench("bench dialogues", data, whole if others else None, None, sample, resume, json, given, learn, ratings, joins)


@app.command()
def rerankers(
    path: Annotated[
        Path | None, typer.Argument(help="Labelled dialogues, one JSON object a line. Default: those that ship.")
    ] = None,
    split: Annotated[str, typer.Option(help="Only dialogues of this split: dev, train, or all.")] = "dev",
    adapter: Annotated[
        list[str] | None, typer.Option(help="Adapter that reranks: auto, a path or a name; may repeat. Default: auto.")
    ] = None,
    options: Annotated[int, typer.Option(min=2, max=50, help="Candidates that are put in order.")] = 20,
    sample: Sample = None,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Put the same candidates of labelled dialogues in order by each reranker: quality, time, weights trained."""
    from evals.bench.labelled import read_labelled
    from evals.bench.rerankers import KIND, cases, contenders, measure, print_rerankers
    from evals.report import write
    from finetune.examples import packaged

    need("ir_measures")
    data = read_labelled(path or packaged(), split)
    given = {"home": home, "model": model, "adapter": "none", "encoder": encoder, "seed": seed, "reranker": "none"}
    with opened(**given, reader="none") as rec, progress("Ranking") as tell:
        asked = cases(rec, data.sample(sample, rec.settings.seed), options)
        found = contenders(rec, adapter or ["auto"], lambda line: typer.echo(line, err=True))
        made_by = {"kind": KIND, "data": {"file": data.path.name, "hash": data.hash, "split": split}, "sample": sample,
                   "options": options, "adapters": adapter or ["auto"], **rec.tools.models}  # fmt: skip
        result = measure(asked, found, tell, made_by)
    print_rerankers(result, console())
    if json:
        write(json, result.as_json())


@app.command()
def redaction(
    n: Annotated[int, typer.Option("--n", min=10, help="Messages with private data; as many without.")] = 2000,
    json: Json = None,
    seed: Annotated[int, typer.Option(help="Seed of the messages.")] = 0,
) -> None:
    """Measure how much of the private data in generated messages is taken out, and how much else."""
    from evals.bench.redaction import LOCALES, measure, messages
    from evals.report import write
    from evals.results import Result

    need("faker")
    made_by = {"n": n, "seed": seed, "locales": ", ".join(LOCALES)}
    result = Result("bench redaction", made_by, measure(list(messages(n, seed))), {"messages": 2 * n})
    result.print(console(), "What is taken out of messages", ("recall", "precision"))
    if json:
        write(json, result.as_json())


@app.command()
def poison(
    home: Home = None,
    share: Annotated[list[float] | None, typer.Option(help="Share of bots; may repeat. Default: 0.01, 0.05.")] = None,
    titles: Annotated[bool, typer.Option(help="Bots take others with the same words in their titles.")] = False,
    json: Json = None,
    encoder: Encoder = None,
    seed: Annotated[int, typer.Option(help="Seed of the bots, of the item that they push and of the requests.")] = 0,
) -> None:
    """Add fake conversations that push one item to a copy of a log, learn, and count the lists with the item.

    With --titles they push words in titles, and an item is counted that has the words too but that no bot takes.
    """
    from evals.bench.poison import measure
    from evals.report import write

    shares = share or [0.01, 0.05]
    if not all(0 < one < 1 for one in shares):
        raise UserError("--share: the shares of bots lie between 0 and 1")
    folder = settings_of(home=home).home
    result = measure(
        folder, encoder or "embedded", shares, seed, lambda line: typer.echo(line, err=True), titles=titles
    )
    result.print(console(), "Share of lists with the pushed item")
    if json:
        write(json, result.as_json())


@app.command()
def exposure(
    home: Home = None,
    json: Json = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Learn from a log with what chance showed weighted and not, and compare which groups of items are shown."""
    from evals.bench.exposure import measure, print_exposure
    from evals.report import write

    settings = settings_of(home=home, encoder=encoder, seed=seed)
    with progress("Measuring") as tell:
        result = measure(settings, lambda line: typer.echo(line, err=True), tell)
    print_exposure(result, console())
    if json:
        write(json, result.as_json())
