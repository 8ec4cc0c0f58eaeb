"""The wheel carries everything that the tree has: code, templates, demo catalog, adapter, dialogues, scenarios."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agent", "retrieval", "finetune", "evals", "prompts")


def test_the_wheel_holds_every_file_of_the_packages_and_starts_the_app(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "app.py"):
        shutil.copy(ROOT / name, tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path, tree],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    wheel = next(tmp_path.glob("tastemaker-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        entry_points = next(name for name in held if name.endswith("entry_points.txt"))
        assert "tastemaker = app:main" in archive.read(entry_points).decode()
    wanted = {path.relative_to(tree).as_posix() for package in PACKAGES for path in (tree / package).rglob("*.*")}
    wanted = {name for name in wanted if (tree / name).is_file()} | {"app.py"}
    assert wanted <= held, f"left out of the wheel: {sorted(wanted - held)}"
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert not any(name.startswith("tests/") for name in held)
