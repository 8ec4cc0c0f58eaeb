"""Rerankers beside each other: the same candidates, put in order by each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent import Recommender
from agent.belief import BeliefState
from agent.ranking import Scorer, standardised
from evals.bench.contexts import RankingData
from evals.bench.rank_metrics import metrics_of
from evals.bench.titles import Titles
from evals.compare import compare, signed
from evals.results import Result
from retrieval.query import Candidate
from retrieval.search import Retriever

if TYPE_CHECKING:
    from rich.console import Console

KIND = "bench rerankers"
FIRST = "retrieval alone"
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Weights of what a reranker alone makes of candidates beside retrieval, both standardised, that are tried."""
FOLDS = 5
METRICS = ("R@1", "R@10", "NDCG@10", "MRR")
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Case:
    """One turn: what was said, the candidates, and what was shown then."""

    name: str
    dialogue: str
    text: str
    said: str
    belief: BeliefState
    candidates: tuple[Candidate, ...]
    """The first that retrieval finds, without what was mentioned earlier."""
    gold: frozenset[str]


@dataclass(frozen=True)
class Contender:
    """A reranker, and how many of its weights were trained."""

    scorer: Scorer
    trained: int


@dataclass(frozen=True)
class Judged:
    """What a contender makes of one turn."""

    served: tuple[float, ...]
    """By which it orders the candidates."""
    own: tuple[float, ...]
    """What it makes of them without retrieval."""
    seconds: float


def contenders(rec: Recommender, adapters: Sequence[str], say: Callable[[str], None]) -> dict[str, Contender]:
    """Open what can rerank: the model without any training, each of `adapters`, the cross-encoder of the ranker.

    UserError when an adapter cannot be had.
    """
    from agent.cross_encoder import CrossEncoded
    from agent.llm import DEMO_ADAPTER, open_llm
    from agent.ranking import Likelihood, Titles
    from agent.scoring import cross_encoder_folder
    from retrieval.learned import ranker_folder

    catalog, codes, settings, retriever = rec.catalog, rec.semantic_ids, rec.settings, rec.tools.retriever
    assert isinstance(retriever, Retriever), type(retriever)
    model, home = settings.model, settings.home
    ranker = ranker_folder(settings.ranker, retriever.index, settings.encoder, home)
    found = {"untuned, titles": Contender(Titles(open_llm(model, "none", codes, home, say), catalog), 0)}
    for name in adapters:
        llm = open_llm(model, name, codes, home, say)
        if llm.adapter_id != "none":
            folder = DEMO_ADAPTER if name == "auto" else Path(name).expanduser()
            folder = folder if folder.is_dir() else home / "adapters" / name
            scorer = Likelihood(llm, catalog, codes, vectors=retriever.vectors)
            found[f"adapter {name}"] = Contender(scorer, trained(folder))
    if (network := cross_encoder_folder(ranker)) is not None:
        found["cross-encoder"] = Contender(CrossEncoded.open(network, catalog, home, say), trained(network))
    return found


def trained(folder: Path) -> int:
    """Count the numbers in the weights that `folder` holds."""
    from safetensors import safe_open

    count = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "numpy") as weights:
            for name in weights.keys():  # noqa: SIM118 -- not a mapping
                count += int(np.prod(weights.get_slice(name).get_shape()))
    return count


def cases(rec: Recommender, data: RankingData, options: int) -> list[Case]:
    """Return the turns of `data` in which something in the catalog that is new to the conversation was shown."""
    titles, found = Titles(rec.catalog), []
    items = rec.catalog.items
    for turn in data.turns:
        before = {items[place].id for place in titles.matches(turn.mentioned)}
        gold = {items[place].id for place in titles.matches(turn.gold)} - before
        if gold:
            belief, query = rec.told(turn.messages)
            ranked = [hit for hit in rec.tools.retriever.search(query) if hit.item_id not in before]
            said = query.said.removesuffix(query.message).strip()
            first = tuple(ranked[:options])
            found.append(Case(turn.name, turn.dialogue, query.message, said, belief, first, frozenset(gold)))
    return found


