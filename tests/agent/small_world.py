"""A catalog of 60 books, and the agent over it with parts that do exactly what a test tells them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from agent.answers import Answers
from agent.belief import BeliefState, BeliefUpdate, Drop, ItemVerdict, Limit, Preference
from agent.llm import ScriptedLanguageModel
from agent.log import ConversationLog
from agent.ranking import Likelihood, Reranker
from agent.reasons import Explainer
from agent.recommender import Recommender
from agent.settings import Settings
from agent.state import Tools
from retrieval.catalog import Catalog, CatalogSchema, Column, Item, fold
from retrieval.constraints import Constraint
from retrieval.query import Candidate, Query
from retrieval.semantic_ids import SemanticIds

SUBJECTS = ("history", "space", "crime", "cooking", "travel", "music")
MOODS = ("dark", "funny", "calm", "tense", "warm")
AUTHORS = ("Ada Finch", "Bruno Keller", "Carla Soto", "Dev Rao", "Elin Berg", "Femi Ade", "Gus Hale", "Hana Mori")
LANGUAGES = ("English", "German", "Spanish")
TITLES = ("Harbour", "Lantern", "Orchard", "Compass", "Ledger", "Thimble", "Meadow", "Anvil", "Parcel", "Kettle")


def books(count: int = 60) -> Catalog:
    """Make the catalog; the same one every time."""
    chance = random.Random(7)
    schema = CatalogSchema(
        columns=(
            Column(name="id", role="id"),
            Column(name="title", role="title"),
            Column(name="blurb", role="text"),
            Column(name="subjects", role="facet", singular="subject"),
            Column(name="moods", role="facet", singular="mood"),
            Column(name="authors", role="facet", people=True, singular="author"),
            Column(name="language", role="facet", many=False, singular="language"),
            Column(name="year", role="number", unit="year"),
            Column(name="length", role="number", unit="pages"),
        ),
        noun="book",
        nouns="books",
    )
    items = []
    for place in range(count):
        subjects = tuple(chance.sample(SUBJECTS, chance.choice((1, 2))))
        items.append(
            Item(
                id=f"b{place:02d}",
                title=f"The {TITLES[place % 10]} of {TITLES[(place // 10 + 3) % 10]} {place}",
                text=f"A book on {' and '.join(subjects)}.",
                attributes={
                    "subjects": subjects,
                    "moods": tuple(chance.sample(MOODS, 2)),
                    "authors": (chance.choice(AUTHORS),),
                    "language": (chance.choice(LANGUAGES),),
                    "year": 1960 + place,
                    "length": None if place % 13 == 12 else 80 + 10 * chance.randrange(50),
                },
                popularity=1 - place / count,
            )
        )
    return Catalog(schema, items)


CATALOG = books()


class BruteForce:
    """A retriever that looks at every item: constraints first, then wishes, then popularity."""

    def __init__(self, catalog: Catalog = CATALOG) -> None:
        self.catalog = catalog
        vectors = np.random.default_rng(0).normal(size=(len(catalog), 8)).astype(np.float32)
        self.semantic_ids = SemanticIds.fit([item.id for item in catalog], vectors, size=4)
        self.queries: list[Query] = []

    @property
    def vectors(self) -> np.ndarray[Any, Any]:
        return np.zeros((len(self.catalog), 1), np.float32)

    @property
    def temperature(self) -> float:
        return 0.15

    def all_scores(self, query: Query) -> np.ndarray[Any, Any]:
        self.queries.append(query)
        return np.array([self._score(item, query) for item in self.catalog])

    def _score(self, item: Item, query: Query) -> float:
        if item.id in query.exclude or not all(rule.allows(item) for rule in query.constraints):
            return -np.inf
        wishes = sum(w.weight for w in query.wishes if fold(str(w.value)) in map(fold, item.values(w.attribute)))
        words = sum(word in fold(item.title + item.text) for word in fold(query.text).split())
        alike = sum(
            len(set(item.values("subjects")) & set(self.catalog[other].values("subjects"))) for other in query.like
        )
        return wishes + 0.1 * words + 0.5 * alike + item.popularity / 10

    def search(self, query: Query) -> list[Candidate]:
        scores = self.all_scores(query)
        order = [int(place) for place in np.argsort(-scores, kind="stable") if np.isfinite(scores[place])]
        return [
            Candidate(self.catalog.items[place].id, float(scores[place]), {"attributes": float(scores[place])})
            for place in order[: query.limit]
        ]

    def count(self, constraints: Sequence[Constraint], exclude: frozenset[str] = frozenset()) -> int:
        return sum(item.id not in exclude and all(rule.allows(item) for rule in constraints) for item in self.catalog)


class Told:
    """Understands exactly the messages that a test announces; anything else is small talk."""

    def __init__(self, updates: Mapping[str, BeliefUpdate] | None = None) -> None:
        self.updates = dict(updates or {})

    def understand(self, text: str, belief: BeliefState) -> BeliefUpdate:
        return self.updates.get(text, BeliefUpdate(intent="chat"))

    def hears(self, text: str, *parts: Limit | Preference | Drop | ItemVerdict, **more: Any) -> str:
        """Announce what `text` will mean and return it."""
        kinds = {"set": Limit, "prefer": Preference, "drop": Drop, "items": ItemVerdict}
        named = {name: tuple(p for p in parts if isinstance(p, kind)) for name, kind in kinds.items()}
        self.updates[text] = BeliefUpdate(**named, **more)
        return text


def limit(attribute: str, op: Any, value: str | float, words: str = "") -> Limit:
    return Limit(attribute=attribute, op=op, value=value, words=words)


def wish(attribute: str, value: str, weight: float = 1.0, words: str = "") -> Preference:
    return Preference(attribute=attribute, value=value, weight=weight, words=words)


def verdict(item_id: str | None, kind: Any, ref: str = "") -> ItemVerdict:
    title = CATALOG.label(CATALOG[item_id]) if item_id else ""
    return ItemVerdict(ref=ref or title, verdict=kind, item_id=item_id, title=title)


def open_world(
    home: Path,
    told: Told | None = None,
    llm: ScriptedLanguageModel | None = None,
    catalog: Catalog = CATALOG,
    **options: Any,
) -> Recommender:
    """Open the agent over the books in `home`."""
    settings = Settings(home=home, model="scripted", encoder="hashing", **options)
    retriever, llm = BruteForce(catalog), llm or ScriptedLanguageModel()
    tools = Tools(
        understanding=told or Told(),
        retriever=retriever,
        reranker=Reranker(Likelihood(llm, catalog, retriever.semantic_ids)),
        explainer=Explainer(llm, catalog),
        answers=Answers(catalog),
        log=ConversationLog(home / "log.sqlite"),
        settings=settings,
        models={"model": llm.model_id, "adapter": llm.adapter_id, "index": "books"},
        llm_free=nullcontext(),
    )
    linker: Any = None
    return Recommender(tools, linker)
