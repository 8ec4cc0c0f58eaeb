"""`python -m retrieval build | search | inspect`: make an index of a catalog, search it, look into it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from retrieval.catalog import CatalogSchema, UserError
from retrieval.quantiser import Kind, Source
from retrieval.tables import print_schema, print_table

if TYPE_CHECKING:
    from retrieval.constraints import Constraint
    from retrieval.index import Index

app = typer.Typer(
    help="Make an index of a catalog, search it, look into it.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip

Home = Annotated[Path, typer.Option(envvar="TASTEMAKER_HOME", help="The folder that holds the index.", file_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
DEFAULT_HOME = Path("~/.tastemaker")
OPERATORS = {"<=": "at_most", ">=": "at_least", "!=": "is_not", "~": "contains", "=": "is"}
P = ParamSpec("P")


def _user_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print what the user can fix as one line and exit with 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except UserError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error

    return run


@app.command()
@_user_errors
def build(
    catalog: Annotated[Path, typer.Option(help="JSONL, CSV or Parquet file.")],
    home: Home = DEFAULT_HOME,
    schema: Annotated[Path | None, typer.Option(help="TOML that overrides the inferred schema.")] = None,
    encoder: Annotated[str, typer.Option(help="embedded, hashing, a folder or a Hub id.")] = "embedded",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    export: Annotated[
        Path | None, typer.Option(help="Also write vectors and Semantic IDs to this folder, to ship with the catalog.")
    ] = None,
    codes: Annotated[
        Kind | None, typer.Option(help="How Semantic IDs are made. Default: as the home has them, or rq-kmeans.")
    ] = None,
    codes_from: Annotated[
        Source | None,
        typer.Option(
            help="What they are made of; liking is what `finetune ranker` counted. "
            "Default: as the home has them, or text."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build an index of a catalog file; the one that serves goes on serving until the new one is complete."""
    from retrieval import index as indexing
    from retrieval.encoder import open_encoder
    from retrieval.reading import read_catalog

    reading = read_catalog(catalog, schema, strict=strict)
    for problem in reading.problems:
        typer.echo(f"{problem}{' (item kept)' if problem.kept else ''}", err=True)
    if not as_json:
        print_schema(reading.catalog.schema)
    made = indexing.build(
        reading.catalog, home.expanduser(), open_encoder(encoder), codes=codes, codes_from=codes_from,
        source=str(catalog), progress=not as_json,
    )  # fmt: skip
    if export is not None:
        indexing.export(made, export)
    left_out = sum(not problem.kept for problem in reading.problems)
    if as_json:
        problems = [
            {"line": problem.line, "reason": problem.reason, "kept": problem.kept} for problem in reading.problems
        ]
        _print_json({**made.manifest, "fingerprint": made.fingerprint, "left_out": left_out, "problems": problems})
    else:
        typer.echo(f"{len(made.catalog)} items in {home}, {left_out} rows left out, fingerprint {made.fingerprint}")


