"""An adapter that was trained apart becomes a version, which the gate holds against the one that serves."""

from __future__ import annotations

import shutil
from pathlib import Path

from typer.testing import CliRunner, Result

from agent.versions import Versions
from finetune.__main__ import app


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_an_adopted_adapter_is_compared_with_the_serving_one_and_probed(
    adapted: Path, serving: Path, base: str, tmp_path: Path
) -> None:
    home = shutil.copytree(adapted, tmp_path / "home")
    shutil.copytree(serving, home / "adapters" / "mine")
    made = call("adopt", "mine", "--home", home)
    assert made.exit_code == 0 and "version v2" in made.output and "finetune promote v2" in made.output
    version = Versions(home).read("v2")
    assert version.parts == {"adapter": "v2"} and version.parent == "v1" and version.data
    assert not (Versions(home).folder / "v2" / "adapter" / "run").exists()

    asked = call("promote", "v2", "--dry-run", "--home", home, "--model", base)
    gate = Versions(home).read("v2").gate
    assert gate is not None, asked.output
    found = {check["name"]: check for check in gate["checks"]}
    assert {"pairs of conversations held out", "probes", "exposure of items"} <= found.keys()
    assert "+0.0000 [+0.0000, +0.0000]" in found["pairs of conversations held out"]["said"], "it is the same adapter"
    assert Versions(home).serving == "v1"


def test_a_copy_of_an_adapter_for_other_codes_is_refused(adapted: Path, serving: Path, tmp_path: Path) -> None:
    foreign = shutil.copytree(serving, tmp_path / "foreign")
    record = foreign / "tastemaker.json"
    record.write_text(record.read_text("utf-8").replace('"semantic_ids": "', '"semantic_ids": "0'), "utf-8")
    refused = call("adopt", foreign, "--home", adapted)
    assert "other Semantic IDs" in str(refused.exception) and Versions(adapted).names() == ["v1"]
