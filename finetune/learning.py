"""The fast loop: what people made of lists becomes a new ranker, in a version of its own. No language model is touched.

A turn learns from what was taken in it and later in its conversation: who takes an item at last would have taken it at
first. What was shown by chance counts by the inverse of its probability (inverse propensity scoring, Joachims et al.,
2017, arXiv:1608.04468), clipped, so that what was on top does not teach itself; and nobody counts more than a few.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from agent.querying import query_of
from agent.reactions import BAD, GOOD, Reacted
from agent.versions import digest
from finetune.preferences import balanced
from finetune.ranker.fitting import Config, Learner, Logged, places_of, rows_of
from retrieval.catalog import Catalog, UserError
from retrieval.learned import LearnedRanker
from retrieval.search import Retriever

Say = Callable[[str], None]
FITTED = Config(folds=3, towers=2, trees=200, negatives=50)
"""How the ranker is fitted: in less time than the one that ships, and no worse where both were measured."""


class LearningConfig(BaseModel):
    """How a ranker is learned from reactions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    clip: float = Field(5.0, ge=1)
    """Most that a turn counts for being shown by chance, beside 1; 1 turns the weighting off."""
    cap: float = Field(10.0, gt=0)
    """Most that all turns of one person count together."""
    trust: float = Field(2.0, gt=0)
    """How much a reaction counts beside a turn that somebody labelled."""
    share: float = Field(0.35, gt=0, lt=1)
    """Most that reactions count of all, where there are labelled turns: these are not to be unlearned."""
    held_out: float = Field(0.2, ge=0, lt=1)
    """Share of the conversations that no version ever learns from, by a hash of their names."""
    labelled: bool = True
    """Whether the packaged dialogues are learned from besides, where the home holds the demo catalog."""


def held_out(conversation: str, share: float) -> bool:
    """Tell whether a conversation is kept for measuring: the same in every run and for every version."""
    return int(hashlib.sha256(f"held out\x1f{conversation}".encode()).hexdigest(), 16) % 1000 < share * 1000


def logged_of(reacted: Iterable[Reacted], catalog: Catalog, config: LearningConfig) -> list[Logged]:
    """Return the turns of some conversations that something can be learned from, weighted.

    Right is what was liked or accepted of what the turn showed, or of what a later one did; wrong is what it showed
    and was turned down, or passed over in silence.
    """
    by_conversation: dict[str, list[Reacted]] = defaultdict(list)
    for one in reacted:
        by_conversation[one.conversation].append(one)
    found = [pair for turns in by_conversation.values() for pair in _of_conversation(turns, catalog, config)]
    weights = balanced([one.weight for _, one in found], [person for person, _ in found], config.cap)
    return [replace(one, weight=config.trust * weight) for (_, one), weight in zip(found, weights, strict=True)]


def _of_conversation(
    turns: Sequence[Reacted], catalog: Catalog, config: LearningConfig
) -> Iterator[tuple[str, Logged]]:
    """Yield (person, turn); somebody without a name is known by the conversation."""
    first: dict[str, int] = {}
    chances: dict[str, float] = {}
    taken: set[str] = set()
    for place, turn in enumerate(turns):
        for shown in turn.exposures:
            if shown.item_id not in first:
                first[shown.item_id], chances[shown.item_id] = place, shown.propensity
            if shown.verdict in GOOD:
                taken.add(shown.item_id)
    for place, turn in enumerate(turns):
        right = tuple(item for item, at in first.items() if at >= place and item in taken and item in catalog)
        if not right or not turn.exposures:
            continue
        before = frozenset(item for item, at in first.items() if at < place)
        query = query_of(turn.belief, turn.text, catalog, len(catalog), turn.said)
        query = replace(query, exclude=query.exclude | before)
        wrong = tuple(one.item_id for one in turn.exposures if one.verdict in BAD or one.ignored)
        weight = float(np.mean([min(config.clip, 1 / chances[item]) for item in right]))
        person = turn.person or turn.conversation
        yield person, Logged(query, right, turn.conversation, turn.belief, wrong, weight)


class Measured(NamedTuple):
    """How rankers order what was taken in conversations that none of them has learned from."""

    gains: Mapping[str, Mapping[str, list[float]]]
    """Ranker -> conversation -> NDCG@10 of each item that was taken."""

    def means(self) -> dict[str, float | None]:
        """Return ranker -> mean over all items taken, None where there are none."""
        found = {name: [gain for own in table.values() for gain in own] for name, table in self.gains.items()}
        return {name: round(float(np.mean(own)), 4) if own else None for name, own in found.items()}


def measure(
    retriever: Retriever, unheard: Sequence[Logged], rankers: Mapping[str, LearnedRanker | None]
) -> Measured:
    """Return the NDCG@10 of each ranker on turns; None is the search alone."""
    gains: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in rankers}
    for row in rows_of(retriever, unheard):
        for name, ranker in rankers.items():
            if ranker is None:
                scores = np.where(row.searched.allowed, row.searched.fused, np.float32(-np.inf))
            else:
                scores = ranker.scores(row.heard, row.searched, ranker.sources(row.heard))
            ranks = places_of(row.gold, scores)
            gains[name][row.conversation] += [1 / np.log2(2 + rank) if rank < 10 else 0.0 for rank in ranks]
    return Measured(gains)


def learn(
    retriever: Retriever,
    reacted: Sequence[Reacted],
    labelled: Sequence[Logged],
    config: LearningConfig,
    say: Say,
) -> tuple[LearnedRanker, dict[str, Any]]:
    """Learn a ranker from reactions and labelled turns; return it, and what the record of a version says of it.

    UserError when nothing was liked or accepted yet.
    """
    own = [one for one in reacted if not held_out(one.conversation, config.held_out)]
    lessons = logged_of(own, retriever.catalog, config)
    if not lessons:
        raise UserError("nothing to learn from: nobody has liked or accepted anything that was shown yet")
    lessons = _balanced(lessons, labelled, config.share)
    say(f"{len(lessons)} turns of which something was taken, {len(labelled)} labelled ones")
    if not any(one.explore for one in own):
        say("no list was drawn by chance: what stood on top teaches itself; talk with explore above 0 to undo that")
    learner = Learner(retriever, [*labelled, *lessons], (), FITTED.model_copy(update={"seed": config.seed}), say)
    parts = [(one.query.message, one.gold, one.conversation, round(one.weight, 6)) for one in (*labelled, *lessons)]
    record = {
        "data": hashlib.sha256(repr(parts).encode()).hexdigest()[:16],
        "conversations": tuple(digest(name) for name in sorted({one.conversation for one in lessons})),
        "metrics": {"turns": len(lessons), "labelled": len(labelled), "config": config.model_dump()},
    }
    return learner.fit(learner.rows), record


def _balanced(lessons: Sequence[Logged], labelled: Sequence[Logged], share: float) -> list[Logged]:
    """Return lessons that count together at most `share` of all, where there are labelled turns."""
    own, theirs = (sum(one.weight for one in turns) for turns in (lessons, labelled))
    scale = min(1.0, share / (1 - share) * theirs / own) if theirs else 1.0
    return [replace(one, weight=scale * one.weight) for one in lessons]


def unheard(reacted: Iterable[Reacted], catalog: Catalog, config: LearningConfig) -> list[Logged]:
    """Return the turns of the conversations that no version learns from, each counting 1."""
    kept = [one for one in reacted if held_out(one.conversation, config.held_out)]
    return [replace(one, weight=1.0) for one in logged_of(kept, catalog, config)]
