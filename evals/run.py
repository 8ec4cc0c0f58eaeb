"""Play scenarios through the recommender that people talk to, and keep what became of every turn."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agent.fact_check import FactCheck
from agent.reply import Reply
from evals.expectations import compare
from evals.reading import Script, find_item
from evals.scenario import Given, Turn
from evals.seen import Check, Seen
from retrieval.catalog import Catalog
from retrieval.semantic_ids import SemanticIds

Status = Literal["passed", "failed", "gap", "error"]
FEW = 10
"""Candidates of a turn that are kept."""


class Talker(Protocol):
    """The part of a recommender that talks."""

    @property
    def catalog(self) -> Catalog:
        """What can be recommended."""
        ...

    def reply(self, conversation: str, text: str) -> Reply:
        """Answer a message."""
        ...


class Stage(Talker, Protocol):
    """The part of a recommender that a scenario uses."""

    @property
    def semantic_ids(self) -> SemanticIds:
        """The code of every item."""
        ...

    def remove(self, conversation: str, attribute: str, value: str | int | float | None = None) -> Reply:
        """Take back one thing that was understood."""
        ...

    def feedback(
        self, conversation: str, turn: int, item_id: str | None = None, *, verdict: str, words: str = ""
    ) -> Any:
        """Take a verdict on an item or on a whole reply."""
        ...

    def export(self, conversation: str) -> dict[str, Any]:
        """Return what the log holds on a conversation."""
        ...

    def delete(self, conversation: str) -> None:
        """Forget a conversation."""
        ...


@dataclass(frozen=True)
class PlayedTurn:
    """One turn as it was played: what was done, the reply if there was one, and every check."""

    did: str
    reply: Mapping[str, Any] | None
    """The reply as plain data."""
    candidates: tuple[Mapping[str, Any], ...]
    """The first few candidates with their scores, best first."""
    seconds: float
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Played:
    """One scenario as it was played."""

    script: Script
    turns: tuple[PlayedTurn, ...]
    error: str = ""
    """The traceback of the exception that broke the scenario off; empty when none did."""
    round: int = 1
    """Which repetition this was."""

    @property
    def name(self) -> str:
        """The scenario's name, with the repetition from the second on."""
        return self.script.scenario.name + (f" (round {self.round})" if self.round > 1 else "")

    @property
    def status(self) -> Status:
        """Return `error` when the program broke, `failed` or `gap` when an expectation did not hold, else `passed`."""
        if self.error:
            return "error"
        if all(check.holds for turn in self.turns for check in turn.checks):
            return "passed"
        return "gap" if self.script.scenario.gap else "failed"

    @property
    def seconds(self) -> float:
        """How long all turns took."""
        return sum(turn.seconds for turn in self.turns)

    def failures(self) -> Iterator[tuple[int, Check, str]]:
        """Yield (turn from 1, check, `file:line` of the expectation) for all that did not hold."""
        for number, turn in enumerate(self.turns, start=1):
            for check in turn.checks:
                if not check.holds:
                    yield number, check, self.script.where(("turns", number - 1, "expect", *check.place))


def play(script: Script, rec: Stage, round: int = 1) -> Played:
    """Play one scenario in a conversation of its own, which is forgotten afterwards.

    An exception breaks the scenario off and is kept; the turns before it keep their checks.
    """
    conversation = "eval-" + re.sub(r"[^a-z0-9]+", "-", script.scenario.name.lower()).strip("-")
    facts = FactCheck(rec.catalog)
    turns: list[PlayedTurn] = []
    latest: Reply | None = None
    shown: dict[int, tuple[str, ...]] = {}
    try:
        for number, turn in enumerate(script.scenario.turns, start=1):
            start = time.perf_counter()
            reply = _do(turn, rec, conversation, latest)
            seconds = time.perf_counter() - start
            if reply is None:
                turns.append(PlayedTurn(_described(turn), None, (), seconds, ()))
                continue
            seen = Seen(reply, rec.catalog, rec.semantic_ids, facts, dict(shown), seconds)
            checks = tuple(compare(turn.expect, seen))
            shown[number] = tuple(item.id for item in reply.items)
            # A click speaks of the list on screen, which a reply without items leaves standing.
            latest = reply if reply.items or latest is None else latest
            logged = rec.export(conversation)["entries"][-1]
            candidates = tuple(
                {**one, "title": rec.catalog.label(rec.catalog[one["item_id"]])}
                for one in logged.get("candidates", ())[:FEW]
            )
            turns.append(PlayedTurn(_described(turn), reply.as_dict(), candidates, seconds, checks))
    except Exception:  # the outermost loop over foreign code: one broken scenario must not hide the others
        return Played(script, tuple(turns), traceback.format_exc(), round)
    finally:
        rec.delete(conversation)
    return Played(script, tuple(turns), "", round)


def _do(turn: Turn, rec: Stage, conversation: str, latest: Reply | None) -> Reply | None:
    if turn.say is not None:
        return rec.reply(conversation, turn.say)
    if turn.remove is not None:
        return rec.remove(conversation, turn.remove.attribute, turn.remove.value)
    assert turn.feedback is not None
    if latest is None:
        raise ValueError("there is no reply yet to give feedback on")
    item = _clicked(turn.feedback, latest, rec.catalog)
    rec.feedback(conversation, latest.turn, item, verdict=turn.feedback.verdict, words=turn.feedback.words)
    return None


def _clicked(given: Given, latest: Reply, catalog: Catalog) -> str | None:
    """Return the id of the item that the feedback is about, None when it is about the whole reply."""
    if isinstance(given.item, str):
        return find_item(given.item, catalog)
    if given.item is None:
        return None
    if not 1 <= given.item <= len(latest.items):
        raise ValueError(f"feedback on item {given.item} of a list of {len(latest.items)}")
    return latest.items[given.item - 1].id


def _described(turn: Turn) -> str:
    if turn.say is not None:
        return turn.say
    if turn.remove is not None:
        value = turn.remove.value
        return f"[removes {turn.remove.attribute}{'' if value is None else f' {value}'}]"
    assert turn.feedback is not None
    item = turn.feedback.item
    return f"[{turn.feedback.verdict}: {'the reply' if item is None else f'item {item}'}]"
