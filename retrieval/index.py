"""The index of one catalog: items, vectors, Semantic IDs and the Chroma store, in immutable versions under a home."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import versions
from retrieval.catalog import Catalog, UserError
from retrieval.chroma import DamagedError, VectorStore, translate
from retrieval.constraints import Constraint
from retrieval.encoder import Encoder, document, open_encoder
from retrieval.filtering import Filter, Mask
from retrieval.lexical import Lexical
from retrieval.quantiser import Kind, Source
from retrieval.reading import DEMO, demo_catalog
from retrieval.semantic_ids import SemanticIds
from retrieval.storage import load_catalog, save_catalog
from retrieval.vectors import Stored, encode, hashes_of

FORMAT = 1
SCAN_SHARE, SCAN_ITEMS = 0.25, 500
"""A search scans exactly when fewer than this share or this number of items are allowed."""


class Index:
    """One published version, opened for reading. Safe to share between threads."""

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        vectors: NDArray[np.float32],
        semantic_ids: SemanticIds,
        manifest: Mapping[str, Any],
    ) -> None:
        """Hold what `Index.open` read. `vectors`: (n, d) float32 unit rows in catalog order."""
        self.folder = folder
        self.catalog = catalog
        self.vectors = vectors
        self.semantic_ids = semantic_ids
        self.manifest = manifest
        self.filter = Filter(catalog)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, home: Path) -> Index:
        """Open the version that serves; UserError when there is none or when it is of another format."""
        folder = versions.current(home)
        if folder is None:
            raise UserError(
                f"{home}: no index here; make one with `python -m retrieval build --catalog FILE --home {home}`"
            )
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        if manifest["format"] != FORMAT:
            raise UserError(
                f"{home}: the index has format {manifest['format']}, this program reads {FORMAT}; "
                f"build it again with `python -m retrieval build --catalog FILE --home {home}`"
            )
        catalog = load_catalog(folder)
        vectors = np.load(folder / "vectors.npy", allow_pickle=False)
        return cls(folder, catalog, vectors, SemanticIds.load(folder / "semantic_ids.npz"), manifest)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of items, encoder and codes: equal means the same search results."""
        digest = hashlib.sha256(f"{self.manifest['catalog']} {self.manifest['encoder']}".encode())
        digest.update(json.dumps(list(self.semantic_ids.codes.items())).encode())
        digest.update(self.semantic_ids.fingerprint.encode())
        return digest.hexdigest()[:16]

    @cached_property
    def lexical(self) -> Lexical:
        """The BM25 index, loaded at first use; made anew once its version is gone."""
        folder = self.folder / "lexical"
        return Lexical.load(folder, len(self.catalog)) if folder.is_dir() else Lexical.build(self.catalog)

    def allowed(self, constraints: Iterable[Constraint], exclude: Iterable[str] = ()) -> Mask:
        """Return (n,) True where an item satisfies every constraint and is not excluded."""
        return self.filter.allowed(constraints, exclude)

    def nearest(
        self,
        vector: NDArray[np.float32],
        k: int,
        *,
        constraints: Sequence[Constraint] = (),
        exclude: Iterable[str] = (),
        exact: bool | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return positions and cosines of the `k` nearest items that satisfy everything, nearest first.

        Few allowed items are scanned exactly, many are searched in Chroma with the constraints inside the search;
        `exact` forces one or the other. Ties go by catalog position.
        """
        hidden = frozenset(exclude)
        mask = self.allowed(constraints, hidden)
        count = int(mask.sum())
        if exact is None:
            exact = count < max(SCAN_ITEMS, SCAN_SHARE * len(mask))
        wanted = min(k, count)
        places = np.zeros(0, np.int64)
        if not exact and wanted and (store := self.store) is not None:
            found = store.nearest(vector, k + len(hidden), translate(constraints, self.catalog))
            places = found[mask[found]]
        if len(places) < wanted:
            places = np.flatnonzero(mask)
        cosines = self.vectors[places] @ np.asarray(vector, np.float32)
        best = np.lexsort((places, -cosines))[:wanted]
        return places[best], cosines[best]

    def groups(self) -> tuple[str | None, dict[str, tuple[str, ...]]]:
        """Return the facet by which alike items are told, and its values by item id; None without facets.

        It is the first with at least 8 values, else the one with the fewest.
        """
        counts = {
            column.name: len(values)
            for column in self.catalog.schema.with_role("facet")
            if (values := self.catalog.vocabulary[column.name])
        }
        few = min(counts, key=lambda name: counts[name], default=None)
        chosen = next((name for name in counts if counts[name] >= 8), few)
        return chosen, {item.id: tuple(item.values(chosen)) for item in self.catalog} if chosen else {}

    @property
    def store(self) -> VectorStore | None:
        """The Chroma store, opened at first use, rebuilt when damaged; None once its version is gone."""
        with self._lock:
            return self._store

    @cached_property
    def _store(self) -> VectorStore | None:
        try:
            return VectorStore.open(self.folder, len(self.catalog))
        except DamagedError:
            home = self.folder.parents[2]
            with versions.locked(home):
                if not self.folder.is_dir():
                    return None
                VectorStore.create(self.folder, self.catalog, self.vectors)
                return VectorStore.open(self.folder, len(self.catalog))


def build(
    catalog: Catalog,
    home: Path,
    encoder: Encoder,
    *,
    vectors: NDArray[np.float32] | None = None,
    semantic_ids: SemanticIds | None = None,
    codes: Kind | None = None,
    codes_from: Source | None = None,
    source: str = "",
    progress: bool = False,
) -> Index:
    """Write a new version of the home's index and publish it; until then, and if killed, the old one serves.

    Documents that the previous version (or the packaged demo) has encoded are not encoded again, and items that it has
    keep their Semantic IDs. `codes` and `codes_from` say how Semantic IDs are made: None as the home has them, or
    RQ-KMeans of text; others than the home's are made anew. `source` says where the catalog came from.
    """
    if not len(catalog):
        raise UserError("the catalog is empty: give at least one item")
    with versions.building(home) as folder:
        bases = [base for base in (versions.current(home), DEMO) if base is not None]
        documents = [document(item, catalog.schema) for item in catalog]
        if vectors is None:
            stored = encode(
                documents, encoder, [base for place in bases if (base := Stored.load(place))], progress=progress
            )
        else:
            assert len(vectors) == len(catalog), f"{len(vectors)} vectors for {len(catalog)} items"
            stored = Stored(encoder.name, hashes_of(documents), np.asarray(vectors, np.float32))
        ids = _semantic_ids(catalog, stored, semantic_ids, bases, codes, codes_from, home)
        catalog_hash = save_catalog(catalog, folder)
        stored.save(folder)
        ids.save(folder / "semantic_ids.npz")
        Lexical.build(catalog).save(folder / "lexical")
        VectorStore.create(folder, catalog, stored.vectors, progress=progress)
        manifest = {
            "format": FORMAT,
            "source": source,
            "items": len(catalog),
            "encoder": encoder.name,
            "dimension": stored.vectors.shape[1],
            "catalog": catalog_hash,
            "semantic_ids": ids.fingerprint,
            "codes": ids.quantiser.kind,
            "codes_from": ids.quantiser.source,
            "versions": {name: version(name) for name in ("chromadb", "numpy", "bm25s")},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
    return Index.open(home)


def built_with(home: Path) -> str | None:
    """Return the name of the encoder that the home's index was built with, None where there is no index."""
    folder = versions.current(home)
    return None if folder is None else str(json.loads((folder / "manifest.json").read_text("utf-8"))["encoder"])


def open_or_build_demo(home: Path, *, encoder: str = "embedded", progress: bool = False, keep: bool = False) -> Index:
    """Open the home's index; make the packaged demo's when there is none, or when the package's has changed.

    One of another encoder is made anew for the demo, unless it is to be kept, and refused by UserError for the rest.
    """
    source = f"demo {_demo_hash()}"
    if versions.current(home) is not None:
        index = Index.open(home)
        built, demo = index.manifest["encoder"], str(index.manifest["source"]).startswith("demo ")
        if built == encoder and (not demo or index.manifest["source"] == source):
            return index
        if not demo or (keep and built != encoder):
            raise UserError(
                f"{home}: the index was built with the encoder {built!r}, the settings say {encoder!r}; "
                "set encoder to the first, or build the index again"
            )
    packaged = Stored.load(DEMO)
    codes = SemanticIds.load(DEMO / "semantic_ids.npz") if packaged and packaged.encoder == encoder else None
    return build(demo_catalog(), home, open_encoder(encoder), semantic_ids=codes, source=source, progress=progress)


def export(index: Index, folder: Path) -> None:
    """Write vectors (float16), Semantic IDs and a manifest to a folder, to be shipped beside its catalog file."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = [document(item, index.catalog.schema) for item in index.catalog]
    Stored(index.manifest["encoder"], hashes_of(documents), index.vectors).save(folder, np.float16)
    index.semantic_ids.save(folder / "semantic_ids.npz")
    kept = {key: index.manifest[key] for key in ("encoder", "items", "dimension")}
    (folder / "manifest.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def _semantic_ids(
    catalog: Catalog,
    stored: Stored,
    given: SemanticIds | None,
    bases: Sequence[Path],
    kind: Kind | None,
    source: Source | None,
    home: Path,
) -> SemanticIds:
    """Extend the ids given, or those of the first base that fits and knows half of the items; else fit new ones."""
    ids = [item.id for item in catalog]
    if given is not None:
        return given.extended(ids, stored.vectors)
    for base in bases:
        manifest, path = base / "manifest.json", base / "semantic_ids.npz"
        if not (manifest.is_file() and path.is_file()):
            continue
        if json.loads(manifest.read_text("utf-8"))["encoder"] != stored.encoder:
            continue
        known = SemanticIds.load(path)
        if kind not in (None, known.quantiser.kind) or source not in (None, known.quantiser.source):
            continue
        if 2 * sum(item_id in known.codes for item_id in ids) >= len(ids):
            try:
                return known.extended(ids, stored.vectors)
            except ValueError:
                break
    from retrieval.learned.liking import known_liking

    liking = known_liking(home, catalog) if source == "text+liking" else None
    kind = kind or "rq-kmeans"
    try:
        return SemanticIds.fit(ids, stored.vectors, liking=liking, kind=kind)
    except ValueError:
        # Too many equal vectors for the collision digit: tell them apart by a little seeded noise.
        noise = np.random.default_rng(0).normal(0, 1e-3, stored.vectors.shape).astype(np.float32)
        return SemanticIds.fit(ids, stored.vectors + noise, liking=liking, kind=kind)


def _demo_hash() -> str:
    digest = hashlib.sha256()
    for name in ("films.jsonl", "films.toml", "documents.npy", "semantic_ids.npz"):
        if (path := DEMO / name).is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
