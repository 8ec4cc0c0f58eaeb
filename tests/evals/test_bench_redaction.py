from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from agent.redaction import Private
from evals.__main__ import app
from evals.bench.redaction import Message, measure, messages


def test_generated_messages_are_the_same_for_the_same_seed_and_hold_every_kind() -> None:
    found = list(messages(50, seed=3))
    assert found == list(messages(50, seed=3)) != list(messages(50, seed=4))
    kinds = [piece.kind for _, piece in found if piece is not None]
    assert set(kinds) == {"email", "phone", "card", "iban", "url"} and len(found) == 2 * len(kinds)
    assert all(text[piece.start : piece.end] for text, piece in found if piece is not None)


def test_a_piece_that_is_kept_in_part_is_not_gone_and_what_else_is_taken_is_not_private() -> None:
    kept = Message("ada@example.org lives here", Private("email", 0, 26))
    wrong = Message("call 415-555-0132", None)
    found = measure([kept, wrong, Message("x@y.org", Private("email", 0, 7))])
    assert found["email"]["recall"] == {"0": 0.0, "2": 1.0}
    assert found["phone"]["precision"] == {"1:5": 0.0}
    assert set(found["all"]["precision"].values()) == {0.0, 1.0}


def test_the_command_writes_recall_and_precision(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "redaction", "--n", "40", "--json", str(tmp_path / "r.json")])
    assert done.exit_code == 0, done.output
    assert set(json.loads((tmp_path / "r.json").read_text())["systems"]["all"]) == {"recall", "precision"}
