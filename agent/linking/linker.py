"""From text and belief to a belief update: every linker's findings, judged in their context and put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agent.belief import BeliefState, BeliefUpdate
from agent.linking import certain, scope, unknown
from agent.linking.assembly import assemble
from agent.linking.attributes import AttributeLinker
from agent.linking.comparatives import compare
from agent.linking.drafts import ItemSight, Sighting, ValueSight
from agent.linking.features import context_of, focus_features, item_features, value_features
from agent.linking.in_titles import words_of_titles
from agent.linking.judges import Judges
from agent.linking.judging import Judge, Judgement, LinearJudge
from agent.linking.lexicon import Lexicon, Meaning
from agent.linking.mentions import Mention, resolve_overlaps
from agent.linking.numbers import NumberLinker
from agent.linking.of_items import ItemValueLinker
from agent.linking.options import Near, Scene, options_of
from agent.linking.references import ReferenceLinker
from agent.linking.relative import RelativeLinker
from agent.linking.titles import TitleLinker
from agent.linking.values import ValueLinker
from agent.linking.words import Message, Token, plain, stem
from agent.small_talk import heard_in
from retrieval.catalog import Catalog

_YES = re.compile(
    r"^(?:(?:oh|ok|well|hm|hmm|um|,) )*(?:yes|yeah|yep|yup|ya|sure|ok|okay|please do|go ahead|go on|of course|"
    r"absolutely|fine|why not|do it|do that|k|alright|sounds good)\b"
    r"(?: (?:yes|yeah|sure|ok|okay|please|pls|thanks|thank you|go ahead|go on|do it|do that|then|that works|"
    r"why not|of course|lets|try it|try that|great|good|fine|[,.!]))*$"
)
"""A message that is a yes and nothing else."""


Nearby = Callable[[str], Sequence[Near]]
"""Text -> values of the catalog that are close in meaning to words of it."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What the linkers made of a message."""

    scene: Scene
    judgement: Judgement
    """What was said of every option of the scene, plain wordings included."""
    update: BeliefUpdate


