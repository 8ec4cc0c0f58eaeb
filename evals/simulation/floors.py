"""Systems that understand nothing: what any recommender has to beat."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from agent.reply import Recommendation, Reply
from retrieval.catalog import Catalog, Item


class Popular:
    """Shows the best known items of the catalog, then the next best known, whatever is said."""

    def __init__(self, catalog: Catalog, size: int) -> None:
        """Show `size` items a turn."""
        self.catalog, self.size = catalog, size
        self._order = sorted(catalog, key=lambda item: -item.popularity)
        self._turns: dict[str, int] = {}

    def reply(self, conversation: str, text: str) -> Reply:
        """Show the next items of this conversation; none twice."""
        turn = self._turns[conversation] = self._turns.get(conversation, 0) + 1
        items = self.order(conversation)[(turn - 1) * self.size : turn * self.size]
        return Reply(conversation, turn, "Here you are.", tuple(self._cards(items)), action="recommend", done=True)

    def feedback(self, conversation: str, turn: int, item_id: str | None = None, *, verdict: str) -> Any:
        """Ignore a verdict."""

    def order(self, conversation: str) -> list[Item]:
        """Return the whole catalog in the order in which it is shown."""
        return self._order

    def _cards(self, items: list[Item]) -> Iterator[Recommendation]:
        for rank, item in enumerate(items, start=1):
            yield Recommendation(item.id, self.catalog.label(item), "", rank, 1 / self.size)


class Random(Popular):
    """Shows the catalog in an order drawn by the seed and the conversation."""

    def __init__(self, catalog: Catalog, size: int, seed: int) -> None:
        """Show `size` items a turn."""
        super().__init__(catalog, size)
        self.seed = seed

    def order(self, conversation: str) -> list[Item]:
        """Return the whole catalog in an order of this conversation's own."""
        items = list(self.catalog)
        random.Random(f"{self.seed}|{conversation}").shuffle(items)
        return items
