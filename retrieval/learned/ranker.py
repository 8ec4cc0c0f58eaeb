"""The learned order: what logs taught, applied to the candidates of a search."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalog import Catalog, UserError
from retrieval.encoder import Encoder
from retrieval.filtering import Mask
from retrieval.learned.co_liking import CoLiking
from retrieval.learned.comparison import Comparison, Features
from retrieval.learned.student import Student, open_student
from retrieval.learned.trees import Trees
from retrieval.learned.two_tower import TwoTower
from retrieval.query import Query

if TYPE_CHECKING:
    from retrieval.index import Index

Array = NDArray[np.float32]
RECORD, ARRAYS = "ranker.json", "ranker.npz"
WORDS = 120
"""Words of a conversation that are encoded, the last ones."""
PACKAGED = Path(__file__).parent.parent / "demo" / "ranker"
"""What ships for the demo catalog."""
DEPTH, BROAD = 60, 300
"""Candidates that each source proposes, and those of the plain sum of what was learned and of the search."""
ALIKE = 10
"""Known items that a new one is a mean of, by likeness of their texts."""
KINDS: Mapping[str, int] = {"liked": 0, "shown": 1, "against": 2}


@dataclass(frozen=True)
class Knowledge:
    """What was counted and trained, over the items of a catalog in its order."""

    logged: CoLiking
    """Over conversations."""
    rated: CoLiking
    """Over people's ratings; empty counts where none were given."""
    towers: tuple[TwoTower, ...]
    """Trained from different seeds; their mean counts."""

    def scores(self, said: Array, places: Sequence[int], kinds: Sequence[int]) -> dict[str, Array]:
        """Return source -> (n,) scores >= 0 for a conversation; `places` are the positions of the items named in it.

        `two_tower` sums to 1.
        """
        wanted = [place for place, kind in zip(places, kinds, strict=True) if kind != KINDS["against"]]
        logits = np.mean([tower.logits(said, places, kinds) for tower in self.towers], axis=0)
        likely = np.exp(logits - logits.max())
        return {
            "two_tower": np.asarray(likely / likely.sum(), np.float32),
            "co_liking": self.logged.scores(wanted),
            "rated_together": self.rated.scores(wanted),
            "logged": self.logged.counts,
            "rated": self.rated.counts,
        }


@dataclass(frozen=True)
class Conversation:
    """What a learned order reads of a query, besides its sources."""

    said: Array
    """(2 d,) encodings of the last words of the conversation and of the last message."""
    places: tuple[int, ...]
    """Positions of the items named, the latest last."""
    kinds: tuple[int, ...]

    @classmethod
    def of(cls, query: Query, catalog: Catalog, encoder: Encoder) -> Conversation:
        """Read `query`."""
        vectors = encoder.encode(heard_texts(query))
        known = [(catalog.position[one.item_id], KINDS[one.kind]) for one in query.named if one.item_id in catalog]
        return cls(vectors.reshape(-1), tuple(place for place, _ in known), tuple(kind for _, kind in known))


def heard_texts(query: Query) -> list[str]:
    """Return what a learned order encodes: the last words of the conversation, and the last message."""
    return [" ".join(query.said.split()[-WORDS:]), query.message]


@dataclass(frozen=True)
class Searched:
    """What the search gave for a query, over all n items."""

    sources: Mapping[str, Array]
    """Source -> (n,) scores in [0, 1]."""
    fused: Array
    """(n,) their weighted sum."""
    allowed: Mask
    """(n,) where an item may be returned."""


