"""`python -m finetune`: learn from conversations, examine what was learned, and let it answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune import loop, reviewing
from finetune.config import ReaderConfig, read_config
from finetune.forgetting import forget
from finetune.formats import commands
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from finetune.upper_layers import Tell

READER = ReaderConfig()
app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
Home = Annotated[Path | None, typer.Option(help="Folder of index, log and adapters; TASTEMAKER_HOME or ~/.tastemaker.")]
for command in (
    *(loop.learn, loop.dpo, loop.kto, loop.reward, loop.adopt, loop.promote, loop.rollback, loop.versions),
    *(commands.export, commands.validate, forget),
):
    app.command()(command)
app.command("import")(commands.import_)
app.command()(reviewing.review)


@app.command()
def sft(
    out: Annotated[str, typer.Option(help="Name of the new adapter under home/adapters, or a path with a slash.")],
    log: Annotated[
        list[Path] | None, typer.Option(help="Dialogues to learn from, instead of the packaged ones; may repeat.")
    ] = None,
    demo: Annotated[bool, typer.Option(help="Learn from the packaged dialogues besides those of --log.")] = True,
    home: Home = None,
    encoder: loop.Encoder = None,
    model: Annotated[str, typer.Option(help="Base model: embedded, a folder or a Hub id.")] = "embedded",
    config: Annotated[Path | None, typer.Option(help="TOML with other settings than the defaults.")] = None,
    row_steps: Annotated[int | None, typer.Option(min=0, help="Steps on the new token rows alone.")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Steps of LoRA with the rows.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in --out.")] = False,
) -> None:
    """Train an adapter: new token rows first, then a LoRA on the mix of tasks.

    On several devices: `accelerate launch -m finetune sft ...`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from finetune.examples import (
        alignment_examples,
        dialogue_examples,
        held_out,
        labelled,
        read_dialogues,
        request_examples,
        weighed,
    )
    from finetune.sft import train

    first = os.environ.get("RANK", "0") == "0"  # `accelerate launch` starts several processes; one speaks
    console = Console(stderr=True, quiet=not first)
    settings = read_config(config, seed=seed, row_steps=row_steps, steps=steps)
    serving = loop.settings_of(home, encoder)
    folder = serving.home
    target = Path(out) if "/" in out else folder / "adapters" / out
    sources = [*(log or []), *(labelled() if demo or not log else ())]
    dialogues = [dialogue for path in sources for dialogue in read_dialogues(path)]
    retriever = loop.retriever_of(serving)
    kept = [dialogue for dialogue in dialogues if not held_out(dialogue, settings.validation)]
    left_out = [dialogue for dialogue in dialogues if held_out(dialogue, settings.validation)]
    console.print(f"{len(kept)} dialogues to learn from, {len(left_out)} held out")
    with console.status("Building examples with the same prompts and search that serve"):
        examples = [*alignment_examples(retriever, settings.seed), *request_examples(retriever, settings.seed)]
        examples += weighed(dialogue_examples(kept, retriever, settings.seed, settings.clip), settings.cap)
        validation = [each for each in dialogue_examples(left_out, retriever, settings.seed) if each.options]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bars: dict[str, TaskID] = {}

        def report(step: int, total: int, stage: str, loss: float) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=step, description=f"stage {stage}, loss {loss:.3f}")

        record = train(
            examples,
            retriever.catalog,
            retriever.semantic_ids,
            base=model,
            home=folder,
            out=target,
            config=settings,
            vectors=retriever.vectors,
            validation=validation,
            resume=resume,
            report=report,
            say=console.print,
        )
    if best := max(record["validation"], key=lambda entry: entry["ndcg"], default=None):
        console.print(
            f"best at step {best['step']:.0f}: NDCG@10 {best['ndcg']:.3f} (standard error {best['ndcg_se']:.3f}) on "
            f"{best['n']:.0f} held-out rankings, a random order {best['chance']:.3f}; see {target / 'run'}"
        )
    if first:
        command = f"TASTEMAKER_ADAPTER={out} python app.py"
        typer.echo(f"adapter written to {target} after {record['seconds']} s; talk with it: {command}")


@app.command()
def ranker(
    log: Annotated[
        list[Path] | None, typer.Option(help="Dialogues to learn from, instead of the packaged ones; may repeat.")
    ] = None,
    ratings: Annotated[Path | None, typer.Option(help="What people liked besides: a folder or ratings.csv.")] = None,
    joins: Annotated[Path | None, typer.Option(help="JSONL that joins id with the ratings' ml_id.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: `ranker` in the home.")] = None,
    home: Home = None,
    encoder: loop.Encoder = None,
    model: Annotated[
        str, typer.Option(help="Base model of a cross-encoder: embedded, a folder, a Hub id; none goes without.")
    ] = "none",
    seed: int = 0,
) -> None:
    """Learn in which order to recommend, from logged dialogues.

    Co-liking, a two-tower model and their fusion, a student of all of it, and with --model a cross-encoder: layers of a
    language model with a LoRA, which correct that order by what they read. It is kept where it is better.
    """
    from rich.console import Console

    from finetune.examples import labelled, read_dialogues
    from finetune.ranker import Config
    from finetune.ranker.logs import logged_turns, read_liked
    from finetune.ranker.making import make

    console = Console(stderr=True)
    settings = loop.settings_of(home, encoder)
    target = out or settings.home / "ranker"
    retriever = loop.retriever_of(settings)
    dialogues = [dialogue for path in log or labelled() for dialogue in read_dialogues(path)]
    turns = list(logged_turns(dialogues, retriever.catalog))
    liked = read_liked(ratings, joins, retriever.catalog) if ratings else []
    with _bars(console, "reading", "learning", "asking") as tell:
        config = Config(seed=seed)
        record = make(
            retriever, turns, liked, config, model, settings.rerank, settings.home, target, console.print, tell
        )
    typer.echo(f"ranker written to {target} after {record['seconds']} s; it ranks from the next start on")


