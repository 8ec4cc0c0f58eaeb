"""Run a ranking benchmark over its turns, and say what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import Recommender
from evals.bench.catalogs import home_of
from evals.bench.contexts import RankingData
from evals.bench.learning import learned_from
from evals.bench.mentions import FOLDS
from evals.bench.rank_metrics import DEPTH
from evals.bench.ranking import Bench, Values
from evals.opening import console, need, opened, progress, settings_of
from evals.report import write
from evals.results import Result
from evals.unfinished import Unfinished
from finetune.ranker.logs import read_liked

if TYPE_CHECKING:
    from rich.console import Console

PROTOCOL = f"one unit is one gold item of one turn; the whole catalog is ranked, places after {DEPTH:,} count 0"
SHOWN_PROBLEMS = 5
"""Malformed lines that are named; all are counted."""
VIEWS = {
    "novel": "novel: items mentioned earlier are removed from gold and rankings (the headline)",
    "all": "all: items mentioned earlier stay",
    "ceiling": "ceiling (novel): the first k of tastemaker, and the first k of each of its sources together",
}


def bench(
    kind: str,
    data: RankingData,
    train: RankingData | None,
    catalog: Path | None,
    sample: int | None,
    resume: bool,
    json: Path | None,
    given: Mapping[str, Any],
    learn: bool = False,
    ratings: Path | None = None,
    joins: Path | None = None,
) -> None:
    """Measure and print; what the commands of the ranking benchmarks do.

    `catalog`: what is ranked, None for the catalog of the home. `resume`: go on with a killed run. `given`: fields of
    `Settings`, None for their defaults. `learn`: learn the order from `train`, or from the other folds of `data`, and
    from `ratings`, whose ids `joins` joins with the catalog's.
    """
    import typer

    need("ir_measures")
    problems = dict.fromkeys((*data.problems, *(train.problems if train else ())))
    for problem in list(problems)[:SHOWN_PROBLEMS]:
        typer.echo(str(problem), err=True)
    settings = settings_of(**given)
    home = settings.home
    if catalog is not None:
        home = home_of(catalog, home, settings.encoder, lambda line: typer.echo(line, err=True))
    with opened(**{**given, "home": home}) as rec, progress("Ranking") as tell:
        made_by = _made_by(kind, rec, data, train, sample) | {"learn": learn, "ratings": ratings and ratings.name}
        store = Unfinished.begin(settings.home / "evals", kind, made_by, resume)
        learned = None
        if learn:
            liked = read_liked(ratings, joins, rec.catalog) if ratings else ()
            learned = learned_from(rec, data, train, liked, tell, lambda line: typer.echo(line, err=True))
        bench_over = Bench.over(rec, data, train, learned)
        result = run(made_by, bench_over, data.sample(sample, rec.settings.seed), store, tell)
    if json:
        write(json, result.as_json())
    print_result(result, console())
    store.end()


def run(
    made_by: Mapping[str, Any],
    bench: Bench,
    data: RankingData,
    store: Unfinished,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> Result:
    """Measure the turns that `store` does not hold yet, and return all; `report` is told (done, of)."""
    systems: Values = {}
    done = store.done()
    for number, turn in enumerate(data.turns):
        report(number, len(data.turns))
        if turn.name not in done:
            done[turn.name] = bench.measure(turn)
            store.add(turn.name, done[turn.name])
        for system, table in done[turn.name].items():
            for metric, column in table.items():
                systems.setdefault(system, {}).setdefault(metric, {}).update(column)
    return Result(made_by["kind"], made_by, systems, _notes(bench, data, made_by["train"]))


def print_result(result: Result, console: Console) -> None:
    """Print a table for each view, then the notes."""
    for view, title in VIEWS.items():
        _view(result, view).print(console, title)
        console.print()
    for name, text in result.notes.items():
        console.print(f"{name}: {text}", highlight=False, soft_wrap=True, markup=False)


def _made_by(
    kind: str, rec: Recommender, data: RankingData, train: RankingData | None, sample: int | None
) -> dict[str, Any]:
    return {
        "kind": kind,
        "data": {"file": data.path.name, "hash": data.hash, "turns": len(data.turns)},
        "train": train and {"file": train.path.name, "hash": train.hash, "turns": len(train.turns)},
        "sample": sample,
        "settings": rec.settings.model_dump(mode="json", exclude={"home", "host", "port"}),
        "models": dict(rec.tools.models),
        "items": len(rec.catalog),
        "protocol": PROTOCOL,
        "versions": {name: version(name) for name in ("tastemaker", "ir-measures", "numpy")},
    }


def _notes(bench: Bench, data: RankingData, train: Mapping[str, Any] | None) -> dict[str, Any]:
    """Say what was measured, and what could not be and why."""
    gold = [title for turn in data.turns for title in turn.gold]
    unknown = Counter(title for title in gold if not bench.titles.find(title))
    several = Counter(title for title in gold if len(bench.titles.find(title)) > 1)
    dialogues = len({turn.dialogue for turn in data.turns})
    folds = f"the other {FOLDS - 1} of {FOLDS} folds by dialogue"
    counted = f"{train['file']}, without the dialogues measured" if train else folds
    return {
        "measured": f"{len(data.turns):,} turns of {dialogues:,} dialogues, {len(gold):,} gold items; "
        f"{len(bench.rec.catalog):,} items ranked",
        "unmeasurable": f"{unknown.total()} gold items are not in the catalog{_most(unknown)}, "
        f"{several.total()} have a title that several items have{_most(several)}",
        "malformed lines": len(data.problems),
        "popularity and co-mention from": counted,
        "protocol": PROTOCOL,
    }


def _most(titles: Mapping[str, int]) -> str:
    ordered = sorted(titles.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return f" ({', '.join(f'{title} x{count}' for title, count in ordered)}...)" if ordered else ""


def _view(result: Result, view: str) -> Result:
    """Return the metrics of one view under their bare names, without the systems that have none."""
    systems = {
        system: {name.removeprefix(f"{view} "): column for name, column in table.items() if name.startswith(f"{view} ")}
        for system, table in result.systems.items()
    }
    return Result(result.kind, {}, {name: table for name, table in systems.items() if table}, {})
