"""From text and belief to a belief update: every linker's findings, read in their sentences and put together."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.belief import (
    BeliefState,
    BeliefUpdate,
    ItemVerdict,
    Limit,
    Preference,
    Verdict,
    same,
)
from agent.linking import certain, intents, scope
from agent.linking.attributes import AttributeLinker
from agent.linking.drafts import Draft, ItemSight, Sighting, ValueSight, facts_of, soften_choices, unique
from agent.linking.features import context_of, focus_features, intent_features, item_features, positive, value_features
from agent.linking.judges import Judges
from agent.linking.lexicon import Lexicon, Meaning
from agent.linking.mentions import Mention, resolve_overlaps
from agent.linking.numbers import NumberLinker
from agent.linking.references import ReferenceLinker
from agent.linking.residue import residue_of
from agent.linking.titles import TitleLinker
from agent.linking.values import ValueLinker
from agent.linking.words import Message, Token, stem
from retrieval.catalog import Catalog
from retrieval.constraints import Op

_YES = re.compile(
    r"^(?:(?:oh|ok|well|hm|hmm|um|,) )*(?:yes|yeah|yep|yup|ya|sure|ok|okay|please do|go ahead|go on|of course|"
    r"absolutely|fine|why not|do it|do that|k|alright|sounds good)\b"
)

ENOUGH = 0.35
"""Probability from which a verdict is taken as meant, chosen by folds."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What the linkers made of a message."""

    update: BeliefUpdate
    residue: tuple[str, ...] = ()
    """Phrases of content words that no linker covered, in order."""