def table(
    conversation: Conversation,
    searched: Searched,
    learned: Mapping[str, Array],
    comparison: Comparison,
    places: NDArray[np.int64],
) -> Features:
    """Return feature -> (p,) values of the candidates at `places`."""
    found: Features = {f"source {name}": scores[places] for name, scores in searched.sources.items()}
    found |= {name: scores[places] for name, scores in learned.items()}
    for name in ("two_tower", "co_liking"):
        found[f"{name}, share of best"] = learned[name][places] / max(float(learned[name].max()), 1e-9)
    half = len(conversation.said) // 2
    found["text beside said"] = comparison.vectors[places] @ conversation.said[:half]
    found["text beside message"] = comparison.vectors[places] @ conversation.said[half:]
    found |= comparison.features(places, conversation.places)
    found["search"] = searched.fused[places]
    found["named"] = np.full(len(places), len(conversation.places), np.float32)
    return found


def pool(searched: Searched, learned: Mapping[str, Array]) -> NDArray[np.int64]:
    """Return the positions of the candidates that a learned order takes, rising: the first of each source."""
    tower, together = np.log(learned["two_tower"] + 1e-12), np.log1p(learned["co_liking"])
    base, allowed = searched.fused, searched.allowed
    total = _standardised(tower) + 0.5 * _standardised(together) + 0.3 * _standardised(base)
    proposals = [(total, BROAD), (base, DEPTH)]
    proposals += [(learned[name], DEPTH) for name in ("two_tower", "co_liking", "rated_together")]
    taken = [_first(np.where(allowed, scores, -np.inf), depth) for scores, depth in proposals]
    places = np.unique(np.concatenate(taken))
    return places[allowed[places]]


