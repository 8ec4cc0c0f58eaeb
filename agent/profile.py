"""What is known of a person beyond one conversation: lasting tastes and items they know, each with its source.

A profile is a set of contributions, one for each thing that a turn taught, and what stands is merged from them: the
latest about a subject. So taking back a turn or a conversation is removing its contributions, and what they had
overruled stands again. All functions here are pure; `agent.profile_store` keeps the contributions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent.belief import ITEMS, BeliefState, BeliefUpdate, ItemVerdict, Limit, Preference, same
from retrieval.catalog import Catalog, fold

Kind = Literal["liked", "disliked", "seen", "accepted"]

SLOTS: dict[Kind, str] = {"liked": "opinion", "disliked": "opinion", "seen": "seen", "accepted": "choice"}
"""Kinds that replace each other share a slot."""
LASTING: dict[str, tuple[Kind, bool]] = {
    "liked": ("liked", False),
    "disliked": ("disliked", False),
    "seen": ("seen", False),
    "accepted": ("accepted", False),
    "rejected": ("accepted", True),
}
"""Verdict on an item -> what lasts of it, and whether it withdraws that. `Not that one` and `like that` are moods."""
WEIGHT = 0.5
"""Of a remembered taste for a value, half of one that was said in the conversation."""

_ADVERBS = (
    "(?:(?:really|absolutely|generally|usually|always|just|do|truly|have|also|still|simply|honestly|normally) ){0,3}"
)
_DO = r"(?:watch|read|drink|eat|play|listen to|enjoy(?:ed)?|liked?|care for|choose|pick|buy)"
_NOT_AS = r"(?! (?:it )?(?:when|how|that|if)\b)"
_HATE = (
    r"(?:hate|loathe|despise|detest|dislike|(?:cant|cannot|can not) (?:stand|bear)"
    rf"|(?:dont|do not|never) (?:really )?{_DO}(?: anything (?:with|about|like))?|dont do|do not do)\b{_NOT_AS}"
)
_LOVE = rf"(?:love|adore|loved|always {_DO}|like always)\b{_NOT_AS}"
_I, _TOO = rf"(?:^|\bi(?:ve)? ){_ADVERBS}", rf"\b(?:and|but|also) {_ADVERBS}"
_FAN = r"(?:a |an |really |such |much |of ){0,3}(?:big |huge |great )?fan of\b"
_HABITS = re.compile(
    r"(?P<other>\b(?:if|whether|when|said|say|says|do|does|did|should|would) i \w+)"
    rf"|(?P<disliked>{_I}{_HATE}|\bi {_ADVERBS}avoid\b|\bi(?:m| am) not {_FAN})"
    rf"|(?P<liked>{_I}{_LOVE}|\bi(?:m| am) {_FAN})"
    rf"|(?P<too_disliked>{_TOO}(?:{_HATE}|avoid\b))|(?P<too_liked>{_TOO}{_LOVE})"
    r"|(?P<of_the_moment>\b(?:hates?|loves?|likes?|loved|wants?|want|need|something|anything|show|give|recommend|find"
    r"|suggest|looking for|how about|in the mood|please|would|id|prefer|avoid|without|no|never)\b)"
)
"""The cue that governs what follows it in a sentence: a lasting taste of the speaker's own, or anything else. After
`and` and `but` (`too_`) the taste is that of whoever was spoken of before."""
_TODAY = re.compile(r"\b(?:tonight|today|right now|this time|at the moment|for now|this (?:evening|week|weekend))\b")
_SENTENCES = re.compile(r"[^.!?;\n]+")


class ProfileEntry(BaseModel):
    """One contribution: a taste for a value, or a verdict on an item (attribute `items`), and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    attribute: str
    value: str | int | float
    title: str = ""
    """What people read: the item's label, or the value."""
    withdrawn: bool = False
    """Takes back what was known of the subject instead of adding to it."""
    conversation: str = ""
    """Where it was said; empty when the person edited the profile."""
    turn: int = 0
    words: str = ""
    at: str = ""
    """UTC, ISO 8601."""

    @property
    def subject(self) -> str:
        """Name what it is about, the same for contributions that replace each other."""
        about = "\x1f".join((fold(self.attribute), fold(str(self.value)), SLOTS[self.kind]))
        return sha256(about.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Source:
    """Where and when something was said."""

    conversation: str
    turn: int
    at: str


def merged(contributions: Iterable[ProfileEntry]) -> tuple[ProfileEntry, ...]:
    """Return what stands, oldest first: the latest about each subject, unless that withdraws it.

    The order of `contributions` is irrelevant.
    """
    latest: dict[str, ProfileEntry] = {}
    for entry in sorted(contributions, key=lambda one: (one.at, one.conversation, one.turn, one.model_dump_json())):
        latest.pop(entry.subject, None)
        latest[entry.subject] = entry
    return tuple(entry for entry in latest.values() if not entry.withdrawn)


def lasting(
    update: BeliefUpdate, text: str, profile: Sequence[ProfileEntry], source: Source
) -> tuple[ProfileEntry, ...]:
    """Return what of a turn's update is worth knowing in later conversations.

    Verdicts on items last, wishes only where the sentence says so of the speaker: `I hate horror`, `I never watch
    musicals`; not `no horror tonight`, not `my sister hates horror`. What a conversation taught, it can take back.
    """
    found = [
        ProfileEntry(
            kind=kind, attribute=ITEMS, value=verdict.item_id, title=verdict.title or verdict.ref, withdrawn=withdrawn,
            conversation=source.conversation, turn=source.turn, words=_sentence(verdict.words, text), at=source.at,
        )
        for verdict in update.items
        if verdict.item_id and verdict.verdict in LASTING
        for kind, withdrawn in (LASTING[verdict.verdict],)
    ]  # fmt: skip
    for wish in update.wishes:
        habit = _habit(wish, text)
        if habit is not None:
            kind, words = habit
            found.append(
                ProfileEntry(
                    kind=kind, attribute=wish.attribute, value=wish.value, title=str(wish.value),
                    conversation=source.conversation, turn=source.turn, words=words, at=source.at,
                )
            )  # fmt: skip
    for drop in update.drop:
        found += [
            _withdrawal(entry, drop.words, source)
            for entry in profile
            if entry.conversation == source.conversation
            and fold(entry.attribute) == fold(drop.attribute)
            and drop.value is not None
            and same(entry.value, drop.value)
        ]
    known = {entry.subject for entry in profile}
    return tuple(entry for entry in found if not entry.withdrawn or entry.subject in known)


def informed(
    belief: BeliefState, profile: Sequence[ProfileEntry], catalog: Catalog
) -> tuple[BeliefState, tuple[ProfileEntry, ...]]:
    """Return the belief that retrieval works with, and the entries of `profile` that take part in it.

    They stand under turn 0: before the conversation. What was said in it wins: an item or a value that it speaks of is
    left to it. Items that are known are not recommended; liked ones are history, and liked values wishes, only while
    the conversation names nothing of its own. Disliked values count against an item, softly.
    """
    spoken = {entry.item_id for entry in belief.items}
    examples = bool(belief.with_verdict("liked", "like_this", "accepted"))
    wanted = examples or any(_sign(entry) == "liked" for entry in belief.wishes)
    items: list[ItemVerdict] = []
    wishes: list[Preference] = []
    used: list[ProfileEntry] = []
    for entry in profile:
        if entry.attribute == ITEMS:
            item_id = str(entry.value)
            if item_id in catalog and item_id not in spoken:
                verdict: Kind = "seen" if examples and entry.kind != "disliked" else entry.kind
                items.append(
                    ItemVerdict(ref=entry.title, verdict=verdict, item_id=item_id, title=entry.title, words=entry.words)
                )
                used.append(entry)
        elif not any(_about(wish, entry) for wish in belief.wishes) and (entry.kind == "disliked" or not wanted):
            weight = -WEIGHT if entry.kind == "disliked" else WEIGHT
            wishes.append(Preference(attribute=entry.attribute, value=entry.value, weight=weight, words=entry.words))
            used.append(entry)
    known = {"items": (*items, *belief.items), "preferences": (*wishes, *belief.preferences)}
    return belief.model_copy(update=known), tuple(used)


def rests_on(belief: BeliefState) -> bool:
    """Tell whether an informed belief takes something from the profile as wished for or liked."""
    liked = any(one.turn == 0 and one.verdict in ("liked", "accepted") for one in belief.items)
    return liked or any(wish.turn == 0 and wish.weight > 0 for wish in belief.preferences)


def _withdrawal(entry: ProfileEntry, words: str, source: Source) -> ProfileEntry:
    changes = {"withdrawn": True, "words": words, "turn": source.turn, "at": source.at}
    return entry.model_copy(update=changes)


def _about(wish: Limit | Preference, entry: ProfileEntry) -> bool:
    return fold(wish.attribute) == fold(entry.attribute) and same(wish.value, entry.value)


def _sign(wish: Limit | Preference) -> Kind | None:
    """Return whether a wish is for or against its value; None for a bound, which is neither."""
    if isinstance(wish, Preference):
        return "liked" if wish.weight > 0 else "disliked"
    return {"is": "liked", "contains": "liked", "is_not": "disliked"}.get(wish.op)  # type: ignore[return-value]


def _habit(wish: Limit | Preference, text: str) -> tuple[Kind, str] | None:
    """Return the kind of a lasting taste and the sentence that says it; None for a wish of the moment."""
    kind, words = _sign(wish), _even(wish.words)
    if kind is None or not words:
        return None
    for sentence in _SENTENCES.findall(text):
        even = _even(sentence)
        place = even.find(words)
        if place < 0 or _TODAY.search(even):
            continue
        if _governing(even[:place]) == kind:
            return kind, sentence.strip()
    return None


def _governing(before: str) -> str:
    """Return the kind of the last cue in `before`, another word for anybody else's or a wish of the moment."""
    kind = "other"
    for cue in _HABITS.finditer(before):
        found = cue.lastgroup or "other"
        kind = found if not found.startswith("too_") else found[4:] if kind in ("liked", "disliked") else "other"
    return kind


def _sentence(words: str, text: str) -> str:
    """Return the sentence of `text` that `words` stand in; the whole where they stand in none, as behind a pointer."""
    inside = (sentence for sentence in _SENTENCES.findall(text) if _even(words) in _even(sentence))
    return (next(inside, text) if words else text).strip()


def _even(text: str) -> str:
    return " ".join(re.sub(r"['’`]", "", text.lower()).replace(",", " ").split())