@app.command()
def reader(
    out: Annotated[Path, typer.Option(help="Folder to write the reader to; goes on from a checkpoint there.")],
    log: Annotated[
        list[Path] | None, typer.Option(help="Labelled dialogues to learn from besides the packaged ones; may repeat.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the dialogues.")] = READER.epochs,
    held_out: Annotated[
        int | None, typer.Option(min=0, max=4, help="Fold of five that is left out and scored after every epoch.")
    ] = None,
    model: Annotated[str, typer.Option(help="Base model: embedded, a folder or a Hub id.")] = READER.model,
    home: Home = None,
    seed: int = READER.seed,
) -> None:
    """Train the reader, which judges what a message says, on labelled dialogues over the catalog in the home."""
    from rich.console import Console

    from agent.reader import Nearness, Network
    from finetune.examples import labelled, read_dialogues
    from finetune.reader import judged, report, train
    from finetune.reader_rows import rows_of
    from retrieval.encoder import open_embedded

    console = Console(stderr=True)
    config = ReaderConfig(epochs=epochs, seed=seed, model=model)
    settings = loop.settings_of(home)
    folder, catalog = settings.home, loop.retriever_of(settings).catalog
    network = Network.of_base(model, folder, console.print)
    dialogues = [dialogue for path in (*labelled(), *(log or [])) for dialogue in read_dialogues(path)]
    with console.status(f"Finding what the messages of {len(dialogues)} dialogues may be about."):
        nearness = Nearness(catalog, open_embedded(), folder / "reader")
        rows = rows_of(dialogues, catalog, network.tokenizer, nearness)
    left_out = [row for row in rows if row.fold == held_out]
    with _bars(console, "reading", "learning") as tell:

        def after(epoch: int) -> None:
            if left_out:
                scores = report(judged(left_out, network))
                said = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
                console.print(f"after epoch {epoch + 1} on {len(left_out)} turns left out: {said}")

        train([row for row in rows if row.fold != held_out], network, config, out, tell, after)
    typer.echo(f"reader written to {out}; talk with it: TASTEMAKER_READER={out} python app.py")


@app.command()
def probe(
    home: Home = None,
    adapter: Annotated[str, typer.Option(help="Adapter to examine: auto, a folder, or a name in the home.")] = "auto",
    model: Annotated[str, typer.Option(help="Base model: embedded, a folder or a Hub id.")] = "embedded",
    encoder: loop.Encoder = None,
    beliefs: Annotated[int, typer.Option(min=2, help="Requests in all, half from dialogues, half made up.")] = 500,
    sample: Annotated[int, typer.Option(min=2, help="How many of them the model sees; five passes each.")] = 60,
    json: Annotated[Path | None, typer.Option(help="File to write all figures to.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit with 1 when a figure is out of its range.")] = False,
    seed: int = 0,
) -> None:
    """Examine an adapter: does it rank by the person, or by habit, place in the prompt, or fame."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from agent.llm import open_llm
    from agent.local_llm import LocalLanguageModel
    from finetune.examples import read_dialogues
    from finetune.probe import probe as examine
    from finetune.probe import requests
    from finetune.probe_report import table, write

    console = Console(stderr=True)
    settings = loop.settings_of(home, encoder)
    folder, retriever = settings.home, loop.retriever_of(settings)
    llm = open_llm(model, adapter, retriever.semantic_ids, folder, console.print)
    if not isinstance(llm, LocalLanguageModel) or llm.adapter_id == "none":
        raise UserError("no adapter fits this index: train one with `python -m finetune sft`, or name one by --adapter")
    asked = requests(read_dialogues(), retriever.catalog, beliefs, seed)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Probing", total=len(asked))
        findings = examine(
            llm, retriever, asked, sample, seed, lambda done, of: bar.update(task, completed=done, total=of)
        )
    Console().print(table(findings, llm.adapter_id))
    if json:
        ids = {"model": llm.model_id, "adapter": llm.adapter_id, "semantic_ids": retriever.semantic_ids.fingerprint}
        write(json, findings, {**ids, "beliefs": beliefs, "sample": sample, "seed": seed})
    if strict and not all(finding.healthy for finding in findings):
        raise typer.Exit(1)


@contextmanager
def _bars(console: Console, *names: str) -> Iterator[Tell]:
    """Draw how far each of some works is, with the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks = {what: bar.add_task(what) for what in names}

        def tell(what: str, step: int, of: int, loss: float) -> None:
            bar.update(tasks[what], completed=step, total=of, description=f"{what} {loss or '':.4}")

        yield tell


def main() -> None:
    """Run a command; what the user can fix is one line and exit code 2."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
