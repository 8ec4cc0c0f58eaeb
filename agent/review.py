"""Turns that a person should look at: disliked, told without ground, said again, or done with little confidence.

A queue is read off the log; nothing is marked in it. What is decided about a turn takes it out of the queue, and a
complaint that comes later puts it back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from agent.belief import BeliefUpdate, apply
from agent.fact_check import FactCheck
from agent.log import ConversationLog, Entry
from agent.reactions import Reacted, reactions
from agent.review_correction import checked_order, checked_reasons, checked_update, plain_words
from agent.review_record import DECISIONS, Decision, Review
from agent.small_talk import heard_in
from agent.transcripts import update_as_dict, update_from_dict
from agent.understanding import WISHFUL
from retrieval.catalog import Catalog

Why = Literal["ungrounded", "disliked", "rephrased", "unsure"]
WHYS: tuple[Why, ...] = get_args(Why)
COMPLAINED: frozenset[Why] = frozenset({"ungrounded", "disliked"})


@dataclass(frozen=True, slots=True)
class Complaint:
    """What somebody said was wrong with a reply or with one item in it."""

    item_id: str | None
    """None for the whole reply."""
    reason: str
    """One of `agent.feedback.REASONS`, or nothing."""
    words: str
    at: str


@dataclass(frozen=True)
class Case:
    """One turn that stands, with why it should be looked at and what was decided about it last."""

    reacted: Reacted
    why: tuple[Why, ...]
    """The gravest first; empty for a turn that nothing speaks against."""
    complaints: tuple[Complaint, ...]
    review: Review | None = None

    @property
    def pending(self) -> bool:
        """Whether it should be looked at: nothing was decided, or somebody complained afterwards."""
        since = "" if self.review is None else self.review.at
        return bool(self.why) and (not since or any(one.at > since for one in self.complaints))

    def update(self, catalog: Catalog) -> dict[str, Any]:
        """Return what was understood, in the words of the labelled dialogues."""
        return update_as_dict(BeliefUpdate.model_validate(self.reacted.record["update"]), catalog)

    def choices(self) -> tuple[str, ...]:
        """Return ids of the items that a corrected list may hold: those shown in their order, then the candidates."""
        shown = (card["id"] for card in self.reacted.record["shown"])
        return tuple(dict.fromkeys((*shown, *(one["item_id"] for one in self.reacted.candidates))))

    def as_dict(self, catalog: Catalog) -> dict[str, Any]:
        """Return everything as plain data, as `python -m finetune review --json` writes it."""
        one = self.reacted
        verdicts = {exposure.item_id: exposure.verdict for exposure in one.exposures}
        wrong = {complaint.item_id: complaint.reason for complaint in self.complaints}
        return {
            **{"conversation": one.conversation, "turn": one.turn, "at": one.at, "why": list(self.why)},
            **{"said": one.said, "text": one.text, "update": self.update(catalog), "action": one.action},
            "shown": [
                {
                    **{"id": card["id"], "title": card["title"], "reason": card["reason"]},
                    **{"verdict": verdicts.get(card["id"]), "complaint": wrong.get(card["id"], "")},
                }
                for card in one.record["shown"]
            ],
            **{"reply": one.reply, "version": one.version},
            "complaints": [
                {"item_id": told.item_id, "reason": told.reason, "words": told.words} for told in self.complaints
            ],
            "review": self.review and {"decision": self.review.decision, "at": self.review.at},
        }


class Queue:
    """The turns of a log to look at. Reads only conversations that went on since. Safe for several threads."""

    def __init__(self, log: ConversationLog) -> None:
        """Read nothing yet."""
        self._log, self._lock = log, threading.Lock()
        self._known: dict[str, tuple[int, list[Case]]] = {}
        """Conversation -> its last entry, and what was found up to there."""

    def cases(self, *, decided: bool = False) -> list[Case]:
        """Return what waits: first what somebody complained about, then the others, the newest first.

        With `decided`, also what was looked at already.
        """
        with self._lock:
            old = self._known
            self._known = {
                name: old[name] if name in old and old[name][0] == last else (last, self._read(name))
                for name, last in self._log.lasts().items()
            }
            found = [case for _, own in self._known.values() for case in own]
        reviews = self._log.decisions()
        fresh = [replace(case, review=reviews.get(case.reacted.seq)) for case in found]
        kept = [case for case in fresh if decided or case.pending]
        return sorted(kept, key=lambda case: (not COMPLAINED & set(case.why), -case.reacted.seq))

    def _read(self, conversation: str) -> list[Case]:
        return [case for case in cases(self._log, conversation) if case.why]


def cases(log: ConversationLog, conversation: str) -> list[Case]:
    """Return every turn of a conversation that stands, in order."""
    last = log.decisions(conversation)
    found, given = list(reactions(log, conversation)), []
    if any(reacted.thumb or reacted.complaints for reacted in found):
        given = [entry for entry in log.entries(conversation) if entry.kind == "feedback"]
    told = [(reacted, _complaints(reacted, given)) for reacted in found]
    return [Case(one, _why(one, complaints), complaints, last.get(one.seq)) for one, complaints in told]


def rejected(log: ConversationLog) -> frozenset[int]:
    """Return the log's entries of turns that a reviewer rejected, where that was the last decision."""
    return frozenset(seq for seq, review in log.decisions().items() if review.decision == "rejected")


