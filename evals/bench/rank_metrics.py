"""Ranking metrics of one turn, by ir-measures: each gold item is a query with one relevant document."""

from __future__ import annotations

from collections.abc import Collection, Sequence

DEPTH = 1000
"""Places that are looked at; what stands lower counts 0."""
NAMES = {"R@1": "R@1", "R@10": "R@10", "R@50": "R@50", "NDCG@10": "nDCG@10", "MRR": "RR"}
"""What we call a metric -> what ir-measures does."""


def metrics_of(ranking: Sequence[str], gold: Collection[str]) -> dict[str, dict[str, float]]:
    """Return gold item -> metric -> value in [0, 1].

    With one relevant item R@k is 1 when it is among the first k, NDCG@10 is 1 / log2(1 + rank), MRR is 1 / rank.
    """
    from ir_measures import evaluator, parse_measure

    if not gold:
        return {}
    deepest = max((place for place, item in enumerate(ranking[:DEPTH], start=1) if item in gold), default=0)
    run = {item: float(-place) for place, item in enumerate(ranking[:deepest])}  # what stands below changes nothing
    measures = {parse_measure(theirs): ours for ours, theirs in NAMES.items()}
    found: dict[str, dict[str, float]] = {item: dict.fromkeys(NAMES, 0.0) for item in gold}
    queries = {item: {item: 1} for item in gold}
    if run:
        for one in evaluator(list(measures), queries).iter_calc(dict.fromkeys(gold, run)):
            found[one.query_id][measures[one.measure]] = float(one.value)
    return found
