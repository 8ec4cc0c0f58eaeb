"""Answers to questions about items, from what the catalog says of them and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.asked import Asked, Questions
from agent.comparing import compare
from agent.fact_check import connecting_words, stem, words_of
from agent.inflection import within
from agent.notes import Notes
from agent.wording import listed
from retrieval.catalog import Item

_SENTENCE = re.compile(r"[^.!?]+[.!?]*")


class Telling:
    """Answers about the items of one catalog."""

    def __init__(self, notes: Notes) -> None:
        """Answer from `notes`."""
        self.notes, self.questions = notes, Questions(notes)

    def tell(self, text: str, items: Sequence[Item]) -> str:
        """Answer the question `text` about `items`: about each, or say which of them it is true of."""
        asked = self.questions.read(text, items)
        if len(items) > 1 and (asked.values or (asked.compares and asked.attributes)):
            return compare(asked, items, self.notes)
        return " ".join(f"{self.notes.label(item)}: {'; '.join(self._facts(item, asked))}." for item in items)

    def compare(self, text: str, items: Sequence[Item]) -> str:
        """Say how `items` differ in what `text` asks about, or, when it names nothing, in what sets them apart."""
        return compare(self.questions.read(text, items), items, self.notes)

    def _facts(self, item: Item, asked: Asked) -> Iterator[str]:
        if asked.values:
            yield self._whether(item, asked.values)
        for attribute in asked.attributes:
            yield self.notes.fact(item, attribute) or f"its {self.notes.name(attribute)} is not in my notes"
        if not asked.values and not asked.attributes:
            yield self._described(item, asked)

    def _whether(self, item: Item, values: Sequence[tuple[str, str]]) -> str:
        """Say which of the (attribute, value) pairs hold; a value also counts inside a longer one."""
        pairs = [(own, name) for name, value in values for own in within(value, item.values(name))]
        if pairs:
            found = [f"{value} ({self.notes.name(name)})" for value, name in pairs]
            return f"yes, {listed(list(dict.fromkeys(found)))}"
        words = {word for _, value in values for word in words_of(value)}
        if sentence := self._sentence(item, words):
            return f"its description says: {sentence}"
        attribute, value = max(values, key=lambda pair: self.notes.catalog.vocabulary[pair[0]].get(pair[1], 0))
        fact, column = self.notes.fact(item, attribute), self.notes.schema.column(attribute)
        if fact and column is not None and not column.many:
            return f"no, {fact}"
        return f"my notes do not list {value}{f'; {fact}' if fact else ''}"

    def _described(self, item: Item, asked: Asked) -> str:
        """Answer from the description: as a whole, by a sentence of it, or say that it does not tell."""
        description = self.notes.description(item)
        known = "; ".join(self.notes.overview(item))
        sentence = self._sentence(item, set(asked.words))
        if sentence and not asked.text:
            return f"its description says: {sentence}"
        if asked.text or not (asked.words or asked.particular):
            return description or f"I have no description of it{known and f'; {known}'}"
        return f"my notes do not say{known and f'; they have {known}'}"

    @staticmethod
    def _sentence(item: Item, words: set[str]) -> str:
        """Return the first sentence of the description that has most of `words`, in any inflection."""
        stems = {stem(word) for word in words if len(word) > 2 and word not in connecting_words()}
        for sentence in _SENTENCE.findall(item.text):
            if 2 * len(stems & {stem(word) for word in words_of(sentence)}) > len(stems):
                return str(sentence).strip().rstrip(".")
        return ""
