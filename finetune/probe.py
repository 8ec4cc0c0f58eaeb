"""Health probes: whether an adapter ranks by the person and not by habit, place or fame.

A model that ignores the person still lowers its loss; these figures find it out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.belief import apply
from agent.querying import query_of
from agent.ranking import generate_prompt, rank_prompt
from agent.transcripts import belief_from_turns, update_from_dict
from finetune.exposures import SHOWN, Counts, gini, groupings, ratios
from finetune.requests import Request, wish
from retrieval.catalog import Catalog
from retrieval.search import Retriever

if TYPE_CHECKING:
    from agent.local_llm import LocalLanguageModel

TOP = 10
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """One figure."""

    probe: str
    figure: str
    mean: float
    error: float | None = None
    """Standard error of the mean; None for what is no mean over requests."""
    n: int = 0
    least: float | None = None
    """From where on it is healthy."""
    most: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether it lies in the range wanted; always where there is none."""
        return (self.least is None or self.mean >= self.least) and (self.most is None or self.mean <= self.most)

    @property
    def wanted(self) -> str:
        """The range in words, empty where there is none."""
        match self.least, self.most:
            case None, None:
                return ""
            case least, None:
                return f"at least {least:g}"
            case None, most:
                return f"at most {most:g}"
            case least, most:
                return f"{least:g} to {most:g}"


@dataclass
class _Sums:
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float | None) -> None:
        if value is not None:
            self.values.setdefault(name, []).append(value)

    def finding(
        self, probe: str, figure: str, name: str, least: float | None = None, most: float | None = None
    ) -> Iterator[Finding]:
        if found := self.values.get(name):
            error = float(np.std(found, ddof=1) / len(found) ** 0.5) if len(found) > 1 else None
            yield Finding(probe, figure, float(np.mean(found)), error, len(found), least, most)


def requests(dialogues: Sequence[Mapping[str, Any]], catalog: Catalog, number: int, seed: int) -> list[Request]:
    """Draw requests: half from the turns of labelled dialogues, half wishes for what a random item has."""
    chance = random.Random(seed)
    turns = [(dialogue["turns"], place) for dialogue in dialogues for place in range(len(dialogue["turns"]))]
    chance.shuffle(turns)
    return list(islice(chain(_alternately(_said(turns, catalog), _wished(catalog, chance))), number))


def probe(
    llm: LocalLanguageModel, retriever: Retriever, asked: Sequence[Request], sample: int, seed: int, tell: Tell
) -> list[Finding]:
    """Measure everything that needs no training: `sample` of the requests with the model, all with the retriever."""
    chance, sums = random.Random(seed), _Sums()
    catalog, codes = retriever.catalog, retriever.semantic_ids
    found: dict[str, list[list[str]]] = {"search": [], "model alone": [], "served": []}
    for done, request in enumerate(asked):
        ids = [hit.item_id for hit in retriever.search(query_of(request.belief, request.text, catalog, limit=TOP))]
        found["search"].append(ids)
        if done < sample and len(ids) > 2:
            other = asked[(done + 1) % len(asked)]
            prompt = generate_prompt(request.text, "", request.belief, catalog)
            vector = llm.query_vector(prompt)
            if vector is None:
                prompt = rank_prompt(request.text, request.belief, [], catalog, codes)
                scores = _listed(llm, retriever, request, other, ids, chance, sums)
                alone = [codes.item_of(path) for path, _ in llm.beam(prompt, TOP)]
            else:
                scores = _headed(llm, retriever, request, other, ids, vector, sums)
                alone = [catalog.items[place].id for place in np.argsort(-(retriever.vectors @ vector))[:TOP]]
            found["model alone"].append(alone)
            found["served"].append([ids[place] for place in np.argsort(np.negative(scores), kind="stable")])
            written = alone if vector is None else [codes.item_of(path) for path, _ in llm.beam(prompt, TOP)]
            sums.add("constrained", float(all(item in catalog for item in written)))
            free = llm.free_path(prompt)
            sums.add("free", float(free is not None and free in codes.trie))
        tell(done + 1, len(asked))
    return [*_of_model(sums), *_of_lists(found, catalog)]


def _listed(
    llm: LocalLanguageModel,
    retriever: Retriever,
    request: Request,
    other: Request,
    ids: Sequence[str],
    chance: random.Random,
    sums: _Sums,
) -> list[float]:
    """Return the likelihood of the Semantic IDs of candidates named in the prompt, and note how it changes."""
    catalog, codes = retriever.catalog, retriever.semantic_ids
    paths = [codes.codes[item] for item in ids]
    mixed, again = (chance.sample(ids, len(ids)) for _ in range(2))

    def scored(asked: Request, named: Sequence[str]) -> list[float]:
        return llm.score_paths(rank_prompt(asked.text, asked.belief, named, catalog, codes), paths)

    scores, swapped = scored(request, mixed), scored(other, mixed)
    sums.add("same again", _tau(scores, scored(request, mixed)))
    sums.add("shuffled", _tau(scores, scored(request, again)))
    sums.add("swapped", _tau(scores, swapped))
    sums.add("unlisted", _tau(scores, scored(request, [])))
    sums.add("difference", float(np.abs(np.subtract(scores, swapped)).mean()))
    sums.add("place", _tau(scores, [-mixed.index(item) for item in ids]))
    best = ids[int(np.argmax(scores))]
    sums.add("first", float(best == mixed[0]) * len(ids))
    sums.add("last", float(best == mixed[-1]) * len(ids))
    return scores


