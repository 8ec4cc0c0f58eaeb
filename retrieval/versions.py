"""The versions of a home's index: one directory each, never changed once published, found through one pointer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.catalog import UserError
from retrieval.chroma import write_atomically

KEEP = 2
"""Versions that remain after a build: the one that serves and the one before it."""
LOCK_SECONDS = 900.0


def current(home: Path) -> Path | None:
    """Return the directory of the version that serves, or None when there is none."""
    pointer = _root(home) / "CURRENT"
    if not pointer.is_file():
        return None
    folder = _root(home) / "versions" / pointer.read_text("utf-8").strip()
    return folder if folder.is_dir() else None


@contextmanager
def building(home: Path) -> Iterator[Path]:
    """Hold the home's build lock and give a new, empty directory; publish it when the block ends without an error."""
    with locked(home):
        folder = _root(home) / "versions" / f"{time.time_ns():020d}"
        folder.mkdir(parents=True)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        write_atomically(_root(home) / "CURRENT", folder.name)
        prune(home)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home's build lock, waiting for another build to end; UserError when that takes too long."""
    from filelock import FileLock, Timeout

    _root(home).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(_root(home) / "build.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise UserError(
            f"{home}: another build has held the lock for {LOCK_SECONDS:.0f} s; wait for it or end it"
        ) from error


def prune(home: Path) -> None:
    """Remove all versions but the serving one and the newest before it; what is in use and cannot go, stays.

    Call it under the lock: directories newer than the serving one are builds that were killed.
    """
    serving = current(home)
    if serving is None:
        return
    versions = sorted(path for path in serving.parent.iterdir() if path.is_dir())
    older = [path for path in versions if path.name < serving.name and (path / "manifest.json").is_file()]
    kept = {serving, *older[-(KEEP - 1) :]}
    for path in versions:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _root(home: Path) -> Path:
    return home / "index"
