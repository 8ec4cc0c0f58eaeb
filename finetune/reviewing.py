"""The command that looks at turns which went wrong: as a list, by options, or one after the other in the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.loop import Home
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent.log import ConversationLog
    from agent.review import Case
    from agent.review_record import Decision
    from retrieval.catalog import Catalog

SPOKEN = {
    **{"ungrounded": "a reason is not true", "disliked": "disliked", "rephrased": "said again afterwards"},
    **{"unsure": "hardly understood", "wrong_item": "wrong items", "not_what_i_meant": "not what I meant"},
    **{"seen_it": "known already", "other": "something else"},
}
"""How the queue calls why a turn is in it, and what was complained about."""


def review(
    home: Home = None,
    listed: Annotated[bool, typer.Option("--list", help="Print the queue and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the queue as JSON, a turn a line, and leave.")] = False,
    decided: Annotated[bool, typer.Option("--all", help="Also turns that were decided about already.")] = False,
    turn: Annotated[str | None, typer.Option(metavar="CONVERSATION:N", help="Only this one, queued or not.")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="With --turn: it was right.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="With --turn: keep it from training.")] = False,
    parts: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PART=YAML", help="With --turn: what should have been understood, as "
                     "intent=refine or set='[{attribute: year, op: at_least, value: 1990}]'; may repeat."),
    ] = None,
    order: Annotated[str, typer.Option(help="With --turn: positions or ids of the items, best first, as 2,1,3.")] = "",
    reasons: Annotated[
        list[str] | None, typer.Option("--reason", metavar="ITEM=TEXT", help="With --turn: what should be said of it.")
    ] = None,
    scenario: Annotated[bool, typer.Option("--scenario", help="With --turn: make a scenario from it.")] = False,
    note: Annotated[str, typer.Option(help="A note that is kept with the decision.")] = "",
    by: Annotated[str, typer.Option(help="Who decides.")] = "terminal",
) -> None:  # fmt: skip
    """Look at turns that went wrong: approve, reject or correct them, or make scenarios from them."""
    from finetune.review_terminal import Terminal, table

    acts = any((approve, reject, parts, order, reasons, scenario))
    if acts and turn is None:
        raise UserError("say which turn: --turn CONVERSATION:N, as `python -m finetune review --list` prints it")
    desk = Desk(home, note, by)
    cases = desk.found(turn, decided)
    if acts:
        flags: dict[Decision, bool] = {"approved": approve, "rejected": reject}
        chosen = [decision for decision, given in flags.items() if given]
        for line in desk.act(cases[0], chosen, parts or (), order, reasons or (), scenario):
            typer.echo(line)
    elif as_json:
        for case in cases:
            typer.echo(json.dumps(case.as_dict(desk.catalog), ensure_ascii=False))
    elif listed:
        table(cases)
    else:
        Terminal(desk).go_through(cases, sys.stdin.readline)


class Desk:
    """A home's log and catalog, and somebody who decides about turns; what is done is told in lines."""

    def __init__(self, home: Path | None, note: str, by: str) -> None:
        """Open the home. UserError when nobody has talked in it yet."""
        from agent.log import ConversationLog
        from agent.settings import Settings
        from retrieval.index import Index

        self.home = (Settings(home=home) if home else Settings()).home
        path = self.home / "log.sqlite"
        if not path.is_file():
            hint = f"talk first with `python app.py --home {self.home}`"
            raise UserError(f"no conversations yet: {path} is not there; {hint}")
        self.note, self.by = note, by
        self.log: ConversationLog = ConversationLog(path)
        self.catalog: Catalog = Index.open(self.home).catalog

    def found(self, turn: str | None, decided: bool) -> Sequence[Case]:
        """Return the queue, or the one turn that is named. UserError when it is not there."""
        from agent.review import Queue, case_of

        if turn is None:
            return Queue(self.log).cases(decided=decided)
        conversation, _, number = turn.rpartition(":")
        if not conversation or not number.isdecimal():
            raise UserError(f"--turn {turn!r:.80}: write it as CONVERSATION:N, as --list prints it")
        try:
            return [case_of(self.log, conversation, int(number))]
        except ValueError as error:
            raise UserError(f"--turn: {error}") from None

    def act(
        self,
        case: Case,
        chosen: Sequence[Decision],
        parts: Iterable[str],
        order: str,
        reasons: Iterable[str],
        scenario: bool,
    ) -> list[str]:
        """Do what options say with a turn. UserError when it cannot be done."""
        import yaml

        told: list[str] = []
        try:
            corrections: dict[str, Any] = {}
            given = {key: yaml.safe_load(value) for key, value in _pairs(parts, "--set PART=YAML")}
            if given:
                corrections["update"] = {**self.understood(case), **given}
            if order:
                corrections["order"] = items(order, case)
            if told_anew := {items(item, case)[0]: words for item, words in _pairs(reasons, "--reason ITEM=TEXT")}:
                corrections["reasons"] = told_anew
            if len(chosen) + bool(corrections) > 1:
                raise ValueError("a turn is approved, rejected or corrected: give one of these")
            if corrections:
                told += self.correct(case, corrections)
            for decision in chosen:
                told += self.decide(case, decision)
            return told + (self.write(case) if scenario else [])
        except (ValueError, yaml.YAMLError) as error:
            where = f"turn {case.reacted.turn} of {case.reacted.conversation!r}"
            raise UserError(f"{where}: {' '.join(str(error).split())}") from None

    def decide(self, case: Case, decision: Decision, **corrections: Any) -> list[str]:
        """Write a decision into the log. ValueError when it cannot be used."""
        from agent.review import decide, unfounded

        made = decide(self.log, self.catalog, case, decision, note=self.note, person=self.by, **corrections)
        loose = [f"not in the item's data or what was said: {line}" for line in unfounded(case, self.catalog, made)]
        return [f"{decision}", *loose]

    def correct(self, case: Case, parts: Mapping[str, Any]) -> list[str]:
        """Keep a correction, beside what was corrected of the turn before. ValueError when it cannot be used."""
        review = self.fresh(case).review
        names = ("update", "order", "reasons")
        old: dict[str, Any] = {name: getattr(review, name) for name in names} if review else {}
        if order := parts.get("order"):
            old["reasons"] = {item: words for item, words in old.get("reasons", {}).items() if item in order}
        return self.decide(case, "corrected", **{**old, **parts})

    def write(self, case: Case) -> list[str]:
        """Write a scenario. ValueError when nobody has said what is right."""
        from agent.review_scenario import save_scenario

        return [f"scenario: {save_scenario(self.home, self.log, self.catalog, self.fresh(case))}"]

    def fresh(self, case: Case) -> Case:
        """Return a turn with what was decided about it by now."""
        from agent.review import case_of

        return case_of(self.log, case.reacted.conversation, case.reacted.turn)

    def understood(self, case: Case) -> dict[str, Any]:
        """Return what was understood, or what should have been where that was corrected."""
        review = self.fresh(case).review
        corrected = review.update if review else None
        return dict(case.update(self.catalog) if corrected is None else corrected)


def items(said: str, case: Case) -> list[str]:
    """Return the ids of items given by position among what was shown and then the candidates, or by id."""
    choices = case.choices()
    found = []
    for word in said.replace(",", " ").split():
        place = int(word) if word.isdecimal() and word not in choices else 0
        if place > len(choices) or word == "0":
            raise ValueError(f"there is no item {word}")
        found.append(choices[place - 1] if place else word)
    if not found:
        raise ValueError("say which items, best first, as 3 1 2")
    return found


def _pairs(options: Iterable[str], form: str) -> Iterator[tuple[str, str]]:
    for option in options:
        name, sign, value = option.partition("=")
        if not sign:
            raise ValueError(f"{option!r:.80}: write it as {form}")
        yield name.strip(), value


def why(case: Case) -> str:
    """Say why a turn is in the queue."""
    reasons = [SPOKEN.get(complaint.reason, "") for complaint in case.complaints]
    return ", ".join(dict.fromkeys(filter(None, (*(SPOKEN[one] for one in case.why), *reasons)))) or "not in the queue"
