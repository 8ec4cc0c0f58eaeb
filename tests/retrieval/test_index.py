"""Building, opening and searching an index; nothing here needs weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval import versions
from retrieval.catalog import Catalog, Item, UserError
from retrieval.constraints import Constraint
from retrieval.encoder import HashingEncoder, document
from retrieval.index import Index, build, export, open_or_build_demo
from retrieval.reading import DEMO
from retrieval.semantic_ids import SemanticIds
from retrieval.vectors import Stored, encode


class CountingEncoder(HashingEncoder):
    """Counts the texts that it encodes."""

    encoded = 0

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        self.encoded += len(texts)
        return super().encode(texts, progress=progress)


class Renamed(CountingEncoder):
    """The same under another name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


@pytest.fixture(scope="module")
def index(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build(wines, tmp_path_factory.mktemp("index"), HashingEncoder())


def test_what_is_built_is_what_opens(wines: Catalog, index: Index) -> None:
    again = Index.open(index.folder.parents[2])
    assert again.catalog.items == wines.items and again.catalog.schema == wines.schema
    assert np.array_equal(again.vectors, index.vectors) and again.vectors.shape == (12, 128)
    assert again.semantic_ids.codes == index.semantic_ids.codes
    assert again.fingerprint == index.fingerprint
    assert again.manifest["encoder"] == "hashing" and again.manifest["items"] == 12


def test_an_empty_home_says_how_to_make_an_index(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="python -m retrieval build"):
        Index.open(tmp_path)


def test_an_empty_catalog_builds_nothing(wines: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="empty"):
        build(Catalog(wines.schema, ()), tmp_path, HashingEncoder())
    assert versions.current(tmp_path) is None


def test_one_item_builds_and_is_found(wines: Catalog, tmp_path: Path) -> None:
    one = build(Catalog(wines.schema, wines.items[:1]), tmp_path, HashingEncoder())
    for exact in (True, False):
        assert one.nearest(one.vectors[0], 5, exact=exact)[0].tolist() == [0]


def test_items_that_say_the_same_still_get_different_semantic_ids(wines: Catalog, tmp_path: Path) -> None:
    same = [Item(f"i{place}", "Same", "", {}) for place in range(40)]
    codes = build(Catalog(wines.schema, same), tmp_path, HashingEncoder()).semantic_ids.codes
    assert len(set(codes.values())) == 40


def test_odd_ids_and_100_kb_texts_survive_the_way_through(wines: Catalog, tmp_path: Path) -> None:
    odd = [
        Item("a/b \u2028 \U0001f680\u0085", "\u6771\u4eac", "word " * 25_000, {"grapes": ("x\u2028y",)}),
        replace(wines.items[0], id="\u00e9" * 2000, text=""),
    ]
    built = build(Catalog(wines.schema, odd), tmp_path, HashingEncoder())
    assert list(built.catalog) == odd
    assert sorted(built.nearest(built.vectors[0], 2, exact=False)[0].tolist()) == [0, 1]


def test_known_items_keep_their_codes_and_vectors_when_others_come(wines: Catalog, tmp_path: Path) -> None:
    encoder = CountingEncoder()
    first = build(Catalog(wines.schema, wines.items[:9]), tmp_path, encoder)
    assert encoder.encoded == 9
    second = build(wines, tmp_path, encoder)
    assert encoder.encoded == 12
    assert {item: second.semantic_ids.codes[item] for item in first.semantic_ids.codes} == dict(
        first.semantic_ids.codes
    )
    assert second.semantic_ids.fingerprint == first.semantic_ids.fingerprint
    assert second.fingerprint != first.fingerprint
    changed = [replace(wines.items[0], text="Something else entirely."), *wines.items[1:]]
    build(Catalog(wines.schema, changed), tmp_path, encoder)
    assert encoder.encoded == 13


def test_two_versions_are_kept_and_an_opened_one_goes_on_answering(wines: Catalog, tmp_path: Path) -> None:
    opened = build(wines, tmp_path, HashingEncoder())
    for _ in range(3):
        build(wines, tmp_path, HashingEncoder())
    folders = sorted(path.name for path in (tmp_path / "index" / "versions").iterdir())
    serving = versions.current(tmp_path)
    assert len(folders) == 2 and serving is not None and serving.name == folders[-1]
    assert not opened.folder.exists()
    assert opened.nearest(opened.vectors[3], 1, exact=False)[0].tolist() == [3]
    assert opened.lexical.scores("riesling").max() > 0


def test_an_index_of_another_format_is_refused_with_the_command(wines: Catalog, tmp_path: Path) -> None:
    folder = build(wines, tmp_path, HashingEncoder()).folder
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest.replace('"format": 1', '"format": 0'))
    with pytest.raises(UserError, match="has format 0.*python -m retrieval build"):
        Index.open(tmp_path)


