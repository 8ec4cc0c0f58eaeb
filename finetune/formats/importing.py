"""Other people's conversations -> dialogues of our own format, understood by our own recommender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from agent.belief import BeliefState
from agent.reactions import BAD, GOOD
from agent.recommender import LONGEST_TEXT
from agent.transcripts import belief_from_turns, resolve_ref
from finetune.formats.naming import known, names, titled
from finetune.formats.talks import Said, Talk, spoken, written

if TYPE_CHECKING:
    from agent.recommender import Recommender

Turn = dict[str, Any]


@dataclass(frozen=True)
class Imported:
    """One conversation as a dialogue, and what became of the titles in it."""

    dialogue: Mapping[str, Any]
    repeated: int = 0
    """Times that the assistant spoke of what the person had named before."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Title that the catalog lacks -> how often the assistant named it."""

    @property
    def turns(self) -> int:
        """How many turns it has."""
        return len(self.dialogue["turns"])

    @property
    def shown(self) -> int:
        """How many items of the catalog were shown in it."""
        return sum(len(turn["shown"]) for turn in self.dialogue["turns"])


def imported(talk: Talk, rec: Recommender) -> Imported | None:
    """Return a conversation as a dialogue; None when nobody asks anything in it.

    Messages of the person in a row are one. What the assistant says before it was asked is kept as `opening`, beside
    the turns. Verdicts that were asked for afterwards become a last turn without words.
    """
    heard = _Heard(rec)
    for role, group in groupby(spoken(talk.said), key=lambda one: one.role):
        (heard.person if role == "user" else heard.assistant)(list(group))
    if not heard.turns:
        return None
    labels = ((heard.label(item), verdict) for title, verdict in talk.verdicts if (item := known(title, rec.catalog)))
    items = [{"ref": label, "verdict": verdict} for label, verdict in dict.fromkeys(labels)]
    last = [_reaction(items)] if items else []
    opening = {"opening": heard.opening["reply"]} if heard.opening else {}
    dialogue = {"id": talk.id, "split": "train", **opening, "turns": [*heard.turns, *last]}
    return Imported(dialogue, heard.repeated, dict(heard.missing))


class _Heard:
    """What has been heard of one conversation; each message is understood in the context of those before it."""

    def __init__(self, rec: Recommender) -> None:
        self.turns: list[Turn] = []
        self.opening: Turn | None = None
        self.repeated = 0
        self.missing: Counter[str] = Counter()
        self._rec, self._catalog = rec, rec.catalog
        self._named: frozenset[str] = frozenset()

    def person(self, messages: Sequence[Said]) -> None:
        """Begin a turn with what the person says."""
        text = " ".join(one.text.replace("\n", " ") for one in messages)[:LONGEST_TEXT]
        belief = self._belief()
        update = self._understood(text, belief)
        self.turns.append({"user": text, "update": update, "shown": [], "reply": ""})
        marked = [title for one in messages for title in one.titles or ()]
        judged = [entry["ref"] for entry in update.get("items", ())]
        own = {item for title in (*marked, *judged) if (item := known(title, self._catalog))}
        self._named |= own.union(titled(text, belief, self._rec.linker)[0])

    def assistant(self, messages: Sequence[Said]) -> None:
        """Enter what the assistant says and shows into the turn, or keep it as the opening."""
        if not self.turns:
            self.opening = self._answered({"user": "", "update": {}, "shown": [], "reply": ""}, messages)
            self.opening["reply"] = " ".join(one.text.replace("\n", " ") for one in messages)
            return
        turn = self._answered(self.turns[-1], messages)
        self.turns[-1] = turn
        for one in messages:
            if one.rating:
                reaction = self._of_items(one)
                if reaction is None:
                    turn["thumb"] = "up" if one.rating > 0 else "down"
                else:
                    self.turns.append(reaction)

    def label(self, item_id: str) -> str:
        """Return what an item is called in dialogues."""
        return self._catalog.label(self._catalog[item_id])

    def _answered(self, turn: Turn, messages: Sequence[Said]) -> Turn:
        """Return a turn with the answers to it."""
        shown: dict[str, str] = {}
        replies = []
        belief = self._belief()
        for one in messages:
            named = names(one, belief, self._named, self._rec.linker)
            shown |= {item: shown.get(item) or reason for item, reason in named.shown.items()}
            replies.append(named.rest)
            if self.turns:
                self.repeated += len(named.repeated)
                self.missing.update(named.missing)
        cards = [{"title": self.label(item), "reason": reason} for item, reason in shown.items()]
        return {**turn, "shown": cards, "reply": " ".join(filter(None, replies))}

    def _of_items(self, message: Said) -> Turn | None:
        """Return the words that came with a rating as a turn, None when they say nothing of any item.

        Where the rating says otherwise than what was understood, it is right; `seen` says neither.
        """
        words = written(message.comment).replace("\n", " ")[:LONGEST_TEXT]
        if not words:
            return None
        belief = self._belief()
        verdict, against = ("liked", BAD) if message.rating > 0 else ("disliked", GOOD)
        judged = {one["ref"]: one["verdict"] for one in self._understood(words, belief).get("items", ())}
        said = {ref: verdict if kind in against else kind for ref, kind in judged.items()}
        about = {self.label(item): verdict for item in titled(words, belief, self._rec.linker)[0]}
        items = [{"ref": ref, "verdict": kind} for ref, kind in (about | said).items()]
        return _reaction(items, words) if items else None

    def _understood(self, text: str, belief: BeliefState) -> dict[str, Any]:
        """Return what a message changes; whatever it calls an item, the item's label stands for it."""
        update = self._rec.understand(self._context(), text)
        if "items" in update:
            found = [(self._item(one["ref"], belief), one) for one in update["items"] if one["ref"]]
            update["items"] = [{**one, "ref": self.label(item) if item else one["ref"]} for item, one in found]
        return update

    def _item(self, ref: str, belief: BeliefState) -> str | None:
        return resolve_ref(ref, self._catalog, belief) or known(ref, self._catalog)

    def _context(self) -> list[Turn]:
        return [*([self.opening] if self.opening else []), *self.turns]

    def _belief(self) -> BeliefState:
        return belief_from_turns(self._context(), self._catalog)


def _reaction(items: Sequence[Mapping[str, str]], words: str = "") -> Turn:
    return {"user": words, "update": {"intent": "feedback", "items": list(items)}, "shown": [], "reply": ""}
