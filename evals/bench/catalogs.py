"""The catalog that a benchmark ranks, indexed once in a home of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evals.bench.titles import split_year
from retrieval.catalog import UserError, fold

FORMAT = 2
"""Counts up when catalogs are converted otherwise, so that no older index is taken for the new one."""
SHARED = ("models", "adapters")


def home_of(file: Path, home: Path, encoder: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """Return a home whose index holds the catalog `file`: a folder under `home`, made at the first call.

    `file` is what `python -m retrieval build` reads, or ReDial's `films.json`. The models and adapters are those of
    `home`. The same file and encoder give the same folder. UserError when the file is no catalog.
    """
    from retrieval.encoder import open_encoder
    from retrieval.index import build
    from retrieval.reading import read_catalog
    from retrieval.versions import current

    if not file.is_file():
        raise UserError(f"{file}: no such file: name the catalog that the benchmark recommends from")
    key = hashlib.sha256(f"{FORMAT} {encoder} ".encode() + file.read_bytes()).hexdigest()[:12]
    folder = home / "benchmarks" / f"{file.name.partition('.')[0]}-{key}"
    for name in SHARED:
        (home / name).mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).symlink_to((home / name).resolve(), target_is_directory=True)
    if current(folder) is None:
        reading = read_catalog(_converted(file, folder) if file.suffix == ".json" else file)
        say(f"Indexing {len(reading.catalog):,} items of {file.name}; later runs find them in {folder}.")
        build(reading.catalog, folder, open_encoder(encoder), source=file.name, progress=True)
    return folder


def _converted(file: Path, folder: Path) -> Path:
    """Write ReDial's films, id -> name, genre, plot and people, as a catalog file with the schema beside it."""
    try:
        films = json.loads(file.read_text("utf-8"))
        rows = _rows(films)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file}: not ReDial's films ({error!r:.80}): give films.json, or a JSONL or CSV file"
        ) from error
    path = folder / "films.jsonl"
    nouns = 'noun = "film"\nnouns = "films"\nalso = ["movie", "flick", "picture"]\n'
    path.with_suffix(".toml").write_text(nouns, "utf-8")
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    return path


def _rows(films: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row for each title and year, the first of several: a title in a dialogue cannot tell them apart."""
    rows: dict[tuple[str, int | None], dict[str, Any]] = {}
    for name, film in films.items():
        title, year = split_year(film["name"])
        row = {
            "id": name, "title": title, "year": year, "genres": film["genre"], "plot": film["plot"],
            "directors": film["director"], "writers": film["writer"], "cast": film["star"],
        }  # fmt: skip
        rows.setdefault((fold(title), year), row)
    return list(rows.values())