def test_exported_vectors_spare_the_encoder(wines: Catalog, index: Index, tmp_path: Path) -> None:
    export(index, tmp_path)
    stored = Stored.load(tmp_path)
    encoder = CountingEncoder()
    documents = [document(item, wines.schema) for item in wines]
    assert stored is not None
    again = encode([*documents, "new"], encoder, [stored])
    assert encoder.encoded == 1 and np.allclose(again.vectors[:12], index.vectors, atol=1e-3)
    other = Renamed("other")
    encode(documents, other, [stored])
    assert other.encoded == 12, "vectors of another encoder are of no use"


limits = st.lists(
    st.sampled_from(
        [
            Constraint(attribute="grapes", op="is", value="riesling"),
            Constraint(attribute="grapes", op="is_not", value="Riesling"),
            Constraint(attribute="region", op="is", value="Burgundy"),
            Constraint(attribute="vintage", op="at_least", value=2015),
            Constraint(attribute="vintage", op="is", value=2016),
            Constraint(attribute="price", op="at_most", value=20),
            Constraint(attribute="notes", op="contains", value="rhone"),
            Constraint(attribute="organic", op="is", value="True"),
            Constraint(attribute="absent", op="is_not", value="x"),
        ]
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(
    limits=limits,
    exclude=st.sets(st.integers(0, 11)),
    k=st.integers(1, 15),
    text=st.sampled_from(["riesling", "red hill", "x"]),
)
def test_both_ways_of_searching_return_the_nearest_items_that_satisfy_everything(
    index: Index, limits: list[Constraint], exclude: set[int], k: int, text: str
) -> None:
    hidden = {index.catalog.items[place].id for place in exclude}
    vector = HashingEncoder().encode([text])[0]
    fitting = [
        place
        for place, item in enumerate(index.catalog)
        if item.id not in hidden and all(limit.allows(item) for limit in limits)
    ]
    expected = sorted(fitting, key=lambda place: (-float(index.vectors[place] @ vector), place))[:k]
    places, cosines = index.nearest(vector, k, constraints=limits, exclude=hidden, exact=True)
    assert np.allclose(cosines, index.vectors[expected] @ vector, atol=1e-5)
    assert len(places) == len(expected) and set(places.tolist()) <= set(fitting)
    near, _ = index.nearest(vector, k, constraints=limits, exclude=hidden, exact=False)
    assert len(near) == len(expected) and set(near.tolist()) <= set(fitting)


def test_the_demo_is_built_once_from_the_package_without_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrieval.encoder import SentenceEncoder

    monkeypatch.setattr(SentenceEncoder, "encode", None)
    first = open_or_build_demo(tmp_path)
    assert len(first.catalog) > 2000 and first.vectors.shape == (len(first.catalog), 384)
    assert open_or_build_demo(tmp_path).folder == first.folder
    assert first.semantic_ids.codes == SemanticIds.load(DEMO / "semantic_ids.npz").codes


def test_the_demo_is_built_again_when_the_encoder_or_the_package_changes(
    wines: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.index.demo_catalog", lambda: wines)
    first = open_or_build_demo(tmp_path, encoder="hashing")
    monkeypatch.setattr("retrieval.index.open_encoder", lambda name: Renamed(name))
    second = open_or_build_demo(tmp_path, encoder="another")
    assert second.manifest["encoder"] == "another" and second.folder != first.folder
    monkeypatch.setattr("retrieval.index._demo_hash", lambda: "changed")
    assert open_or_build_demo(tmp_path, encoder="another").folder != second.folder


def test_an_own_index_of_another_encoder_is_not_overwritten_by_the_demo(wines: Catalog, tmp_path: Path) -> None:
    build(wines, tmp_path, HashingEncoder(), source="wines.csv")
    assert len(open_or_build_demo(tmp_path, encoder="hashing").catalog) == 12
    with pytest.raises(UserError, match="'hashing'.*'embedded'"):
        open_or_build_demo(tmp_path)
