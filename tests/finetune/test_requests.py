"""Requests made up from the catalog can be fulfilled: by the item that they were made of."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from finetune.requests import request, wish
from retrieval.catalog import Catalog


@given(st.integers(0, 10**6))
def test_an_item_has_what_is_asked_for_and_keeps_within_the_limits(wines: Catalog, seed: int) -> None:
    chance = random.Random(seed)
    item = chance.choice(wines.items)
    text, belief = request(item, wines, chance)
    assert text
    for preference in belief.preferences:
        assert preference.value in item.values(preference.attribute)
    assert all(limit.constraint.allows(item) for limit in belief.constraints)
    assert item.id not in belief.with_verdict("liked")


def test_every_part_of_a_request_is_made_at_times(wines: Catalog) -> None:
    chance = random.Random(0)
    made = [request(item, wines, chance)[1] for item in wines for _ in range(20)]
    assert {len(belief.preferences) for belief in made} == {1, 2, 3}
    assert any(belief.items for belief in made) and any(not belief.items for belief in made)
    assert any(limit.op == "is_not" for belief in made for limit in belief.constraints)


def test_a_wish_names_few_values_and_the_title_of_an_item_without_any(wines: Catalog) -> None:
    chance, item = random.Random(0), wines.items[0]
    assert {len(wish(item, wines, chance).belief.preferences) for _ in range(50)} == {1, 2}
    text, belief = wish(replace(item, attributes={}), wines, chance)
    assert text == item.title and not belief.preferences
