"""What holds for every kind of Semantic-ID codes, and what RQ-VAE and co-liking promise besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from typer.testing import CliRunner

import retrieval.rq_vae
from retrieval.__main__ import app
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import Index, build
from retrieval.learned import CoLiking
from retrieval.learned.liking import known_liking, liking_vectors
from retrieval.quantiser import Kind
from retrieval.reading import DEMO
from retrieval.semantic_ids import SemanticIds

CLUSTERS, SIZE, COUNT = 12, 8, 240


@pytest.fixture(scope="module", autouse=True)
def short_training() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval.rq_vae, "STEPS", 40)
        yield


def clustered(count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Return unit rows around centres that do not depend on the seed."""
    centres = np.random.default_rng(7).normal(size=(CLUSTERS, 24))
    rng = np.random.default_rng(seed)
    rows = centres[rng.permutation(count) % CLUSTERS] + 0.3 * rng.normal(size=(count, 24))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def liked(count: int = COUNT) -> np.ndarray:
    """Return co-liking vectors of all items but every fifth."""
    rows = np.random.default_rng(3).normal(size=(count, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[::5] = 0
    return rows.astype(np.float32)


def names(count: int, prefix: str = "item") -> list[str]:
    return [f"{prefix}-{place}" for place in range(count)]


def fit(kind: Kind, joined: bool, seed: int = 0) -> SemanticIds:
    liking = liked() if joined else None
    return SemanticIds.fit(names(COUNT), clustered(), kind=kind, liking=liking, size=SIZE, seed=seed)


fitted = cache(fit)


@pytest.fixture(scope="module", params=[(kind, joined) for kind in get_args(Kind) for joined in (False, True)], ids=str)
def case(request: pytest.FixtureRequest) -> tuple[Kind, bool, SemanticIds]:
    kind, joined = request.param
    return kind, joined, fitted(kind, joined)


Case = tuple[Kind, bool, SemanticIds]


def test_codes_know_how_and_of_what_they_were_made(case: Case) -> None:
    kind, joined, ids = case
    assert (ids.quantiser.kind, ids.quantiser.source) == (kind, "text+liking" if joined else "text")


def test_every_item_has_a_whole_path_of_its_own_within_the_sizes(case: Case) -> None:
    ids = case[2]
    assert len(set(ids.codes.values())) == len(ids.codes) == COUNT
    assert all(0 <= code < size for path in ids.codes.values() for code, size in zip(path, ids.sizes, strict=True))


def test_the_same_seed_gives_the_same_codes_and_another_seed_another_fingerprint(case: Case) -> None:
    kind, joined, ids = case
    again = fit(kind, joined)
    assert again.codes == ids.codes and again.fingerprint == ids.fingerprint
    assert fit(kind, joined, seed=1).fingerprint != ids.fingerprint


def test_new_items_get_codes_without_training_and_nobody_elses_change(case: Case) -> None:
    ids = case[2]
    vectors = np.vstack([clustered(), clustered(30, seed=9)])
    grown = ids.extended([*names(COUNT), *names(30, "new")], vectors)
    assert len(set(grown.codes.values())) == COUNT + 30
    assert all(grown.codes[item] == path for item, path in ids.codes.items())
    assert grown.fingerprint == ids.fingerprint


def test_a_new_item_with_the_text_of_a_known_one_shares_its_codes(case: Case) -> None:
    ids = case[2]
    # Nobody likes item-0, so that its copy is known as well as it is.
    grown = ids.extended([*names(COUNT), "copy"], np.vstack([clustered(), clustered()[0]]))
    assert grown.codes["copy"][:2] == ids.codes["item-0"][:2]


def test_what_is_saved_codes_new_items_as_before(case: Case, tmp_path: Path) -> None:
    ids = case[2]
    ids.save(tmp_path / "ids.npz")
    loaded = SemanticIds.load(tmp_path / "ids.npz")
    assert loaded.codes == ids.codes and loaded.fingerprint == ids.fingerprint
    new = clustered(20, seed=4)
    assert loaded.extended(names(20, "new"), new).codes == ids.extended(names(20, "new"), new).codes


def test_codes_are_spread_and_group_what_is_alike(case: Case) -> None:
    ids = case[2]
    centres = np.random.default_rng(7).normal(size=(CLUSTERS, 24))
    kinds = (clustered() @ centres.T).argmax(1)
    health = ids.health({item: [str(kind)] for item, kind in zip(names(COUNT), kinds, strict=True)})
    assert min(health["perplexity"]) > SIZE / 2, "the codes have collapsed"
    assert health["purity"] > health["purity_random"] + 0.1


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_items_can_be_coded(kind: Kind, count: int) -> None:
    ids = SemanticIds.fit(names(count), clustered(count), kind=kind)
    assert len(set(ids.codes.values())) == count


def test_all_kinds_have_different_fingerprints() -> None:
    assert len({fitted(kind, joined).fingerprint for kind in get_args(Kind) for joined in (False, True)}) == 4


def test_rq_vae_rebuilds_vectors_better_and_better_and_leaves_the_random_state_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    data = 3 * clustered()
    losses = np.array(retrieval.rq_vae.train(data, 3, SIZE, seed=0, steps=120).losses)
    assert torch.equal(torch.rand(3), expected)
    first, last = losses[:10, 0].mean(), losses[-10:, 0].mean()
    assert last < first, "the loss does not fall"
    assert last < 0.2 * data.var(axis=0).sum(), "little more is rebuilt than the mean"


def test_the_demos_codes_are_of_text_by_rq_kmeans_with_the_fingerprint_its_adapter_knows() -> None:
    ids = SemanticIds.load(DEMO / "semantic_ids.npz")
    assert (ids.quantiser.kind, ids.quantiser.source) == ("rq-kmeans", "text")
    record = json.loads((DEMO.parents[1] / "agent" / "adapters" / "films" / "tastemaker.json").read_text("utf-8"))
    assert ids.fingerprint == record["semantic_ids"]


def test_items_liked_by_the_same_people_have_near_vectors_and_unliked_ones_none() -> None:
    groups = [(0, 1, 2)] * 5 + [(3, 4, 5)] * 5 + [(6,)]
    vectors = liking_vectors([CoLiking.of(groups, 8)])
    assert vectors[0] @ vectors[1] > 0.9 > 0.3 > abs(vectors[0] @ vectors[4])
    assert not vectors[6].any() and not vectors[7].any()
    assert not liking_vectors([CoLiking.of([], 4)]).any()


def counted(catalog: Catalog, home: Path) -> None:
    """Write what a learned ranker has counted."""
    groups = [range(start, start + 4) for start in range(0, len(catalog) - 4, 2)]
    arrays = CoLiking.of(groups, len(catalog)).arrays("logged_") | CoLiking.of([], len(catalog)).arrays("rated_")
    (home / "ranker").mkdir(parents=True)
    np.savez(home / "ranker" / "ranker.npz", **arrays)  # type: ignore[arg-type]
    (home / "ranker" / "ranker.json").write_text(json.dumps({"items": [item.id for item in catalog]}))


def test_a_build_makes_the_codes_asked_for_and_a_later_one_keeps_them(wines: Catalog, tmp_path: Path) -> None:
    encoder = HashingEncoder()
    plain = build(wines, tmp_path, encoder)
    assert (plain.manifest["codes"], plain.manifest["codes_from"]) == ("rq-kmeans", "text")
    counted(wines, tmp_path)
    other = build(wines, tmp_path, encoder, codes="rq-vae", codes_from="text+liking")
    assert (other.manifest["codes"], other.manifest["codes_from"]) == ("rq-vae", "text+liking")
    assert other.semantic_ids.fingerprint != plain.semantic_ids.fingerprint
    assert build(wines, tmp_path, encoder).semantic_ids.codes == other.semantic_ids.codes
    back = build(wines, tmp_path, encoder, codes="rq-kmeans", codes_from="text")
    assert back.semantic_ids.fingerprint == plain.semantic_ids.fingerprint


def test_codes_of_liking_need_something_counted(wines: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="python -m finetune ranker"):
        known_liking(tmp_path, wines)
    with pytest.raises(UserError, match="nothing counted"):
        build(wines, tmp_path, HashingEncoder(), codes_from="text+liking")


def test_the_build_command_takes_the_codes_and_inspect_names_them(tmp_path: Path) -> None:
    catalog = tmp_path / "rides.csv"
    catalog.write_text("title,kind\n" + "\n".join(f"ride {place},{place % 3}" for place in range(12)), "utf-8")
    given = ["--catalog", str(catalog), "--home", str(tmp_path / "home"), "--encoder", "hashing"]
    done = CliRunner().invoke(app, ["build", *given, "--codes", "rq-vae"])
    assert done.exit_code == 0, done.output
    assert Index.open(tmp_path / "home").semantic_ids.quantiser.kind == "rq-vae"
    assert "rq-vae of text" in CliRunner().invoke(app, ["inspect", "--home", str(tmp_path / "home")]).output
    assert CliRunner().invoke(app, ["build", *given, "--codes", "opq"]).exit_code == 2
