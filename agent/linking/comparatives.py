"""Comparatives in a message and the items they compare with: `older than those`, `less violent`, `too long`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.belief import BeliefState, BeliefUpdate, Preference
from agent.inflection import bases
from agent.linking.mentions import Mention
from agent.linking.words import Message

_ADJECTIVES = frozenset(
    "big bleak bold brave brief bright broad calm cheap clean clear close cold cool crisp cruel cute dark deep dense "
    "dry dull dumb fair fast fierce fine fresh full gentle grand great gross hard harsh high hot keen kind large late "
    "lean light long loose loud low mad mean mellow mild narrow near neat new nice odd old pale plain poor pure quick "
    "quiet rare raw rich rough rude sad safe sharp short sick simple slick slim slow small smart smooth soft stark "
    "steep strange strict strong sweet swift tall tame tense thick thin tight tough vague warm weak weird wet wide "
    "wild wise young".split()
)
"""Adjectives that form their comparative by an ending, besides those in -y."""
_NOUNS = frozenset("soldier frontier premier courier cashier barrier carrier terrier glacier dossier cavalier".split())
_IRREGULAR = frozenset(("better", "worse"))
_DEGREE = frozenset(("more", "less", "fewer", "too"))
_NOT_DEGREE_BEFORE = frozenset("any no some me many one two three never".split())
_NOT_DEGREE_AFTER = frozenset("like of than then from by or and but please , . ! ? ;".split())
_EQUAL = re.compile(r"\b(?:not|isnt|aint|nothing|nowhere near|wasnt|less) (?:quite |nearly )?(?:as|so|that|this)\b")
_CLAUSE = frozenset(". ! ? ; : , ( ) but and though although because than then as".split())
_SENTENCE = frozenset(". ! ? ;".split())
_REACH = 4
"""Words that `more`, `less`, `too`, `not as` may stand before."""
_THAN = frozenset(("than", "then", "as"))
_MANY = re.compile(r"(?:(?:any|all|either|each|most|both) (?:of )?)?(?:those|these|them|they|both|all|the others)\b")
_ONE = re.compile(r"(?:that|this|it|him|her)\b(?! (?:is|was|much|many|a)\b)")


@dataclass(frozen=True, slots=True)
class Comparative:
    """Tokens [start, end): a comparative with the words that it governs, and what it is compared with."""

    start: int
    end: int
    items: tuple[str, ...] | None
    """Ids of the items named after `than`, `as` or before `but`; None where nothing is named."""


class Named(NamedTuple):
    """The items that stand at a place of a message."""

    items: tuple[str, ...]
    end: int
    """The token after the words for them."""
    pointed: bool
    """Whether only a pronoun stands for them."""


def is_comparative(word: str) -> bool:
    """Tell whether a word is the comparative of an adjective: `darker`, `funnier`, `worse`."""
    if word in _IRREGULAR or not word.endswith("er"):
        return word in _IRREGULAR
    if word.endswith("ier"):
        return len(word) > 5 and word not in _NOUNS
    return bool(bases(word) - {word} & _ADJECTIVES)


def comparatives(message: Message, mentions: Sequence[Mention], belief: BeliefState) -> Iterator[Comparative]:
    """Yield the comparatives of `message` in text order, with the items that are named beside them."""
    norms = [token.norm for token in message.tokens]
    equal = {message.span(match)[0]: message.span(match)[1] for match in _EQUAL.finditer(message.line)}
    for start, norm in enumerate(norms):
        after = norms[start + 1] if start + 1 < len(norms) else "."
        if start in equal:
            first = equal[start]
        elif norm in _DEGREE and after not in _NOT_DEGREE_AFTER and norms[max(start - 1, 0)] not in _NOT_DEGREE_BEFORE:
            first = start + 1
        elif is_comparative(norm):
            first = start
        else:
            continue
        end = first + 1
        while end < min(first + _REACH, len(norms)) and norms[end] not in _CLAUSE and first > start:
            end += 1
        yield Comparative(start, end, _beside(message, mentions, belief, start, end))


def named_after(message: Message, mentions: Sequence[Mention], belief: BeliefState, place: int) -> Named | None:
    """Return the items that token `place` on names as what is compared with, None when something else stands there."""
    before = tuple(item for one in mentions if one.kind == "item" and one.end <= place for item in one.item_ids)
    if message.piece(place, place + 1) == "both" and len(set(before)) == 2:
        return Named(before, place + 1, True)
    stop = next((at for at in range(place, len(message)) if message.tokens[at].norm in _SENTENCE), len(message))
    found = [mention for mention in mentions if mention.kind == "item" and place <= mention.start < stop]
    if found and found[0].start <= place + 2:
        joined = [found[0]]
        for mention in found[1:]:
            between = {token.norm for token in message.tokens[joined[-1].end : mention.start]}
            if not between <= {"and", "or", "&", ",", "the", "both"}:
                break
            joined.append(mention)
        items = tuple(dict.fromkeys(item for mention in joined for item in mention.item_ids))
        return Named(items, joined[-1].end, False)
    rest = message.piece(place, place + 4)
    shown = tuple(line.item_id for line in belief.last_shown())
    for pattern, items in ((_MANY, shown), (_ONE, belief.focus[:1] or shown)):
        if match := pattern.match(rest):
            return Named(items, place + len(match[0].split()), True)
    return None


def compare(update: BeliefUpdate, message: Message, mentions: Sequence[Mention], belief: BeliefState) -> BeliefUpdate:
    """Return `update` with the items that its wishes are compared with.

    These are the items named beside the comparative; else those that the message is like, against, or speaks of; else
    the one in focus; else the latest list. A comparison with anything else (`than usual`) names no item.
    """
    found = list(comparatives(message, mentions, belief))
    if not found or not update.prefer:
        return update
    known = _spoken_of(update, belief)
    wishes = []
    for wish in update.prefer:
        one = next((one for one in found if not wish.than and _overlap(one, wish, message)), None)
        than = () if one is None else known if one.items is None else one.items
        wishes.append(wish.model_copy(update={"than": tuple(dict.fromkeys(than))}) if than else wish)
    return update.model_copy(update={"prefer": tuple(wishes)})


def _beside(
    message: Message, mentions: Sequence[Mention], belief: BeliefState, start: int, end: int
) -> tuple[str, ...] | None:
    """Return the items that a comparative at [start, end) is put beside, empty for something that is no item."""
    limit = next((one for one in mentions if one.kind == "bound" and one.start <= start < one.end), None)
    if limit is not None and limit.item_ids:
        return limit.item_ids
    for place in range(end, min(end + 5, len(message))):
        norm = message.tokens[place].norm
        if norm in _SENTENCE:
            break
        if norm in _THAN:
            named = named_after(message, mentions, belief, place + 1)
            if named is not None:
                return named.items
            if norm == "than":
                return ()
    sentence = message.sentence_at(start)[0]
    before = [mention for mention in mentions if mention.kind == "item" and sentence <= mention.start < start]
    return before[-1].item_ids if before else None


def _spoken_of(update: BeliefUpdate, belief: BeliefState) -> tuple[str, ...]:
    """Return the items that a bare comparative is about."""
    for verdicts in (("like_this",), ("rejected", "disliked", "unlike_this"), ("liked", "accepted", "seen")):
        if items := tuple(e.item_id for e in update.items if e.item_id and e.verdict in verdicts):
            return tuple(dict.fromkeys(items))
    if update.targets or update.intent == "restart":
        return update.targets
    return belief.focus or tuple(line.item_id for line in belief.last_shown())


def _overlap(one: Comparative, wish: Preference, message: Message) -> bool:
    """Tell whether a wish came from words that a comparative governs."""
    low, high = message.tokens[one.start].start, message.tokens[one.end - 1].end
    return any(
        match.start() < high and low < match.end()
        for part in filter(None, wish.words.split("; "))
        for match in re.finditer(rf"(?<!\w){re.escape(part)}(?!\w)", message.text)
    )
