"""The documents say what is: their paths exist, their commands are real, and the graph is the one that runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("agent/", "retrieval/", "finetune/", "evals/", "prompts/", "tests/", "docs/", "requirements/")


def words(document: Path) -> str:
    return document.read_text("utf-8")


def commands() -> list[tuple[str, ...]]:
    """Return every `python -m X ...` and `python app.py ...` of the documents, without duplicates, split into words."""
    found: dict[tuple[str, ...], None] = {}
    for document in DOCUMENTS:
        for match in re.finditer(r"python (-m \w+(?![.\w])|app\.py)([^`\n#]*)", words(document)):
            found[(*match[1].split(), *shlex.split(match[2]))] = None
    return list(found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    quoted = re.findall(r"`([\w./-]+)`", words(document))
    linked = re.findall(r"\]\(([\w./-]+)\)", words(document))
    missing = [path for path in quoted if path.startswith(FOLDERS) and not (ROOT / path).exists()]
    missing += [path for path in linked if not (document.parent / path).exists()]
    assert not missing


def test_the_graph_in_the_architecture_document_is_the_one_that_runs() -> None:
    from agent.graph import draw

    assert draw().strip() in words(ROOT / "docs" / "architecture.md")


def test_every_command_in_the_documents_has_the_options_it_is_given() -> None:
    helps: dict[tuple[str, ...], str] = {}
    for command in commands():
        program = command[:2] if command[0] == "-m" else command[:1]
        rest = command[len(program) :]
        group = tuple(word for word in rest[:2] if re.fullmatch(r"[a-z]+", word))
        group = group if program == ("-m", "evals") and group[:1] == ("bench",) else group[:1]
        key = (*program, *(group if command[0] == "-m" else ()))
        if key not in helps:
            done = subprocess.run(
                [sys.executable, *key, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
                env={"PATH": "", "COLUMNS": "200", "TERM": "dumb"},
            )  # fmt: skip
            assert done.returncode == 0, f"{' '.join(key)}: {done.stderr[-500:]}"
            helps[key] = done.stdout
        for option in (word for word in rest if word.startswith("--")):
            assert option in helps[key], f"{' '.join(command)}: no option {option}"
