"""Conversations as reviewers left them, in the format of the labelled dialogues: what training may learn from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.belief import BeliefUpdate, apply
from agent.log import ConversationLog, Entry
from agent.reactions import REFUSED, reactions
from agent.review_record import Review
from agent.transcripts import belief_from_turns, update_as_dict, update_from_dict
from agent.versions import digest
from retrieval.catalog import Catalog

UNLISTED = frozenset({"chat", "ask", "compare", "explain"})
"""Intents that are answered in words."""
THUMBS = {"thumbs_up": "up", "thumbs_down": "down"}
_POSITION = re.compile(r"#\s*(\d+)$")


def reviewed_dialogues(log: ConversationLog, catalog: Catalog, *, rest: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the conversations that somebody reviewed as dialogues: `id`, `split`, `turns`; see `reviewed_turns`.

    `who` stands for whoever gave a name, without telling it.

    With `rest`, also those in which nobody decided anything. Those of which nothing is left do not come.
    """
    touched = {review.conversation for review in log.reviews()}
    for conversation in [one["id"] for one in reversed(log.conversations())]:
        if rest or conversation in touched:
            turns = reviewed_turns(log, catalog, conversation)
            if any(turn["user"] for turn in turns):
                people = {entry.person for entry in log.entries(conversation)} - {""}
                # A name could be guessed from its digest; their first conversation stands for them.
                who = {"who": digest(log.of_person(min(people))[0])} if people else {}
                yield {"id": conversation, "split": "train", **who, "turns": turns}


def reviewed_turns(
    log: ConversationLog, catalog: Catalog, conversation: str, until: int | None = None
) -> list[dict[str, Any]]:
    """Return the turns of one conversation, up to before the log's entry `until`, with what reviewers decided.

    Approved turns are as logged, corrected ones as corrected, rejected ones are left out; those that nobody decided
    about are as logged, for what follows rests on them. A verdict given by a button becomes a turn without words,
    where it was given; a thumb stays with its turn. After a list that is another one than the person saw, what they
    said of `#2` names the item. Items that no reviewer approved, and those that the person turned down all the same,
    have the `propensity` with which they were shown.
    """
    refused = {
        (one.seq, item.item_id)
        for one in reactions(log, conversation)
        for item in one.exposures
        if item.verdict in REFUSED
    }
    thumbs = _thumbs(log.entries(conversation))
    last = log.decisions(conversation)
    turns: list[dict[str, Any]] = []
    seen: Sequence[Mapping[str, Any]] = ()
    moved = False
    for entry in standing_entries(log, conversation, until):
        review = last.get(entry.seq) if entry.kind == "turn" else None
        if review is None or review.decision != "rejected":
            turn = _turn(entry, catalog)
            if review is not None:
                for card, logged in zip(turn["shown"], entry.content["shown"], strict=True):
                    if (entry.seq, logged["id"]) not in refused:
                        del card["propensity"]
            if review is not None and review.decision == "corrected":
                turn = _corrected(turn, entry, review, turns, catalog)
            if entry.kind == "turn" and entry.seq in thumbs:
                turn = {**turn, "thumb": thumbs[entry.seq]}
            turns.append({**turn, "update": _named(turn["update"], seen)} if moved else turn)
        if shown := entry.content.get("shown"):
            kept = [card["title"] for card in turns[-1]["shown"]] if turns else []
            moved, seen = kept != [card["title"] for card in shown], shown
    return turns


def reply_of(content: Mapping[str, Any]) -> str:
    """Return a logged reply with the question in it; what is only told is a part of the text."""
    question = content["question"] or ""
    return " ".join(filter(None, (content["text"], question if question.endswith("?") else "")))


def standing_entries(log: ConversationLog, conversation: str, until: int | None = None) -> list[Entry]:
    """Return the turns of a conversation that stand and what was said of their items by click, before entry `until`."""
    begun = {turn.turn: turn.seq for turn in log.turns(conversation)}
    return [
        entry
        for entry in log.entries(conversation)
        if (until is None or entry.seq < until) and entry.turn in begun and _stands(entry, begun[entry.turn])
    ]


def _stands(entry: Entry, begun: int) -> bool:
    if entry.kind == "turn":
        return entry.seq == begun
    return entry.kind == "feedback" and entry.seq > begun and bool(entry.content["update"].get("items"))


def _thumbs(entries: Iterable[Entry]) -> dict[int, str]:
    """Return turn entry -> the last thumb, `up` or `down`, that was given to its whole reply."""
    begun: dict[int, int] = {}
    found: dict[int, str] = {}
    for entry in entries:
        if entry.kind == "turn":
            begun[entry.turn] = entry.seq
        elif entry.kind == "feedback" and entry.content["item_id"] is None and entry.content["verdict"] in THUMBS:
            found[begun[entry.turn]] = THUMBS[entry.content["verdict"]]
    return found


def _turn(entry: Entry, catalog: Catalog) -> dict[str, Any]:
    content = entry.content
    update = update_as_dict(BeliefUpdate.model_validate(content["update"]), catalog)
    if entry.kind == "feedback":
        return {"user": "", "update": update, "shown": [], "reply": ""}
    chances = {one["item_id"]: one.get("propensity") or 1.0 for one in content["candidates"]}
    shown = [
        {"title": card["title"], "reason": card["reason"], "propensity": chances.get(card["id"], 1.0)}
        for card in content["shown"]
    ]
    return {"user": content["user"], "update": update, "shown": shown, "reply": reply_of(content)}


def _corrected(
    turn: Mapping[str, Any], entry: Entry, review: Review, earlier: Sequence[Mapping[str, Any]], catalog: Catalog
) -> dict[str, Any]:
    """Return a turn with a correction in place.

    Where what was understood was wrong, items that break what is now in force are not shown, nor any for an intent that
    no list answers, unless a list was given too; and a reply to another intent is not kept.
    """
    update = turn["update"] if review.update is None else review.update
    cards = {card["id"]: card for card in entry.content["shown"]}
    ids = [item for item in review.order or tuple(cards) if item in cards or item in catalog]
    if review.update is not None and update["intent"] in UNLISTED and not review.order:
        ids = []
    elif review.update is not None:
        before = belief_from_turns(earlier, catalog)
        belief = apply(before, update_from_dict(update, catalog, before))
        gone, limits = belief.excluded(), [limit.constraint for limit in belief.constraints]
        ids = [i for i in ids if i not in gone and i in catalog and all(rule.allows(catalog[i]) for rule in limits)]
    shown = [
        {
            "title": cards[item]["title"] if item in cards else catalog.label(catalog[item]),
            "reason": review.reasons.get(item, cards[item]["reason"] if item in cards else ""),
        }
        for item in ids
    ]
    reply = turn["reply"] if update["intent"] == turn["update"]["intent"] else ""
    return {**turn, "update": update, "shown": shown, "reply": reply}


def _named(update: Mapping[str, Any], seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the update with titles in the place of positions in the list that the person saw."""
    items = []
    for entry in update.get("items", ()):
        position = _POSITION.match(entry["ref"].strip())
        place = int(position[1]) if position else 0
        items.append({**entry, "ref": seen[place - 1]["title"]} if 1 <= place <= len(seen) else entry)
    return {**update, "items": items} if items else dict(update)
