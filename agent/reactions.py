"""What people made of each turn: the log read back as slates with what became of them.

Clicks and words count alike, the last word on an item counts, and what nobody said follows from what happened next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.belief import BeliefState, BeliefUpdate, Verdict, apply
from agent.fact_check import stemmed
from agent.log import ConversationLog, Entry

GOOD: frozenset[Verdict] = frozenset({"liked", "accepted", "like_this"})
BAD: frozenset[Verdict] = frozenset({"disliked", "rejected", "unlike_this"})
REFUSED: frozenset[Verdict] = BAD | {"seen"}
"""What nobody would take again."""
Aftermath = Literal["", "went on", "rephrased", "left"]
ALIKE = 0.5
"""Share of stems (Jaccard) from which on a message says again what the one before said."""


@dataclass(frozen=True)
class Exposure:
    """One item as it was shown, and what became of it."""

    item_id: str
    position: int
    """1-based."""
    propensity: float
    """Probability with which it was drawn at its place among those left; 1 for what had to be shown."""
    verdict: Verdict | None = None
    """The last word on it in the conversation, None when nobody said anything."""
    clicked: bool = False

    @property
    def ignored(self) -> bool:
        """Whether nothing was said of it and it was not clicked."""
        return self.verdict is None and not self.clicked


@dataclass(frozen=True)
class Reacted:
    """One turn that stands, with the reactions to it."""

    conversation: str
    person: str
    turn: int
    seq: int
    at: str
    text: str
    said: str
    """What the person had written before, oldest first."""
    before: BeliefState
    """What was believed before the message."""
    belief: BeliefState
    """What was believed after the message and before the reply."""
    action: str
    exposures: tuple[Exposure, ...]
    candidates: tuple[Mapping[str, Any], ...]
    explore: float
    version: str
    adapter: str
    model: str
    index: str
    reply: str
    thumb: str = ""
    """thumbs_up, thumbs_down, or nothing: the last one on the whole reply."""
    reason: str = ""
    words: str = ""
    """What came with the thumb."""
    complaints: tuple[tuple[str, str], ...] = ()
    """(item id, reason) of what was said to be wrong with an item or what was told of it."""
    aftermath: Aftermath = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    """The turn as logged."""

    def with_verdict(self, verdicts: frozenset[Verdict]) -> tuple[str, ...]:
        """Ids of the items shown whose last verdict is one of these, in the order shown."""
        return tuple(one.item_id for one in self.exposures if one.verdict in verdicts)


def reactions(log: ConversationLog, conversation: str | None = None) -> Iterator[Reacted]:
    """Yield the turns that stand, of one conversation or of all, in the order they were logged in each."""
    entries: dict[str, list[Entry]] = {}
    for entry in log.entries(conversation):
        if entry.kind != "delete":
            entries.setdefault(entry.conversation, []).append(entry)
    for own in entries.values():
        yield from _of_conversation(own)


def _of_conversation(entries: Sequence[Entry]) -> Iterator[Reacted]:
    turns, feedback = _standing(entries)
    believed, said = _beliefs(turns, feedback), ""
    for place, entry in enumerate(turns):
        content, before = entry.content, believed[place]
        update = BeliefUpdate.model_validate(content["update"])
        given = [one for one in feedback if one.turn == entry.turn and one.seq > entry.seq]
        thumbs = [one.content for one in given if one.content["item_id"] is None]
        complaints = tuple(
            (one.content["item_id"], one.content["reason"])
            for one in given
            if one.content["item_id"] is not None and one.content["reason"]
        )
        clicked = frozenset(one.content["item_id"] for one in given if one.content["verdict"] == "clicked")
        words = _last_words(entry.seq, turns, feedback)
        last = thumbs[-1] if thumbs else {"verdict": "", "reason": "", "words": ""}
        yield Reacted(
            conversation=entry.conversation,
            person=entry.person,
            turn=entry.turn,
            seq=entry.seq,
            at=entry.at,
            text=content["user"],
            said=said,
            before=before,
            belief=apply(before, update),
            action=content["action"],
            exposures=_exposures(content, words, clicked),
            candidates=tuple(content["candidates"]),
            explore=content.get("explore", 0.0),
            version=content.get("version", "shipped"),
            adapter=content["adapter"],
            model=content["model"],
            index=content["index"],
            reply=content["text"],
            thumb=last["verdict"],
            reason=last["reason"],
            words=last["words"],
            complaints=complaints,
            aftermath=_aftermath(place, turns, words, [*given]),
            record=content,
        )
        said = f"{said} {content['user']}".strip() if content["via"] == "text" else said


def _standing(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the turns and the reactions that were not taken back."""
    turns: list[Entry] = []
    feedback: list[Entry] = []
    for entry in entries:
        if entry.kind == "turn":
            turns.append(entry)
        elif entry.kind == "feedback":
            feedback.append(entry)
        elif entry.kind == "undo":
            turns = [turn for turn in turns if turn.turn < entry.turn]
            feedback = [one for one in feedback if one.turn < entry.turn]
    return turns, feedback


def _beliefs(turns: Sequence[Entry], feedback: Sequence[Entry]) -> list[BeliefState]:
    """Return what was believed before each turn: a click between two is a part of what the next one finds."""
    found, belief = list[BeliefState](), BeliefState()
    for entry in sorted((*turns, *feedback), key=lambda one: one.seq):
        if entry.kind == "turn":
            found.append(belief)
            belief = BeliefState.model_validate(entry.content["belief"])
        else:  # not the belief as logged: it may know a turn that was taken back since
            belief = apply(belief, BeliefUpdate.model_validate(entry.content["update"]), belief.turn)
    return found


def _last_words(seq: int, turns: Sequence[Entry], feedback: Sequence[Entry]) -> dict[str, Verdict]:
    """Return item -> the last verdict on it, by word or click, after entry `seq`."""
    found: dict[str, Verdict] = {}
    for entry in sorted((*turns, *feedback), key=lambda one: one.seq):
        if entry.seq > seq:
            for verdict in entry.content["update"].get("items", ()):
                if verdict["item_id"] is not None:
                    found[verdict["item_id"]] = verdict["verdict"]
    return found


def _exposures(
    content: Mapping[str, Any], words: Mapping[str, Verdict], clicked: frozenset[str]
) -> tuple[Exposure, ...]:
    chances = {one["item_id"]: one.get("propensity", 0.0) for one in content["candidates"]}
    return tuple(
        Exposure(card["id"], card["rank"], chances.get(card["id"]) or 1.0, words.get(card["id"]), card["id"] in clicked)
        for card in content["shown"]
    )


def _aftermath(
    place: int, turns: Sequence[Entry], words: Mapping[str, Verdict], given: Sequence[Entry]
) -> Aftermath:
    """Return what the person did after a turn: left without a good word, said the same again, or went on."""
    shown = {card["id"] for card in turns[place].content["shown"]}
    pleased = any(words.get(item) in GOOD for item in shown) or any(
        one.content["verdict"] == "thumbs_up" for one in given
    )
    if place + 1 == len(turns):
        return "" if pleased or not shown else "left"
    now, following = turns[place].content, turns[place + 1].content
    if following["via"] == "text" and not pleased and _says_again(now["user"], following["user"]):
        return "rephrased"
    return "went on"


def _says_again(text: str, following: str) -> bool:
    one, other = set(stemmed(text)), set(stemmed(following))
    return bool(one & other) and len(one & other) / len(one | other) >= ALIKE
