"""The border to retrieval: a belief in, a query out."""

from __future__ import annotations

from collections.abc import Sequence

from agent.belief import BeliefState, Preference, Verdict
from agent.directions import direction
from agent.linking.comparatives import is_comparative
from agent.linking.numbers import DECADE, decade_of
from agent.opposites import contrast
from retrieval.catalog import Catalog, fold
from retrieval.query import Named, Query, Wish

EXAMPLES = 4
"""Items to resemble that a query takes, the latest."""


def query_of(belief: BeliefState, text: str, catalog: Catalog, limit: int, said: str = "") -> Query:
    """Return what retrieval needs of `belief`; `text` counts only when nothing in it was understood.

    `said`: what the person said in the conversation before `text`; only a learned order reads it.

    Words come from wishes and limits, never from the message as a whole: filler does not drive the search. Items to
    resemble are not themselves returned; those liked before the conversation are history. Of two wishes for opposite
    ends of a number the later one counts.
    """
    like = _examples(belief, catalog)
    away = tuple(item for item in belief.with_verdict("unlike_this") if item in catalog)
    wishes = [_wish(entry, catalog) for entry in belief.preferences]
    words = _words(belief, wishes, catalog)
    nothing_known = not (words or belief.constraints or belief.preferences or like)
    return Query(
        text=text if nothing_known and belief.intent == "search" else " ".join(words),
        wishes=_without_opposites([wish for wish in wishes if wish.than or wish.towards or not _free(wish)]),
        constraints=tuple(entry.constraint for entry in belief.constraints),
        exclude=never_shown(belief),
        like=like,
        unlike=away,
        history=_liked(belief, catalog, ("accepted", "liked"), before=True),
        message=text,
        said=f"{said} {text}".strip(),
        named=_named(belief, catalog),
        limit=limit,
    )


def never_shown(belief: BeliefState) -> frozenset[str]:
    """Return the items not to recommend: those ruled out, and those that the person knows and named as examples."""
    return belief.excluded() | frozenset(belief.with_verdict("liked", "like_this", "unlike_this"))


def _wish(entry: Preference, catalog: Catalog) -> Wish:
    """Return a preference with the way in which its value points, compared with items of the catalog only.

    A decade becomes its middle: what is near it counts.
    """
    column = catalog.schema.column(entry.attribute)
    than = tuple(item for item in entry.than if item in catalog)
    if column is None:
        return _worded(entry, than, catalog.schema.noun)
    slices = f"{column.name}.{fold(str(entry.value))}" in catalog.schema.slices
    points = column.role == "number" and isinstance(entry.value, str) and (than or not slices)
    if points and column.unit == "year" and (decade := DECADE.search(fold(str(entry.value)))):
        return Wish(entry.attribute, sum(decade_of(decade)) / 2, entry.weight)
    way = direction(str(entry.value), column) if points else 0
    compares = way or slices or column.role != "number"
    return Wish(entry.attribute, entry.value, entry.weight, way, than if compares else ())


def _worded(entry: Preference, than: tuple[str, ...], noun: str) -> Wish:
    """Return a wish in free words; of a comparative with an opposite, the two ends and what else the words say."""
    found = contrast(str(entry.value)) if than or any(map(is_comparative, str(entry.value).split())) else None
    if found is None:
        return Wish(entry.attribute, entry.value, entry.weight, than=than)
    ends = ([f"a {word} {noun}" for word in words] for words in (found.towards, found.away))
    towards, away = map(tuple, ends)
    return Wish(entry.attribute, found.rest, entry.weight, towards=towards, away=away, than=than)


def _free(wish: Wish) -> bool:
    """Tell whether a wish is only words to look for."""
    return wish.attribute == "text" and wish.weight > 0


def _without_opposites(wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """Leave out a wish for one end of a number when a later one is for the other end."""
    latest = {wish.attribute: _way(wish) for wish in wishes if _way(wish)}
    return tuple(wish for wish in wishes if _way(wish) in (0, latest.get(wish.attribute)))


def _way(wish: Wish) -> int:
    return wish.direction if wish.weight > 0 else -wish.direction


def _words(belief: BeliefState, wishes: Sequence[Wish], catalog: Catalog) -> list[str]:
    """Return the words of what is wanted: free wishes first, then facet values, each once."""
    facets = {column.name for column in catalog.schema.with_role("facet")}
    free = [str(wish.value) for wish in wishes if _free(wish) and wish.value]
    values = [str(wish.value) for wish in wishes if wish.weight > 0 and wish.attribute in facets]
    values += [str(entry.value) for entry in belief.constraints if entry.op == "is" and entry.attribute in facets]
    values += [str(entry.value) for entry in belief.constraints if entry.op == "contains"]
    return list(dict.fromkeys(free + values))


def _examples(belief: BeliefState, catalog: Catalog) -> tuple[str, ...]:
    """Return the items to resemble, most important last: accepted, then liked, then named as examples."""
    order: tuple[Verdict, ...] = ("accepted", "liked", "like_this")
    ids = [item for verdict in order for item in _liked(belief, catalog, (verdict,))]
    latest = list(dict.fromkeys(reversed(ids)))[:EXAMPLES]
    return tuple(reversed(latest))


def _named(belief: BeliefState, catalog: Catalog) -> tuple[Named, ...]:
    """Return the items that the conversation spoke of or showed, in the order of last mention."""
    against = frozenset(belief.with_verdict("disliked", "rejected", "unlike_this"))
    spoken = {entry.item_id: (entry.turn, 0, 0) for entry in belief.items if entry.item_id and entry.turn}
    latest = {entry.item_id: (entry.turn, 1, entry.position) for entry in belief.shown}
    latest |= {item: max(place, latest.get(item, place)) for item, place in spoken.items()}
    order = sorted((place, item) for item, place in latest.items() if item in catalog)
    return tuple(
        Named(item, "against" if item in against else "liked" if item in spoken else "shown") for _, item in order
    )


def _liked(belief: BeliefState, catalog: Catalog, verdicts: Sequence[Verdict], before: bool = False) -> tuple[str, ...]:
    """Return the items that got one of `verdicts` in the conversation, or `before` it (turn 0), and none against."""
    against = set(belief.with_verdict("disliked", "unlike_this", "rejected"))
    said = (entry.item_id for entry in belief.items if entry.verdict in verdicts and (entry.turn == 0) == before)
    return tuple(dict.fromkeys(item for item in said if item and item in catalog and item not in against))
