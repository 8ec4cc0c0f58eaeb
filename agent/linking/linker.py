"""From text and belief to a belief update: every linker's findings, read in their sentences and put together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.belief import (
    BeliefState,
    BeliefUpdate,
    Drop,
    ItemVerdict,
    Limit,
    Preference,
    Verdict,
    same,
)
from agent.linking import intents, scope
from agent.linking.attributes import AttributeLinker
from agent.linking.lexicon import Lexicon, Meaning
from agent.linking.mentions import Mention, resolve_overlaps
from agent.linking.numbers import NumberLinker
from agent.linking.references import ReferenceLinker
from agent.linking.residue import residue_of
from agent.linking.titles import TitleLinker
from agent.linking.values import ValueLinker
from agent.linking.verdicts import verdicts
from agent.linking.words import Message, Token, stem
from retrieval.catalog import Catalog

_YES = re.compile(r"^(?:(?:oh|ok|well|hm|hmm|um|,) )*(?:yes|yeah|yep|yup|ya|sure|ok|okay|please do|go ahead|go on|of course|absolutely|fine|why not|do it|do that|k|alright|sounds good)\b")
_NEXT_TO = re.compile(r"^(?:and|or|,|&|n|\+|both|also|/| )*$")
_MORE_LIKE_IT = re.compile(
    r"\b(?:(?:more|something|anything|stuff|one|similar|another|films?|movies?|books?|others?) (?:\w+ )?like (?:that|it|this|those|these|them)|similar(?: to (?:that|it|this))?|same (?:vibe|thing|feel|feeling|kind|energy|mood|sort|idea)|"
    r"in that vein|of that kind|that kind of|like that)\b"
)


@dataclass(frozen=True, slots=True)
class Linked:
    """What the linkers made of a message."""

    update: BeliefUpdate
    residue: tuple[str, ...] = ()
    """Phrases of content words that no linker covered, in order."""


@dataclass
class _Draft:
    """The update while it is put together."""

    limits: list[Limit] = field(default_factory=list)
    wishes: list[Preference] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    verdicts: list[ItemVerdict] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def add_drop(self, attribute: str, value: str | int | float | None, words: str) -> None:
        """Take back once."""
        if not any(drop.attribute == attribute and drop.value in (None, value) for drop in self.drops):
            self.drops.append(Drop(attribute=attribute, value=value, words=words))


class Linker:
    """Links messages to one catalog. Holds no conversation; building it reads the whole catalog once."""

    def __init__(self, catalog: Catalog) -> None:
        """Read the vocabulary of `catalog`."""
        self.catalog = catalog
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
        message = self._spelled(Message(text))
        mentions = resolve_overlaps(
            [
                *self.titles.link(message, belief),
                *self.references.link(message, belief),
                *self.values.link(message, belief),
                *self.numbers.link(message, belief),
                *self.attributes.link(message),
            ]
        )
        draft = _Draft()
        self._read_items(message, mentions, belief, draft)
        for mention in mentions:
            if mention.kind == "value":
                self._read_value(message, mention, mentions, belief, draft)
            elif mention.kind == "bound":
                self._read_bound(message, mention, mentions, belief, draft)
            elif mention.kind == "attribute":
                self._read_attribute(message, mention, mentions, belief, draft)
        self._read_answer(message, belief, draft)
        update = self._finish(message, mentions, belief, draft)
        return Linked(update, residue_of(message, mentions))

    def _spelled(self, message: Message) -> Message:
        """Correct the spelling of words that nobody knows."""
        tokens = []
        for token in message.tokens:
            norm = self.lexicon.spelled(token.norm)
            if norm != token.norm:
                token = Token(token.text, norm, stem(norm), token.start, token.end)
            tokens.append(token)
        message.tokens = tuple(tokens)
        return message

    def _read_items(
        self, message: Message, mentions: tuple[Mention, ...], belief: BeliefState, draft: _Draft
    ) -> None:
        items = [mention for mention in mentions if mention.kind == "item"]
        latest = {line.item_id for line in belief.last_shown()}
        for group in _coordinated(message, items):
            first, last = group[0], group[-1]
            before, after = _surroundings(message, first, last, items)
            asked = scope.is_question_about_items(message, *message.sentence_at(first.start))
            for mention in group:
                shown = bool(latest & set(mention.item_ids))
                said = verdicts(message, mention, before, after, asked, shown)
                for item_id in mention.item_ids:
                    self._add_verdicts(message, mention, item_id, said, draft)
        if not items:
            self._read_pronouns(message, belief, draft)

    def _add_verdicts(
        self, message: Message, mention: Mention, item_id: str, said: Iterable[Verdict], draft: _Draft
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
                draft.verdicts.append(
                    ItemVerdict(ref=ref, verdict=verdict, item_id=item_id, title=label, words=words)
                )

    def _read_pronouns(self, message: Message, belief: BeliefState, draft: _Draft) -> None:
        """Read `it`, `that` and verdicts without any reference as being about the item in focus."""
        focus = focus_of(belief)
        if focus is None or focus not in self.catalog:
            return
        line = message.line
        mention = Mention(0, len(message), "item", item_ids=(focus,), ref="focus")
        if _MORE_LIKE_IT.search(line):
            self._add_verdicts(message, mention, focus, ["like_this"], draft)

    def _read_value(
        self, message: Message, mention: Mention, mentions: tuple[Mention, ...], belief: BeliefState, draft: _Draft
    ) -> None:
        reading = scope.read(message, mention, mentions)
        if reading.stance != "drop" and scope.is_question_about_items(message, *message.sentence_at(mention.start)):
            return
        words = message.written(mention.start, mention.end)
        for meaning in mention.meanings:
            held = [
                entry for entry in belief.wishes
                if entry.attribute == meaning.attribute and same(entry.value, meaning.value)
            ]  # fmt: skip
            if reading.stance == "drop" and held:
                draft.add_drop(meaning.attribute, meaning.value, words)
            elif reading.stance == "avoid":
                self._avoid(meaning, reading, held, words, draft)
            else:
                self._want(message, meaning, reading, held, belief, words, draft)

    def _avoid(
        self, meaning: Meaning, reading: scope.Reading, held: list[Limit | Preference], words: str, draft: _Draft
    ) -> None:
        if any(_positive(entry) for entry in held):
            draft.add_drop(meaning.attribute, meaning.value, words)
        number = self.catalog.schema.column(meaning.attribute)
        if reading.soft_not or (number is not None and number.role == "number"):
            draft.wishes.append(
                Preference(attribute=meaning.attribute, value=meaning.value, weight=-1, words=words)
            )
        else:
            draft.limits.append(Limit(attribute=meaning.attribute, op="is_not", value=meaning.value, words=words))

    def _want(
        self,
        message: Message,
        meaning: Meaning,
        reading: scope.Reading,
        held: list[Limit | Preference],
        belief: BeliefState,
        words: str,
        draft: _Draft,
    ) -> None:
        column = self.catalog.schema.column(meaning.attribute)
        if any(not _positive(entry) for entry in held):
            draft.add_drop(meaning.attribute, meaning.value, words)
        others = [
            entry for entry in belief.wishes
            if entry.attribute == meaning.attribute and _positive(entry) and not same(entry.value, meaning.value)
        ]  # fmt: skip
        if others and (reading.instead or meaning.attribute in self.single):
            for entry in others:
                draft.add_drop(entry.attribute, entry.value, words)
        soft = meaning.attribute in self.soft or (column is not None and column.role == "number")
        if reading.firm is not None and not (column is not None and column.role == "number"):
            soft = not reading.firm
        if soft:
            draft.wishes.append(Preference(attribute=meaning.attribute, value=meaning.value, weight=1, words=words))
        else:
            draft.limits.append(Limit(attribute=meaning.attribute, op="is", value=meaning.value, words=words))

    def _read_bound(
        self, message: Message, mention: Mention, mentions: tuple[Mention, ...], belief: BeliefState, draft: _Draft
    ) -> None:
        attribute = mention.bounds[0].attribute
        reading = scope.read(message, mention, mentions)
        words = message.written(mention.start, mention.end)
        if scope.is_question_about_items(message, *message.sentence_at(mention.start)):
            return
        held = [entry for entry in belief.wishes if entry.attribute == attribute]
        if reading.stance == "drop" and held and mention.strength < 3.0:
            draft.add_drop(attribute, None, words)
            return
        if held:
            draft.add_drop(attribute, None, words)
        for bound in mention.bounds:
            value = int(bound.value) if float(bound.value).is_integer() else bound.value
            draft.limits.append(Limit(attribute=attribute, op=bound.op, value=value, words=words))

    def _read_attribute(
        self, message: Message, mention: Mention, mentions: tuple[Mention, ...], belief: BeliefState, draft: _Draft
    ) -> None:
        held = any(entry.attribute == mention.attribute for entry in belief.wishes)
        if held and scope.read(message, mention, mentions).stance == "drop":
            draft.add_drop(mention.attribute, None, message.written(mention.start, mention.end))

    def _read_answer(self, message: Message, belief: BeliefState, draft: _Draft) -> None:
        """Put in what a plain yes to the question of the last turn stands for."""
        question = belief.questions[-1] if belief.questions else None
        if question is None or question.yes is None or question.turn != belief.turn or not _YES.match(message.line):
            return
        if draft.limits or draft.wishes or draft.drops:
            return
        draft.drops += question.yes.drop
        draft.limits += question.yes.set
        draft.wishes += question.yes.prefer

    def _finish(
        self, message: Message, mentions: tuple[Mention, ...], belief: BeliefState, draft: _Draft
    ) -> BeliefUpdate:
        limits = _unique(draft.limits)
        refused = {(entry.attribute, str(entry.value)) for entry in limits}
        wishes = [entry for entry in _unique(draft.wishes) if (entry.attribute, str(entry.value)) not in refused]
        said = {entry.verdict for entry in draft.verdicts}
        latest = {line.item_id for line in belief.last_shown()}
        facts = {
            "restart": bool(intents.RESTART.search(message.line)) and bool(belief.wishes or belief.shown),
            "like": bool(said & {"like_this", "unlike_this"}),
            "accept": "accepted" in said,
            "wish": bool(limits or wishes),
            "plain": bool(limits) and not wishes,
            "drop": bool(draft.drops),
            "verdict": bool(said),
            "target": bool(draft.targets),
            "two": len(draft.targets) > 1,
            "shown_target": bool(latest & set(draft.targets)),
            "asks": any(scope.is_question_about_items(message, *span) for span in message.sentences),
        }
        return BeliefUpdate(
            intent=intents.guess_intent(message, belief, facts),
            drop=tuple(draft.drops),
            set=tuple(limits),
            prefer=tuple(wishes),
            items=tuple(draft.verdicts),
            targets=tuple(draft.targets),
        )


def descriptive_columns(catalog: Catalog) -> frozenset[str]:
    """Return the facets whose values describe (moods, themes) and do not classify: wishes for them are soft.

    They are lists of lower-case words beside facets with proper names; where every facet is lower case, only those with
    a large vocabulary count.
    """
    lists = [column.name for column in catalog.schema.with_role("facet") if column.many and not column.people]
    lower = {
        name for name in lists if sum(value[:1].islower() for value in catalog.vocabulary[name]) * 2 > len(catalog.vocabulary[name])
    }
    if len(lower) == len(lists):
        lower = {name for name in lower if len(catalog.vocabulary[name]) > 50}
    return frozenset(lower)


def focus_of(belief: BeliefState) -> str | None:
    """Return the item that `it` means: the last one judged in the latest turn, or the only one shown."""
    last = belief.last_shown()
    if len(last) == 1:
        return last[0].item_id
    judged = [entry for entry in belief.items if entry.item_id and entry.verdict in ("accepted", "liked")]
    return judged[-1].item_id if judged else None


def _positive(entry: Limit | Preference) -> bool:
    return entry.weight > 0 if isinstance(entry, Preference) else entry.op != "is_not"


def _unique(entries: Iterable) -> list:  # type: ignore[type-arg]
    found: dict[tuple[str, str, str], object] = {}
    for entry in entries:
        found.setdefault((entry.attribute, str(getattr(entry, "op", "")), str(entry.value)), entry)
    return list(found.values())


def _coordinated(message: Message, items: list[Mention]) -> list[list[Mention]]:
    """Group neighbours such as `A and B`, which share what is said."""
    groups: list[list[Mention]] = []
    for mention in items:
        if groups and _NEXT_TO.match(message.piece(groups[-1][-1].end, mention.start)):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return groups


def _surroundings(message: Message, first: Mention, last: Mention, items: list[Mention]) -> tuple[str, str]:
    """Return the words before and after a group that speak of it: up to the next item, comma or `but` between items."""
    start, _ = message.sentence_at(first.start)
    _, end = message.sentence_at(last.start)
    previous = [mention.end for mention in items if mention.end <= first.start and mention.end > start]
    following = [mention.start for mention in items if mention.start >= last.end and mention.start < end]
    before = message.piece(max(previous, default=start), first.start)
    after = message.piece(last.end, min(following, default=end))
    if previous:
        before = re.split(r"\b(?:but|and)\b|[,;]", before, maxsplit=1)[-1]
    if following:
        after = re.split(r"\b(?:but|and)\b|[,;]", after, maxsplit=1)[0]
    return before.strip(), after.strip()
