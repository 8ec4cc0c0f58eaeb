"""Vectors kept on disk with the hashes of the documents they stand for, so that only changed documents are encoded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.encoder import Encoder


@dataclass(frozen=True)
class Stored:
    """Vectors of one encoder: row i stands for the document whose hash is `hashes[i]`."""

    encoder: str
    hashes: NDArray[np.uint64]
    vectors: NDArray[np.float32]

    @classmethod
    def load(cls, folder: Path) -> Stored | None:
        """Read a folder's `manifest.json`, `documents.npy` and `vectors.npy`; None when they are not all there."""
        paths = [folder / name for name in ("manifest.json", "documents.npy", "vectors.npy")]
        if not all(path.is_file() for path in paths):
            return None
        encoder = json.loads(paths[0].read_text("utf-8"))["encoder"]
        hashes, vectors = (np.load(path, allow_pickle=False) for path in paths[1:])
        if vectors.dtype != np.float32:
            vectors = vectors.astype(np.float32)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return cls(encoder, hashes, vectors) if len(hashes) == len(vectors) else None

    def save(self, folder: Path, dtype: type[np.floating] = np.float32) -> None:
        """Write `documents.npy` and `vectors.npy`; the manifest is the caller's."""
        np.save(folder / "documents.npy", self.hashes)
        np.save(folder / "vectors.npy", self.vectors.astype(dtype))


def hashes_of(documents: Sequence[str]) -> NDArray[np.uint64]:
    """Return (n,) 64-bit hashes of the documents."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in documents)
    return np.array([int.from_bytes(digest) for digest in digests], np.uint64)


def encode(
    documents: Sequence[str], encoder: Encoder, stored: Sequence[Stored] = (), *, progress: bool = False
) -> Stored:
    """Return the documents' vectors; those in `stored` under the same encoder are taken from there."""
    hashes = hashes_of(documents)
    known: dict[int, NDArray[np.float32]] = {}
    for entry in stored:
        if entry.encoder == encoder.name:
            known.update(zip(entry.hashes.tolist(), entry.vectors, strict=True))
    missing = [place for place, code in enumerate(hashes.tolist()) if code not in known]
    if missing:
        fresh = encoder.encode([documents[place] for place in missing], progress=progress)
        known.update(zip(hashes[missing].tolist(), fresh, strict=True))
    vectors = np.stack([known[code] for code in hashes.tolist()]).astype(np.float32)
    return Stored(encoder.name, hashes, vectors)
