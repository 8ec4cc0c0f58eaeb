"""What the agent says: plain sentences made of the catalog's facts and the belief, never of the model's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.belief import BeliefState, BeliefUpdate, ItemVerdict, Limit
from agent.telling import Telling
from agent.wording import listed, said, summary
from retrieval.catalog import Catalog, Item, fold

_PLURAL = frozenset({"them", "these", "those", "they", "which", "each", "any", "all"})
"""Words that mean the whole list rather than the item spoken of last."""
_THANKS = frozenset({"thanks", "thank", "thx", "cheers", "ty"})
_BYE = frozenset({"bye", "goodbye", "goodnight", "farewell"})
_HELLO = frozenset({"hello", "hi", "hey", "morning", "evening", "afternoon"})


class Answers:
    """Replies about one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        """Speak of the items of `catalog` in the words of its schema."""
        self.catalog, self.schema, self.telling = catalog, catalog.schema, Telling(catalog)

    def introduce(
        self, belief: BeliefState, update: BeliefUpdate, slate: Sequence[Item], shown_before: int, wanted: int
    ) -> str:
        """Introduce a list: what was heard, what the list is, and whether this is all."""
        wish = summary(belief, self.schema)
        one = len(slate) == 1
        noun = self.schema.noun if one else self.schema.nouns
        about = f" for “{wish}”" if wish else ""
        like = [self._label(item) for item in update_ids(update, "like_this")]
        if update.intent == "search" and update.targets:
            line = f"Yes, {listed([self.catalog.label(item) for item in slate])} is in this catalog."
        elif shown_before >= len(slate):
            line = f"Nothing new is left{about}; you saw {'this one' if one else 'these'} before."
        elif len(slate) < wanted or shown_before:
            rest = f"the last {shown_before} you saw before" if shown_before else "that is all"
            line = f"Only {len(slate)} {noun} {'fits' if one else 'fit'}{about.replace(' for', '', 1)}; {rest}."
        elif like:
            line = f"Here {'is' if one else 'are'} {len(slate)} {noun} like {listed(like)}{about}."
        else:
            line = f"Here {'is' if one else 'are'} {len(slate)} {noun}{about}."
        return " ".join(part for part in (self._heard(update), line) if part)

    def nothing_fits(self, belief: BeliefState, update: BeliefUpdate, decision: Mapping[str, Any]) -> str:
        """Say that nothing fits and name the limits that are in the way."""
        return " ".join(part for part in (self._heard(update), self._in_the_way(belief, update, decision)) if part)

    def _in_the_way(self, belief: BeliefState, update: BeliefUpdate, decision: Mapping[str, Any]) -> str:
        noun, nouns = self.schema.noun, self.schema.nouns
        if update.intent == "search" and update.targets:
            return " ".join(self._why_not(item, belief) for item in update.targets if item in self.catalog)
        impossible = [said(Limit.model_validate(limit), self.schema) for limit in decision.get("impossible", ())]
        blocking = [said(Limit.model_validate(limit), self.schema) for limit in decision.get("blocking", ())]
        wish = summary(belief, self.schema)
        if impossible:
            return f"No {noun} here has {listed(impossible, 'or')}."
        if decision.get("used_up"):
            return f"You have been through every {noun} that fits “{wish}”."
        if not belief.constraints:
            return f"There are no {nouns} left that you have not turned down or seen."
        if blocking:
            together = " together rule" if len(blocking) > 1 else " rules"
            return f"Nothing fits “{wish}”: {listed(blocking)}{together} everything out."
        return f"Nothing fits “{wish}”; no single one of these limits is to blame."

    def _why_not(self, item_id: str, belief: BeliefState) -> str:
        label, item = self._label(item_id), self.catalog[item_id]
        broken = [said(limit, self.schema) for limit in belief.constraints if not limit.constraint.allows(item)]
        if broken:
            return f"{label} is here, but you asked for {listed(broken)}."
        if item_id in belief.excluded():
            verdict = next(entry.verdict for entry in reversed(belief.items) if entry.item_id == item_id)
            return f"{label} is here, but {_VERDICT_WORDS.get(verdict, 'you named it before')}."
        return f"{label} is here."

    def answer(self, text: str, belief: BeliefState, update: BeliefUpdate, action: str) -> str:
        """Answer a question, a comparison, a why, or small talk."""
        heard = self._heard(update)
        if action == "chat":
            return heard or self._small_talk(text)
        named = [item for item in update.targets if item in self.catalog]
        judged = {entry.item_id for entry in update.items}
        targets = [self.catalog[item] for item in named if item not in judged] or [self.catalog[i] for i in named]
        latest = [self.catalog[entry.item_id] for entry in belief.last_shown() if entry.item_id in self.catalog]
        if not targets and self._unknown(update.items):
            return heard
        whole = action == "compare" or _PLURAL & set(fold(text).split())
        spoken = [] if whole else [item for item in belief.focus if item in self.catalog and item not in judged]
        items = targets or [self.catalog[item] for item in spoken]
        items = items or [item for item in latest if item.id not in judged] or latest
        if not items:
            return f"{heard} Which {self.schema.noun} do you mean? Nothing has been shown yet.".strip()
        if action == "explain":
            line = " ".join(self.telling.why(item, belief) for item in items)
        elif action == "compare":
            others = [item for item in latest if item not in items] if len(items) < 2 else []
            line = self.telling.compare(text, [*items, *others])
        else:
            line = self.telling.tell(text, items)
        return f"{heard} {line}".strip()

    def _small_talk(self, text: str) -> str:
        words = {word.strip(".,!?") for word in fold(text).split()}
        if words & _THANKS:
            return "You are welcome."
        if words & _BYE:
            return "Until next time."
        invite = f"Tell me what you feel like, or name a {self.schema.noun} you love."
        return f"Hello! {invite}" if words & _HELLO else invite if not words else f"I hear you. {invite}"

    def _heard(self, update: BeliefUpdate) -> str:
        """Acknowledge verdicts and say which titles are not in the catalog."""
        lines: list[str] = []
        for verdict, wording in _ACKNOWLEDGED.items():
            titles = [self._label(i) for i in update_ids(update, verdict) if i in self.catalog]
            if titles:
                lines.append(wording.format(listed(titles)))
        return " ".join((*lines, *self._unknown(update.items)))

    def _unknown(self, items: Sequence[ItemVerdict]) -> list[str]:
        refs = dict.fromkeys(entry.ref for entry in items if entry.item_id is None and not entry.ref.startswith("#"))
        return [f"“{ref}” is not in this catalog." for ref in refs]

    def _label(self, item_id: str) -> str:
        return self.catalog.label(self.catalog[item_id]) if item_id in self.catalog else item_id


_ACKNOWLEDGED: dict[Any, str] = {
    "accepted": "{} it is.",
    "liked": "Noted: you liked {}.",
    "disliked": "Noted: {} was not for you.",
    "rejected": "No {} then.",
    "seen": "You have seen {}.",
}
_VERDICT_WORDS: dict[str, str] = {
    "seen": "you have seen it",
    "rejected": "you turned it down",
    "disliked": "you did not like it",
    "accepted": "you chose it before",
}


def update_ids(update: BeliefUpdate, verdict: str) -> list[str]:
    """Return the ids of the items that got `verdict` in this update."""
    return list(dict.fromkeys(e.item_id for e in update.items if e.item_id and e.verdict == verdict))
