"""Users made from real ratings in the MovieLens format: what they rated is seen, part of what they liked is unknown."""

from __future__ import annotations

import csv
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.simulation.facts import COMMON, bound_of, in_turn, share, value_fact
from evals.simulation.targets import manner
from evals.simulation.user import Fact, User
from retrieval.catalog import Catalog, Column, UserError

LIKED, DISLIKED = 4.0, 2.5
"""Ratings from which an item is liked, and up to which it is disliked."""
HELD_OUT = 10
"""Liked items that are held out: the latest, and at most half of them."""
FEWEST = 10
"""Liked items that a rater needs to become a user."""
EXAMPLES = 3
"""Loved items that a user can name."""
SUPPORT = 3
"""Items that must have a value before a rater can be said to like or dislike it."""
PER_FACET = 2
"""Facts drawn from one facet."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating of an item of the catalog."""

    item: str
    stars: float
    time: int


def read_ratings(folder: Path, joins: Path | None, catalog: Catalog) -> dict[str, list[Rating]]:
    """Read `ratings.csv` (userId, movieId, rating, timestamp): rater -> ratings of catalog items, oldest first.

    `joins` is JSONL with the catalog's `id` and the ratings' `ml_id`; without it both files use the same ids.
    UserError when a file cannot be read, or when no rated item is in the catalog.
    """
    path = folder / "ratings.csv" if folder.is_dir() else folder
    ids = {item.id: item.id for item in catalog} if joins is None else _joined(joins, catalog)
    found: dict[str, list[Rating]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if (item := ids.get(row["movieId"])) is not None:
                    rating = Rating(item, float(row["rating"]), int(row.get("timestamp") or 0))
                    found.setdefault(row["userId"], []).append(rating)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): name a folder with ratings.csv") from error
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: not ratings: the columns are userId, movieId, rating, timestamp") from error
    if not found:
        raise UserError(f"{path}: rates no item of the catalog: give --joins, a file that joins their ids")
    return {rater: sorted(ratings, key=lambda one: (one.time, one.item)) for rater, ratings in found.items()}


def raters(ratings: Mapping[str, Sequence[Rating]], seed: int) -> list[str]:
    """Return the raters with enough liked items, in an order drawn by the seed."""
    able = sorted(name for name, own in ratings.items() if sum(one.stars >= LIKED for one in own) >= FEWEST)
    random.Random(f"{seed}|raters").shuffle(able)
    return able


def rating_user(rater: str, ratings: Sequence[Rating], catalog: Catalog, seed: int, noise: float) -> User:
    """Return the user who accepts the held-out items of a rater and knows only the rest of the ratings."""
    name = f"rater-{rater}"
    chance = random.Random(f"{seed}|{name}")
    liked = [one for one in ratings if one.stars >= LIKED]
    held_out = {one.item for one in liked[-min(HELD_OUT, len(liked) // 2) :]}
    profile = [one for one in ratings if one.item not in held_out]
    own = [one.item for one in profile if one.stars >= LIKED]
    disliked = [one.item for one in profile if one.stars <= DISLIKED]
    best = max(one.stars for one in profile)
    loved = [one.item for one in profile if one.stars == best]
    return User(
        id=name,
        wish=f"one of {len(held_out)} such as {catalog.label(catalog[min(held_out)])}",
        accepts=frozenset(held_out),
        facts=taste(own, disliked, held_out, catalog),
        seen=frozenset(one.item for one in profile),
        loved=tuple(chance.sample(loved, min(EXAMPLES, len(loved)))),
        disliked=frozenset(disliked),
        noise=noise,
        manner=manner(chance),
    )


def taste(liked: Sequence[str], disliked: Sequence[str], future: set[str], catalog: Catalog) -> tuple[Fact, ...]:
    """Return what sets the liked items apart from the catalog, then what sets the disliked ones apart from them.

    A limit is said only where it holds for everything that was or will be liked.
    """
    all_liked = [catalog[item] for item in (*liked, *sorted(future))]
    lists: list[list[Fact]] = []
    against: list[Fact] = []
    for column in catalog.schema.with_role("facet"):
        lists.append(list(_favourites(column, liked, catalog)))
        for value in _aversions(column, liked, disliked, catalog):
            never = not any(value in item.values(column.name) for item in all_liked)
            against.append(value_fact(column.name, value, "is_not", hard=never))
    lists.sort(key=lambda facts: -_lift(facts[0], liked, catalog) if facts else 0.0)
    limits = []
    for column in catalog.schema.with_role("number"):
        numbers = [item.number(column.name) for item in all_liked]
        bound = bound_of([n for n in numbers if n is not None], column, catalog) if None not in numbers else None
        limits += [bound] if bound else []
    return (*in_turn(lists), *limits, *against)


def _favourites(column: Column, liked: Sequence[str], catalog: Catalog) -> Iterator[Fact]:
    values = Counter(value for item in liked for value in catalog[item].values(column.name))
    facts = [
        value_fact(column.name, value)
        for value, count in values.items()
        if count >= SUPPORT and share(value_fact(column.name, value), catalog) <= COMMON
    ]
    lifts = {fact: _lift(fact, liked, catalog) for fact in facts}
    facts.sort(key=lambda fact: (-lifts[fact], str(fact.rules[0].value)))
    yield from (fact for fact in facts[:PER_FACET] if lifts[fact] > 0)


def _lift(fact: Fact, liked: Sequence[str], catalog: Catalog) -> float:
    """Return the share among the liked times the log of its ratio to that in the catalog: a term of a divergence."""
    inside = sum(fact.holds(catalog[item]) for item in liked) / len(liked)
    outside = catalog.vocabulary[fact.attribute][str(fact.rules[0].value)] / len(catalog)
    return inside * math.log(inside / outside) if inside else 0.0


def _aversions(column: Column, liked: Sequence[str], disliked: Sequence[str], catalog: Catalog) -> list[str]:
    """Return the values that at least twice the share of the disliked items has than of the liked ones."""
    bad = Counter(value for item in disliked for value in catalog[item].values(column.name))
    good = Counter(value for item in liked for value in catalog[item].values(column.name))
    return sorted(
        value
        for value, count in bad.items()
        if not column.people and count >= SUPPORT and count / len(disliked) >= 2 * good[value] / len(liked)
    )


def _joined(joins: Path, catalog: Catalog) -> dict[str, str]:
    try:
        rows = [json.loads(line) for line in joins.read_text("utf-8").splitlines() if line.strip()]
        return {str(row["ml_id"]): row["id"] for row in rows if row["ml_id"] and row["id"] in catalog}
    except OSError as error:
        raise UserError(f"{joins}: cannot be read ({error.strerror}): name a file that joins ids") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{joins}: not a file of joins: one JSON object a line with id and ml_id") from error
