"""Exposure: which groups of items are shown beyond their share, before and after learning, and what weighting changes.

Two rankers learn from one log. For one of them what chance showed counts by the inverse of its probability, for the
other every turn counts the same; see `finetune.learning`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evals.compare import Difference, signed
from evals.results import Result, short
from finetune.exposures import SHOWN, Counts, Grouping, first, gap, gini, groupings, ratios
from retrieval.catalog import Catalog, UserError
from retrieval.search import Retriever

if TYPE_CHECKING:
    from rich.console import Console

    from agent import Settings
    from retrieval.learned import LearnedRanker

KIND = "bench exposure"
REQUESTS = 1000
DRAWS = 1000
LEFT_OUT = 0.1
"""Share of the requests that a draw leaves out."""
SEARCH, SERVES, UNWEIGHTED, WEIGHTED = "search", "what serves", "learned, unweighted", "learned, weighted"
CLIPS = {UNWEIGHTED: 1.0, WEIGHTED: 5.0}
"""Ranker -> most that a turn counts for being shown by chance, beside 1."""
GAP, GINI, COVERED, LIFT = "gap by ", "Gini", "share of the catalog shown", "popularity lift"
Lists = Sequence[Sequence[str]]
Say = Callable[[str], None]
Tell = Callable[[int, int], None]


def measure(settings: Settings, say: Say, tell: Tell) -> Result:
    """Learn twice from the log of a home, and count what its search, what serves and both rankers show.

    A unit is a request, its value the mean popularity of its list over the catalog's, None where there is none; the
    notes have what is told over all requests together: `figures`, the `ratios` of groups, and the `differences` of the
    weighted ranker less the unweighted one. Nothing is written. UserError when nobody has talked there, or when there
    is too little to learn from.
    """
    from agent.log import ConversationLog
    from agent.reactions import reactions
    from agent.versions import Versions
    from finetune.examples import labelled, read_dialogues
    from finetune.learning import LearningConfig, learn
    from finetune.probe import requests
    from finetune.ranker.logs import logged_turns
    from retrieval.encoder import open_encoder
    from retrieval.index import open_or_build_demo
    from retrieval.remembered import Remembering

    home, seed = settings.home, settings.seed
    if not (home / "log.sqlite").is_file():
        raise UserError(f"{home}: nobody has talked there: begin with `python -m evals learn --home {home} --rounds 1`")
    log = ConversationLog(home / "log.sqlite")
    reacted = list(reactions(log))
    log.close()
    encoder = Remembering(open_encoder(settings.encoder))
    retriever = Retriever(open_or_build_demo(home, encoder=settings.encoder), encoder)
    catalog, index = retriever.catalog, retriever.index
    files = labelled() if str(index.manifest["source"]).startswith("demo ") else ()
    train, dev = ([one for path in files for one in read_dialogues(path, split)] for split in ("train", "dev"))
    if all(one.propensity == 1 for turn in reacted for one in turn.exposures):
        say(f"{home}: chance has drawn no list, so both learn the same: talk there with TASTEMAKER_EXPLORE=0.3")
    rankers: dict[str, LearnedRanker | None] = {SEARCH: None, SERVES: _serving(settings, retriever)}
    lessons = list(logged_turns(train, catalog))
    for name, clip in CLIPS.items():
        say(f"{name} (clip {clip:g})")
        rankers[name], _ = learn(retriever, reacted, lessons, LearningConfig(clip=clip, seed=seed), say)
    asked = requests(dev, catalog, REQUESTS, seed)
    shown: dict[str, list[list[str]]] = {}
    for place, (name, ranker) in enumerate(rankers.items()):
        searching = Retriever(index, encoder, learned=ranker)
        shown[name] = []
        for done, request in enumerate(asked):
            tell(place * len(asked) + done, len(rankers) * len(asked))
            shown[name].append(first(searching, request))
    made_by = {"seed": seed, "encoder": settings.encoder, "index": index.fingerprint, "turns": len(reacted),
               "labelled": len(lessons), "clips": CLIPS, "serving": Versions(home).serving}  # fmt: skip
    return as_result(shown, catalog, seed, made_by)


def as_result(shown: Mapping[str, Lists], catalog: Catalog, seed: int, made_by: Mapping[str, Any]) -> Result:
    """Return what the lists of each system, `WEIGHTED` and `UNWEIGHTED` among them, amount to; see `measure`."""
    groups = groupings(catalog)
    figures: dict[str, dict[str, float | None]] = {}
    told: dict[str, dict[str, dict[str, float]]] = {}
    for name, lists in shown.items():
        counts = _counts(_places(lists, catalog), catalog)
        figures[name] = {figure: None if np.isnan(value) else value for figure, value in uneven(counts, groups).items()}
        figures[name][COVERED] = float(np.mean(counts > 0))
        told[name] = {by: dict(zip(one.names, ratios(counts, one).tolist(), strict=True)) for by, one in groups.items()}
    changed = differences(shown[UNWEIGHTED], shown[WEIGHTED], catalog, seed)
    notes = {"requests": len(shown[WEIGHTED]), "items": len(catalog), "figures": figures,
             "differences": [asdict(one) for one in changed], "ratios": told}  # fmt: skip
    return Result(KIND, made_by, {name: {LIFT: lifts(lists, catalog)} for name, lists in shown.items()}, notes)


def lifts(lists: Lists, catalog: Catalog) -> dict[str, float | None]:
    """Return request -> mean popularity of its list over the catalog's mean, None of an empty list or without any."""
    mean = float(np.mean([item.popularity for item in catalog]))
    found = [float(np.mean([catalog[item].popularity for item in own])) if own and mean else None for own in lists]
    return {str(number): None if one is None else one / mean for number, one in enumerate(found)}


