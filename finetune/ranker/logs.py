"""Logged conversations as turns in which items were recommended."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.belief import BeliefState, apply
from agent.querying import query_of
from agent.transcripts import update_from_dict
from finetune.ranker.fitting import Logged, Rating
from finetune.taken import ledger, taught
from retrieval.catalog import Catalog, UserError

CLIP = 5.0
"""Most that a turn of our own log counts for being shown by chance, beside 1."""
LIKED = 3.5
"""Ratings from which an item is liked."""


def logged_turns(dialogues: Iterable[Mapping[str, Any]], catalog: Catalog) -> Iterator[Logged]:
    """Yield the turns of dialogues that showed items of the catalog, with the query that their beliefs make.

    Dialogues are those that `finetune.examples.read_dialogues` reads: turns with `user`, `update` and `shown`. Of our
    own lists (`finetune.taken`) only what was taken is right, and counts by the inverse of its probability.
    """
    for dialogue in dialogues:
        belief, said = BeliefState(), ""
        for place, turn in enumerate(dialogue["turns"]):
            belief = apply(belief, update_from_dict(turn["update"], catalog, belief))
            found = taught(dialogue["turns"], place, belief, catalog)
            if found.right:
                query = query_of(belief, turn["user"], catalog, len(catalog), said)
                weight = sum(found.weight(item, CLIP) for item in found.right) / len(found.right)
                yield Logged(query, found.right, str(dialogue["id"]), belief, weight=weight)
            belief = belief.after_reply(ledger(found.shown, belief, catalog), None)
            said = f"{said} {turn['user']}".strip()


def read_liked(path: Path, joins: Path | None, catalog: Catalog) -> list[Rating]:
    """Read what people liked from a CSV file of ratings (userId, movieId or itemId, rating).

    `joins` is JSONL with the catalog's `id` and the ratings' `ml_id`; without it both files use the same ids.
    UserError when a file cannot be read, or when no rated item is in the catalog.
    """
    source = path / "ratings.csv" if path.is_dir() else path
    try:
        ids = {item.id: item.id for item in catalog} if joins is None else dict(_joined(joins))
        with source.open(encoding="utf-8", newline="") as lines:
            rows = [
                (row["userId"], row.get("movieId") or row["itemId"], float(row["rating"]))
                for row in csv.DictReader(lines)
            ]
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}): name a file of ratings") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{source}: not ratings ({error!r:.80}): the columns are userId, movieId, rating") from error
    liked = [(person, ids[item]) for person, item, stars in rows if stars >= LIKED and ids.get(item) in catalog]
    if not liked:
        raise UserError(f"{source}: nobody likes an item of the catalog: give --joins, a file that joins their ids")
    return liked


def _joined(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row.get("ml_id"):
            yield str(row["ml_id"]), str(row["id"])
