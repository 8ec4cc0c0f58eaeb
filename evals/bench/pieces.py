"""Items as rows of one small table: their ids hashed, or pieces of their Semantic IDs.

After Singh et al., "Better Generalization with Semantic IDs" (2024): n-grams of codes, or SentencePiece over them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.semantic_ids import SemanticId

Rows = NDArray[np.int64]
"""(items, pieces) rows of the table, -1 where an item has fewer pieces than others."""
Paths = Sequence[SemanticId]
"""The codes of each item without the digit."""


def hashed_ids(names: Sequence[str], rows: int, hashes: int, seed: int) -> Rows:
    """Give every item `hashes` rows at random, by a hash of its id."""
    return np.array([[_hash((seed, place, name), rows) for place in range(hashes)] for name in names], np.int64)


def unigrams(paths: Paths, counts: NDArray[np.int64], rows: int, seed: int) -> Rows:
    """Return one row a level and code."""
    return _ngrams(paths, rows, seed, lambda path: [(level, code) for level, code in enumerate(path)])


def bigrams(paths: Paths, counts: NDArray[np.int64], rows: int, seed: int) -> Rows:
    """Return one row for each two codes that follow each other."""
    return _ngrams(
        paths, rows, seed, lambda path: [(level, *path[level : level + 2]) for level in range(len(path) - 1)]
    )


def prefixes(paths: Paths, counts: NDArray[np.int64], rows: int, seed: int) -> Rows:
    """Return one row for each beginning: the first code, the first two, and so on."""
    return _ngrams(paths, rows, seed, lambda path: [path[:end] for end in range(1, len(path) + 1)])


def sentence_pieces(paths: Paths, counts: NDArray[np.int64], rows: int, seed: int) -> Rows:
    """Return the pieces into which a unigram language model of at most `rows` pieces cuts each path (Kudo, 2018).

    It is trained on the paths of the items as often as they were taken (counts + 1). Its pieces are stretches that at
    least two different paths have in common. `rows` is raised to the number of single codes.
    """
    from tokenizers import models, trainers

    words, letters = _words(paths)
    size = max(rows, len(letters))
    trainer = trainers.UnigramTrainer(vocab_size=size, initial_alphabet=letters, show_progress=False)
    return _cut(words, counts, models.Unigram(), trainer)


def merges(paths: Paths, counts: NDArray[np.int64], rows: int, seed: int) -> Rows:
    """Return the pieces into which byte-pair encoding with `rows` pieces cuts each path (Sennrich et al., 2016).

    Trained like the unigram model; items that are taken often become one piece. `rows` is raised to the number of
    single codes.
    """
    from tokenizers import models, trainers

    words, letters = _words(paths)
    size = max(rows, len(letters))
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=letters, show_progress=False)
    return _cut(words, counts, models.BPE(), trainer)


FEATURES: dict[str, Callable[[Paths, NDArray[np.int64], int, int], Rows]] = {
    "unigram": unigrams, "bigram": bigrams, "prefix": prefixes, "sentencepiece": sentence_pieces,
    "bpe": merges,
}  # fmt: skip
"""Each takes the paths, how often each item was taken, the rows of the table, and a seed."""


def _words(paths: Paths) -> tuple[list[str], list[str]]:
    """Write each path as a word with a letter for each level and code; return the words and the letters."""
    letters: dict[tuple[int, int], str] = {}
    words = []
    for path in paths:
        codes = enumerate(path)
        words.append("".join(letters.setdefault(code, chr(0x4E00 + len(letters))) for code in codes))
    return words, list(letters.values())


def _cut(words: Sequence[str], counts: NDArray[np.int64], model: Any, trainer: Any) -> Rows:
    """Train a tokenizer on `words`, each as often as its item was taken and once more, and cut the words with it."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer(model)
    corpus = (word for word, count in zip(words, counts.tolist(), strict=True) for _ in range(count + 1))
    tokenizer.train_from_iterator(corpus, trainer)
    found = [encoding.tokens for encoding in tokenizer.encode_batch(words)]
    numbers = {piece: row for row, piece in enumerate(sorted({piece for item in found for piece in item}))}
    return _padded([[numbers[piece] for piece in item] for item in found])


def _ngrams(paths: Paths, rows: int, seed: int, pieces: Callable[[SemanticId], list[tuple[int, ...]]]) -> Rows:
    """Return the pieces of each path as rows: a row each where the table holds them all, else hashed."""
    found = [pieces(tuple(path)) for path in paths]
    distinct = sorted({piece for item in found for piece in item})
    if len(distinct) <= rows:
        place = {piece: row for row, piece in enumerate(distinct)}
    else:
        place = {piece: _hash((seed, *piece), rows) for piece in distinct}
    return _padded([[place[piece] for piece in item] for item in found])


def _hash(parts: tuple[object, ...], rows: int) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()) % rows


def _padded(found: Sequence[Sequence[int]]) -> Rows:
    table = np.full((len(found), max(map(len, found))), -1, np.int64)
    for row, pieces in zip(table, found, strict=True):
        row[: len(pieces)] = pieces
    return table
