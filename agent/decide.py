"""What to do with a turn: a pure function of the belief, the update, and a few facts about the candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log2
from typing import Literal

from agent.belief import BeliefState, BeliefUpdate, Drop, Limit, Question
from agent.querying import never_shown
from agent.wording import listed, said
from retrieval.catalog import Catalog, Column, Item, fold
from retrieval.constraints import Constraint

Action = Literal["recommend", "ask", "compare", "explain", "search", "chat"]
Count = Callable[[Sequence[Constraint], frozenset[str]], int]

THIN = 1
"""A question may be asked while at most this many wishes are known and no example was named."""
MOST_QUESTIONS = 3
"""Questions about wishes in one conversation."""
OFFERED = 3
"""Answers that a question offers."""
NEAR = 0.5
"""A bound is moved rather than dropped when it has to move by at most this many standard deviations."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Which limits to give up so that something fits again; `bound` moves the only one instead."""

    limits: tuple[Limit, ...]
    fitting: int
    """Items that fit then."""
    bound: Limit | None = None

    def update(self) -> BeliefUpdate:
        """Return what a yes stands for."""
        drops = tuple(Drop(attribute=limit.attribute, value=limit.value, words="yes") for limit in self.limits)
        return BeliefUpdate(intent="refine", drop=drops, set=(self.bound,) if self.bound else ())


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalog says about a belief's limits."""

    fitting: int
    """Items that satisfy every limit and may still be recommended."""
    used_up: int = 0
    """Items that satisfy every limit, whatever was said of them; this and the rest only when nothing new fits."""
    impossible: tuple[Limit, ...] = ()
    """Limits that no item satisfies, each taken alone."""
    blocking: tuple[Limit, ...] = ()
    """Limits without which something new fits, each taken alone."""
    relaxation: Relaxation | None = None
    """The nearest way to let something new fit."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What this turn does."""

    action: Action
    question: Question | None = None
    """Offers the relaxation when nothing new fits."""
    relaxation: Relaxation | None = None
    search: bool = False
    """Whether new items are looked for."""


def decide(belief: BeliefState, update: BeliefUpdate, facts: Facts, catalog: Catalog) -> Decision:
    """Choose the action for the belief after `update`."""
    action = _action(update)
    if action not in ("recommend", "search"):
        return Decision(action)
    named = [catalog[item] for item in update.targets if item in catalog] if update.intent == "search" else []
    if named:
        return _look_up(named, belief, catalog)
    question = None if facts.relaxation is None else _offer(facts.relaxation, belief, catalog)
    if facts.fitting and question and question.text in {asked.text for asked in belief.questions}:
        question = None
    return Decision(action, question, facts.relaxation, search=facts.fitting > 0)


def _look_up(named: Sequence[Item], belief: BeliefState, catalog: Catalog) -> Decision:
    """Show items asked for by title, or, when limits forbid them all, offer to lift those of the first."""
    gone = never_shown(belief)
    broken = {item.id: [rule for rule in belief.constraints if not rule.constraint.allows(item)] for item in named}
    if any(not broken[item.id] and item.id not in gone for item in named):
        return Decision("search", search=True)
    first = next((item for item in named if item.id not in gone), None)
    if first is None:
        return Decision("search")
    limits = broken[first.id]
    drops = tuple(Drop(attribute=limit.attribute, value=limit.value, words="yes") for limit in limits)
    text = f"Shall I drop {listed([said(limit, catalog.schema) for limit in limits])}?"
    yes = BeliefUpdate(intent="search", drop=drops, targets=(first.id,))
    return Decision("search", Question(attribute=limits[0].attribute, text=text, turn=belief.turn, yes=yes))


def _action(update: BeliefUpdate) -> Action:
    wishes = bool(update.set or update.prefer or update.drop)
    verdicts = {entry.verdict for entry in update.items}
    match update.intent:
        case "ask" | "compare" | "explain":
            return update.intent
        case "feedback" if "accepted" in verdicts:
            return "chat"
        case "feedback" | "chat":
            turned_down = bool(verdicts & {"rejected", "seen", "disliked", "like_this", "unlike_this"})
            return "recommend" if wishes or turned_down else "chat"
        case "search":
            return "search"
        case _:
            return "recommend"


def look(belief: BeliefState, catalog: Catalog, count: Count) -> Facts:
    """Count what fits; when nothing new does, find out which limits are to blame and the nearest way out."""
    limits, gone = belief.constraints, never_shown(belief)
    rules = [limit.constraint for limit in limits]
    hidden = gone | {entry.item_id for entry in belief.shown}
    fitting, fresh = count(rules, gone), count(rules, hidden)
    if fresh or not limits:
        return Facts(fitting)

    def without(left_out: Iterable[Limit]) -> int:
        kept = [limit.constraint for limit in limits if limit not in tuple(left_out)]
        return count(kept, hidden)

    freed = {limit: n for limit in limits if (n := without([limit]))}
    return Facts(
        fitting=fitting,
        used_up=count(rules, frozenset()),
        impossible=tuple(limit for limit in limits if not count([limit.constraint], frozenset())),
        blocking=tuple(freed),
        relaxation=_nearest(belief, catalog, freed, without, hidden),
    )


