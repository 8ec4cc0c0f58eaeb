"""Values that items have, named by the attribute alone: `the director of Heat`, `the same author as that one`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.belief import BeliefState
from agent.linking import scope
from agent.linking.comparatives import named_after
from agent.linking.lexicon import Meaning
from agent.linking.mentions import Mention
from agent.linking.words import Message, plain
from retrieval.catalog import Catalog

_OF = r"(?: (?:as|than|of|from|in|behind|that made|who (?:made|did|directed|wrote)))?"


class ItemValueLinker:
    """Finds values by the items that have them, of several values the first."""

    def __init__(self, catalog: Catalog) -> None:
        """Collect what the facets of `catalog` are called."""
        self.catalog = catalog
        facets = catalog.schema.with_role("facet")
        self.columns = {plain(name): column.name for column in facets for name in (column.name, column.singular)}
        names = "|".join(sorted(map(re.escape, self.columns), key=len, reverse=True))
        self._named = re.compile(
            rf"(?:\b(?:the )?same|\b(?:by|from|with|not|of) (?:(?P<the>the)|that|this)) (?P<name>{names})\b{_OF}"
        ) if names else None  # fmt: skip

    def link(self, message: Message, items: Sequence[Mention], belief: BeliefState) -> Iterator[Mention]:
        """Yield a value for every attribute that `message` names of one item, of `items`, in focus or shown.

        A question names none: `is it the same director as Alien?`
        """
        for match in self._named.finditer(message.line) if self._named else ():
            start, end = message.span(match)
            if scope.is_question_about_items(message, *message.sentence_at(start)):
                continue
            named = named_after(message, items, belief, end)
            if match["the"] and named is None:
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
            first = start if match[0].startswith(("the same", "same")) else start + 1
            if meanings:
                yield Mention(first, named.end if named else end, "value", 3.0, meanings=meanings)