def uneven(counts: Counts, groups: Mapping[str, Grouping]) -> dict[str, float]:
    """Return the gap of each grouping and the Gini coefficient over all items, NaN where nothing is shown.

    `counts`: (n,) how often each item is shown, in the catalog's order.
    """
    if not counts.any():
        return dict.fromkeys([*(GAP + name for name in groups), GINI], float("nan"))
    return {**{GAP + name: gap(ratios(counts, one)) for name, one in groups.items()}, GINI: gini(counts)}


def differences(before: Lists, after: Lists, catalog: Catalog, seed: int) -> list[Difference]:
    """Return how much each gap and the Gini coefficient are higher in the lists `after`, for the same requests.

    The interval is 1.96 standard errors to either side, by a bootstrap over requests without replacement, paired: each
    draw leaves out a tenth of them, and the spread of the draws is scaled by the root of what is kept over what is left
    out (the delete-d jackknife of Shao and Wu, 1989, Annals of Statistics 17). Drawn with replacement, lists that are
    there twice show the same items twice: both Gini coefficients rise, the lower one more, and the percentiles miss
    the difference. What cannot be measured is left out. ValueError unless both have as many lists, two at least.
    """
    if len(before) != len(after) or len(before) < 2:
        raise ValueError(f"{len(before)} and {len(after)} lists: give those for the same two requests or more")
    groups, of = groupings(catalog), len(before)
    places = [_places(lists, catalog) for lists in (before, after)]
    whole = [uneven(_counts(own, catalog), groups) for own in places]
    rng, left = np.random.default_rng(seed), max(1, round(LEFT_OUT * of))
    drawn: dict[str, list[float]] = {name: [] for name in whole[0]}
    for _ in range(DRAWS):
        kept = rng.permutation(of)[left:]
        one, other = (uneven(_counts(own[kept], catalog), groups) for own in places)
        for name, value in other.items():
            drawn[name].append(value - one[name])
    found = []
    for name, values in drawn.items():
        mean = whole[1][name] - whole[0][name]
        spread = 1.96 * float(np.std(values, ddof=1)) * ((of - left) / left) ** 0.5
        found.append(Difference(WEIGHTED, name, of, whole[0][name], whole[1][name], mean - spread, mean + spread))
    return [one for one in found if not np.isnan(one.low)]


def print_exposure(result: Result, console: Console) -> None:
    """Print one line a figure: each system, and how much the weighted ranker is above the other, with its interval."""
    from rich.table import Table

    notes = result.notes
    changed = {one["metric"]: Difference(**one) for one in notes["differences"]}
    title = f"First {SHOWN} items for each of {notes['requests']} requests, {notes['items']} items in the catalog"
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for name in (*result.systems, "weighted less unweighted", "95 %"):
        table.add_column(name, justify="right")
    for figure in notes["figures"][SEARCH]:
        values = [notes["figures"][name][figure] for name in result.systems]
        one = changed.get(figure)
        ends = (signed(one.mean), f"{signed(one.low)} to {signed(one.high)}") if one else ("", "")
        table.add_row(figure, *("-" if value is None else short(value) for value in values), *ends)
    table.add_row(LIFT, *(str(result.estimate(name, LIFT)) for name in result.systems), "", "")
    console.print(table)
    console.print(f"what serves: {result.made_by['serving']}", highlight=False)


def _serving(settings: Settings, retriever: Retriever) -> LearnedRanker | None:
    """Open the ranker of the version that serves, None where nothing learned fits."""
    from agent.versions import Versions
    from retrieval.learned import LearnedRanker

    versions, index, encoder = Versions(settings.home), retriever.index, retriever.encoder
    folder = versions.ranker(versions.serving, settings.ranker, index, encoder.name)
    return None if folder is None else LearnedRanker.open(folder, index, encoder)


def _places(lists: Lists, catalog: Catalog) -> NDArray[np.int64]:
    """Return (r, SHOWN) the positions of the first items of each list; n, the size of the catalog, where it is over."""
    found = np.full((len(lists), SHOWN), len(catalog), np.int64)
    for row, own in zip(found, lists, strict=True):
        row[: len(own[:SHOWN])] = [catalog.position[item] for item in own[:SHOWN]]
    return found


def _counts(places: NDArray[np.int64], catalog: Catalog) -> NDArray[np.int64]:
    """Return (n,) how often each item is shown."""
    return np.bincount(places.ravel(), minlength=len(catalog) + 1)[: len(catalog)]
