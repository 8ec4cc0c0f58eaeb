"""A reviewed turn as a regression scenario: what was said before it, what is said, and what must hold then."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from agent.belief import ITEMS, BeliefUpdate, apply
from agent.log import ConversationLog, Entry
from agent.review import Case
from agent.review_dialogues import reviewed_turns, standing_entries
from agent.review_expected import Demands
from agent.transcripts import belief_from_turns, update_from_dict
from agent.versions import digest
from retrieval.catalog import Catalog

FOLDER = "scenarios"
"""Where a home keeps its own scenarios; the gate plays them."""
TAG = "review"
LONGEST_SLUG = 48
LONGEST_NAME = 60
Plain = dict[str, Any]


def scenario_of(log: ConversationLog, catalog: Catalog, case: Case, name: str = "") -> Plain:
    """Return a turn and everything before it as a scenario, as plain data; `docs/scenarios.md` describes the format.

    The last turn expects what the approved or corrected update demands: the intent, the limits, wishes and verdicts,
    that every item keeps to the limits in force, and that what was wrong does not come again. ValueError for a turn
    that was not approved or corrected, since nobody has said what is right, and for what no scenario can write.
    """
    one, review = case.reacted, case.review
    if review is None or review.decision == "rejected":
        raise ValueError("a scenario says what is right: approve the turn or save a correction first")
    script = _Script()
    for entry in standing_entries(log, one.conversation, one.seq):
        script.play(entry)
    length = len(script.turns)
    script.play(Entry(one.seq, one.conversation, "turn", one.turn, 1, one.at, one.person, one.record))
    if len(script.turns) == length:
        raise ValueError("a scenario cannot take back a verdict by its chip: there is nothing to write")
    logged = BeliefUpdate.model_validate(one.record["update"])
    update = logged if review.update is None else update_from_dict(review.update, catalog, one.before)
    belief = apply(belief_from_turns(reviewed_turns(log, catalog, one.conversation, one.seq), catalog), update)
    script.turns[-1]["expect"] = Demands(catalog, script.names).of(case, logged, update, belief)
    return {"name": name or _name(one.text), "tags": [TAG], "turns": script.turns}


def save_scenario(home: Path, log: ConversationLog, catalog: Catalog, case: Case) -> Path:
    """Write `scenario_of` a turn to `scenarios/<slug>.yaml` in a home and return its path; nothing is overwritten.

    The same scenario is written once. Its first line names the conversation by its digest; see `written_of`.
    """
    one, review = case.reacted, case.review
    folder, slug, number = home / FOLDER, _slug(one.text), 1
    while True:
        ending = ("", "") if number == 1 else (f" ({number})", f"_{number}")
        scenario = scenario_of(log, catalog, case, _name(one.text) + ending[0])
        origin = f"# Turn {one.turn} of {_mark(one.conversation)} {review.decision if review else ''}\n"
        style: dict[str, Any] = {"default_flow_style": None, "sort_keys": False, "allow_unicode": True, "width": 120}
        text = origin + str(yaml.safe_dump(scenario, **style))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{slug}{ending[1]}.yaml"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            return path
        except FileExistsError:
            if path.read_text("utf-8") == text:
                return path
        number += 1


def written_of(home: Path, conversation: str) -> list[Path]:
    """Return the scenarios in a home that hold words of a conversation."""
    paths = sorted((home / FOLDER).glob("*.yaml"))
    return [path for path in paths if _mark(conversation) in path.read_text("utf-8").partition("\n")[0]]


class _Script:
    """The turns of a scenario as they are written down."""

    def __init__(self) -> None:
        self.turns: list[Plain] = []
        self.names: dict[str, str] = {}
        """Item -> where it was shown, for those that were spoken of by click or position."""
        self._list: list[str] = []
        self._place = 0

    def play(self, entry: Entry) -> None:
        """Write down what a person said or clicked, where a scenario has a form for it."""
        update = BeliefUpdate.model_validate(entry.content["update"])
        if entry.kind == "feedback":
            self._click(update)
            return
        for verdict in update.items:
            if verdict.ref.strip().startswith("#") and verdict.item_id in self._list:
                self._name(verdict.item_id)
        drop = update.drop[0] if entry.content["via"] == "chip" and update.drop else None
        if drop is None:
            self.turns.append({"say": entry.content["user"]})
        elif drop.attribute == ITEMS:
            return
        else:
            value = {} if drop.value is None else {"value": drop.value}
            self.turns.append({"remove": {"attribute": drop.attribute, **value}})
        if shown := entry.content["shown"]:
            self._list, self._place = [card["id"] for card in shown], len(self.turns)

    def _click(self, update: BeliefUpdate) -> None:
        """Write verdicts on items of the latest list by their positions; those on earlier lists have no form."""
        for verdict in update.items:
            if verdict.item_id in self._list:
                self._name(verdict.item_id)
                position = self._list.index(verdict.item_id) + 1
                self.turns.append({"feedback": {"item": position, "verdict": verdict.verdict}})

    def _name(self, item: str) -> None:
        self.names[item] = f"turn {self._place} item {self._list.index(item) + 1}"


def _mark(conversation: str) -> str:
    return f"conversation {digest(conversation)},"


def _name(text: str) -> str:
    short = text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME].rsplit(' ', 1)[0]} ..."
    return f"reviewed: {short}"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "_".join(re.findall(r"[a-z0-9]+", plain))[:LONGEST_SLUG].strip("_") or "turn"
