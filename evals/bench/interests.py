"""What a history of liked items is worth to retrieval: several interests, one mean vector, the latest, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from agent.querying import EXAMPLES
from evals.bench.rank_metrics import metrics_of
from evals.compare import Difference, compare
from evals.results import Result
from evals.simulation.ratings import LIKED, Rating
from retrieval.catalog import Catalog, fold
from retrieval.query import Query, Wish
from retrieval.search import Retriever, Weights

if TYPE_CHECKING:
    from rich.console import Console

    from retrieval.encoder import Encoder
    from retrieval.index import Index

LENGTHS = (5, 10, 20, 50)
"""Liked items that a history has."""
HELD_OUT = 5
"""Liked items after the history that are to be found."""
DEPTH = 50
KINDS = ("liked", "+ wish")
METRICS = ("R@10", "R@50", "NDCG@10")
SHOWN = "NDCG@10"
KNOWN_SHARE = 0.1
"""A value that a larger share of the items has tells too little to be wished for."""
NONE, LATEST, ONE, SEVERAL = "popularity", "latest liked", "one vector", "several"
EXAMPLE, BOTH = "example", "example, several"
BEST = {ONE: {"history": 0.05, "interests": 1, "recent": 0.7}}
"""System -> what is best for it on the validation half, where that is not the default: one vector forgets faster."""
PAIRS = ((ONE, SEVERAL), (LATEST, SEVERAL), (EXAMPLE, BOTH))
Values = dict[str, dict[str, dict[str, float | None]]]
Split = Literal["validation", "test"]


@dataclass(frozen=True, slots=True)
class Case:
    """What one person had liked, oldest first, and what they liked next."""

    person: str
    history: tuple[str, ...]
    seen: frozenset[str]
    """All that they had rated before the first held-out item; never ranked."""
    gold: tuple[str, ...]


def cases(ratings: Mapping[str, Sequence[Rating]], length: int, split: Split) -> list[Case]:
    """Return the people with `length` liked items before the last `HELD_OUT` liked ones.

    Every other person, in the order of their names, is for `validation`, to choose by; the others for `test`.
    """
    found = []
    for person in sorted(ratings)[0 if split == "validation" else 1 :: 2]:
        own = ratings[person]
        liked = [place for place, one in enumerate(own) if one.stars >= LIKED]
        if len(liked) < length + HELD_OUT:
            continue
        before, after = liked[-HELD_OUT - length : -HELD_OUT], liked[-HELD_OUT:]
        gold = tuple(own[place].item for place in after)
        seen = frozenset(one.item for one in own[: after[0]]) - set(gold)
        history = tuple(item for item in dict.fromkeys(own[place].item for place in before) if item in seen)
        found.append(Case(person, history, seen, gold))
    return found


Asks = Callable[[Case], Query]


def systems(index: Index, encoder: Encoder, weights: Weights) -> dict[str, tuple[Retriever, Asks]]:
    """Return name -> what searches and what it is asked.

    Nothing of the history, its latest items as examples, all of it as one vector or as several, and its last item as
    the example that a conversation names, without and with the history.
    """
    asks: dict[str, Asks] = {
        NONE: lambda case: Query(exclude=case.seen),
        LATEST: lambda case: Query(exclude=case.seen, like=case.history[-EXAMPLES:]),
        ONE: lambda case: Query(exclude=case.seen, history=case.history),
        SEVERAL: lambda case: Query(exclude=case.seen, history=case.history),
        EXAMPLE: lambda case: Query(exclude=case.seen, like=case.history[-1:]),
        BOTH: lambda case: Query(exclude=case.seen, like=case.history[-1:], history=case.history),
    }
    best = {name: replace(weights, **BEST.get(name, {})) for name in asks}  # type: ignore[arg-type]
    return {name: (Retriever(index, encoder, best[name]), ask) for name, ask in asks.items()}


def measure(
    compared: Mapping[str, tuple[Retriever, Asks]],
    found: Mapping[int, Sequence[Case]],
    seed: int,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Values:
    """Return system -> `LENGTH liked: METRIC` -> person -> mean over the held-out items.

    Also `LENGTH + wish`: the first held-out item is looked for after a value that it has was wished for, so that
    something was said in the conversation.
    """
    values: Values = {}
    done, of = 0, sum(map(len, found.values()))
    for length, people in found.items():
        for case in people:
            tell(done, of)
            done += 1
            for system, (retriever, asks) in compared.items():
                query = asks(case)
                scores = {f"{length} liked": _mean(metrics_of(ranking(retriever, query, seed), case.gold))}
                wish = telling_value(retriever.catalog, case.gold[0])
                if wish:
                    first = ranking(retriever, replace(query, wishes=(Wish(*wish),)), seed)
                    scores[f"{length} + wish"] = _mean(metrics_of(first, case.gold[:1]))
                for kind, by_metric in scores.items():
                    for metric, value in by_metric.items():
                        values.setdefault(system, {}).setdefault(f"{kind}: {metric}", {})[case.person] = value
    return values


def differences(values: Values, first: str, second: str, seed: int) -> list[Difference]:
    """Return for every metric that both have the mean of `second` minus `first` over people, with its interval."""
    left, right = (Result("bench interests", {}, {second: values[name]}, {}) for name in (first, second))
    return compare(left, right, seed)


def print_result(result: Result, console: Console) -> None:
    """Print a table of NDCG@10 without and with a wish, and the differences; `--json` has the recalls too."""
    for kind in KINDS:
        names = [name for length in LENGTHS if (name := f"{length} {kind}: {SHOWN}") in result.metrics()]
        replace(result, notes={}).print(console, metrics=names)
    for name, value in result.notes.items():
        if name.endswith(SHOWN):
            console.print(f"{name}: {value}", highlight=False, soft_wrap=True, markup=False)


def ranking(retriever: Retriever, query: Query, seed: int) -> list[str]:
    """Return the first item ids; equal scores go by a seeded lot.

    The order of the catalog would leak: the demo's items stand in the order of their popularity.
    """
    scores: NDArray[np.float32] = retriever.all_scores(query)
    lot = np.random.default_rng(seed).permutation(len(scores))
    best = np.lexsort((lot, -scores))[:DEPTH]
    return [retriever.catalog.items[place].id for place in best.tolist() if np.isfinite(scores[place])]


def telling_value(catalog: Catalog, item_id: str) -> tuple[str, str] | None:
    """Return the attribute and the most frequent value of an item that few enough others share, None without one."""
    item, least = catalog[item_id], KNOWN_SHARE * len(catalog)
    values = [
        (count, column.name, value)
        for column in catalog.schema.with_role("facet")
        if not column.people
        for value in item.values(column.name)
        if (count := catalog.vocabulary[column.name][value]) <= least
    ]
    if not values:
        return None
    _, attribute, value = max(values, key=lambda one: (one[0], one[1], fold(one[2])))
    return attribute, value


def _mean(by_item: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {metric: sum(one[metric] for one in by_item.values()) / len(by_item) for metric in METRICS}
