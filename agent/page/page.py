"""Everything behind the page; knows no widgets."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.page.frame import examples_of, hello_html, live_html, side_html
from agent.page.known import known_html, memory_html
from agent.page.markup import Plain, oops_html, wait_html
from agent.page.reviewing import Desk
from agent.page.turns import said_html, turn_html

if TYPE_CHECKING:
    from agent.belief import BeliefUpdate
    from agent.recommender import Recommender
    from agent.settings import Settings


@dataclass(frozen=True)
class View:
    """What the four parts of the page show."""

    side: str
    past: str
    live: str
    known: str
    busy: bool = False


@dataclass
class Running:
    """A turn that is being answered; it ends even when nobody watches any more."""

    said: str
    via: str
    before: Plain = field(default_factory=dict)
    """The belief when the turn began."""
    reply: Plain | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class Page:
    """Everything behind the page; knows no widgets. A conversation belongs to the browser that began it."""

    def __init__(self, settings: Settings) -> None:
        """Serve nothing until `load` is through."""
        self.settings = settings
        self.rec: Recommender | None = None
        self.failure: Exception | None = None
        self.stage = "Getting ready: loading the libraries"
        self.ready = threading.Event()
        self.examples: list[str] = []
        self._running: dict[str, Running] = {}
        self._troubles: dict[str, str] = {}
        """Why the last turn of a conversation failed."""
        self._desk: Desk | None = None
        self._lock = threading.Lock()

    def load(self, tell: Callable[[str], None]) -> None:
        """Open the recommender, telling of long steps; messages sent earlier wait for it."""
        from agent.recommender import Recommender
        from retrieval.catalog import UserError

        def say(stage: str) -> None:
            self.stage = f"Getting ready: {stage[:1].lower()}{stage[1:].rstrip('.')}"
            tell(stage)

        try:
            rec = Recommender.open(self.settings, say, progress=True)
            self.examples = examples_of(rec.catalog)
            self.rec, self.stage = rec, ""
        except UserError as error:
            self.failure = error
        finally:
            self.ready.set()

    def conversation(self, browser: str, wanted: str = "") -> str:
        """Return the wanted conversation if this browser began it, otherwise the name of a new one."""
        mine = _prefix(browser)
        return wanted if wanted.startswith(mine) and len(wanted) <= 100 else mine + secrets.token_hex(6)

    def begin(self, conversation: str, said: str, update: BeliefUpdate | None = None) -> None:
        """Start to answer a message, or a click that means `update`, unless the last one is still being answered."""
        with self._lock:
            if not said.strip() or conversation in self._running:
                return
            self._troubles.pop(conversation, None)
            running = self._running[conversation] = Running(said, "text" if update is None else "chip")
        threading.Thread(target=self._answer, args=(conversation, running, update), daemon=True).start()

    def _answer(self, conversation: str, running: Running, update: BeliefUpdate | None) -> None:
        from retrieval.catalog import UserError

        trouble = "Something went wrong. The terminal in which this page was started says what."
        try:
            self.ready.wait()
            if self.rec is not None and not running.stop.is_set():
                said, running.before = running.said, self.rec.belief(conversation)
                user = _owner(conversation)
                parts = (
                    self.rec.act(conversation, said, update, user)
                    if update
                    else self.rec.stream(conversation, said, user)
                )
                for part in parts:
                    running.reply = part.as_dict()
                    if running.stop.is_set():
                        break
                del parts  # Closes the turn, which finishes with what it has.
            trouble = ""
        except (UserError, ValueError) as error:
            trouble = str(error)
        finally:
            with self._lock:
                self._troubles[conversation] = trouble
                del self._running[conversation]
            running.done.set()

    def stop(self, conversation: str) -> None:
        """End the turn that is being answered with what it has."""
        if running := self._running.get(conversation):
            running.stop.set()

    def click(self, browser: str, conversation: str, sent: Plain) -> tuple[str, str | None]:
        """Do what a button stands for; return the conversation to show and new words for the message box, if any.

        What a browser sends is not trusted: ValueError when it names what is not there.
        """
        do, item, words = (str(sent.get(name, "")) for name in ("do", "item", "words"))
        rec, busy = self.rec, conversation in self._running
        match do:
            case "say":
                self.begin(conversation, str(sent.get("text", "")))
            case "new" | "open":
                return self.conversation(browser, str(sent.get("id", ""))), None
            case _ if rec is None or busy:
                pass
            case "delete" if (other := str(sent.get("id", ""))).startswith(_prefix(browser)):
                rec.delete(other)
                return self.conversation(browser, "" if other == conversation else conversation), None
            case "verdict" | "thumb":
                verdict, user, reason = str(sent.get("verdict")), _owner(conversation), str(sent.get("reason", ""))
                rec.feedback(conversation, int(sent.get("turn", 0)), item or None, verdict, words, user, reason)
            case "forget":
                rec.forget(_owner(conversation), str(sent["entry"]) if "entry" in sent else None)
            case "correct":
                rec.edit(_owner(conversation), str(sent.get("entry")), str(sent.get("kind")))
            case "remember":
                rec.remember(_owner(conversation), sent.get("on") == "1")
            case "more" if item in rec.catalog:
                title = rec.catalog.label(rec.catalog[item])
                self.begin(conversation, f"More like {title}", _like(item, title))
            case "remove":
                self.begin(conversation, f"Removed: {sent.get('label', '')}", _drop(sent))
            case "undo" | "edit" if turns := rec.history(conversation):
                if str(turns[-1]["turn"]) == str(sent.get("number")):
                    rec.undo(conversation)
                    return conversation, turns[-1]["user"] if do == "edit" else None
        return conversation, None

    def notice(self, conversation: str, sent: Plain) -> None:
        """Keep that somebody looked into a card or opened its page, once a card and turn. ValueError where none is."""
        if (rec := self.rec) is None:
            return
        if running := self._running.get(conversation):
            running.done.wait()
        number, item = int(sent.get("turn", 0)), str(sent.get("item", ""))
        seq = next((turn.seq for turn in rec.tools.log.turns(conversation) if turn.turn == number), 0)
        rec.feedback(conversation, number, item, "clicked", user=_owner(conversation), key=f"clicked {seq} {item}")

    def views(self, browser: str, conversation: str) -> Iterator[View]:
        """Yield what to show, again whenever it changes while a turn is being answered, the finished state last."""
        state: object = None
        while (running := self._running.get(conversation)) or not self.ready.is_set():
            now = (running and (running.before, running.reply, running.stop.is_set()), running is None, self.stage)
            if now != state:
                state = now
                yield self._view(browser, conversation, running)
            (running.done if running else self.ready).wait(0.1)
        yield self._view(browser, conversation, None)

    def _view(self, browser: str, conversation: str, running: Running | None) -> View:
        from agent.belief import BeliefState

        rec = self.rec
        trouble = "" if running else str(self.failure or self._troubles.get(conversation, ""))
        if rec is None:
            said = said_html({"via": "text", "user": running.said}) if running else hello_html(())
            wait = oops_html(trouble) if trouble else wait_html(self.stage)
            side = side_html((), conversation, self.settings, "")
            return View(side, "", live_html(conversation, said + wait, 0), "", busy=running is not None)
        turns = rec.history(conversation)
        reply = running.reply if running else None
        plain = (
            rec.belief(conversation)
            if running is None
            else (reply and reply["belief"]) or running.before or (turns and turns[-1]["belief"])
        )
        belief = BeliefState.model_validate(plain or {})
        if running:
            number = turns[-1]["turn"] + 1 if turns else 1
            empty = {"turn": number, "items": (), "question": None, "text": "", "done": False, "action": ""}
            live = {**(reply or empty), "user": running.said, "via": running.via, "feedback": ()}
            drawn = turn_html(live, belief, rec.catalog, stopping=running.stop.is_set())
            turns = [turn for turn in turns if turn["turn"] != live["turn"]]
        elif turns:
            *turns, live = turns
            number = live["turn"]
            drawn = turn_html(live, belief, rec.catalog, last=True)
        else:
            number, drawn = 0, hello_html(self.examples)
        mine = [one for one in rec.conversations() if one["id"].startswith(_prefix(browser))]
        line = f"{len(rec.catalog):,} {rec.catalog.schema.nouns}"
        return View(
            side_html(mine, conversation, self.settings, line, rec.answering(conversation)),
            "".join(turn_html(turn, belief, rec.catalog) for turn in turns),
            live_html(conversation, drawn + (oops_html(trouble) if trouble else ""), number),
            known_html(belief, rec.catalog)
            + (memory_html(rec.profile(_owner(conversation))) if self.settings.profile else ""),
            busy=running is not None,
        )

    def review(self, browser: str, sent: Plain) -> str:
        """Do what a button or a key of the review stands for, and return what it shows then."""
        self.ready.wait()
        if self.rec is None:
            return oops_html(str(self.failure or "The terminal in which this page was started says what went wrong."))
        with self._lock:
            self._desk = self._desk or Desk(self.rec)
        return self._desk.show(sent, _owner(_prefix(browser)))


def _prefix(browser: str) -> str:
    """Return how the names of a browser's conversations begin; its key cannot be told from it."""
    return f"{hashlib.sha256(browser.encode()).hexdigest()[:16]}-"


def _owner(conversation: str) -> str:
    """Return whose profile a conversation adds to: that of the browser which began it."""
    return conversation.partition("-")[0]


def _like(item_id: str, title: str) -> BeliefUpdate:
    from agent.belief import BeliefUpdate, ItemVerdict

    like = ItemVerdict(ref=title, verdict="like_this", item_id=item_id, title=title, words="more like this")
    return BeliefUpdate(intent="similar", items=(like,))


def _drop(sent: Plain) -> BeliefUpdate:
    from agent.belief import BeliefUpdate, Drop

    drop = Drop(attribute=str(sent.get("attribute")), value=sent.get("value"), words="removed")
    return BeliefUpdate(intent="refine", drop=(drop,))
