from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tiny_model
from cellar import open_cellar

from agent.versions import Versions
from finetune.examples import Example
from prompts import Tokens, render
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder, document
from retrieval.index import build
from retrieval.semantic_ids import SemanticIds


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no curves where they are not what a test is about: they take most of a tiny run's time."""
    monkeypatch.setattr("finetune.curves.available", lambda: False)


@pytest.fixture(scope="package")
def codes(wines: Catalog) -> SemanticIds:
    vectors = HashingEncoder().encode([document(item, wines.schema) for item in wines])
    return SemanticIds.fit([item.id for item in wines], vectors, size=4)


@pytest.fixture(scope="package")
def base(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model.make(tmp_path_factory.mktemp("tiny"), wines))


@pytest.fixture(scope="package")
def examples(wines: Catalog, codes: SemanticIds) -> list[Example]:
    """One alignment and one ranking example for every item."""
    found, ids = [], [item.id for item in wines]
    for place, item in enumerate(wines):
        code = Tokens(codes.text(item.id))
        found.append(Example("title_to_id", render("title_to_id", noun="wine", facts=item.title), code))
        options = (item.id, *(ids[place + 1 :] + ids[:place])[:4])
        found.append(Example("rank", render("id_to_title", code=code), code, options))
    return found


@pytest.fixture(scope="package")
def serving(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Train an adapter for the wines, from which preferences go on."""
    from test_sft import CONFIG, run

    out = tmp_path_factory.mktemp("serving") / "adapter"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finetune.curves.available", lambda: False)
        run(examples, wines, codes, base, out, config=CONFIG, validation=())
    return out


@pytest.fixture(scope="package")
def adapted(serving: Path, wines: Catalog, codes: SemanticIds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home whose version v1 holds the adapter, and in which people have talked and taken something."""
    folder = tmp_path_factory.mktemp("home")
    build(wines, folder, HashingEncoder(), semantic_ids=codes)
    rec = open_cellar(folder)
    for number in range(16):
        reply = rec.reply(f"c{number}", "something from Burgundy or Rhone")
        rec.feedback(f"c{number}", reply.turn, reply.items[number % 2].id, "accepted")
    rec.close()
    versions = Versions(folder)
    with versions.making("by hand") as (half, _):
        shutil.copytree(serving, half / "adapter")
    versions.serve("v1", "for the test")
    return folder
