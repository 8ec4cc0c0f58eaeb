"""An encoder that remembers: a text that comes again is not encoded again, and some are kept for the next program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from retrieval.encoder import Encoder
from retrieval.vectors import Stored, encode, hashes_of

Array = NDArray[np.float32]


class Remembering:
    """Encodes each text once. What is asked for together is encoded together, several times as fast as one by one."""

    def __init__(self, encoder: Encoder, folder: Path | None = None) -> None:
        """Ask `encoder` for what is not known; what `keep` wrote to `folder` by the same encoder is known."""
        self._encoder, self._folder = encoder, folder
        self._known: dict[str, Array] = {}
        self._kept = None if folder is None else _read(folder, encoder.name)

    @property
    def name(self) -> str:
        """The name of the encoder."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Array:
        """Return (n, d) float32 unit rows."""
        if new := sorted({text for text in texts if text not in self._known}):
            found = encode(new, self._encoder, () if self._kept is None else (self._kept,), progress=progress)
            self._known.update(zip(new, found.vectors, strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, self.dimension), np.float32)

    def keep(self, texts: Iterable[str]) -> None:
        """Write the encodings of some texts to the folder, beside what is kept there. ValueError without a folder.

        What cannot be written is encoded again next time.
        """
        if self._folder is None:
            raise ValueError("there is no folder to keep encodings in")
        wanted = sorted(set(texts))
        kept = set() if self._kept is None else set(self._kept.hashes.tolist())
        new = [text for text, code in zip(wanted, hashes_of(wanted).tolist(), strict=True) if code not in kept]
        if not new:
            return
        hashes, vectors = hashes_of(new), self.encode(new)
        if self._kept is not None:
            hashes = np.concatenate([self._kept.hashes, hashes])
            vectors = np.concatenate([self._kept.vectors, vectors])
        self._kept = Stored(self.name, hashes, vectors)
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{self._folder.name}-", dir=self._folder.parent) as made, suppress(OSError):
            half = Path(made) / "half"
            half.mkdir()
            self._kept.save(half)
            (half / "manifest.json").write_text(json.dumps({"encoder": self.name}) + "\n", "utf-8")
            if self._folder.exists():
                self._folder.rename(Path(made) / "old")
            half.rename(self._folder)


def _read(folder: Path, encoder: str) -> Stored | None:
    """Return what is kept in a folder; what cannot be read, or is of another encoder, is made anew."""
    try:
        found = Stored.load(folder)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    return found if found is not None and found.encoder == encoder else None
