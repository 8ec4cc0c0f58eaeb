"""Where an evaluation runs: on the index and the models of a home, with a log and checkpoints of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BORROWED = ("index", "models", "adapters")


@contextmanager
def borrowed(home: Path) -> Iterator[Path]:
    """Give a temporary home that shares the index, models and adapters of `home`, which are built there if need be.

    What is said in it is never among the conversations of `home`, and is gone at the end.
    """
    with tempfile.TemporaryDirectory(prefix="tastemaker-evals-") as folder:
        for name in BORROWED:
            (home / name).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).symlink_to((home / name).resolve(), target_is_directory=True)
        yield Path(folder)