def judge(contender: Contender, asked: Sequence[Case], tell: Tell) -> list[Judged]:
    """Ask a contender about every case; one with a single candidate is not asked."""
    found = []
    for number, case in enumerate(asked):
        tell(number, len(asked))
        started = time.perf_counter()
        served: tuple[float, ...] = tuple(candidate.score for candidate in case.candidates)
        own = (0.0,) * len(served)
        if len(served) > 1:
            scored = contender.scorer.score(case.text, case.belief, case.candidates, case.said)
            served, own = tuple(scored.logits.tolist()), scored.own
        found.append(Judged(served, own, time.perf_counter() - started))
    return found


def measure(
    asked: Sequence[Case], contenders: Mapping[str, Contender], tell: Tell, made_by: Mapping[str, Any]
) -> Result:
    """Return the metrics of retrieval alone and of each contender: as served, and with its weight learned.

    The weight, of those in `WEIGHTS`, is the one that gives the best NDCG@10 on the other folds of the dialogues.
    """
    from evals.bench.mentions import fold_of

    plain = [tuple(candidate.score for candidate in case.candidates) for case in asked]
    systems = {FIRST: _values(asked, plain)}
    most = max((len(case.candidates) for case in asked), default=0)
    notes: dict[str, Any] = {"turns": len(asked), "candidates": most}
    folds = np.array([fold_of(case.dialogue) for case in asked])
    for name, contender in contenders.items():
        judged = judge(contender, asked, tell)
        systems[name] = _values(asked, [one.served for one in judged])
        tried = [[_mixed(base, one.own, weight) for base, one in zip(plain, judged, strict=True)] for weight in WEIGHTS]
        gains = np.array([[_gain(case, scores) for case, scores in zip(asked, row, strict=True)] for row in tried])
        chosen = {fold: int(gains[:, folds != fold].sum(axis=1).argmax()) for fold in set(folds.tolist())}
        mixed = [tried[chosen[fold]][place] for place, fold in enumerate(folds.tolist())]
        systems[f"{name}, weight learned"] = _values(asked, mixed)
        millis = 1000 * float(np.median([one.seconds for one in judged]))
        weights = ", ".join(f"{WEIGHTS[place]:g}" for place in sorted(set(chosen.values())))
        how = f"{contender.trained:,} weights trained, learned weight {weights}"
        notes[name] = f"{millis:.0f} ms a turn (median), {how}"
    return Result(KIND, made_by, systems, notes)


def print_rerankers(result: Result, console: Console) -> None:
    """Print the table, then each one's paired difference to retrieval alone."""
    result.print(console, "Rerankers of the same candidates", METRICS)
    first = Result(result.kind, {}, {"x": result.systems[FIRST]}, {})
    for name, table in result.systems.items():
        if name != FIRST:
            [one] = [d for d in compare(first, Result(result.kind, {}, {"x": table}, {})) if d.metric == "NDCG@10"]
            interval = f"95 % {signed(one.low)} to {signed(one.high)}"
            console.print(f"{name}: NDCG@10 {signed(one.mean)} against {FIRST}, {interval}", highlight=False)


def _mixed(base: Sequence[float], own: Sequence[float], weight: float) -> tuple[float, ...]:
    return tuple((standardised(base) + weight * standardised(own)).tolist())


def _order(case: Case, scores: Sequence[float]) -> list[str]:
    return [case.candidates[place].item_id for place in np.argsort(-np.array(scores), kind="stable")]


def _gain(case: Case, scores: Sequence[float]) -> float:
    places = [place for place, item in enumerate(_order(case, scores)[:10]) if item in case.gold]
    return float(sum(1 / np.log2(place + 2) for place in places))


def _values(asked: Sequence[Case], scores: Sequence[Sequence[float]]) -> dict[str, dict[str, float | None]]:
    """Return metric -> unit -> value; a unit is one item that was shown."""
    found: dict[str, dict[str, float | None]] = {metric: {} for metric in METRICS}
    for case, own in zip(asked, scores, strict=True):
        for item, values in metrics_of(_order(case, own), case.gold).items():
            for metric in METRICS:
                found[metric][f"{case.name}:{item}"] = values[metric]
    return found

