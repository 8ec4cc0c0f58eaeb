"""Turns to look at in the terminal, one after the other: what each holds, and a key for what is decided."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.review_correction import read_update, update_text
from finetune.reviewing import SPOKEN, Desk, items, why
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.text import Text

    from agent.review import Case

KEYS = ("approve", "reject", "edit", "order", "scenario", "next", "previous", "quit")
"""What can be done with a turn, by word or first letter."""
FEW = 6
"""Candidates that are offered besides what was shown."""
WIDTH = 160
"""Characters of a line of the queue where there is no terminal."""
EDITED = "# What this message alone should have changed. Save, and leave the editor, to keep it.\n"


class Terminal:
    """Shows turns and does what a person types."""

    def __init__(self, desk: Desk) -> None:
        """Decide at `desk`."""
        from rich.console import Console

        self.desk, self.console = desk, Console(highlight=False)

    def go_through(self, cases: Sequence[Case], line: Callable[[], str]) -> None:
        """Show one turn after the other and do what each line says, until `quit`, the last turn or no more input."""
        place = 0
        while place < len(cases):
            case = self.desk.fresh(cases[place])
            self._show(case, place + 1, len(cases))
            moved = self._answered(case, line)
            if moved == 0:
                return
            place = max(0, place + moved)
        self.console.print("That was the last one." if cases else "Nothing to review.")

    def _answered(self, case: Case, line: Callable[[], str]) -> int:
        """Do what is typed about one turn until it is left; return how far to move on, 0 to end."""
        while True:
            self.console.print("> ", end="")
            said = line()
            if not said:
                self.console.print()
                return 0
            try:
                moved = self._do(said.strip().lower(), case, line)
            except (ValueError, UserError) as error:
                self.console.print(_text(str(error)), style="red", soft_wrap=True)
                continue
            if moved is not None:
                return moved

    def _do(self, said: str, case: Case, line: Callable[[], str]) -> int | None:
        """Do what one line says; return how far to move on, 0 to end, None to stay."""
        match next((word for word in KEYS if said and said in (word, word[0])), ""):
            case "approve":
                return self._tell(self.desk.decide(case, "approved"), 1)
            case "reject":
                return self._tell(self.desk.decide(case, "rejected"), 1)
            case "edit":
                return self._tell(self._edit(case))
            case "order":
                self.console.print("Best first, as 3 1 2: ", end="")
                return self._tell(self.desk.correct(case, {"order": items(line(), case)}))
            case "scenario":
                return self._tell(self.desk.write(case))
            case "next":
                return 1
            case "previous":
                return -1
            case "quit":
                return 0
        self.console.print(_text(_keys()), style="dim")
        return None

    def _tell(self, lines: Sequence[str], moved: int | None = None) -> int | None:
        for line in lines:
            self.console.print(_text(f"{line[:1].upper()}{line[1:]}"), style="green", soft_wrap=True)
        return moved

    def _edit(self, case: Case) -> list[str]:
        """Let a person write what should have been understood and told, in their editor."""
        review = self.desk.fresh(case).review
        old = dict(review.reasons) if review else {}
        shown = enumerate(case.reacted.record["shown"], start=1)
        told = {place: str(old.get(card["id"], card["reason"])) for place, card in shown}
        lines = "".join(f"  {place}: {json.dumps(words, ensure_ascii=False)}\n" for place, words in told.items())
        before = EDITED + update_text(self.desk.understood(case)) + (f"reasons:\n{lines}" if told else "")
        after = edited(before)
        if after == before:
            raise ValueError("nothing was changed")
        data = read_update(after)
        written = data.pop("reasons", None) or {}
        if not isinstance(written, dict):
            raise ValueError("reasons: write a line for each item, as `1: It is funny.`")
        new = {items(str(place), case)[0]: str(words) for place, words in written.items() if told.get(place) != words}
        return self.desk.correct(case, {"update": data, "reasons": {**old, **new}})

    def _show(self, case: Case, number: int, of: int) -> None:
        """Print everything about a turn."""
        from rich.padding import Padding

        one, review, write = case.reacted, case.review, self.console.print
        write(_text(f"\n{number} of {of} · {why(case)}"), style="bold")
        when = one.at[:16].replace("T", " ")
        write(_text(f"{one.conversation}:{one.turn} · {when} · answered by {one.version}"), style="dim")
        for complaint in case.complaints:
            if complaint.words:
                write(_text(f"“{complaint.words}”"))
        if one.said:
            write(_text(f"before: {one.said}"), style="dim")
        write(_text(f"\n› {one.text}"), style="bold cyan")
        understood = update_text(self.desk.understood(case)).rstrip().replace("\n", "\n   ")
        write(_text(f"   {understood}\n"))
        wrong = {complaint.item_id: SPOKEN.get(complaint.reason, "") for complaint in case.complaints}
        reasons = review.reasons if review else {}
        for place, card in enumerate(one.record["shown"], start=1):
            mark = f" ({wrong[card['id']]})" if wrong.get(card["id"]) else ""
            write(_text(f"{place}. {card['title']}{mark}"))
            write(Padding(_text(reasons.get(card["id"], card["reason"])), (0, 0, 0, 3)))
        shown = len(one.record["shown"])
        others = enumerate(case.choices()[shown : shown + FEW], start=shown + 1)
        if also := "; ".join(f"{place}. {self._label(item)}" for place, item in others):
            write(_text(f"not shown: {also}"), style="dim")
        write(_text(f"{one.reply}\n"))
        if review:
            order = f", order {', '.join(map(self._label, review.order))}" if review.order else ""
            write(_text(f"{review.decision} by {review.person or 'somebody'}{order}"), style="green")
        write(_text(_keys()), style="dim")

    def _label(self, item: str) -> str:
        catalog = self.desk.catalog
        return catalog.label(catalog[item]) if item in catalog else item


def table(cases: Sequence[Case]) -> None:
    """Print one line a turn."""
    from rich.console import Console
    from rich.table import Table

    found = Table(box=None, pad_edge=False)
    for name in ("turn", "when", "why", "decided", "text"):
        found.add_column(name, no_wrap=name in ("turn", "when"))
    for case in cases:
        one = case.reacted
        cells = (f"{one.conversation}:{one.turn}", one.at[:16].replace("T", " "), why(case))
        found.add_row(*map(_text, (*cells, case.review.decision if case.review else "", one.text)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print(found if cases else "Nothing to review.")


def edited(text: str) -> str:
    """Return `text` as a person leaves it in $VISUAL or $EDITOR. UserError when the editor fails."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="tastemaker-") as folder:
        path = Path(folder, "correction.yaml")
        path.write_text(text, "utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            raise UserError(f"the editor {editor!r} did not work ({error}): set EDITOR, or use --set") from None
        return path.read_text("utf-8")


def _keys() -> str:
    return "  ".join(f"[{word[0]}]{word[1:]}" for word in KEYS)


def _text(text: str) -> Text:
    """Return text of a person or a catalog as the terminal may print it: no markup, nothing that steers it."""
    from rich.text import Text

    return Text("".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text))
