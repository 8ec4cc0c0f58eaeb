"""Probes find out models that rank by habit, by place or by fame, and let one pass that listens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from finetune.__main__ import app
from finetune.probe import Finding, probe, requests
from finetune.probe_report import table, write
from prompts import Prompt
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.search import Retriever
from retrieval.semantic_ids import SemanticId, SemanticIds


class Fake:
    """A model that scores paths by `rule(prompt, item)` and writes the first items of the catalog."""

    def __init__(self, codes: SemanticIds, catalog: Catalog, rule: Any) -> None:
        self.codes, self.catalog, self.rule = codes, catalog, rule

    def score_paths(self, prompt: Prompt, paths: Sequence[SemanticId]) -> list[float]:
        return [float(self.rule("".join(prompt), self.codes.item_of(path))) for path in paths]

    def query_vector(self, prompt: Prompt) -> NDArray[np.float32] | None:
        return None

    def beam(self, prompt: Prompt, width: int) -> list[tuple[SemanticId, float]]:
        paths = list(self.codes.codes.values())
        order = np.argsort(np.negative(self.score_paths(prompt, paths)), kind="stable")
        return [(paths[place], 0.0) for place in order[:width]]

    def free_path(self, prompt: Prompt) -> SemanticId | None:
        return None


@pytest.fixture(scope="module")
def retriever(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(wines, tmp_path_factory.mktemp("wines"), HashingEncoder()), HashingEncoder())


class Headed(Fake):
    """The same with a projection head: `rule(prompt, item)` is the item's logit."""

    def __init__(self, retriever: Retriever, rule: Any) -> None:
        super().__init__(retriever.semantic_ids, retriever.catalog, rule)
        self.inverse = np.linalg.pinv(retriever.vectors)

    def query_vector(self, prompt: Prompt) -> NDArray[np.float32] | None:
        wanted = np.array([self.rule("".join(prompt), item.id) for item in self.catalog])
        return np.asarray(self.inverse @ wanted, np.float32)


def probed(retriever: Retriever, rule: Any, *, head: bool = False) -> dict[str, Finding]:
    llm: Any = Headed(retriever, rule) if head else Fake(retriever.semantic_ids, retriever.catalog, rule)
    asked = requests([], retriever.catalog, 12, seed=1)
    findings = probe(llm, retriever, asked, sample=8, seed=0, tell=lambda done, of: None)
    return {finding.figure: finding for finding in findings}


@pytest.mark.parametrize("head", [False, True])
def test_a_model_that_ignores_the_person_is_found_out(retriever: Retriever, head: bool) -> None:
    found = probed(retriever, lambda prompt, item: len(item) + retriever.catalog.position[item] / 100, head=head)
    swapped = found["order with another person's words and belief"]
    assert swapped.mean == pytest.approx(1) and not swapped.healthy
    assert not found["change of log-probability by that, nats"].healthy
    alone = found["model alone: share of those that could differ"]
    assert found["model alone: different items among the first 10"].mean == 10 and alone.n == 8


def test_a_model_that_likes_the_first_place_is_found_out(retriever: Retriever) -> None:
    codes = retriever.semantic_ids
    found = probed(retriever, lambda prompt, item: -prompt.find(codes.text(item)))
    assert not found["order against the place in the prompt"].healthy
    assert not found["how much more often than by chance the first is best"].healthy
    assert found["how much more often than by chance the last is best"].mean == 0


def test_a_model_with_a_head_names_no_candidates_so_none_has_a_place(retriever: Retriever) -> None:
    found = probed(retriever, lambda prompt, item: crc32((item + prompt).encode()) % 97, head=True)
    assert found["order with another person's words and belief"].healthy
    assert found["order by Semantic IDs against the projection head's"].mean == pytest.approx(1, abs=0.05)
    assert not any("place" in figure or "first is best" in figure or "candidates" in figure for figure in found)


def test_a_model_that_listens_passes(retriever: Retriever) -> None:
    def listens(prompt: str, item: str) -> float:
        asked = prompt.partition("They said: ")[2].partition("\n")[0]
        values = {value for name in ("grapes", "region") for value in retriever.catalog[item].values(name)}
        return sum(value in asked for value in values) + crc32((item + asked).encode()) % 97 / 100

    found = probed(retriever, listens)
    for figure in ("order with another person's words and belief", "order after shuffling the candidates",
                   "order without the candidates in the prompt", "order against the place in the prompt"):  # fmt: skip
        assert found[figure].healthy, found[figure]


def test_exposure_is_told_by_decade_and_by_facets_of_few_values(retriever: Retriever) -> None:
    found = probed(retriever, lambda prompt, item: 0.0)
    assert any(figure.startswith("search: vintage 2010s, shown over") for figure in found)
    assert any(figure.startswith("search: region ") for figure in found)
    assert not any("makers" in figure for figure in found)


def test_the_same_seed_draws_the_same_requests(wines: Catalog) -> None:
    assert requests([], wines, 6, seed=3) == requests([], wines, 6, seed=3) != requests([], wines, 6, seed=4)


def test_what_is_out_of_range_is_marked_and_everything_is_written(tmp_path: Path) -> None:
    from rich.console import Console

    findings = [Finding("place", "first", 3.0, 0.1, 9, 0.4, 2.0), Finding("fame", "lift", 1.5, n=4)]
    console = Console(record=True, width=120, file=(tmp_path / "x").open("w"))
    console.print(table(findings, "mine@1"))
    told = console.export_text()
    assert "3.000 ± 0.100" in told and "0.4 to 2" in told and told.count("out of range") == 1
    write(tmp_path / "probe.json", findings, {"adapter": "mine@1"})
    written = json.loads((tmp_path / "probe.json").read_text("utf-8"))
    assert [finding["healthy"] for finding in written["findings"]] == [False, True]


def test_without_an_adapter_the_command_says_how_to_get_one(home: Path, wines: Catalog) -> None:
    build(wines, home, HashingEncoder())
    result = CliRunner().invoke(app, ["probe", "--encoder", "hashing", "--model", "scripted"])
    assert isinstance(result.exception, UserError) and "finetune sft" in str(result.exception)
