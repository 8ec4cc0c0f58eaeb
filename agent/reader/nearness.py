"""Values of the catalog that are close in meaning to words of a message, by the sentence encoder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.linking.options import Near
from retrieval.catalog import Catalog
from retrieval.encoder import SentenceEncoder

NEAREST = 8
"""Values close in meaning that are judged."""
WINDOW = 6
"""Longest run of tokens whose meaning is compared with values."""
LEAST = 2
"""Items that a value needs before closeness in meaning can bring it up."""
_WHOLE, _KNOWN = 0.5, 0.06
"""Weights of the whole message, and of the logarithm of how many items have a value, beside the closest words; chosen
on the train dialogues: .66 of the values that no word names are then among the ten nearest, against .39 by the message
alone."""


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a catalog's facets as vectors."""

    names: tuple[tuple[str, str], ...]
    """(attribute, value)"""
    vectors: NDArray[np.float32]
    """(values, width), unit rows"""
    known: NDArray[np.float32]
    """Logarithm of the number of items that have each."""


class Nearness:
    """Finds the values of one catalog that are close in meaning to words of a message."""

    def __init__(self, catalog: Catalog, encoder: SentenceEncoder, cache: Path | None = None) -> None:
        """Compare by `encoder`; vectors of the values are kept in the folder `cache` when given."""
        self.encoder = encoder
        self.values = _values(catalog, encoder, cache)

    def __call__(self, text: str) -> tuple[Near, ...]:
        """Return the `NEAREST` values by their closest words, the whole message and how common they are."""
        import torch

        if not self.values.names:
            return ()
        tokenizer, encoder = parts_of(self.encoder)
        written = tokenizer(text, return_tensors="pt", truncation=True, max_length=128, return_offsets_mapping=True)
        offsets = written.pop("offset_mapping")[0].tolist()
        with torch.inference_mode():
            states = encoder(**written).last_hidden_state[0].float().numpy()
        ends = [(a, z) for a in range(1, len(states) - 1) for z in range(a + 1, min(a + WINDOW + 1, len(states)))]
        if not ends:
            return ()
        windows = _unit(np.stack([states[a:z].mean(0) for a, z in ends]))
        whole = _unit(states.mean(0, keepdims=True))[0]
        close = self.values.vectors @ windows.T
        scores = close.max(1) + _WHOLE * (self.values.vectors @ whole) + _KNOWN * self.values.known
        best = np.argsort(-scores, kind="stable")[:NEAREST]
        places = [ends[int(close[place].argmax())] for place in best]
        return tuple(
            Near(attribute, value, float(scores[place]), (offsets[a][0], offsets[z - 1][1]))
            for place, (a, z) in zip(best, places, strict=True)
            for attribute, value in [self.values.names[place]]
        )


def parts_of(encoder: SentenceEncoder) -> tuple[Any, Any]:
    """Return the tokenizer and the transformer inside a sentence encoder."""
    model: Any = encoder.model
    return model.tokenizer, model[0].auto_model.eval()


def _values(catalog: Catalog, encoder: SentenceEncoder, cache: Path | None) -> Values:
    found = [
        (column.name, value, count)
        for column in catalog.schema.with_role("facet")
        if not column.people
        for value, count in catalog.vocabulary[column.name].items()
        if count >= LEAST
    ]
    words = [value for _, value, _ in found]
    digest = hashlib.blake2b(json.dumps([encoder.name, words]).encode(), digest_size=8).hexdigest()
    path = cache / f"values-{digest}.npy" if cache else None
    if path is not None and path.is_file():
        vectors = np.load(path).astype(np.float32)
    else:
        vectors = encoder.encode(words)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, vectors.astype(np.float16))
            vectors = np.load(path).astype(np.float32)
    names = tuple((attribute, value) for attribute, value, _ in found)
    return Values(names, vectors, np.log(np.array([count for *_, count in found], np.float32)))


def _unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(
        np.float32
    )
    return unit
