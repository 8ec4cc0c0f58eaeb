"""A build killed at any moment leaves the serving version answering; a damaged store is rebuilt from its vectors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from retrieval import versions
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder
from retrieval.index import Index, build

BUILD = """
import os, signal, sys
from pathlib import Path
from unittest import mock
from retrieval.encoder import HashingEncoder
from retrieval.index import Index, build
import retrieval.chroma, retrieval.index, retrieval.versions

home, where = Path(sys.argv[1]), sys.argv[2]
catalog = Index.open(home).catalog
parent, _, name = where.rpartition(".")
owner = eval(parent)
wrapped, calls = getattr(owner, name), int(sys.argv[3])

def die(*args, **kwargs):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return wrapped(*args, **kwargs)

with mock.patch.object(owner, name, die):
    build(catalog, home, HashingEncoder())
"""
MOMENTS = [
    ("retrieval.index.save_catalog", 1),
    ("retrieval.index.Lexical.build", 1),
    ("retrieval.chroma.metadata", 1),
    ("retrieval.chroma.write_atomically", 1),
    ("retrieval.chroma._mark", 1),
    ("retrieval.versions.write_atomically", 1),
    ("os.replace", 2),
    ("retrieval.versions.prune", 1),
]


def start(home: Path, where: str, calls: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", BUILD, str(home), where, str(calls)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize(("where", "calls"), MOMENTS, ids=[where for where, _ in MOMENTS])
def test_a_build_killed_at_any_moment_leaves_the_serving_version_answering(
    wines: Catalog, tmp_path: Path, where: str, calls: int
) -> None:
    before = build(wines, tmp_path, HashingEncoder())
    killed = start(tmp_path, where, calls)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    serving = Index.open(tmp_path)
    assert (serving.folder == before.folder) == (where != "retrieval.versions.prune")
    for exact in (True, False):
        assert serving.nearest(serving.vectors[5], 1, exact=exact)[0].tolist() == [5]
    after = build(wines, tmp_path, HashingEncoder())
    kept = [path for path in after.folder.parent.iterdir() if path.is_dir()]
    assert after.folder in kept and len(kept) <= versions.KEEP
    assert after.nearest(after.vectors[7], 1, exact=False)[0].tolist() == [7]


def damage_everything(folder: Path) -> None:
    for path in folder.glob("chroma-*/*"):
        if path.is_file() and path.name != "CLEAN":
            path.write_bytes(b"damaged" * 100)


def damage_in_place(folder: Path) -> None:
    """Overwrite the middle of the database without changing its size, so that the marker still holds."""
    database = next(folder.glob("chroma-*/chroma.sqlite3"))
    data = bytearray(database.read_bytes())
    data[100 : len(data) - 100] = b"\xff" * (len(data) - 200)
    database.write_bytes(bytes(data))


def truncate(folder: Path) -> None:
    database = next(folder.glob("chroma-*/chroma.sqlite3"))
    database.write_bytes(database.read_bytes()[:5000])


def empty(folder: Path) -> None:
    for path in sorted(folder.glob("chroma-*/**/*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def forget(folder: Path) -> None:
    (folder / "CHROMA").unlink()


@pytest.mark.parametrize("harm", [damage_everything, damage_in_place, truncate, empty, forget])
def test_a_damaged_store_is_rebuilt_from_its_vectors_without_encoding(
    wines: Catalog, tmp_path: Path, harm: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(harm)
    harm(build(wines, tmp_path, HashingEncoder()).folder)
    monkeypatch.setattr(HashingEncoder, "encode", None)
    healed = Index.open(tmp_path)
    for place in (0, 11):
        assert healed.nearest(healed.vectors[place], 1, exact=False)[0].tolist() == [place]
    assert len(list(healed.folder.glob("chroma-*"))) == 1


def test_a_store_is_probed_only_when_its_last_opening_did_not_end_well(
    wines: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(wines, tmp_path, HashingEncoder()).folder
    probes: list[object] = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: probes.append(args) or real(*args, **kwargs))
    for expected in (0, 0):
        assert Index.open(tmp_path).store is not None and len(probes) == expected
    next(folder.glob("chroma-*/CLEAN")).unlink()
    for expected in (1, 1):
        assert Index.open(tmp_path).store is not None and len(probes) == expected


def test_two_builds_at_once_both_end_and_one_of_them_serves(wines: Catalog, tmp_path: Path) -> None:
    build(wines, tmp_path, HashingEncoder())
    made: list[Index] = []
    threads = [threading.Thread(target=lambda: made.append(build(wines, tmp_path, HashingEncoder()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert np.array_equal(Index.open(tmp_path).vectors, made[0].vectors)


def test_a_lock_that_is_held_for_too_long_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval.catalog import UserError

    monkeypatch.setattr(versions, "LOCK_SECONDS", 0.05)
    with versions.locked(tmp_path), pytest.raises(UserError, match="another build"):  # noqa: SIM117
        with versions.locked(tmp_path):
            pass


@pytest.mark.skipif(os.name != "posix", reason="an open file can be removed on POSIX only")
def test_a_pointer_to_a_removed_version_counts_as_no_index(wines: Catalog, tmp_path: Path) -> None:
    build(wines, tmp_path, HashingEncoder())
    (tmp_path / "index" / "CURRENT").write_text("gone")
    assert versions.current(tmp_path) is None
