"""People and policies of which everything is known, so that estimates can be held against the truth; no catalog.

A world has some contexts with a few dozen candidates each. How much an item is wanted there is known. Policies score
the candidates by it, more or less well, and draw lists as `agent.exploring` does from what `agent.ranking` makes of
scores. In one kind of world people want one thing and take it wherever it stands: an item is taken for itself. In the
other they read from the top, take the first thing that attracts them, and may stop at any item: what an item gets
depends on what stands above it, and estimates over items are wrong by as much as that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agent.exploring import EXPLORED
from agent.ranking import standardised
from evals.offpolicy.drawing import chances, marginals, share_within
from evals.offpolicy.estimators import Weighed
from evals.offpolicy.reward_model import cross_fitted

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Kind = Literal["for itself", "from the top"]
CONTEXTS, CANDIDATES, SIZE = 300, 40, 4
GOES_ON = 0.8
"""Probability of reading on after an item that was not taken, where people read from the top."""
EASE = (0.6, 1.4)
"""How readily a person takes things, beside the average: half of them each; it holds for a whole conversation."""
TURNS = 3
"""Turns of a conversation at most."""
LISTS = 4000
"""Lists drawn per context for the true reward."""


@dataclass(frozen=True)
class Policy:
    """One way of drawing lists, in m contexts with k candidates."""

    weights: Array
    """(m, k) Plackett-Luce weights, 0 where an item is never drawn."""
    certain: bool = False
    """Whether always the first ones are shown."""

    @cached_property
    def first(self) -> Places:
        """(m, size) the places of the largest weights."""
        return np.argsort(-self.weights, 1, kind="stable")[:, :SIZE]

    @cached_property
    def behind(self) -> Array:
        """(m, k) logarithm of an item's weight; what cannot be drawn is where the last one is that can."""
        last = np.where(self.weights > 0, self.weights, np.inf).min(1, keepdims=True)
        return np.asarray(np.log(np.maximum(self.weights, last)), np.float64)

    @cached_property
    def marginals(self) -> Array:
        """(m, k) the probability that an item is in the list."""
        if self.certain:
            found = np.zeros_like(self.weights)
            np.put_along_axis(found, self.first, 1.0, 1)
            return found
        return np.stack([marginals(row, SIZE) for row in self.weights.tolist()])

    def unsupported(self, logger: Policy) -> Array:
        """Return (m,) the probability of a list that `logger` never draws."""
        able = logger.weights > 0
        if self.certain:
            return np.asarray(~np.take_along_axis(able, self.first, 1).all(1), np.float64)
        rows = zip(self.weights.tolist(), able.tolist(), strict=True)
        return np.array([1 - share_within(own, inside, SIZE) for own, inside in rows])

    def draw(self, contexts: Places, rng: np.random.Generator) -> Places:
        """Return (n, size) places: the first of the times at which candidates arrive, see `drawing.marginals`."""
        if self.certain:
            return self.first[contexts]
        with np.errstate(divide="ignore"):
            times = rng.exponential(size=(len(contexts), self.weights.shape[1])) / self.weights[contexts]
        return np.argsort(times, 1)[:, :SIZE]

    def chances(self, contexts: Places, orders: Places) -> Array:
        """Return (n,) the probability of each list."""
        if self.certain:
            return np.asarray((self.first[contexts] == orders).all(1), np.float64)
        return chances(self.weights[contexts], orders)