class Linker:
    """Links messages to one catalog. Holds no conversation; building it reads the whole catalog once."""

    def __init__(self, catalog: Catalog, judge: Judge | None = None) -> None:
        """Read the vocabulary of `catalog`; the linear judge with the packaged weights decides unless another does."""
        self.catalog, schema = catalog, catalog.schema
        self.lexicon = Lexicon(catalog)
        self.titles = TitleLinker(self.lexicon)
        self.values = ValueLinker(self.lexicon)
        self.numbers = NumberLinker(catalog)
        self.relative = RelativeLinker(catalog)
        self.of_items = ItemValueLinker(self.lexicon)
        self.references = ReferenceLinker(self.lexicon)
        self.attributes = AttributeLinker(catalog)
        self.soft = descriptive_columns(catalog)
        self.nouns = {plain(one): "item" for one in (schema.noun, *schema.also)}
        self.nouns |= {plain(many): "items" for many in (schema.nouns, *(f"{word}s" for word in schema.also))}
        self.judge = judge or LinearJudge(Judges.load(), catalog)

    def link(self, text: str, belief: BeliefState) -> Linked:
        """Return what `text` changes in `belief` as far as the catalog's own words tell."""
        scene = self.scene(text, belief)
        judged = self.judge.judge(scene)
        found = zip(scene.options, judged.said, judged.chances, strict=True)
        said = tuple(certain.corrected(scene, option, names, chances) for option, names, chances in found)
        judgement = replace(judged, said=said)
        question = belief.questions[-1] if belief.questions else None
        open_offer = question.yes if question is not None and question.turn == belief.turn else None
        if open_offer and _YES.match(scene.sighting.message.line):
            return Linked(scene, judgement, open_offer)
        return Linked(scene, judgement, self._update(scene, judgement))

    def _update(self, scene: Scene, judgement: Judgement) -> BeliefUpdate:
        message, mentions = scene.sighting.message, scene.sighting.mentions
        draft = assemble(scene, judgement.said, self.catalog)
        intent = "chat" if draft.empty and heard_in(message.text).alone else judgement.intent
        update = BeliefUpdate.model_validate(
            {
                "intent": intent,
                "drop": () if intent == "restart" else tuple(draft.drops),
                "set": tuple(draft.limits),
                "prefer": tuple(draft.wishes),
                "items": (*draft.verdicts, *unknown.verdicts_on(message, mentions)),
                "targets": tuple(draft.targets),
                "unknown": tuple(
                    message.written(mention.start, mention.end) for mention in mentions if mention.ref == unknown.REF
                ),
            }
        )
        return compare(update, message, mentions, scene.belief)

    def scene(self, text: str, belief: BeliefState, near: Nearby | None = None) -> Scene:
        """Return `text` in its context with everything it may be about; `near` stands in for the judge's own."""
        sighting = self.sight(text, belief)
        return Scene(sighting, belief, options_of(sighting, belief, self.catalog, (near or self.judge.near)(text)))

    def named(self, text: str, belief: BeliefState) -> tuple[str, ...]:
        """Return the ids of the items that `text` names, in text order."""
        mentions = self._mentions(self._spelled(Message(text)), belief)
        return tuple(dict.fromkeys(item for mention in mentions for item in mention.item_ids))

    def sight(self, text: str, belief: BeliefState) -> Sighting:
        """Return everything found in `text` with the features it is judged by; training reads the same."""
        message = self._spelled(Message(text))
        mentions = self._mentions(message, belief)
        items = [
            ItemSight(
                mention,
                item_id,
                item_features(message, mentions, mention, item_id, belief),
                context_of(message, mentions, mention),
            )
            for mention in mentions
            if mention.kind == "item"
            for item_id in mention.item_ids
        ]
        items += self._implied(message, mentions, {item.item_id for item in items}, belief)
        named = {item.item_id for item in items}
        focus = next((item for item in belief.focus if item in self.catalog), None)
        if focus and focus not in named and len(message):
            whole = Mention(0, len(message), "item", ref="focus")
            items.append(ItemSight(whole, focus, focus_features(message, mentions, focus, belief)))
        values = []
        for mention in mentions:
            for meaning in self._meanings(mention, belief):
                traits = self._traits(meaning.attribute)
                features = value_features(message, mentions, mention, meaning, traits, belief)
                values.append(ValueSight(mention, meaning, features, scope.read(message, mention, mentions)))
        return Sighting(message, mentions, tuple(items), tuple(values))

    def _implied(
        self, message: Message, mentions: tuple[Mention, ...], named: set[str], belief: BeliefState
    ) -> list[ItemSight]:
        """Return items of the latest list that a value singles out: `no Hugh Grant` speaks of his film too."""
        found: list[ItemSight] = []
        last = [line.item_id for line in belief.last_shown() if line.item_id in self.catalog]
        for mention in mentions:
            if mention.kind == "value":
                holders = [
                    item for item in last
                    if any(str(m.value) in self.catalog[item].values(m.attribute) for m in mention.meanings)
                ]  # fmt: skip
                if len(holders) == 1 and holders[0] not in named:
                    named.add(holders[0])
                    features = item_features(message, mentions, mention, holders[0], belief)
                    traits = {f"implied={trait}" for m in mention.meanings for trait in self._traits(m.attribute)}
                    implied = Mention(mention.start, mention.end, "item", item_ids=(holders[0],), ref="described")
                    found.append(ItemSight(implied, holders[0], [*features, "implied", *traits]))
        return found

    def _mentions(self, message: Message, belief: BeliefState) -> tuple[Mention, ...]:
        named = [*self.titles.link(message, belief), *self.references.link(message, belief)]
        items = resolve_overlaps(named)
        found = resolve_overlaps(
            [
                *named,
                *self.values.link(message, belief),
                *self.numbers.link(message, belief),
                *self.relative.link(message, items, belief),
                *self.of_items.link(message, items, belief),
                *self.attributes.link(message),
                *words_of_titles(message),
            ]
        )
        return resolve_overlaps([*found, *unknown.unknown_titles(message, found)])

    def _meanings(self, mention: Mention, belief: BeliefState) -> tuple[Meaning, ...]:
        """Return what is to be judged: each value; one stand-in for bounds; an attribute only while it is in force."""
        if mention.kind == "value":
            return mention.meanings
        if mention.kind == "bound" or (mention.kind == "set_aside" and mention.bounds):
            return (Meaning(mention.bounds[0].attribute, mention.bounds[0].value),)
        if mention.kind == "attribute" and any(entry.attribute == mention.attribute for entry in belief.wishes):
            return (Meaning(mention.attribute, ""),)
        return ()

    def _traits(self, attribute: str) -> tuple[str, ...]:
        column = self.catalog.schema.column(attribute)
        traits = {
            "soft": attribute in self.soft,
            "single": column is not None and column.role == "facet" and not column.many,
            "people": column is not None and column.people,
            "number": column is not None and column.role == "number",
        }
        return tuple(name for name, holds in traits.items() if holds)

    def _spelled(self, message: Message) -> Message:
        """Correct the spelling of words that nobody knows, and read the catalog's words for its items as `item`."""
        tokens: list[Token] = []
        for place, token in enumerate(message.tokens):
            beside = [other.norm for other in message.tokens[max(place - 1, 0) : place + 2] if other is not token]
            norm = self.lexicon.spelled(token.norm, any(map(self.lexicon.in_names, beside)))
            generic = self.nouns.get(norm, norm)
            if (norm, generic) != (token.norm, token.generic):
                corrected = norm != token.norm
                token = Token(token.text, norm, stem(norm), token.start, token.end, corrected, generic)
            tokens.append(token)
        message.tokens = tuple(tokens)
        return message


def descriptive_columns(catalog: Catalog) -> frozenset[str]:
    """Return the facets whose values describe (moods, themes) and do not classify: wishes for them are soft.

    They are lists of lower-case words beside facets with proper names; where every facet is lower case, only those with
    a large vocabulary count.
    """
    lists = [column.name for column in catalog.schema.with_role("facet") if column.many and not column.people]
    lower = {
        name
        for name in lists
        if sum(value[:1].islower() for value in catalog.vocabulary[name]) * 2 > len(catalog.vocabulary[name])
    }
    if len(lower) == len(lists):
        lower = {name for name in lower if len(catalog.vocabulary[name]) > 50}
    return frozenset(lower)