def _nearest(
    belief: BeliefState,
    catalog: Catalog,
    freed: dict[Limit, int],
    without: Callable[[Iterable[Limit]], int],
    hidden: frozenset[str],
) -> Relaxation | None:
    """Move a bound that is almost met, else drop one limit, else as few as possible; rather old ones than new ones."""
    moved = [step for limit in freed if (step := _moved(limit, belief, catalog, hidden)) is not None]
    if moved:
        return min(moved, key=lambda step: step[0])[1]
    if freed:
        limit = max(freed, key=lambda limit: (limit.turn < belief.turn, freed[limit]))
        return Relaxation((limit,), freed[limit])
    for size in range(2, len(belief.constraints) + 1):
        ways = [(n, limits) for limits in combinations(belief.constraints, size) if (n := without(limits))]
        if ways:
            fitting, limits = max(ways, key=lambda way: way[0])
            return Relaxation(limits, fitting)
    return None


def _moved(
    limit: Limit, belief: BeliefState, catalog: Catalog, hidden: frozenset[str]
) -> tuple[float, Relaxation] | None:
    """Return how far a bound has to move, in standard deviations, and the move; None when too far or no bound."""
    if limit.op not in ("at_least", "at_most"):
        return None
    others = [other.constraint for other in belief.constraints if other is not limit]
    numbers = [
        number
        for item in catalog
        if item.id not in hidden
        and (number := item.number(limit.attribute)) is not None
        and all(rule.allows(item) for rule in others)
    ]
    known = [number for item in catalog if (number := item.number(limit.attribute)) is not None]
    if not numbers or not known:
        return None
    mean = sum(known) / len(known)
    spread = (sum((number - mean) ** 2 for number in known) / len(known)) ** 0.5
    nearest = max(numbers) if limit.op == "at_least" else min(numbers)
    distance = abs(nearest - float(limit.value)) / spread if spread else 0.0
    if distance > NEAR:
        return None
    bound = limit.model_copy(update={"value": int(nearest) if nearest.is_integer() else nearest})
    fitting = sum(n >= nearest if limit.op == "at_least" else n <= nearest for n in numbers)
    return distance, Relaxation((limit,), fitting, bound)


def _offer(relaxation: Relaxation, belief: BeliefState, catalog: Catalog) -> Question:
    if relaxation.bound is not None:
        text = f"Would {said(relaxation.bound, catalog.schema)} do?"
    else:
        text = f"Shall I drop {listed([said(limit, catalog.schema) for limit in relaxation.limits])}?"
    attribute = relaxation.limits[0].attribute
    return Question(attribute=attribute, text=text, turn=belief.turn, yes=relaxation.update())


def question_about(
    belief: BeliefState, candidates: Sequence[Item], slate: Sequence[Item], catalog: Catalog
) -> Question | None:
    """Ask which value of a facet is wanted, when little is known and each answer offered would give another list.

    `candidates` are the items that could be shown, best first, and `slate` those that are. None when the belief is
    not thin, when every suitable facet was spoken of or asked about, or when no facet splits the candidates.
    """
    wishes = [entry for entry in belief.preferences if entry.weight > 0]
    limits = [entry for entry in belief.constraints if entry.op != "is_not"]
    examples = belief.with_verdict("liked", "like_this", "accepted")
    asked = [question for question in belief.questions if question.yes is None]
    if len(wishes) + len(limits) > THIN or examples or len(asked) >= MOST_QUESTIONS or not slate:
        return None
    known = {fold(wish.attribute) for wish in belief.preferences}
    known |= {fold(entry.attribute) for group in (belief.constraints, belief.questions) for entry in group}
    best: tuple[float, Column, list[str]] | None = None
    for column in catalog.schema.with_role("facet"):
        if column.people or fold(column.name) in known:
            continue
        told, values = _split(column, candidates, slate)
        if len(values) >= 2 and (best is None or told > best[0]):
            best = told, column, values
    if best is None:
        return None
    _, column, values = best
    text = f"Any {column.singular or column.name} in particular: {listed(values, 'or')}?"
    return Question(attribute=column.name, text=text, turn=belief.turn)


def _split(column: Column, candidates: Sequence[Item], slate: Sequence[Item]) -> tuple[float, list[str]]:
    """Return how much an answer tells, and up to `OFFERED` values to offer.

    A value is offered when enough candidates have it to fill a list and some item now shown lacks it. An answer tells
    more the more candidates the values offered cover, and the more values there are to choose from (in bits).
    """
    holders: dict[str, set[str]] = {}
    for item in candidates:
        for value in item.values(column.name):
            holders.setdefault(value, set()).add(item.id)
    shown = {item.id for item in slate}
    useful = {
        value: ids
        for value, ids in holders.items()
        if len(slate) <= len(ids) <= 0.6 * len(candidates) and not shown <= ids
    }
    bits = log2(max(1, len(useful)))
    covered: set[str] = set()
    values: list[str] = []
    while useful and len(values) < OFFERED:
        value = max(useful, key=lambda value: (len(useful[value] - covered), value))
        if len(useful[value] - covered) < max(len(slate), len(useful[value]) // 2):
            break
        covered |= useful.pop(value)
        values.append(value)
    return bits * len(covered) / max(1, len(candidates)), values
