"""What the agent says: plain sentences made of the catalog's facts and the belief, never of the model's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.asked import Asked, asked_about
from agent.belief import BeliefState, BeliefUpdate, ItemVerdict, Limit
from agent.wording import listed, number, said, summary
from retrieval.catalog import Catalog, Item, fold

SHORT_TEXT = 400
"""Characters of a description that an answer quotes."""
_THANKS = frozenset({"thanks", "thank", "thx", "cheers", "ty"})
_BYE = frozenset({"bye", "goodbye", "night", "goodnight"})
_HELLO = frozenset({"hello", "hi", "hey", "morning", "evening", "afternoon"})


class Answers:
    """Replies about one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        """Speak of the items of `catalog` in the words of its schema."""
        self.catalog, self.schema = catalog, catalog.schema

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
            line = f"Only {len(slate)} {noun} {'fits' if one else 'fit'}{about}; that is all."
            if shown_before:
                line = f"Only {len(slate)} {noun} fit{about}; the last {shown_before} you saw before."
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
            return f"Nothing fits “{wish}”: {listed(blocking, 'or')} rules everything out."
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
        unknown = self._unknown(update.items)
        targets = [self.catalog[item] for item in update.targets if item in self.catalog]
        latest = [self.catalog[entry.item_id] for entry in belief.last_shown() if entry.item_id in self.catalog]
        heard = self._heard(update)
        if action == "chat":
            return heard or self._small_talk(text, update)
        if unknown and not targets:
            return heard
        items = targets or latest
        if not items:
            return f"{heard} Which {self.schema.noun} do you mean? Nothing has been shown yet.".strip()
        if action == "explain":
            line = " ".join(self._why(item, belief) for item in items)
        elif action == "compare":
            line = self._compare(text, items if len(items) > 1 else [*items, *(i for i in latest if i not in items)])
        else:
            line = self._tell(text, items)
        return f"{heard} {line}".strip()

    def _tell(self, text: str, items: Sequence[Item]) -> str:
        asked = asked_about(text, self.catalog)
        return " ".join(self._tell_one(item, asked) for item in items)

    def _tell_one(self, item: Item, asked: Asked) -> str:
        label = self.catalog.label(item)
        parts = []
        for attribute, value in asked.values:
            values = item.values(attribute)
            name = self._name(attribute, 2)
            if fold(value) in map(fold, values):
                parts.append(f"yes, {value} is among its {name}")
            else:
                noted = f"; its {name}: {listed(values)}" if values else ""
                parts.append(f"{value} is not in my notes{noted}")
        for attribute in asked.attributes:
            values = item.values(attribute)
            column = self.schema.column(attribute)
            unit = f" {column.unit}" if column and column.unit not in ("", "year") else ""
            name = self._name(attribute, len(values))
            parts.append(f"{name} {listed(values)}{unit}" if values else f"its {name} is not in my notes")
        if asked.text or not parts:
            parts.append(_shortened(item.text) if item.text else "I have no description of it")
        return f"{label}: {'; '.join(parts)}".rstrip(".") + "."

    def _compare(self, text: str, items: Sequence[Item]) -> str:
        """Say on which facts the items differ; first those that were asked about."""
        asked = asked_about(text, self.catalog)
        attributes = list(asked.attributes) or [attribute for attribute, _ in asked.values]
        if not attributes:
            attributes = [
                column.name
                for column in self.schema.with_role("facet", "number", "date")
                if len({item.values(column.name) for item in items}) > 1
            ]
        lines = []
        for attribute, value in asked.values:
            having = [item for item in items if fold(value) in map(fold, item.values(attribute))]
            which = listed([self.catalog.label(item) for item in having]) or "None of them"
            lines.append(f"{which} {'has' if len(having) < 2 else 'have'} {value} ({self._name(attribute, 1)}).")
        if asked.values and not asked.attributes:
            return " ".join(lines)
        for item in items:
            facts = []
            for attribute in attributes[:5]:
                column, values = self.schema.column(attribute), item.values(attribute)
                unit = f" {column.unit}" if column and column.unit not in ("", "year") else ""
                if values:
                    facts.append(f"{self._name(attribute, len(values))} {listed(values[:3])}{unit}")
            lines.append(f"{self.catalog.label(item)}: {'; '.join(facts) or 'nothing to compare in my notes'}.")
        return " ".join(lines)

    def _why(self, item: Item, belief: BeliefState) -> str:
        """Name the entries of the belief that the item matches, with the words they came from."""
        matched = []
        for limit in belief.constraints:
            if limit.constraint.allows(item):
                matched.append(_quoted(said(limit, self.schema), limit.words, item.values(limit.attribute), limit.op))
        for wish in belief.preferences:
            if wish.weight > 0 and fold(str(wish.value)) in map(fold, item.values(wish.attribute)):
                matched.append(_quoted(said(wish, self.schema), wish.words, (), "is"))
        for example in belief.with_verdict("like_this", "liked"):
            shared = self._shared(item, example)
            if example != item.id and shared:
                matched.append(f"{self._label(example)}, with which it shares {listed(shared)}")
        label = self.catalog.label(item)
        if not matched:
            return f"{label}: nothing you said singles it out; it is among the best known {self.schema.nouns} that fit."
        return f"{label}: you asked for {listed(matched)}."

    def _shared(self, item: Item, example: str) -> list[str]:
        if example not in self.catalog:
            return []
        shared: list[str] = []
        for column in self.schema.with_role("facet"):
            common = self.catalog.vocabulary[column.name]
            theirs = self.catalog[example].values(column.name)
            shared += [v for v in item.values(column.name) if v in theirs and common[v] < len(self.catalog) / 4]
        return shared[:3]

    def _small_talk(self, text: str, update: BeliefUpdate) -> str:
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

    def _name(self, attribute: str, count: int) -> str:
        column = self.schema.column(attribute)
        return column.singular if column and column.singular and count == 1 else attribute


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


def _quoted(wish: str, words: str, values: Sequence[str], op: str) -> str:
    told = f"{wish} (“{words}”)" if words and fold(words) != fold(wish) else wish
    bound = op in ("at_least", "at_most") and values
    return f"{told}; it is {number(values[0])}" if bound else told


def _shortened(text: str) -> str:
    return text if len(text) <= SHORT_TEXT else text[:SHORT_TEXT].rsplit(" ", 1)[0] + "…"