def vetted(log: ConversationLog, catalog: Catalog) -> Iterator[Reacted]:
    """Yield the turns that may be learned from, as reviewers left them.

    Those that they rejected do not come; where they corrected what was understood, the belief is as it should have
    been. A correction that the catalog no longer has words for leaves the turn out.
    """
    last = log.decisions()
    for one in reactions(log):
        review = last.get(one.seq)
        if review is None or (review.decision != "rejected" and review.update is None):
            yield one
        elif review.decision != "rejected":
            with suppress(ValueError, KeyError):
                update = update_from_dict(review.update or {}, catalog, one.before)
                yield replace(one, belief=apply(one.before, update))


def case_of(log: ConversationLog, conversation: str, turn: int) -> Case:
    """Return one turn, in the queue or not. ValueError when the conversation has no such turn."""
    for case in cases(log, conversation):
        if case.reacted.turn == turn:
            return case
    raise ValueError(f"conversation {conversation!r:.80} has no turn {turn}")


def decide(
    log: ConversationLog,
    catalog: Catalog,
    case: Case,
    decision: Decision,
    *,
    update: Mapping[str, Any] | None = None,
    order: Sequence[str] = (),
    reasons: Mapping[str, str] | None = None,
    note: str = "",
    person: str = "",
) -> Review:
    """Write a decision about a turn into the log, and return it.

    A correction says what should have been understood (`update`, in the words of the labelled dialogues), which items
    should have been shown (`order`, best first) and what should have been said of them (`reasons`); what is as it was
    is no correction. ValueError in one line when it cannot be used, corrects nothing, or the turn is gone.
    """
    if decision not in DECISIONS:
        raise ValueError(f"unknown decision {decision!r:.80}; one of {', '.join(DECISIONS)}")
    one, logged = case.reacted, case.update(catalog)
    shown = {card["id"]: card["reason"] for card in one.record["shown"]}
    changed = None if update is None else checked_update(update, catalog, one.before, logged)
    listed = checked_order(order, case.choices())
    told = checked_reasons(reasons or {}, listed or shown)
    parts: dict[str, Any] = {
        "update": None if changed == logged else changed,
        "order": () if listed == tuple(shown) else listed,
        "reasons": {item: words for item, words in told.items() if words != plain_words(shown.get(item, ""))},
    }
    if decision == "corrected" and not any(part for part in parts.values()):
        raise ValueError("nothing is corrected; change what was understood, the order or a reason, or approve the turn")
    if decision != "corrected" and any(part for part in parts.values()):
        raise ValueError(f"a turn that is {decision} has no corrections: save them as corrected")
    log.add_review(
        Review(one.conversation, one.turn, one.seq, decision, **parts, note=plain_words(note), person=person)
    )
    return log.reviews(one.conversation)[-1]


def unfounded(case: Case, catalog: Catalog, review: Review) -> list[str]:
    """Return what the reasons of a correction say without ground, an item a line: they are kept, but may be wrong."""
    one = case.reacted
    update = BeliefUpdate.model_validate(one.record["update"])
    if review.update is not None:
        update = update_from_dict(review.update, catalog, one.before)
    check, belief = FactCheck(catalog), apply(one.before, update)
    found = {
        item: check.unsupported(reason, catalog[item], belief)
        for item, reason in review.reasons.items()
        if item in catalog
    }
    return [f"{catalog.label(catalog[item])}: {', '.join(words)}" for item, words in found.items() if words]


def _complaints(reacted: Reacted, given: Iterable[Entry]) -> tuple[Complaint, ...]:
    """Return what was said against a turn: the last thumb where it points down, and items with a reason."""
    own = [entry for entry in given if entry.turn == reacted.turn and entry.seq > reacted.seq]
    thumbs = [entry for entry in own if entry.content["item_id"] is None]
    down = thumbs[-1:] if reacted.thumb == "thumbs_down" else []
    items = [entry for entry in own if entry.content["item_id"] is not None and entry.content["reason"]]
    return tuple(
        Complaint(entry.content["item_id"], entry.content["reason"], entry.content["words"], entry.at)
        for entry in (*down, *items)
    )


def _why(reacted: Reacted, complaints: Sequence[Complaint]) -> tuple[Why, ...]:
    reasons = {complaint.reason for complaint in complaints}
    holds = {
        "ungrounded": "ungrounded" in reasons,
        "disliked": bool(reasons - {"ungrounded"}),
        "rephrased": reacted.aftermath == "rephrased",
        "unsure": _unsure(reacted),
    }
    return tuple(why for why in WHYS if holds[why])


def _unsure(reacted: Reacted) -> bool:
    """Tell whether a message that should say what is wanted was not understood, or only as its own words.

    Measured with the embedded models on 320 turns of the dev dialogues: a wish is missed in 10 of the 16 turns that
    this finds, and in 69 of all. The probability of the first item is no part of it, since it tells turns with a missed
    wish from the others no better than chance does (AUC .44 of 148 lists).
    """
    update, talk = BeliefUpdate.model_validate(reacted.record["update"]), heard_in(reacted.text)
    if reacted.record["via"] != "text" or update.intent not in WISHFUL or update.targets:
        return False
    left_open = update.intent == "restart" or talk.asks_for_items or talk.alone or talk.greets
    linked = update.set or update.drop or update.items or any(wish.attribute != "text" for wish in update.prefer)
    return not linked and not left_open
