"""What the agent says: plain sentences made of the catalog's facts and the belief, never of the model's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.belief import BeliefState, BeliefUpdate, Limit
from agent.explaining import Recorded, why, why_not
from agent.notes import Notes
from agent.revising import revised
from agent.small_talk import count_asked, greeting_to, reply_to
from agent.telling import Telling
from agent.variety import nothing_wanted
from agent.wording import counted, listed, said, summary
from retrieval.catalog import Catalog, Item, fold

_PLURAL = frozenset({"them", "these", "those", "they", "which", "each", "any", "all"})
"""Words that mean the whole list rather than the item spoken of last."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and what it did to the belief."""

    belief: BeliefState
    """The belief after it."""
    update: BeliefUpdate
    text: str = ""
    before: BeliefState = field(default_factory=BeliefState)
    remembered: bool = False
    """Whether the list goes by what was said in earlier conversations, where this one wants nothing yet."""


class Answers:
    """Replies about one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        """Speak of the items of `catalog` in the words of its schema."""
        self.catalog, self.schema = catalog, catalog.schema
        self.notes = Notes(catalog)
        self.telling = Telling(self.notes)

    def introduce(self, heard: Heard, slate: Sequence[Item], shown_before: int, wanted: int) -> str:
        """Introduce a list: what was heard, what the list is, and whether this is all."""
        greeting = "" if heard.belief.shown else greeting_to(heard.text)
        line = self._list(heard, slate, shown_before, wanted)
        return _joined(greeting, self._acknowledged(heard), line)

    def _list(self, heard: Heard, slate: Sequence[Item], shown_before: int, wanted: int) -> str:
        belief, update = heard.belief, heard.update
        wish = summary(belief, self.schema)
        one = len(slate) == 1
        about = f" for “{wish}”" if wish else ""
        like = [self._label(item) for verdict in ("like_this", "liked") for item in update_ids(update, verdict)]
        here = f"Here {'is' if one else 'are'} {counted(len(slate), self.schema)}"
        if update.intent == "search" and update.targets:
            found = (
                f"Yes, {listed([self.notes.label(item) for item in slate])} {'is' if one else 'are'} in this catalog."
            )
            return _joined(found, self._namesakes(slate, slate))
        if shown_before >= len(slate):
            return f"Nothing new is left{about}; you saw {'this one' if one else 'these'} before."
        if len(slate) < wanted or shown_before:
            rest = f"the last {shown_before} you saw before" if shown_before else "that is all"
            fits = f"{counted(len(slate), self.schema)} {'fits' if one else 'fit'}"
            return f"Only {fits}{about.replace(' for', '', 1)}; {rest}."
        if like:
            return f"{here} like {listed(like)}{about}."
        if update.intent == "search" and nothing_wanted(belief):
            return f"{here} that come closest to your words."
        if nothing_wanted(belief) and heard.remembered:
            return f"{here} that go with what you told me before."
        if nothing_wanted(belief):
            return f"{here} of different kinds to choose from{about}."
        return f"{here}{about}."

    def nothing_fits(self, heard: Heard, decision: Mapping[str, Any]) -> str:
        """Say that nothing fits and name the limits that are in the way."""
        return _joined(self._acknowledged(heard), self._in_the_way(heard, decision))

    def _in_the_way(self, heard: Heard, decision: Mapping[str, Any]) -> str:
        noun, nouns = self.schema.noun, self.schema.nouns
        named = [self.catalog[item] for item in heard.update.targets if item in self.catalog]
        if heard.update.intent == "search" and named:
            return " ".join(why_not(item, heard.belief, self.notes) for item in named)
        impossible = [said(Limit.model_validate(limit), self.schema) for limit in decision.get("impossible", ())]
        blocking = [said(Limit.model_validate(limit), self.schema) for limit in decision.get("blocking", ())]
        wish = summary(heard.belief, self.schema)
        if impossible:
            return f"No {noun} here meets {listed([f'“{limit}”' for limit in impossible], 'or')}."
        if decision.get("used_up"):
            return f"You have been through every {noun} that fits “{wish}”."
        if not heard.belief.constraints:
            return f"There are no {nouns} left that you have not turned down or seen."
        if blocking:
            together = " together rule" if len(blocking) > 1 else " rules"
            return f"Nothing fits “{wish}”: {listed(blocking)}{together} everything out."
        return f"Nothing fits “{wish}”; no single one of these limits is to blame."

    def answer(self, heard: Heard, action: str, recorded: Mapping[str, Recorded] | None = None) -> str:
        """Answer a question, a comparison, a why, or small talk.

        `recorded` holds the latest recommendation of each item by its id; only a why needs it.
        """
        opening = self._acknowledged(heard)
        if action == "chat":
            return opening or reply_to(heard.text, self.catalog, bool(heard.belief.shown))
        if action == "ask" and not heard.update.targets and (count := count_asked(heard.text, self.catalog)):
            return _joined(opening, count)
        items = self._meant(heard, action)
        if items is None:
            return opening
        if not items:
            return _joined(opening, self._nothing_meant(heard, action))
        if action == "explain":
            line = " ".join(self._explained(item, heard.belief, (recorded or {}).get(item.id)) for item in items)
        elif action == "compare":
            line = self.telling.compare(heard.text, items)
        else:
            line = self.telling.tell(heard.text, items)
        return _joined(
            opening, line, self._namesakes([item for item in items if item.id in heard.update.targets], items)
        )

    def _meant(self, heard: Heard, action: str) -> list[Item] | None:
        """Return the items that a question is about; None when it is about a title that is not here.

        Those named; else those spoken of last; else the latest list, without what was judged in the same message.
        """
        belief, judged = heard.belief, {entry.item_id for entry in heard.update.items}
        targets = [item for item in heard.update.targets if item in self.catalog]
        latest = [line.item_id for line in belief.last_shown() if line.item_id in self.catalog]
        if not targets and self._unknown(heard.update):
            return None
        whole = action == "compare" or _PLURAL & set(fold(heard.text).split())
        focus = [] if whole else [item for item in belief.focus if item in self.catalog and item not in judged]
        named = [item for item in targets if item not in judged] or targets or focus
        meant = named or [item for item in latest if item not in judged] or latest
        items = [self.catalog[item] for item in meant]
        if action == "compare" and len(items) == 1:
            others = [self.catalog[item] for item in latest if item not in meant]
            items += others or self.notes.namesakes(items[0])
        return items

    def _nothing_meant(self, heard: Heard, action: str) -> str:
        asked = self.telling.questions.read(heard.text, ())
        if action == "ask" and not (asked.attributes or asked.values or asked.text):
            return reply_to(heard.text, self.catalog, False)
        return f"Which {self.schema.noun} do you mean? Nothing has been shown yet."

    def _explained(self, item: Item, belief: BeliefState, recorded: Recorded | None) -> str:
        if recorded or any(line.item_id == item.id for line in belief.shown):
            return why(item, belief, recorded, self.notes)
        return why_not(item, belief, self.notes)

    def _acknowledged(self, heard: Heard) -> str:
        """Say what was overruled and taken in of items, and which titles are not in the catalog."""
        lines = [revised(heard.before, heard.belief, heard.update, self.schema)]
        for verdict, wording in _ACKNOWLEDGED.items():
            titles = [self._label(i) for i in update_ids(heard.update, verdict) if i in self.catalog]
            if titles:
                lines.append(wording.format(listed(titles)))
        return _joined(*lines, *self._unknown(heard.update))

    def _unknown(self, update: BeliefUpdate) -> list[str]:
        judged = [entry.ref for entry in update.items if entry.item_id is None and not entry.ref.startswith("#")]
        refs = dict.fromkeys((*judged, *update.unknown))
        return [f"“{ref}” is not in this catalog." for ref in refs]

    def _namesakes(self, named: Sequence[Item], spoken_of: Sequence[Item]) -> str:
        """Name the other items with the title of one that was named, so that a wrong guess is seen."""
        others = [other for item in named for other in self.notes.namesakes(item) if other not in spoken_of]
        return f"There is also {listed([self.notes.label(item) for item in others])}." if others else ""

    def _label(self, item_id: str) -> str:
        return self.catalog.label(self.catalog[item_id]) if item_id in self.catalog else item_id


_ACKNOWLEDGED: dict[Any, str] = {
    "accepted": "{} it is.",
    "liked": "Noted: you liked {}.",
    "disliked": "Noted: {} was not for you.",
    "rejected": "No {} then.",
    "seen": "You have seen {}.",
}


def update_ids(update: BeliefUpdate, verdict: str) -> list[str]:
    """Return the ids of the items that got `verdict` in this update."""
    return list(dict.fromkeys(e.item_id for e in update.items if e.item_id and e.verdict == verdict))


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
