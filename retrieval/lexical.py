"""BM25 over titles, facet values and texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog, CatalogSchema, Item


def words_of(item: Item, schema: CatalogSchema) -> str:
    """Return everything about an item that words can match, the title twice because it says most."""
    values = (value for column in schema.with_role("facet") for value in item.values(column.name))
    return " ".join((item.title, item.title, *values, item.text))


def stems(texts: Sequence[str]) -> list[list[str]]:
    """Split texts into Snowball stems without English stop words."""
    import bm25s
    import Stemmer

    found: list[list[str]] = bm25s.tokenize(
        list(texts), stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=False
    )
    return found


class Lexical:
    """A BM25 index (Robertson's, Lucene's variant) of one catalog."""

    def __init__(self, model: Any, size: int) -> None:
        """Hold what `build` or `load` made; `model` is None when no item has a word."""
        self.model = model
        self.size = size

    @classmethod
    def build(cls, catalog: Catalog) -> Lexical:
        """Index every item."""
        import bm25s

        tokens = stems([words_of(item, catalog.schema) for item in catalog])
        if not any(tokens):
            return cls(None, len(catalog))
        model = bm25s.BM25()
        model.index(tokens, show_progress=False)
        return cls(model, len(catalog))

    def save(self, folder: Path) -> None:
        """Write the index to a new folder."""
        folder.mkdir()
        if self.model is not None:
            self.model.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path, size: int) -> Lexical:
        """Read what `save` wrote for a catalog of `size` items."""
        import bm25s

        saved = any(folder.iterdir())
        return cls(bm25s.BM25.load(folder) if saved else None, size)

    def scores(self, text: str) -> NDArray[np.float32]:
        """Return (n,) BM25 scores in catalog order, 0 where no word matches."""
        words = stems([text])[0] if text.strip() else []
        known = [] if self.model is None else [word for word in words if word in self.model.vocab_dict]
        if not known:
            return np.zeros(self.size, np.float32)
        return np.asarray(self.model.get_scores(known), np.float32)
