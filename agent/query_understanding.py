"""A message as data: its segments, spelling, facets, intent, what it changes and the query that follows from it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from agent.belief import BeliefState, BeliefUpdate, apply
from agent.linking import Linker
from agent.linking.mentions import Mention
from agent.linking.options import Option, Scene
from agent.querying import query_of
from agent.transcripts import update_as_dict
from agent.understanding import Understanding
from retrieval.query import Wish

MOST_CANDIDATES = 200
_WORTH_A_LINE = 0.05
"""Probability from which something that was not taken is still shown."""


class Plain(BaseModel):
    """A frozen value without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Segment(Plain):
    """Some words of the message and what they stand for."""

    words: str
    kind: str
    """item, value, bound, attribute or words that nothing covers."""
    means: tuple[str, ...]


class Facet(Plain):
    """What was decided about one thing that the message may be about."""

    about: str
    kind: str
    words: str
    said: tuple[str, ...]
    """Verdicts on an item or the stance to anything else; empty when it is only spoken of."""
    chance: float
    """Probability of what was said, or of the likeliest thing that was not."""


class QueryUnderstanding(Plain):
    """Everything that was made of one message."""

    text: str
    spelling: tuple[tuple[str, str], ...]
    """(as written, as read) for every word that was corrected."""
    segments: tuple[Segment, ...]
    facets: tuple[Facet, ...]
    intents: dict[str, float]
    """Intent -> probability, the likeliest first."""
    update: dict[str, Any]
    """What the message changes, in the words of the labelled dialogues."""
    query: dict[str, Any]
    """What retrieval is asked after it."""


def explain(understanding: Understanding, text: str, belief: BeliefState) -> QueryUnderstanding:
    """Return what is made of `text` said in `belief`."""
    linker, linked = understanding.linker, understanding.read(text, belief)
    scene, judgement = linked.scene, linked.judgement
    facets = tuple(
        _facet(scene, option, said, dict(chances))
        for option, said, chances in zip(scene.options, judgement.said, judgement.chances, strict=True)
    )
    return QueryUnderstanding(
        text=text,
        spelling=tuple((token.text, token.norm) for token in scene.sighting.message.tokens if token.corrected),
        segments=_segments(scene, linker),
        facets=tuple(facet for facet in facets if facet.said or facet.chance >= _WORTH_A_LINE),
        intents={
            name: round(chance, 4)
            for name, chance in sorted(judgement.intents.items(), key=lambda pair: -pair[1])
            if chance >= _WORTH_A_LINE
        },
        update=update_as_dict(linked.update, linker.catalog),
        query=_query(linked.update, text, belief, linker),
    )


def _facet(scene: Scene, option: Option, said: tuple[str, ...], chances: dict[str, float]) -> Facet:
    open_to = {name: chance for name, chance in chances.items() if name != "none"}
    chance = max((open_to.get(name, 0.0) for name in said or open_to), default=0.0)
    words = scene.sighting.message.text[slice(*option.span)] if option.span else ""
    return Facet(about=option.text, kind=option.kind, words=words, said=said, chance=round(chance, 4))


def _segments(scene: Scene, linker: Linker) -> tuple[Segment, ...]:
    message = scene.sighting.message
    found = [
        (mention.start, Segment(words=message.written(mention.start, mention.end), kind=kind, means=means))
        for mention in scene.sighting.mentions
        for kind, means in [(mention.kind.replace("set_aside", "bound"), _means(mention, linker))]
    ]
    free = [option for option in scene.options if option.kind == "words"]
    places = {token.start: place for place, token in enumerate(message.tokens)}
    found += [
        (places.get(option.span[0], len(message)), Segment(words=str(option.value), kind="words", means=()))
        for option in free
        if option.span
    ]
    return tuple(segment for _, segment in sorted(found, key=lambda pair: pair[0]))


def _means(mention: Mention, linker: Linker) -> tuple[str, ...]:
    if mention.kind == "item":
        return tuple(linker.catalog.label(linker.catalog[item]) for item in mention.item_ids)
    if mention.bounds:
        return tuple(f"{bound.attribute} {bound.op} {bound.value:g}" for bound in mention.bounds)
    if mention.kind == "attribute":
        return (mention.attribute,)
    return tuple(
        f"{meaning.attribute}: {'not ' if meaning.negated else ''}{meaning.value}" for meaning in mention.meanings
    )


def _query(update: BeliefUpdate, text: str, belief: BeliefState, linker: Linker) -> dict[str, Any]:
    query = query_of(apply(belief, update), text, linker.catalog, MOST_CANDIDATES)
    return {
        "text": query.text,
        "wishes": [_written(wish, linker) for wish in query.wishes],
        "constraints": [f"{rule.attribute} {rule.op} {rule.value}" for rule in query.constraints],
        "like": [linker.catalog.label(linker.catalog[item]) for item in query.like],
        "unlike": [linker.catalog.label(linker.catalog[item]) for item in query.unlike],
        "exclude": len(query.exclude),
    }


def _written(wish: Wish, linker: Linker) -> str:
    """Write a wish with what it moves towards and away from, and the items that it is compared with."""
    value = ", ".join(part for part in (*wish.towards, str(wish.value)) if part)
    away = f" (not {', '.join(wish.away)})" if wish.away else ""
    than = f" than {', '.join(linker.catalog.label(linker.catalog[item]) for item in wish.than)}" if wish.than else ""
    return f"{'+' if wish.weight > 0 else '-'} {wish.attribute}: {value}{away}{than}"
