"""What dialogues with simulated users amount to: per user, and over all users of a system."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.results import Result
from evals.simulation.behaviour import repeated, violations
from evals.simulation.user import Dialogue, Exchange, same_words, stated
from retrieval.catalog import Catalog, fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEAD = 0.2
"""Share of the catalog, best known first, that is not the long tail."""


def measure(
    dialogues: Sequence[Dialogue],
    catalog: Catalog,
    turns: int,
    vectors: NDArray[np.float32],
    kind: str,
    made_by: Mapping[str, Any],
    notes: Mapping[str, Any],
) -> Result:
    """Return every measure of every dialogue, and in the notes what a system showed to all its users together.

    `vectors`: (n, d) unit rows in catalog order.
    """
    systems: dict[str, dict[str, dict[str, float | None]]] = {}
    for dialogue in dialogues:
        for metric, value in of_dialogue(dialogue, catalog, turns, vectors).items():
            systems.setdefault(dialogue.system, {}).setdefault(metric, {})[dialogue.user] = value
    exposure = {system: exposed([one for one in dialogues if one.system == system], catalog) for system in systems}
    ends = {
        system: dict(sorted(Counter(one.end for one in dialogues if one.system == system).items()))
        for system in systems
    }
    return Result(kind, made_by, systems, {**notes, "ends": ends, "exposure": exposure})


def of_dialogue(
    dialogue: Dialogue, catalog: Catalog, turns: int, vectors: NDArray[np.float32]
) -> dict[str, float | None]:
    """Return the measures of one dialogue.

    `success@k` is 1 when the user had accepted by turn k, `turns to accept` None without an acceptance. `reward` is 1
    for an acceptance, divided by the number of turns. `understood` is the share of the facts said that the system then
    believed. `questions` counts those asked, `asked again` those about what the user had already said. `violations` is
    the share of the items shown that broke a limit stated before, `repeats` that of those shown before. `diversity` is
    the mean over lists of 1 - mean cosine of their pairs, `novelty` the mean of -log2 of the items' shares of all
    popularity. None where nothing can be measured.
    """
    count = len(dialogue.exchanges)
    accepted = dialogue.end == "accepted"
    parts = [dialogue.exchanges[:end] for end in range(1, count + 1)]
    values: dict[str, float | None] = {f"success@{k}": float(accepted and count <= k) for k in range(1, turns + 1)}
    shown = sum(len(one.heard.items) for one in dialogue.exchanges)
    values["turns to accept"] = float(count) if accepted else None
    values["understood"] = _mean(known for part in dialogue.exchanges for known in understood(part))
    values["questions"] = float(sum(one.heard.question is not None for one in dialogue.exchanges))
    values["asked again"] = float(sum(map(asked_again, parts)))
    values["violations"] = _share(sum(len(violations(part, catalog)) for part in parts), shown)
    values["repeats"] = _share(sum(len(repeated(part)) for part in parts), shown)
    values["reward"] = accepted / count
    slates = [one.heard.items for one in dialogue.exchanges]
    values["diversity"] = _mean(found for slate in slates if (found := diversity(slate, catalog, vectors)) is not None)
    values["novelty"] = novelty([item for slate in slates for item in slate], catalog)
    return values


def understood(exchange: Exchange) -> Iterator[bool]:
    """Tell for each fact of a message whether the system then believes it; nothing for a system without a belief."""
    believed = exchange.heard.believed
    if believed is not None and exchange.move.kind != "random":
        for fact in exchange.move.facts:
            yield all(any(same_words(rule, other) for other in believed) for rule in fact.rules)


def asked_again(history: tuple[Exchange, ...]) -> bool:
    """Tell whether the last reply asks about an attribute of which the user had already said what they want."""
    asked = history[-1].heard.asked
    return asked is not None and any(
        fold(fact.attribute) == fold(asked) and not fact.against for fact in stated(history)
    )


def diversity(slate: Sequence[str], catalog: Catalog, vectors: NDArray[np.float32]) -> float | None:
    """Return 1 - the mean cosine of all pairs of a list (intra-list diversity); None with fewer than two items."""
    if len(slate) < 2:
        return None
    rows = vectors[[catalog.position[item] for item in slate]].astype(float)
    cosines = rows @ rows.T
    pairs = len(slate) * (len(slate) - 1)
    return 1 - float(cosines.sum() - cosines.trace()) / pairs


def novelty(items: Sequence[str], catalog: Catalog) -> float | None:
    """Return the mean self-information of items, in bits: -log2 of the popularity's share of its sum.

    An item without popularity counts as half as popular as the least popular one that has some.
    """
    known = [item.popularity for item in catalog if item.popularity > 0]
    if not items or not known:
        return None
    least, total = min(known) / 2, math.fsum(known)
    return _mean(-math.log2((catalog[item].popularity or least) / total) for item in items)


def exposed(dialogues: Iterable[Dialogue], catalog: Catalog) -> dict[str, float | None]:
    """Return how what was shown spreads over the catalog: distinct items, Gini coefficient, share of the long tail.

    The coefficient is over all items of the catalog: 0 when each was shown equally often, near 1 when one alone was.
    The long tail is everything but the best known fifth; None where popularity is unknown.
    """
    shown = Counter(item for one in dialogues for exchange in one.exchanges for item in exchange.heard.items)
    total = sum(shown.values())
    ranked = sorted(catalog, key=lambda item: -item.popularity)
    head = {item.id for item in ranked[: math.ceil(HEAD * len(ranked))]}
    known = any(item.popularity for item in catalog)
    tail = sum(count for item, count in shown.items() if item not in head)
    return {
        "shown": float(total),
        "distinct items": float(len(shown)),
        "gini": gini([shown[item.id] for item in catalog]),
        "long tail": tail / total if total and known else None,
    }


def gini(counts: Sequence[int]) -> float | None:
    """Return the Gini coefficient of some counts; None when all are zero."""
    ordered, total = sorted(counts), sum(counts)
    if not total:
        return None
    n = len(ordered)
    return sum((2 * place - n - 1) * count for place, count in enumerate(ordered, start=1)) / (n * total)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return math.fsum(known) / len(known) if known else None
