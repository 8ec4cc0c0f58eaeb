"""The commands by which conversations go out and come in: export, import, validate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.formats.lines import Format
from finetune.formats.sources import Source
from finetune.loop import Encoder, Home, settings_of
from retrieval.catalog import UserError
from retrieval.rows import Problem

if TYPE_CHECKING:
    from agent.log import ConversationLog
    from agent.recommender import Recommender
    from agent.settings import Settings
    from finetune.formats.importing import Imported
    from finetune.formats.talks import Talk

MOST_MISSING = 5
"""Titles that are named of those that the catalog lacks."""


def export(
    out: Annotated[Path, typer.Option(help="File to write, one JSON object a line.")],
    kind: Annotated[
        Format,
        typer.Option(
            "--format",
            help="dialogues: for `sft --log` and `ranker --log`; messages, sharegpt: chats; preferences, kto: as TRL "
            "reads them.",
        ),
    ] = "dialogues",
    reviewed: Annotated[bool, typer.Option(help="Only conversations that somebody reviewed (dialogues).")] = False,
    home: Home = None,
) -> None:
    """Write the logged conversations to a file, without turns that were taken back and without private data.

    Dialogues hold what reviewers decided: corrected turns as corrected, rejected ones not at all.
    """
    from agent.log import ConversationLog
    from agent.settings import Settings

    folder = (Settings(home=home) if home else Settings()).home
    path = folder / "log.sqlite"
    if reviewed and kind != "dialogues":
        raise UserError(f"--reviewed goes with --format dialogues: reviewers' corrections are not in {kind}")
    if not path.is_file():
        raise UserError(f"no conversations yet: {path} does not exist; talk first with `python app.py --home {folder}`")
    log = ConversationLog(path)
    typer.echo(f"{_write(log, kind, reviewed, folder, out)} written to {out}")
    log.close()


def import_(
    file: Annotated[Path, typer.Argument(help="File of conversations: JSON, JSON lines, or INSPIRED's .tsv.")],
    out: Annotated[Path, typer.Option(help="File of dialogues to write, for `sft --log` and `ranker --log`.")],
    source: Annotated[Source, typer.Option("--format", help="What the file holds; auto looks.")] = "auto",
    home: Home = None,
    encoder: Encoder = None,
    model: Annotated[str, typer.Option(help="Language model; what is said is understood without one.")] = "scripted",
) -> None:
    """Make dialogues of other people's conversations, as understood over the catalog in the home."""
    from finetune.export import write_dialogues
    from finetune.formats.sources import talks

    found: list[Imported] = []
    problems: list[Problem] = []
    given = list(talks(file, source))
    with _recommender(settings_of(home, encoder, model)) as rec, _progress(len(given)) as advance:
        for one in given:
            made = one if isinstance(one, Problem) else _imported(file, *one, rec)
            problems.append(made) if isinstance(made, Problem) else found.append(made)
            advance()
    for problem in problems:
        typer.echo(str(problem), err=True)
    if not found:
        first = f"; the first line left out is {problems[0]}" if problems else ""
        raise UserError(f"{file}: holds no conversation{first}")
    write_dialogues((one.dialogue for one in found), out)
    for line in told(found, problems, out):
        typer.echo(line)


def validate(
    files: Annotated[list[Path], typer.Argument(help="Files as `export` and `import` write them.")],
) -> None:
    """Check files line by line: everything that is wrong, where, and the fix; exit with 1 when something is."""
    from finetune.formats.validation import checked

    read = [(path, list(checked(path))) for path in files]
    for path, lines in read:
        for one in lines:
            for finding in one.findings:
                typer.echo(f"{path}:{one.line}: {finding}")
            for place, what in one.private:
                typer.echo(f"{path}:{one.line}: warning: {place}: holds private data ({what}): replace it by [{what}]")
    bad = sum(bool(one.findings) for _, lines in read for one in lines)
    told = sum(bool(one.private) for _, lines in read for one in lines)
    kinds = Counter(one.format or "no known format" for _, lines in read for one in lines)
    of = ", ".join(f"{count} {name}" for name, count in kinds.most_common()) or "nothing"
    typer.echo(f"{sum(kinds.values())} lines ({of}): {bad} bad, {told} with private data")
    if bad:
        raise typer.Exit(1)


def told(found: Sequence[Imported], problems: Sequence[Problem], out: Path) -> list[str]:
    """Return what came of an import, line by line."""
    turns, shown = sum(one.turns for one in found), sum(one.shown for one in found)
    missing: Counter[str] = Counter()
    for one in found:
        missing.update(one.missing)
    most = ", ".join(f"{title} ({count})" for title, count in missing.most_common(MOST_MISSING))
    often = f", most often {most}" if most else ""
    silent = sum(not one.shown for one in found)
    return [
        f"{len(found)} dialogues with {turns} turns written to {out}",
        f"titles: {shown} found and shown, {missing.total()} not in the catalog{often}",
        f"named by the person before, and so not taken as shown: {sum(one.repeated for one in found)}",
        f"dialogues that show nothing of the catalog, kept for what is said in them: {silent}",
        f"lines or conversations left out: {len(problems)}",
    ]


def _write(log: ConversationLog, kind: Format, reviewed: bool, home: Path, out: Path) -> str:
    """Write a log to `out`; return what was written."""
    from finetune import export as exporting
    from retrieval.index import Index

    if kind == "dialogues":
        catalog = Index.open(home).catalog
        dialogues, turns = exporting.write_dialogues(exporting.dialogues_of(log, catalog, reviewed=reviewed), out)
        return f"{dialogues} dialogues with {turns} turns"
    made = {
        "messages": exporting.messages_of, "sharegpt": exporting.sharegpt_of,
        "preferences": exporting.preferences_of, "kto": exporting.kto_of,
    }  # fmt: skip
    lines = exporting.write_lines(made[kind](log), out)
    if kind == "preferences":
        conversations = len({line["conversation"] for line in lines})
        return f"{len(lines)} pairs from {conversations} conversations"
    if kind == "kto":
        good = sum(line["label"] for line in lines)
        return f"{len(lines)} judged answers, {good} good and {len(lines) - good} bad,"
    messages = sum(len(line.get("messages") or line["conversations"]) for line in lines)
    return f"{len(lines)} conversations with {messages} messages"


def _imported(path: Path, line: int, talk: Talk, rec: Recommender) -> Imported | Problem:
    from finetune.formats.importing import imported

    return imported(talk, rec) or Problem(path, line, "nobody asks anything in it: a conversation needs a user's words")


@contextmanager
def _recommender(settings: Settings) -> Iterator[Recommender]:
    """Open the recommender over a home's catalog, without touching the conversations or the index there."""
    from agent.recommender import Recommender
    from agent.settings import borrowed
    from retrieval.index import open_or_build_demo

    open_or_build_demo(settings.home, encoder=settings.encoder, progress=True, keep=True)
    with borrowed(settings.home) as folder:
        plain = {"home": folder, "reader": "none", "ranker": "none", "reranker": "none"}
        rec = Recommender.open(settings.model_copy(update=plain), progress=True)
        try:
            yield rec
        finally:
            rec.close()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Understanding", total=total)
        yield lambda: bar.advance(task)
