"""The embedded Chroma store of one index version: built once, then only read; rebuilt from vectors when damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog, fold
from retrieval.constraints import Constraint

if TYPE_CHECKING:
    from chromadb.api.client import Client

BATCH = 5000
"""Records added at once; Chroma takes 5,461 at most."""
COLLECTION = "items"
PROBE_SECONDS = 120
CONFIGURATION = {"hnsw": {"space": "cosine", "ef_construction": 128, "max_neighbors": 24, "ef_search": 128}}


class DamagedError(Exception):
    """A Chroma directory does not open or does not hold what it should."""


class VectorStore:
    """Approximate nearest neighbours of one index version, under `root/chroma-*`."""

    def __init__(self, folder: Path, client: Client, size: int) -> None:
        """Hold an open client; use `create` or `open`."""
        self.folder = folder
        self.size = size
        self._client = client
        self._collection = client.get_collection(COLLECTION, embedding_function=None)

    @classmethod
    def create(cls, root: Path, catalog: Catalog, vectors: NDArray[np.float32], *, progress: bool = False) -> None:
        """Write a new store beside what is there and point `root/CHROMA` at it."""
        from rich.progress import Progress

        folder = root / f"chroma-{uuid.uuid4().hex[:8]}"
        client = _client(folder)
        collection = client.create_collection(COLLECTION, embedding_function=None, configuration=CONFIGURATION)  # type: ignore[arg-type]
        records = metadata(catalog)
        with Progress(disable=not progress, transient=True) as bar:
            task = bar.add_task("Indexing vectors", total=len(catalog))
            for start in range(0, len(catalog), BATCH):
                stop = min(start + BATCH, len(catalog))
                collection.add(
                    ids=[str(place) for place in range(start, stop)],
                    embeddings=vectors[start:stop],
                    metadatas=records[start:stop],  # type: ignore[arg-type]
                )
                bar.advance(task, stop - start)
        client.close()
        write_atomically(root / "CHROMA", folder.name)
        _mark(folder)
        for other in root.glob("chroma-*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

    @classmethod
    def open(cls, root: Path, size: int) -> VectorStore:
        """Open the store of `size` records; DamagedError when it does not open.

        Damage can kill the process that opens it. So a store is opened in a subprocess first, unless a marker says that
        the last opening went well and no file has changed its size since.
        """
        folder = _folder(root)
        if folder is None:
            raise DamagedError(f"{root}: no store")
        marker = folder / "CLEAN"
        clean = marker.exists() and marker.read_text("utf-8") == _sizes(folder)
        marker.unlink(missing_ok=True)
        if not clean:
            command = [sys.executable, "-m", "retrieval.chroma", str(folder.resolve()), str(size)]
            above = Path(__file__).parent.parent
            try:
                done = subprocess.run(command, cwd=above, capture_output=True, timeout=PROBE_SECONDS, check=False)
            except subprocess.TimeoutExpired as error:
                raise DamagedError(f"{folder}: does not open in {PROBE_SECONDS} s") from error
            if done.returncode:
                raise DamagedError(f"{folder}: opening it fails with {done.returncode}")
        store = open_and_check(folder, size)
        _mark(folder)
        return store

    def nearest(self, vector: NDArray[np.float32], k: int, where: dict[str, Any] | None) -> NDArray[np.int64]:
        """Return the positions of about the `k` nearest records that satisfy `where`, nearest first."""
        found = self._collection.query(
            query_embeddings=vector[None], n_results=min(k, self.size), where=where, include=["distances"]
        )
        return np.array([int(place) for place in found["ids"][0]], np.int64)

    def close(self) -> None:
        """Release the directory."""
        self._client.close()


def metadata(catalog: Catalog) -> list[dict[str, Any]]:
    """Return each item's record: folded facet values as lists, numbers as floats, and its position."""
    facets, numbers = catalog.schema.with_role("facet"), catalog.schema.with_role("number")
    records = []
    for place, item in enumerate(catalog):
        record: dict[str, Any] = {"position": place}
        for column in facets:
            if values := [fold(value) for value in item.values(column.name)]:
                record[_key(column.name)] = values
        for column in numbers:
            if (number := item.number(column.name)) is not None:
                record[_key(column.name)] = number
        records.append(record)
    return records


def translate(constraints: Iterable[Constraint], catalog: Catalog) -> dict[str, Any] | None:
    """Write as many of the constraints as Chroma can execute as its `where`; the caller verifies all of them."""
    facets = {column.name for column in catalog.schema.with_role("facet")}
    numbers = {column.name for column in catalog.schema.with_role("number")}
    clauses: list[dict[str, Any]] = []
    for constraint in constraints:
        key, value = _key(constraint.attribute), constraint.value
        match constraint.op:
            case "at_least" | "at_most" if constraint.attribute in numbers:
                clauses.append({key: {"$gte" if constraint.op == "at_least" else "$lte": float(value)}})
            case "is" if constraint.attribute in facets:
                clauses.append({key: {"$contains": fold(str(value))}})
            case "is_not" if constraint.attribute in facets:
                clauses.append({key: {"$not_contains": fold(str(value))}})
    return None if not clauses else clauses[0] if len(clauses) == 1 else {"$and": clauses}


def open_and_check(folder: Path, size: int) -> VectorStore:
    """Open a store, count it and ask it one question; DamagedError when any of that fails."""
    from chromadb.errors import ChromaError

    try:
        store = VectorStore(folder, _client(folder), size)
        count = store._collection.count()
        width = len(store._collection.peek(1)["embeddings"][0])  # type: ignore[index]
        store.nearest(np.ones(width, np.float32), 1, None)
    except (ChromaError, OSError, ValueError, RuntimeError, LookupError, TypeError) as error:
        raise DamagedError(f"{folder}: {error}") from error
    if count != size:
        store.close()
        raise DamagedError(f"{folder}: holds {count} records instead of {size}")
    return store


def write_atomically(path: Path, text: str) -> None:
    """Replace a small file's content so that a reader finds the old one or the new one, also after a crash."""
    scratch = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    with scratch.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    if os.name == "posix":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _client(folder: Path) -> Client:
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def _key(attribute: str) -> str:
    return f"attribute.{attribute}"


def _folder(root: Path) -> Path | None:
    pointer = root / "CHROMA"
    folder = root / pointer.read_text("utf-8").strip() if pointer.is_file() else None
    return folder if folder is not None and folder.is_dir() else None


def _mark(folder: Path) -> None:
    (folder / "CLEAN").write_text(_sizes(folder), "utf-8")


def _sizes(folder: Path) -> str:
    files: Sequence[Path] = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "CLEAN")
    return json.dumps({str(path.relative_to(folder)): path.stat().st_size for path in files})


if __name__ == "__main__":
    open_and_check(Path(sys.argv[1]), int(sys.argv[2])).close()