@dataclass(frozen=True)
class World:
    """Contexts, what people want in them, who has logged, and who might answer instead."""

    kind: Kind
    wanted: Array
    """(m, k) the probability that an item is what somebody wants, or that it attracts them, by `kind`."""
    hint: Array
    """(m, k) a score that tells something of it, which the reward model reads."""
    logger: Policy
    targets: Mapping[str, Policy]
    unsupported: Mapping[str, Array]
    """Target -> (m,) the probability of a list that the logger never draws."""

    def rewards(self, contexts: Places, orders: Places, ease: Array) -> Array:
        """Return (n, size) the probability that each item of each list is taken; no two of a list are."""
        own = np.clip(self.wanted[contexts[:, None], orders] * ease[:, None], 0, 1)
        if self.kind == "for itself":
            return own
        read = np.cumprod(np.concatenate([np.ones((len(own), 1)), GOES_ON * (1 - own[:, :-1])], 1), 1)
        return np.asarray(own * read, np.float64)

    def truth(self, target: Policy, seed: int) -> float:
        """Return the reward per turn of a policy, over all contexts; where order matters, from `LISTS` lists in each.

        Those leave a standard error of about .0003.
        """
        if self.kind == "for itself":
            return float((target.marginals * self.wanted).sum(1).mean())
        rng = np.random.default_rng([seed, 7])
        contexts = np.tile(np.arange(len(self.wanted)), 100)
        found = []
        for _ in range(LISTS // 100):
            orders = target.draw(contexts, rng)
            found += [self.rewards(contexts, orders, np.full(len(orders), ease)).sum(1).mean() for ease in EASE]
        return float(np.mean(found))


def make(kind: Kind, explore: float, seed: int) -> World:
    """Make a world whose logger draws with temperature `explore`, with targets ever further from it."""
    rng = np.random.default_rng([seed, 1])
    worth, liked, other = (rng.normal(size=(CONTEXTS, CANDIDATES)) for _ in range(3))
    if kind == "for itself":
        wanted = np.exp(1.2 * worth)
        wanted *= 0.7 / wanted.sum(1, keepdims=True)
    else:
        wanted = 0.6 / (1 + np.exp(2.5 - 1.2 * worth))
    scores = {
        "the same": 0.5 * worth + 0.87 * liked,
        "near": 0.6 * worth + 0.77 * liked + 0.2 * other,
        "further": 0.7 * worth + 0.5 * liked + 0.5 * other,
        "far": 0.8 * worth + 0.6 * other,
    }
    targets = {name: Policy(_weights(own, explore)) for name, own in scores.items()}
    targets["near, the first ones"] = Policy(targets["near"].weights, certain=True)
    hint = worth + rng.normal(size=worth.shape)
    logger = targets["the same"]
    unsupported = {name: target.unsupported(logger) for name, target in targets.items()}
    return World(kind, wanted, hint, logger, targets, unsupported)


@dataclass(frozen=True)
class Log:
    """What a logger has drawn and what became of it, in n turns."""

    conversation: Places
    contexts: Places
    orders: Places
    """(n, size)"""
    taken: Array
    """(n, size) 1 for what was taken."""

    def weighed(self, world: World, name: str) -> Weighed:
        """Return what the turns weigh for a target."""
        target = world.targets[name]
        here, own = self.contexts, (self.contexts[:, None], self.orders)
        able = np.argsort(-target.marginals, 1, kind="stable")[:, :EXPLORED]
        others = (here[:, None], able[here])
        features = np.stack([world.logger.behind, target.behind, world.hint], 2)
        present = np.ones(self.orders.shape, bool)
        predicted, asked = cross_fitted(self.conversation, features[own], present, self.taken, features[others])
        return Weighed(
            conversation=self.conversation,
            reward=self.taken.sum(1),
            lists=target.chances(here, self.orders) / world.logger.chances(here, self.orders),
            items=target.marginals[own] / world.logger.marginals[own],
            shown=present,
            taken=self.taken,
            expected=(target.marginals[others] * asked).sum(1),
            predicted=predicted,
            unsupported=world.unsupported[name][here],
        )


def draw_log(world: World, conversations: int, rng: np.random.Generator) -> Log:
    """Let some people talk with the logger."""
    turns = rng.integers(1, TURNS + 1, conversations)
    conversation = np.repeat(np.arange(conversations), turns)
    contexts = rng.integers(0, len(world.wanted), len(conversation))
    ease = rng.choice(EASE, conversations)[conversation]
    orders = world.logger.draw(contexts, rng)
    gets = np.cumsum(world.rewards(contexts, orders, ease), 1)
    chosen = (rng.random((len(conversation), 1)) >= gets).sum(1)
    taken = np.zeros(orders.shape)
    took = chosen < SIZE
    taken[took, chosen[took]] = 1.0
    return Log(conversation, contexts, orders, taken)


def _weights(scores: Array, explore: float) -> Array:
    """Return (m, k) the weights with which lists are drawn, from scores, as a turn does it."""
    found = np.zeros_like(scores)
    for row, own in enumerate(scores):
        first = np.argsort(-own, kind="stable")[:EXPLORED]
        logits = standardised(own[first].tolist())
        found[row, first] = np.exp((logits - logits.max()) / explore)
    return found