def _headed(
    llm: LocalLanguageModel,
    retriever: Retriever,
    request: Request,
    other: Request,
    ids: Sequence[str],
    vector: NDArray[np.float32],
    sums: _Sums,
) -> list[float]:
    """Return the logits of the projection head, and note how they change; no candidate has a place in its prompt."""
    catalog, codes = retriever.catalog, retriever.semantic_ids
    rows = retriever.vectors[[catalog.position[item] for item in ids]]
    prompts = [generate_prompt(asked.text, "", asked.belief, catalog) for asked in (request, other)]
    again, another = (llm.query_vector(prompt) for prompt in prompts)
    assert again is not None and another is not None
    scores: list[float] = (rows @ vector).tolist()
    sums.add("same again", _tau(scores, (rows @ again).tolist()))
    sums.add("swapped", _tau(scores, (rows @ another).tolist()))
    moved = _log_shares(retriever.vectors @ vector) - _log_shares(retriever.vectors @ another)
    sums.add("difference", float(np.abs(moved).mean()))
    sums.add("paths", _tau(scores, llm.score_paths(prompts[0], [codes.codes[item] for item in ids])))
    return scores


def _log_shares(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    logits = logits - logits.max()
    return np.asarray(logits - np.log(np.exp(logits).sum()), np.float64)


def _of_model(sums: _Sums) -> Iterator[Finding]:
    yield from sums.finding("validity", "paths of the beam search that name an item", "constrained", least=1.0)
    yield from sums.finding("validity", "paths written freely that name an item", "free")
    yield from sums.finding("person", "order with the same prompt again (Kendall tau)", "same again", least=0.99)
    yield from sums.finding("person", "order with another person's words and belief", "swapped", most=0.8)
    yield from sums.finding("person", "change of log-probability by that, nats", "difference", least=0.1)
    yield from sums.finding("candidates", "order by Semantic IDs against the projection head's", "paths")
    yield from sums.finding("candidates", "order without the candidates in the prompt", "unlisted", least=0.2)
    yield from sums.finding("place", "order after shuffling the candidates", "shuffled", least=0.6)
    yield from sums.finding("place", "order against the place in the prompt", "place", least=-0.2, most=0.2)
    yield from sums.finding("place", "how much more often than by chance the first is best", "first", 0.4, 2.0)
    yield from sums.finding("place", "how much more often than by chance the last is best", "last", 0.4, 2.0)


def _of_lists(found: Mapping[str, Sequence[Sequence[str]]], catalog: Catalog) -> Iterator[Finding]:
    """Yield how varied and how popular what is found is, and which groups of items it favours."""
    fame = float(np.mean([item.popularity for item in catalog]))
    for name, lists in found.items():
        if not lists:
            continue
        shown = Counter(item for items in lists for item in items[:SHOWN])
        distinct, most = len({item for items in lists for item in items}), sum(len(items) for items in lists)
        least = 0.2 if name == "model alone" else None
        yield Finding("variety", f"{name}: different items among the first {TOP}", distinct, n=len(lists))
        share = distinct / max(1, min(most, len(catalog)))
        yield Finding("variety", f"{name}: share of those that could differ", share, n=len(lists), least=least)
        counts = np.array([shown[item.id] for item in catalog])
        yield Finding("variety", f"{name}: Gini of exposure over the catalog", gini(counts), n=len(lists))
        popular = [float(np.mean([catalog[item].popularity for item in items[:SHOWN]])) for items in lists if items]
        error = float(np.std(popular, ddof=1) / len(popular) ** 0.5) if len(popular) > 1 else None
        lift = float(np.mean(popular)) / max(fame, 1e-9)
        yield Finding("fame", f"{name}: popularity of what is shown over the catalog's", lift, error, len(popular))
        yield from _groups(name, counts, catalog)


def _groups(name: str, counts: Counts, catalog: Catalog) -> Iterator[Finding]:
    """Yield for the years, and for each facet of few values, the group that is shown most and least for its size."""
    for attribute, grouping in groupings(catalog).items():
        found = dict(zip(grouping.names, ratios(counts, grouping).tolist(), strict=True))
        ordered = sorted(found, key=lambda group: (-found[group], group))
        for group in dict.fromkeys([*ordered[:1], *ordered[-1:]]):
            figure = f"{name}: {attribute} {group}, shown over its share"
            yield Finding("exposure", figure, found[group], n=max(1, int(counts.sum())))


def _said(turns: Sequence[tuple[Sequence[Mapping[str, Any]], int]], catalog: Catalog) -> Iterator[Request]:
    for own, place in turns:
        before = belief_from_turns(own[:place], catalog)
        yield Request(own[place]["user"], apply(before, update_from_dict(own[place]["update"], catalog, before)))


def _wished(catalog: Catalog, chance: random.Random) -> Iterator[Request]:
    while True:
        yield wish(chance.choice(catalog.items), catalog, chance)


def _alternately(first: Iterator[Request], second: Iterator[Request]) -> Iterator[Request]:
    """Take one of each in turn; once the first is at its end, the second alone."""
    for request in first:
        yield request
        yield next(second)
    yield from second


def _tau(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Kendall's tau-b of two lists of scores in [-1, 1], None where one of them is constant."""
    from scipy.stats import kendalltau

    value = float(kendalltau(one, other).statistic)
    return None if np.isnan(value) else value
