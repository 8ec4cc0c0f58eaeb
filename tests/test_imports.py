"""Imports go one way, each foreign library has one home, and nothing heavy is loaded before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agent", "retrieval", "finetune", "evals", "prompts")
MODULES = sorted(
    [ROOT / "app.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))],
    key=str,
)

MAY_IMPORT = {
    "app": {"agent", "retrieval", "prompts"},
    "evals": {"agent", "retrieval", "prompts"},
    "finetune": {"agent", "retrieval", "prompts"},
    "agent": {"retrieval", "prompts"},
    "retrieval": set(),
    "prompts": set(),
}
SIDEWAYS = {
    ("evals", f"finetune.{module}")
    for module in ("examples", "exposures", "learning", "probe", "ranker", "ranker.logs", "requests")
}
"""The exceptions: evaluation reads the same examples that training does, and cross-fits what training fits."""

HOMES = {
    "gradio": {"app.py"},
    "chromadb": {"retrieval/chroma.py"},
    "langgraph": {"agent/graph.py"},
    "sqlite3": {"agent/log.py", "agent/checkpoint.py"},
    "peft": {"agent/local_llm.py", "agent/base_model.py", "agent/stretch.py", "finetune/"},
    "transformers": {
        *("agent/local_llm.py", "agent/base_model.py", "agent/reader/", "finetune/", "evals/bench/causal.py"),
    },
    "sentence_transformers": {"retrieval/encoder.py"},
    "bm25s": {"retrieval/lexical.py"},
    "jinja2": {"prompts/__init__.py", "evals/html.py"},
    "rapidfuzz": {"agent/"},
    "ir_measures": {"evals/bench/rank_metrics.py"},
    "rouge_score": {"evals/bench/reasons.py"},
    "sacrebleu": {"evals/bench/reasons.py"},
    "pandas": {"retrieval/reading.py"},
    "accelerate": {"finetune/"},
    "matplotlib": {"finetune/curves.py", "evals/learning.py"},
    "trl": {"finetune/preference_training.py"},
    "datasets": {"finetune/preference_training.py"},
    "phonenumbers": {"agent/redaction.py"},
    "stdnum": {"agent/redaction.py"},
    "faker": {"evals/bench/redaction.py"},
    "lightgbm": {"retrieval/learned/", "finetune/ranker/"},
}
HEAVY = {
    *("torch", "transformers", "peft", "accelerate", "sentence_transformers", "chromadb", "gradio", "langgraph"),
    *("pandas", "pyarrow", "sklearn", "scipy", "bm25s", "gguf", "lightgbm", "fastapi", "uvicorn", "matplotlib"),
    *("trl", "datasets"),
}

IMPORTED_LATE = {
    *("agent/layers.py", "agent/reader/network.py", "finetune/ranker/two_tower.py"),
    *("finetune/trainer.py", "finetune/checkpoints.py"),
}
"""Modules that have to subclass what torch or transformers have: whoever uses them imports them inside a function."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Yield the dotted names that a module imports; those under `if TYPE_CHECKING:` do not run and do not count."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                waiting.extend(node.orelse)
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, f"{name_of(path)}:{node.lineno}: imports are written in full here"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if not (top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_stands_below_it(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for imported in imports(path):
        top = imported.partition(".")[0]
        if top not in MAY_IMPORT or top == own:
            continue
        sideways = any(own == who and f"{imported}.".startswith(f"{what}.") for who, what in SIDEWAYS)
        assert top in MAY_IMPORT[own] or sideways, f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_foreign_library_is_used_only_at_its_home(path: Path) -> None:
    for imported in imports(path):
        homes = HOMES.get(imported.partition(".")[0])
        assert homes is None or name_of(path).startswith(tuple(homes)), f"{name_of(path)} imports {imported}"


def test_modules_of_layers_are_imported_inside_functions_only() -> None:
    late = {name.removesuffix(".py").replace("/", ".") for name in IMPORTED_LATE}
    for path in MODULES:
        if name_of(path) in IMPORTED_LATE:
            continue
        found = {name for name in imports(path, top_level_only=True) if name.startswith(tuple(late))}
        assert not found, f"{name_of(path)} imports {found} when it is itself imported"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_are_not_imported_at_the_top_of_a_module(path: Path) -> None:
    if name_of(path) in IMPORTED_LATE:
        return
    heavy = [name for name in imports(path, top_level_only=True) if name.partition(".")[0] in HEAVY]
    assert not heavy, f"{name_of(path)} imports {heavy} when it is itself imported"


COMMANDS = {
    "app": ["app.py"],
    "agent": ["-m", "agent"],
    "retrieval": ["-m", "retrieval"],
    "evals": ["-m", "evals"],
    "finetune": ["-m", "finetune"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_help_loads_no_heavy_library(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "--help" in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert not loaded & HEAVY
    assert len(lines) > 10, "importtime reported nothing, so this test would prove nothing"