class LearnedRanker:
    """Orders candidates by what was learned from logs."""

    temperature: float = 1.5
    """Difference of two scores at which one item is e times as probable as the other to be the one wanted.

    Of the labelled dev dialogues' items among the first 200 candidates (n = 844) the softmax at 1.5 gives the first one
    .106, and .098 of them are first; at .15, right for the search alone, it gave .736.
    """

    def __init__(self, knowledge: Knowledge, order: Trees | Student, comparison: Comparison) -> None:
        """Hold the parts; `order` scores candidates by their features."""
        self.knowledge, self.order, self.comparison = knowledge, order, comparison

    def sources(self, conversation: Conversation) -> dict[str, Array]:
        """Return what was learned as sources: name -> (n,) scores >= 0."""
        return self.knowledge.scores(conversation.said, conversation.places, conversation.kinds)

    def scores(self, conversation: Conversation, searched: Searched, learned: Mapping[str, Array]) -> Array:
        """Return (n,) scores, -inf where an item may not be returned.

        Candidates have what `order` gives; the others come after them, as the search has them. `learned`: (n,) scores
        each, those of `sources`.
        """
        places = pool(searched, learned)
        found = searched.fused
        if len(places):
            first = self.order.scores(table(conversation, searched, learned, self.comparison, places))
            found = found - np.float32(found.max() - first.min() + 1)
            found[places] = first
        return np.where(searched.allowed, found, np.float32(-np.inf))

    def save(self, folder: Path, index: Index, record: Mapping[str, Any]) -> None:
        """Write everything to `folder`; `record` says what it was made of and how good it is."""
        assert isinstance(self.order, Trees), "a student is written beside the ranker that taught it"
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, NDArray[Any]] = {"titles": self.comparison.titles.astype(np.float16)}
        arrays |= self.knowledge.logged.arrays("logged_") | self.knowledge.rated.arrays("rated_")
        for number, tower in enumerate(self.knowledge.towers):
            arrays |= {f"tower{number}_{name}": array for name, array in tower.arrays().items()}
        np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
        self.order.save(folder)
        held = {
            "encoder": index.manifest["encoder"],
            "columns": list(self.order.columns),
            "prior": self.order.prior,
            "towers": len(self.knowledge.towers),
            "items": [item.id for item in index.catalog],
        }
        (folder / RECORD).write_text(json.dumps({**record, **held}, indent=1) + "\n", "utf-8")

    @classmethod
    def open(cls, folder: Path, index: Index, encoder: Encoder, *, student: bool = False) -> LearnedRanker:
        """Read what `save` wrote, for the items that `index` has now: a new one is a mean of known ones like it.

        `student`: order by the student in `folder` in the place of the trees. UserError when something is not there,
        was made with another encoder, or knows less than half of the items.
        """
        if not (folder / RECORD).is_file():
            raise UserError(f"{folder}: no learned ranker; make one with `python -m finetune ranker --out {folder}`")
        record = json.loads((folder / RECORD).read_text("utf-8"))
        again = f"learn it again with `python -m finetune ranker --out {folder}`"
        if record["encoder"] != encoder.name:
            raise UserError(f"{folder}: learned with the encoder {record['encoder']!r}, not {encoder.name!r}: {again}")
        catalog = index.catalog
        known = {item: place for place, item in enumerate(record["items"])}
        if 2 * sum(item.id in known for item in catalog) < len(catalog):
            raise UserError(f"{folder}: knows less than half of the catalog's items: {again}")
        with np.load(folder / ARRAYS, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        sources, weights = _sources(catalog, known, index.vectors)
        places = np.array([known.get(item.id, -1) for item in catalog], np.int64)
        towers = tuple(
            TwoTower.of_arrays(_under(arrays, f"tower{number}_")).for_items(sources, weights)
            for number in range(record["towers"])
        )
        knowledge = Knowledge(
            CoLiking.of_arrays(arrays, "logged_").for_items(places),
            CoLiking.of_arrays(arrays, "rated_").for_items(places),
            towers,
        )
        titles = _titles(arrays["titles"], catalog, places, encoder)
        comparison = Comparison.over(catalog, index.filter, index.vectors, titles)
        order = open_student(folder) if student else Trees.open(folder, record["columns"], record["prior"])
        return cls(knowledge, order, comparison)


def ranker_folder(name: str, index: Index, encoder: str, home: Path) -> Path | None:
    """Return the folder of the ranker that the settings name, None for `none`, or where `auto` finds none that fits.

    `auto` looks into `home/ranker`, then into the package when the index holds the demo catalog.
    """
    if name == "none":
        return None
    if name != "auto":
        return Path(name).expanduser()
    demo = str(index.manifest["source"]).startswith("demo ") and encoder == "embedded"
    places = [home / "ranker", *([PACKAGED] if demo else [])]
    return next((place for place in places if (place / RECORD).is_file()), None)


def titles_of(catalog: Catalog, encoder: Encoder) -> Array:
    """Return (n, d) the encodings of the items' titles."""
    return encoder.encode([catalog.label(item) for item in catalog])


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _sources(catalog: Catalog, known: Mapping[str, int], vectors: Array) -> tuple[NDArray[np.int64], Array]:
    """Return (m, ALIKE) positions among the known items, and the weights of their mean, for every item."""
    here = np.array([place for place, item in enumerate(catalog) if item.id in known], np.int64)
    there = np.array([known[catalog.items[place].id] for place in here], np.int64)
    sources = np.zeros((len(catalog), ALIKE), np.int64)
    weights = np.zeros((len(catalog), ALIKE), np.float32)
    sources[here, 0], weights[here, 0] = there, 1.0
    new = np.setdiff1d(np.arange(len(catalog)), here)
    if len(new):
        alike = vectors[new] @ vectors[here].T
        few = min(ALIKE, len(here))
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :few]
        sources[new, :few], weights[new, :few] = there[nearest], 1 / few
    return sources, weights


def _titles(stored: NDArray[Any], catalog: Catalog, places: NDArray[np.int64], encoder: Encoder) -> Array:
    titles = stored.astype(np.float32)[places]
    if len(new := np.flatnonzero(places < 0)):
        titles[new] = encoder.encode([catalog.label(catalog.items[place]) for place in new])
    return titles


def _first(scores: Array, depth: int) -> NDArray[np.int64]:
    """Return the positions of the `depth` best of (n,) scores."""
    if depth >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, depth)[:depth]


def _standardised(values: Array) -> Array:
    spread = values.std()
    return np.asarray((values - values.mean()) / spread if spread > 0 else values * 0, np.float32)
