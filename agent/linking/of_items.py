"""Values that items have, named by the attribute alone: `the director of Heat`, `the same author as that one`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.belief import BeliefState
from agent.linking import scope
from agent.linking.comparatives import Named, named_after
from agent.linking.lexicon import Lexicon, Meaning
from agent.linking.mentions import Mention
from agent.linking.words import Message, number_key, plain

_OF = r"(?P<of> (?:as|than|of|from|in|behind|that made|who (?:made|did|directed|wrote)))?"


class ItemValueLinker:
    """Finds values by the items that have them, of several values the first."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Collect what the facets of a catalog are called; titles are looked up in `lexicon`."""
        self.lexicon, self.catalog = lexicon, lexicon.catalog
        facets = self.catalog.schema.with_role("facet")
        self.columns = {
            plain(name): column.name for column in facets for name in (column.name, column.singular) if name
        }
        names = "|".join(sorted(map(re.escape, self.columns), key=len, reverse=True))
        self._named = re.compile(
            rf"\b(?P<how>(?:the )?same|(?:by|from|with|not|of) (?:that|this)|the) (?P<name>{names})\b{_OF}"
        ) if names else None  # fmt: skip

    def link(self, message: Message, items: Sequence[Mention], belief: BeliefState) -> Iterator[Mention]:
        """Yield a value for every attribute that `message` names of one item, of `items`, in focus or shown.

        A question names none: `is it the same director as Alien?`
        """
        for match in self._named.finditer(message.line) if self._named else ():
            start, end = message.span(match)
            if scope.is_question_about_items(message, *message.sentence_at(start)):
                continue
            named = named_after(message, items, belief, end) or (self._title_at(message, end) if match["of"] else None)
            if match["how"] == "the" and (named is None or not match["of"]):
                continue
            spoken = dict.fromkeys(item for mention in items for item in mention.item_ids)
            shown = [line.item_id for line in belief.last_shown()]
            ids = named.items if named else tuple(spoken) or belief.focus[:1] or shown
            column = self.catalog.schema.column(self.columns[match["name"]])
            if column is None or len(ids) != 1 or ids[0] not in self.catalog:
                continue
            values = self.catalog[ids[0]].values(column.name)[:1]
            meanings = tuple(
                Meaning(column.name, value, self.catalog.vocabulary[column.name][value]) for value in values
            )
            first = start + 1 if match["how"].endswith(("that", "this")) else start
            if meanings:
                yield Mention(first, named.end if named else end, "value", 3.0, meanings=meanings)

    def _title_at(self, message: Message, place: int) -> Named | None:
        """Return the item whose whole title starts at token `place`: after `the director of` no word is ordinary."""
        spans = [span for span in message.grams(min(self.lexicon.longest, 12)) if span[0] == place]
        for _, end, words in sorted(spans, key=lambda span: -span[1]):
            if ids := self.lexicon.titles.get(number_key(words)):
                return Named(ids[:1], end, False)
        return None
