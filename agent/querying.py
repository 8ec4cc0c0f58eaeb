"""The border to retrieval: a belief in, a query out."""

from __future__ import annotations

from agent.belief import BeliefState
from retrieval.catalog import Catalog
from retrieval.query import Query, Wish

EXAMPLES = 4
"""Items to resemble that a query takes, the latest."""


def query_of(belief: BeliefState, text: str, catalog: Catalog, limit: int) -> Query:
    """Return what retrieval needs of `belief`; `text` counts only when nothing in it was understood.

    Words come from wishes and limits, never from the message as a whole: filler does not drive the search. Items to
    resemble are not themselves returned.
    """
    like = _examples(belief, catalog)
    away = tuple(item for item in belief.with_verdict("unlike_this") if item in catalog)
    words = _words(belief, catalog)
    nothing_known = not (words or belief.constraints or belief.preferences or like)
    return Query(
        text=text if nothing_known and belief.intent == "search" else " ".join(words),
        wishes=tuple(
            Wish(entry.attribute, entry.value, entry.weight)
            for entry in belief.preferences
            if entry.attribute != "text" or entry.weight < 0
        ),
        constraints=tuple(entry.constraint for entry in belief.constraints),
        exclude=never_shown(belief),
        like=like,
        unlike=away,
        limit=limit,
    )


def never_shown(belief: BeliefState) -> frozenset[str]:
    """Return the items not to recommend: those ruled out, and those that the person knows and named as examples."""
    return belief.excluded() | frozenset(belief.with_verdict("liked", "like_this", "unlike_this"))


def _words(belief: BeliefState, catalog: Catalog) -> list[str]:
    """Return the words of what is wanted: free wishes first, then facet values, each once."""
    wishes = [entry for entry in belief.preferences if entry.weight > 0]
    free = [str(entry.value) for entry in wishes if entry.attribute == "text"]
    facets = {column.name for column in catalog.schema.with_role("facet")}
    values = [str(entry.value) for entry in wishes if entry.attribute in facets]
    values += [str(entry.value) for entry in belief.constraints if entry.op == "is" and entry.attribute in facets]
    values += [str(entry.value) for entry in belief.constraints if entry.op == "contains"]
    return list(dict.fromkeys(free + values))


def _examples(belief: BeliefState, catalog: Catalog) -> tuple[str, ...]:
    """Return the items to resemble, most important last: accepted, then liked, then named as examples."""
    order = [belief.with_verdict(verdict) for verdict in ("accepted", "liked", "like_this")]
    against = set(belief.with_verdict("disliked", "unlike_this", "rejected"))
    ids = [item for verdict in order for item in verdict if item in catalog and item not in against]
    latest = list(dict.fromkeys(reversed(ids)))[:EXAMPLES]
    return tuple(reversed(latest))