@app.command()
@_user_errors
def search(
    query: Annotated[str, typer.Argument(help="Free words.")] = "",
    home: Home = DEFAULT_HOME,
    where: Annotated[
        list[str] | None, typer.Option(help="A hard limit: 'year<=1999', 'tags=new', 'tags!=old', 'text~word'.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many items at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Search the index of a home."""
    from retrieval.encoder import open_encoder
    from retrieval.index import Index
    from retrieval.query import Query
    from retrieval.search import Retriever

    index = Index.open(home.expanduser())
    constraints = tuple(parse_limit(text, index.catalog.schema) for text in where or ())
    retriever = Retriever(index, open_encoder(index.manifest["encoder"]))
    found = retriever.search(Query(text=query, constraints=constraints, limit=limit))
    matching = retriever.count(constraints)
    titles = [index.catalog.label(index.catalog[candidate.item_id]) for candidate in found]
    codes = [index.semantic_ids.text(candidate.item_id) for candidate in found]
    if as_json:
        items = [
            {
                "id": candidate.item_id,
                "title": title,
                "semantic_id": code,
                "score": candidate.score,
                "scores": candidate.scores,
            }
            for title, code, candidate in zip(titles, codes, found, strict=True)
        ]
        _print_json({"query": query, "matching": matching, "items": items})
        return
    sources = list(found[0].scores) if found else []
    rows = [
        [title, candidate.score, *candidate.scores.values(), code]
        for title, code, candidate in zip(titles, codes, found, strict=True)
    ]
    print_table(f"{len(rows)} of {matching} matching items", ["title", "score", *sources, "Semantic ID"], rows)


@app.command()
@_user_errors
def inspect(
    item: Annotated[str | None, typer.Argument(help="An item id, to look at one item.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what an index holds: counts, schema, manifest, Semantic-ID health, or one item."""
    from retrieval.index import Index

    index = Index.open(home.expanduser())
    if item is not None:
        _inspect_item(index, item, as_json)
        return
    schema = index.catalog.schema
    facets = {
        column.name: sorted(values.items(), key=lambda entry: -entry[1])
        for column in schema.with_role("facet")
        if (values := index.catalog.vocabulary[column.name])
    }
    purest, groups = index.groups()
    health = index.semantic_ids.health(groups)
    if as_json:
        counts = {name: {"values": len(values), "top": dict(values[:10])} for name, values in facets.items()}
        _print_json(
            {
                "items": len(index.catalog), "facets": counts, "schema": schema.model_dump(mode="json"),
                "manifest": index.manifest, "fingerprint": index.fingerprint, "purity_of": purest, "health": health,
            }
        )  # fmt: skip
        return
    print_schema(schema)
    cells = [
        [name, str(len(values)), ", ".join(f"{value} {count}" for value, count in values[:5])]
        for name, values in facets.items()
    ]
    print_table(f"{len(index.catalog)} items", ["facet", "values", "most frequent"], cells)
    print_table("Manifest", ["key", "value"], list(index.manifest.items()))
    made = f"{index.semantic_ids.quantiser.kind} of {index.semantic_ids.quantiser.source}"
    title = f"Semantic-ID health ({made}{f', purity by {purest}' if purest else ''})"
    print_table(title, ["figure", "value"], list(health.items()))


def parse_limit(text: str, schema: CatalogSchema) -> Constraint:
    """Parse `column<=value`, `>=`, `=`, `!=` or `~`; UserError when the column or the number is none."""
    import difflib

    from retrieval.constraints import Constraint
    from retrieval.schema import number_of

    parts = re.fullmatch(r"\s*(.+?)\s*(<=|>=|!=|=|~)\s*(.+?)\s*", text, re.DOTALL)
    if parts is None:
        raise UserError(f"--where {text!r}: write column, then one of <= >= = != ~, then the value")
    name, operator, value = parts.groups()
    names = [column.name for column in schema.with_role("facet", "number", "date", "flag", "text", "title")]
    column = schema.column(name)
    if column is None or column.name not in names:
        near = difflib.get_close_matches(name, names, 1, 0.0)
        raise UserError(f"--where {text!r}: no column {name!r} to filter by; the nearest is {near[0]!r}")
    if operator in ("<=", ">="):
        number = number_of(value)
        if number is None or column.role != "number":
            raise UserError(f"--where {text!r}: {operator} compares a number column with a number")
        return Constraint.model_validate({"attribute": column.name, "op": OPERATORS[operator], "value": number})
    return Constraint.model_validate({"attribute": column.name, "op": OPERATORS[operator], "value": value})


def _inspect_item(index: Index, item_id: str, as_json: bool) -> None:
    import difflib

    if item_id not in index.catalog:
        near = difflib.get_close_matches(item_id, list(index.catalog.position), 1, 0.0)
        raise UserError(f"no item {item_id!r} in this index; the nearest id is {near[0]!r}")
    item = index.catalog[item_id]
    places, cosines = index.nearest(index.vectors[index.catalog.position[item_id]], 5, exclude=(item_id,))
    ids = [index.catalog.items[place].id for place in places]
    like = list(zip(ids, cosines.tolist(), strict=True))
    record: dict[str, Any] = {
        "id": item.id, "title": item.title, "semantic_id": index.semantic_ids.text(item_id),
        "codes": index.semantic_ids.codes[item_id], "popularity": item.popularity,
        **item.attributes, "text": item.text, "image": item.image, "link": item.link,
    }  # fmt: skip
    if as_json:
        _print_json({**record, "nearest": dict(like)})
        return
    print_table(index.catalog.label(item), ["key", "value"], list(record.items()))
    print_table("Nearest items", ["id", "cosine"], like)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=list))


if __name__ == "__main__":
    app(prog_name="python -m retrieval")
