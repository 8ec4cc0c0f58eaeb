"""Encodings that are remembered: the same as before, asked for once, and kept for the next program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.encoder import HashingEncoder
from retrieval.remembered import Remembering

TEXTS = ["a quiet film", "a loud film", "a quiet film"]


class Counting(HashingEncoder):
    """Keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        return super().encode(texts)


def test_a_text_is_encoded_once_and_as_without_remembering() -> None:
    counting = Counting()
    encoder = Remembering(counting)
    np.testing.assert_array_equal(encoder.encode(TEXTS), HashingEncoder().encode(TEXTS))
    np.testing.assert_array_equal(encoder.encode(TEXTS[:2]), HashingEncoder().encode(TEXTS[:2]))
    assert counting.asked == [["a loud film", "a quiet film"]]
    assert encoder.encode([]).shape == (0, 128) and encoder.name == "hashing" and encoder.dimension == 128


def test_what_is_kept_is_known_to_the_next_program_and_nothing_else_is(tmp_path: Path) -> None:
    first = Remembering(HashingEncoder(), tmp_path / "kept")
    first.encode(["said in private"])
    first.keep(["a quiet film"])
    first.keep(["a loud film", "a quiet film"])
    counting = Counting()
    found = Remembering(counting, tmp_path / "kept").encode([*TEXTS, "said in private"])
    assert counting.asked == [["said in private"]]
    np.testing.assert_array_equal(found, HashingEncoder().encode([*TEXTS, "said in private"]))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]"])
@pytest.mark.parametrize("name", ["documents.npy", "vectors.npy", "manifest.json"])
def test_what_cannot_be_read_is_made_anew(tmp_path: Path, name: str, content: bytes) -> None:
    Remembering(HashingEncoder(), tmp_path / "kept").keep(TEXTS)
    (tmp_path / "kept" / name).write_bytes(content)
    again = Remembering(HashingEncoder(), tmp_path / "kept")
    np.testing.assert_array_equal(again.encode(TEXTS), HashingEncoder().encode(TEXTS))
    again.keep(TEXTS)
    counting = Counting()
    Remembering(counting, tmp_path / "kept").encode(TEXTS)
    assert counting.asked == []


def test_encodings_by_another_encoder_are_not_used(tmp_path: Path) -> None:
    Remembering(HashingEncoder(), tmp_path / "kept").keep(TEXTS)
    other = HashingEncoder()
    other.name = "other"
    other.dimension = 64
    assert Remembering(other, tmp_path / "kept").encode(TEXTS).shape == (3, 64)


def test_nothing_is_kept_without_a_folder() -> None:
    with pytest.raises(ValueError, match="no folder"):
        Remembering(HashingEncoder()).keep(TEXTS)
