"""What the catalog says about items: answers to questions, comparisons, and why an item was shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.asked import LESS, Asked, Questions
from agent.belief import BeliefState, Limit, Preference
from agent.wording import listed, said
from retrieval.catalog import Catalog, Column, Item, fold

LONGEST_TEXT = 400
"""Characters of a description that an answer quotes."""
MOST_VALUES = 5
WELL_KNOWN = 0.8
"""Popularity percentile from which an item is said to be well known."""
MOST_FACTS = 4
"""Attributes on which a comparison names the difference."""


class Telling:
    """Sentences about the items of one catalog, made of its facts alone."""

    def __init__(self, catalog: Catalog) -> None:
        """Speak in the words of `catalog` and its schema."""
        self.catalog, self.schema, self.questions = catalog, catalog.schema, Questions(catalog)

    def tell(self, text: str, items: Sequence[Item]) -> str:
        """Answer the question `text` about each of `items`."""
        asked = self.questions.read(text, items)
        return " ".join(f"{self.catalog.label(item)}: {'; '.join(self._facts(item, asked))}." for item in items)

    def _facts(self, item: Item, asked: Asked) -> Iterator[str]:
        if asked.values:
            yield self._whether(item, asked.values)
        for attribute in asked.attributes:
            fact = self._fact(item, attribute)
            yield fact or f"its {self._name(attribute, 1)} is not in my notes"
        if not asked.values and not asked.attributes:
            if asked.yes_no:
                yield f"my notes do not say; what they have is {'; '.join(self._plain_facts(item))}"
            yield _shortened(item.text) or "I have no description of it"

    def _whether(self, item: Item, values: Sequence[tuple[str, str]]) -> str:
        """Say which of the (attribute, value) pairs hold; a value also counts inside a longer one."""
        pairs = [(own, self._name(name, 1)) for name, value in values for own in _within(value, item.values(name))]
        found = [f"{value} ({name})" for value, name in pairs]
        if found:
            return f"yes, {listed(list(dict.fromkeys(found)))}"
        named = [value for _, value in values if fold(value) in fold(item.text)]
        if named:
            return f"its description names {named[0]}: {_shortened(item.text)}"
        fact = self._fact(item, values[0][0])
        return f"{values[0][1]} is not in my notes{f'; {fact}' if fact else ''}"

    def compare(self, text: str, items: Sequence[Item]) -> str:
        """Say how `items` differ in what `text` asks about, or, when it names nothing, in what sets them apart."""
        asked = self.questions.read(text, items)
        lines = [self._ordered(items, column, asked.order) for column in self._numbers(asked)]
        for attribute in dict.fromkeys(attribute for attribute, _ in asked.values):
            values = [value for name, value in asked.values if name == attribute]
            lines.append(self._having(items, attribute, values, asked.order == LESS))
        numbers = {column.name for column in self._numbers(asked)}
        facts = [name for name in asked.attributes if name not in numbers]
        if facts or not lines:
            columns = facts or self._differing(items)
            for item in items:
                known = [fact for name in columns if (fact := self._fact(item, name))]
                lines.append(f"{self.catalog.label(item)}: {'; '.join(known) or 'nothing in my notes'}.")
        return " ".join(lines)

    def _numbers(self, asked: Asked) -> list[Column]:
        return [column for column in self.schema.with_role("number") if column.name in asked.attributes]

    def _ordered(self, items: Sequence[Item], column: Column, order: int) -> str:
        """Write the items in the order of a number: the one asked for first."""
        known = [(number, item) for item in items if (number := item.number(column.name)) is not None]
        known.sort(key=lambda pair: pair[0], reverse=order >= 0)
        parts = [f"{item.title} ({_with_unit(f'{number:g}', column)})" for number, item in known]
        unknown = [item.title for item in items if item.number(column.name) is None]
        name = self._name(column.name, 1)
        rest = [f"the {name} of {listed(unknown)} is not in my notes"] if unknown else []
        return f"By {name}: {'; '.join([', then '.join(parts)] * bool(parts) + rest)}."

    def _having(self, items: Sequence[Item], attribute: str, values: Sequence[str], lacking: bool) -> str:
        having = [item for item in items if any(_within(value, item.values(attribute)) for value in values)]
        without = [item for item in items if item not in having]
        name = f"{values[0]} ({self._name(attribute, 1)})"
        others = "; ".join(f"{item.title}: {fact}" for item in items if (fact := self._fact(item, attribute)))
        if not having:
            return f"My notes list none of them with {name}. {others}.".replace(" .", "")
        if not without:
            return f"My notes list all of them with {name}. {others}."
        chosen = without if lacking else having
        return f"{listed([item.title for item in chosen])} {'is' if len(chosen) == 1 else 'are'} listed " + (
            f"without {name}." if lacking else f"with {name}; {listed([item.title for item in without])} without."
        )

    def _differing(self, items: Sequence[Item]) -> list[str]:
        """Return the attributes on which the items differ: the telling facets, then the numbers."""
        numbers = [column for column in self.schema.with_role("number") if column.unit != "year"]
        facets = [column for column in self._telling() if len({item.values(column.name) for item in items}) > 1]
        return [column.name for column in (*facets[: MOST_FACTS - 1], *numbers[:1])]

    def why(self, item: Item, belief: BeliefState) -> str:
        """Name what was said that the item matches, in the person's own words."""
        label = self.catalog.label(item)
        matched = [_heard(limit, self._detail(limit, item)) for limit in belief.constraints if self._meets(limit, item)]
        matched += [_heard(wish, str(wish.value)) for wish in belief.preferences if _suits(wish, item)]
        without = [str(limit.value) for limit in belief.constraints if limit.op == "is_not"]
        free = [f"“{wish.value}”" for wish in belief.preferences if wish.attribute == "text" and wish.weight > 0]
        parts = [f"you asked for {listed(list(dict.fromkeys(matched)))}"] if matched else []
        parts += [f"it is without {listed(without, 'or')}, as you asked"] if without else []
        parts += [f"it came up for your words {listed(free)}"] if free else []
        for example in belief.with_verdict("like_this", "liked"):
            shared = self._shared(item, example)
            if shared:
                parts.append(f"it shares {listed(shared)} with {self.catalog.label(self.catalog[example])}")
        if not parts:
            known = f"; it is one of the best known {self.schema.nouns}" if item.popularity > WELL_KNOWN else ""
            return f"{label}: you named nothing that singles it out{known}."
        return f"{label}: {'; '.join(parts)}."

    def _meets(self, limit: Limit, item: Item) -> bool:
        return limit.op != "is_not" and limit.constraint.allows(item)

    def _detail(self, limit: Limit, item: Item) -> str:
        """Return the fact that meets a limit: the value, or the item's own number for a bound."""
        if limit.op not in ("at_least", "at_most"):
            return said(limit, self.schema)
        return self._fact(item, limit.attribute)

    def _shared(self, item: Item, example: str) -> list[str]:
        if example not in self.catalog or example == item.id:
            return []
        shared: list[str] = []
        for column in self.schema.with_role("facet"):
            counts = self.catalog.vocabulary[column.name]
            theirs = self.catalog[example].values(column.name)
            shared += [v for v in item.values(column.name) if v in theirs and counts[v] < len(self.catalog) / 4]
        return shared[:3]

    def _plain_facts(self, item: Item) -> list[str]:
        return [fact for column in self._telling() if (fact := self._fact(item, column.name))][:2]

    def _telling(self) -> list[Column]:
        """Return the facets that are not names, those without a value that many items share first."""
        columns = [column for column in self.schema.with_role("facet") if not column.people]
        return sorted(columns, key=lambda c: max(self.catalog.vocabulary[c.name].values(), default=0))

    def _fact(self, item: Item, attribute: str) -> str:
        """Write `genres Drama and Comedy`, `runtime 97 minutes`; empty when unknown."""
        values = item.values(attribute)
        column = self.schema.column(attribute)
        if not values or column is None:
            return ""
        return _with_unit(f"{self._name(attribute, len(values))} {listed(values[:MOST_VALUES])}", column)

    def _name(self, attribute: str, count: int) -> str:
        column = self.schema.column(attribute)
        return column.singular if column and column.singular and count == 1 else attribute


def _within(value: str, own: Sequence[str]) -> list[str]:
    words = set(fold(value).split())
    return [one for one in own if words <= set(fold(one).split())]


def _suits(wish: Preference, item: Item) -> bool:
    return wish.weight > 0 and fold(str(wish.value)) in map(fold, item.values(wish.attribute))


def _heard(entry: Limit | Preference, fact: str) -> str:
    """Quote the person's words, with the fact behind them where it is another."""
    if not entry.words or fold(entry.words) == fold(fact):
        return fact
    return f"“{entry.words}” ({fact})" if fold(fact) not in fold(entry.words) else f"“{entry.words}”"


def _with_unit(text: str, column: Column) -> str:
    return f"{text} {column.unit}" if column.unit not in ("", "year") else text


def _shortened(text: str) -> str:
    plain = text.strip().rstrip(".")
    return plain if len(plain) <= LONGEST_TEXT else plain[:LONGEST_TEXT].rsplit(" ", 1)[0] + "…"
