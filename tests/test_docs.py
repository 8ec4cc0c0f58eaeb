"""The documents say what is: their paths exist, their commands are real, and the graph is the one that runs."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer

import app

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


def options_of(command: tuple[str, ...]) -> set[str]:
    """Return the options of the program, or of its command, that a line of a document calls."""
    if command[0] == "app.py":
        return {option for action in app.parser()._actions for option in action.option_strings}
    found = typer.main.get_command(importlib.import_module(f"{command[1]}.__main__").app)
    for word in command[2:]:
        if word.startswith("--") or not hasattr(found, "commands"):
            break
        assert word in found.commands, f"{' '.join(command)}: no command {word}"
        found = found.commands[word]
    return {"--help", *(option for one in found.params for option in (*one.opts, *one.secondary_opts))}


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_in_the_documents_has_the_options_it_is_given(command: tuple[str, ...]) -> None:
    given = {word for word in command if word.startswith("--")}
    assert given <= options_of(command)