class Linker:
    """Links messages to one catalog. Holds no conversation; building it reads the whole catalog once."""

    def __init__(self, catalog: Catalog, judges: Judges | None = None) -> None:
        """Read the vocabulary of `catalog`; `judges` are the packaged ones unless others are given."""
        self.catalog = catalog
        self.judges = judges or Judges.load()
        self.lexicon = Lexicon(catalog)
        self.titles = TitleLinker(self.lexicon)
        self.values = ValueLinker(self.lexicon)
        self.numbers = NumberLinker(catalog)
        self.references = ReferenceLinker(self.lexicon)
        self.attributes = AttributeLinker(catalog)
        self.soft = descriptive_columns(catalog)
        self.single = {column.name for column in catalog.schema.with_role("facet") if not column.many}

    def link(self, text: str, belief: BeliefState) -> Linked:
        """Return what `text` changes in `belief` as far as the catalog's own words tell."""
        sighting = self.sight(text, belief)
        draft = self.draft(sighting, belief)
        question = belief.questions[-1] if belief.questions else None
        open_offer = question.yes if question is not None and question.turn == belief.turn else None
        if open_offer and _YES.match(sighting.message.line) and not (draft.limits or draft.wishes or draft.drops):
            return Linked(open_offer)
        intent = self.judges.intent.best(self.features_of_intent(sighting, belief, draft))
        update = BeliefUpdate.model_validate(
            {
                "intent": intent,
                "drop": () if intent == "restart" else tuple(draft.drops),
                "set": tuple(draft.limits),
                "prefer": tuple(draft.wishes),
                "items": tuple(draft.verdicts),
                "targets": tuple(draft.targets),
            }
        )
        return Linked(update, residue_of(sighting.message, sighting.mentions))

    def judged_by(self, judges: Judges) -> Linker:
        """Return the same linker with other judges."""
        other = copy.copy(self)
        other.judges = judges
        return other

    def draft(self, sighting: Sighting, belief: BeliefState) -> Draft:
        """Return everything but the intent, judged."""
        draft = Draft()
        for item in sighting.items:
            self._judge_item(sighting.message, item, draft)
        for value in sighting.values:
            self._judge_value(sighting.message, value, belief, draft)
        draft.limits = unique(draft.limits)
        soften_choices(sighting.message, draft)
        refused = {(entry.attribute, str(entry.value)) for entry in draft.limits}
        draft.wishes = [entry for entry in unique(draft.wishes) if (entry.attribute, str(entry.value)) not in refused]
        return draft

    def features_of_intent(self, sighting: Sighting, belief: BeliefState, draft: Draft) -> list[str]:
        """Return the features by which the intent is judged once everything else is."""
        facts = facts_of(draft.limits, draft.wishes, draft.drops, draft.verdicts)
        if draft.targets:
            shown = {line.item_id for line in belief.last_shown()}
            facts.append("names:shown" if shown & set(draft.targets) else "names:other")
            facts += ["names:two"] if len(set(draft.targets)) > 1 else []
        flags = intents.cue_flags(sighting.message.line)
        features = intent_features(sighting.message, sighting.mentions, belief, facts)
        return [*features, *flags, *(f"{flag}&{fact}" for flag in flags for fact in facts)]

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
        return resolve_overlaps(
            [
                *self.titles.link(message, belief),
                *self.references.link(message, belief),
                *self.values.link(message, belief),
                *self.numbers.link(message, belief),
                *self.attributes.link(message),
            ]
        )

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
            "single": attribute in self.single,
            "people": column is not None and column.people,
            "number": column is not None and column.role == "number",
        }
        return tuple(name for name, holds in traits.items() if holds)

    def _judge_item(self, message: Message, sight: ItemSight, draft: Draft) -> None:
        focus = sight.mention.ref == "focus"
        chances = (self.judges.focus if focus else self.judges.item).probabilities(sight.features)
        judged = [name for name in certain.VERDICTS if chances.get(name, 0.0) >= ENOUGH]
        said = judged if focus else certain.settle(judged, message, sight.mention, sight.context)
        if (focus or "implied" in sight.features) and not said:
            return
        self._add_verdicts(message, sight.mention, sight.item_id, said, draft)

    def _judge_value(self, message: Message, sight: ValueSight, belief: BeliefState, draft: Draft) -> None:
        chances = self.judges.value.probabilities(sight.features)
        stance = certain.stance_of(chances, message, sight, belief)
        mention, meaning = sight.mention, sight.meaning
        words = message.written(mention.start, mention.end)
        attribute = meaning.attribute
        held = [entry for entry in belief.wishes if entry.attribute == attribute]
        same_value = [entry for entry in held if same(entry.value, meaning.value)]
        if stance == "none":
            return
        if mention.kind != "value":
            if held:
                draft.add_drop(attribute, None, words)
            if stance != "drop":
                for bound in mention.bounds:
                    value = int(bound.value) if float(bound.value).is_integer() else bound.value
                    draft.limits.append(Limit(attribute=attribute, op=bound.op, value=value, words=words))
            return
        if stance == "drop":
            if same_value:
                draft.add_drop(attribute, meaning.value, words)
            return
        wanted = (stance in ("is", "wish")) != meaning.negated
        if any(positive(entry) != wanted for entry in same_value):
            draft.add_drop(attribute, meaning.value, words)
        if wanted and attribute in self.single:
            for entry in held:
                if positive(entry) and not same(entry.value, meaning.value):
                    draft.add_drop(attribute, entry.value, words)
        column = self.catalog.schema.column(attribute)
        soft = stance in ("wish", "avoid") or (column is not None and column.role == "number")
        if soft:
            weight = 1 if wanted else -1
            draft.wishes.append(Preference(attribute=attribute, value=meaning.value, weight=weight, words=words))
        else:
            op: Op = "is" if wanted else "is_not"
            draft.limits.append(Limit(attribute=attribute, op=op, value=meaning.value, words=words))

    def _spelled(self, message: Message) -> Message:
        """Correct the spelling of words that nobody knows."""
        tokens: list[Token] = []
        for place, token in enumerate(message.tokens):
            beside = [other.norm for other in message.tokens[max(place - 1, 0) : place + 2] if other is not token]
            norm = self.lexicon.spelled(token.norm, any(map(self.lexicon.in_names, beside)))
            if norm != token.norm:
                token = Token(token.text, norm, stem(norm), token.start, token.end, corrected=True)
            tokens.append(token)
        message.tokens = tuple(tokens)
        return message

    def _add_verdicts(
        self, message: Message, mention: Mention, item_id: str, said: Iterable[Verdict], draft: Draft
    ) -> None:
        words = message.written(mention.start, mention.end)
        label = self.catalog.label(self.catalog[item_id])
        ref = words
        if mention.ref.startswith("#"):
            ref = mention.ref.split()[mention.item_ids.index(item_id)]
        elif mention.ref:
            ref = label
        if item_id not in draft.targets:
            draft.targets.append(item_id)
        for verdict in said:
            if not any(entry.item_id == item_id and entry.verdict == verdict for entry in draft.verdicts):
                draft.verdicts.append(ItemVerdict(ref=ref, verdict=verdict, item_id=item_id, title=label, words=words))


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
