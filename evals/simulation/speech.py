"""How simulated users put things: templates over the schema's own words, drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from agent.wording import listed, number
from evals.simulation.user import Fact, Manner
from retrieval.catalog import Catalog, CatalogSchema, Column, Item, fold

SAYINGS = {
    "open": (
        "Hi! I'm looking for {a_noun}: something {wish}.",
        "Hello, could you find me something {wish}?",
        "I'm in the mood for something {wish}.",
        "I'd like {a_noun}, something {wish}.",
    ),
    "open briefly": ("something {wish}", "need something {wish}", "got anything {wish}?"),
    "open by example": (
        "I loved {title}. Do you have something like it?",
        "Something like {title}, please.",
        "I'm looking for {a_noun} like {title}.",
    ),
    "example": ("I also loved {title}.", "Another one that I loved is {title}.", "{title} is one of my favourites."),
    "reveal": (
        "Ideally something {wish}.",
        "And something {wish}, please.",
        "I'd rather have something {wish}.",
        "It would be nice to have something {wish}.",
    ),
    "reveal a limit": ("It should be something {wish}.", "Also, something {wish}.", "Something {wish}, please."),
    "criticise": (
        "{title} is not quite it; I want something {wish}.",
        "Not {title}. Something {wish}.",
        "{title} is not for me, rather something {wish}.",
    ),
    "compare": ("Something {relation}, please.", "Do you have anything {relation}?", "I want something {relation}."),
    "answer": ("{value}, please.", "{value}.", "I'd say {value}.", "Rather {value}."),
    "answer otherwise": ("Rather {value}.", "Something else: {value}.", "{value}, actually."),
    "answer again": ("As I said, {value}.", "{value}, as I said."),
    "no preference": ("I don't mind.", "No preference.", "That does not matter to me."),
    "yes": ("Yes, that's fine.", "Yes please.", "OK."),
    "no": ("No, I want to keep that.", "No, that matters to me."),
    "restate": ("I asked for something {wish}.", "But I said something {wish}."),
    "restart": ("Let's start over: something {wish}.",),
    "seen": ("I've seen {title}.", "I already know {title}.", "{title} I have seen already."),
    "disliked": ("I did not like {title}.", "{title} was not for me."),
    "liked": ("I've seen {title} and loved it.",),
    "more": ("What else do you have?", "Something else, please.", "Show me some others."),
    "vague": ("Hm, hard to say.", "I don't know, surprise me.", "Not sure. Maybe something else?"),
}
_COMPARED = {"year": ("newer", "older"), "minutes": ("longer", "shorter"), "hours": ("longer", "shorter"),
             "pages": ("longer", "shorter")}  # fmt: skip
"""Unit -> comparatives for more and for less; any other number is higher or lower."""


class Speech:
    """Puts the facts of one catalog into words."""

    def __init__(self, catalog: Catalog, chance: random.Random, manner: Manner) -> None:
        """Draw the wording by `chance`, in the manner of one user."""
        self.catalog, self.schema, self.chance, self.manner = catalog, catalog.schema, chance, manner

    def say(self, saying: str, **parts: str) -> str:
        """Fill one of the templates of `saying`."""
        return self.chance.choice(SAYINGS[saying]).format(a_noun=_a(self.schema.noun), **parts)

    def join(self, sentences: Sequence[str]) -> str:
        """Make one message of some sentences, in lower case when the user writes so."""
        text = " ".join(sentence for sentence in sentences if sentence)
        return text.lower() if self.manner.lower else text

    def title(self, item: Item) -> str:
        """Return the title, now and then with the year."""
        return self.catalog.label(item) if self.chance.random() < 0.3 else item.title

    def wish(self, facts: Sequence[Fact]) -> str:
        """Write facts so that they follow the word `something`; shorter ones first."""
        phrases = sorted((self._phrase(fact) for fact in facts), key=lambda phrase: len(phrase.split()))
        return listed(phrases)

    def value(self, fact: Fact) -> str:
        """Write a fact as the answer to a question about its attribute."""
        column = self._column(fact)
        if column.role == "facet":
            value = str(fact.rules[0].value)
            return f"no {value}" if fact.against else value
        return self._number(fact, column)

    def relation(self, fact: Fact, items: Sequence[Item]) -> str:
        """Write how what is wanted differs in a number from `items`: `older than those`, `shorter than T`."""
        column = self._column(fact)
        more = fact.rules[0].op == "at_least"
        known = _COMPARED.get(column.unit)
        that = "those" if len(items) > 1 else self.title(items[0])
        if known:
            return f"{known[0] if more else known[1]} than {that}"
        return f"with a {'higher' if more else 'lower'} {_name(column)} than {that}"

    def _phrase(self, fact: Fact) -> str:
        column = self._column(fact)
        if column.role != "facet":
            return self._number(fact, column)
        value, name = str(fact.rules[0].value), _name(column)
        hard, soft = [f"{value} only"], [value, value]
        if self.manner.chatty:
            hard += [f"where the {name} has to be {value}", f"where the {name} must be {value}"]
            soft += [f"with the {name} {value}", f"where the {name} is {value}"]
        if fact.against:
            hard, soft = [f"without {value}", f"with no {value}", f"that is not {value}"], [f"with less {value}"]
        elif column.people:
            hard = soft = [f"with {value}", f"with {value} as {name}"]
        return self.chance.choice(hard if fact.hard else soft)

    def _number(self, fact: Fact, column: Column) -> str:
        low = next((number(rule.value) for rule in fact.rules if rule.op == "at_least"), None)
        high = next((number(rule.value) for rule in fact.rules if rule.op == "at_most"), None)
        if column.unit == "year":
            if low and high:
                return f"from the {low}s" if self._decade(low, high) else f"from {low} to {high}"
            choices = (f"from {low} or later", f"not older than {low}") if low else (
                f"from {high} or earlier", f"not newer than {high}")  # fmt: skip
            return self.chance.choice(choices)
        if column.unit and fold(column.unit) not in fold(column.name):
            lead, unit = "of", f" {column.unit}"
        else:  # a rating counts no ratings
            lead, unit = f"with {_a(_name(column))} of", ""
        if low and high:
            return f"{lead} {low} to {high}{unit}"
        bound = ("at least", "no less than") if low else ("at most", "no more than")
        return f"{lead} {self.chance.choice(bound)} {low or high}{unit}"

    @staticmethod
    def _decade(low: str, high: str) -> bool:
        return low.endswith("0") and int(high) - int(low) == 9

    def _column(self, fact: Fact) -> Column:
        return column_of(self.schema, fact.attribute)


def column_of(schema: CatalogSchema, attribute: str) -> Column:
    """Return the column of an attribute that is known to exist."""
    column = schema.column(attribute)
    assert column is not None, attribute
    return column


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _name(column: Column) -> str:
    """Return what one value is called: a rating, where the column `average_rating` counts ratings."""
    if column.unit and fold(column.unit) in fold(column.name):
        return column.unit
    return column.singular or column.name
