"""Encoders keep one contract; documents are short and natural."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.catalog import Catalog, Item, UserError
from retrieval.encoder import WORDS, Encoder, HashingEncoder, _alike, document, open_encoder


class EncoderContract:
    """What every encoder promises; a subclass gives one."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError

    def test_rows_are_unit_vectors_in_the_order_of_the_texts(self, encoder: Encoder) -> None:
        texts = ["a long text about grapes and slopes and rain", "rain", "", "\U0001f680 \u6771\u4eac"]
        vectors = encoder.encode(texts)
        assert vectors.shape == (4, encoder.dimension) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        for text, vector in zip(texts, vectors, strict=True):
            assert np.allclose(encoder.encode([text])[0], vector, atol=2e-2)

    def test_no_text_gives_no_row(self, encoder: Encoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.dimension)

    def test_shared_meaning_is_nearer_than_none(self, encoder: Encoder) -> None:
        query, near, far = encoder.encode(
            ["red wine from france", "a french wine, red", "quantum chromodynamics lecture"]
        )
        assert query @ near > query @ far


class TestHashingEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Encoder:
        return HashingEncoder()


@pytest.fixture(scope="module")
def embedded() -> Encoder:
    return open_encoder("embedded")


@pytest.mark.models
class TestEmbeddedEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self, embedded: Encoder) -> Encoder:
        return embedded


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/none", "a/b/c"])
def test_a_folder_that_is_not_there_is_no_encoder(name: str) -> None:
    with pytest.raises(UserError, match="no such folder; give a folder, a Hub id, or `embedded`"):
        open_encoder(name)


@pytest.mark.models
def test_a_folder_without_a_model_is_named_when_it_is_first_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        open_encoder(str(tmp_path)).encode(["x"])


def test_a_document_names_title_values_text_and_people(wines: Catalog) -> None:
    assert document(wines["river-bend"], wines.schema) == (
        "River Bend. Riesling, Silvaner. region Franken. A Riesling and Silvaner from Franken. Anna Weiss"
    )


def test_a_document_of_a_100_kb_text_is_short(wines: Catalog) -> None:
    item = Item("x", "X", "word " * 25_000, {"grapes": tuple(f"grape {place}" for place in range(500))})
    assert len(document(item, wines.schema).split()) <= WORDS
    assert document(Item("x", "X", "", {}), wines.schema) == "X"


@pytest.mark.models
def test_the_packaged_vectors_are_those_of_the_embedded_encoder(demo_catalog: Catalog, embedded: Encoder) -> None:
    from retrieval.reading import DEMO
    from retrieval.vectors import Stored, hashes_of

    stored = Stored.load(DEMO)
    assert stored is not None and stored.encoder == "embedded"
    documents = [document(item, demo_catalog.schema) for item in demo_catalog]
    known = dict(zip(stored.hashes.tolist(), stored.vectors, strict=True))
    assert all(code in known for code in hashes_of(documents).tolist()), "run the build command with --export"
    fresh = embedded.encode(documents[:3])
    for code, vector in zip(hashes_of(documents[:3]).tolist(), fresh, strict=True):
        assert float(known[code] @ vector) > 0.995


def test_a_folder_named_by_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    assert open_encoder(str(tmp_path)).name == str(tmp_path)


@given(st.lists(st.integers(0, 500), max_size=120))
def test_a_batch_holds_all_texts_once_and_none_that_is_padded_to_more_than_twice_its_length(lengths: list[int]) -> None:
    falling = sorted(lengths, reverse=True)
    batches = list(_alike(falling))
    assert [place for batch in batches for place in batch] == list(range(len(falling)))
    for batch in batches:
        own = [falling[place] for place in batch]
        assert len(own) <= 32 and 2 * own[-1] >= own[0]
