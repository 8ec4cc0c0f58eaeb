"""What a message changes: what the linker makes of it, or else a wish in the message's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from agent.belief import BeliefState, BeliefUpdate, Preference
from agent.fact_check import words_of
from agent.linking import Linked, Linker
from agent.linking.comparatives import compare, is_comparative
from agent.linking.words import NUMBER_WORDS
from retrieval.catalog import fold

WISHFUL = frozenset({"recommend", "refine", "similar", "restart"})
"""Intents whose unexplained words may hold a wish."""
LEAST = 0.1
"""Probability of a wish below which words are none even where nothing else was said, chosen on held-out turns."""
_NUMBERS = frozenset(NUMBER_WORDS)


class Understanding:
    """Turns a message into a belief update; every entry carries the words it came from."""

    def __init__(self, linker: Linker) -> None:
        """Understand by `linker`."""
        self.linker = linker

    def understand(self, text: str, belief: BeliefState) -> BeliefUpdate:
        """Return what `text` changes in `belief`; see `read`."""
        return self.read(text, belief).update

    def read(self, text: str, belief: BeliefState) -> Linked:
        """Return what is made of `text` said in `belief`.

        A message of which nothing else was made becomes a wish in its own words, as far as the catalog knows them or
        they compare (`lighter`), and the judge does not rule it out.
        """
        linked = self.linker.link(text, belief)
        update, sighting = linked.update, linked.scene.sighting
        if update.intent not in WISHFUL or update.changes():
            return linked
        options = zip(linked.scene.options, linked.judgement.chances, strict=True)
        free = [str(one.value) for one, chances in options if one.kind == "words" and chances.get("wish", 1.0) >= LEAST]
        known = [phrase for phrase in free if self._says_something(words_of(fold(phrase)))]
        if not known:
            return linked
        wish = Preference(attribute="text", value=" ".join(known), words="; ".join(known))
        update = update.model_copy(update={"prefer": (wish,)})
        return replace(linked, update=compare(update, sighting.message, sighting.mentions, belief))

    def _says_something(self, words: Sequence[str]) -> bool:
        return bool(self._words & set(words) - _NUMBERS) or any(map(is_comparative, words))

    @cached_property
    def _words(self) -> frozenset[str]:
        """Words that the items' titles, texts and facets are made of: free words outside them find nothing."""
        catalog = self.linker.catalog
        facets = [column.name for column in catalog.schema.with_role("facet")]
        words: set[str] = set()
        for item in catalog:
            values = (value for facet in facets for value in item.values(facet))
            words.update(words_of(fold(" ".join((item.title, item.text, *values)))))
        return frozenset(words)
