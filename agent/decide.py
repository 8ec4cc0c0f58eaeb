"""What to do with a turn: a pure function of the belief, the update, and a few facts about the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.asking import just_asked
from agent.belief import BeliefState, BeliefUpdate, Limit, Question
from agent.querying import never_shown
from agent.relaxing import Count, Relaxation, ways_out
from agent.small_talk import Talk
from agent.variety import nothing_wanted
from retrieval.catalog import Catalog, CatalogSchema, Item

Action = Literal["recommend", "ask", "compare", "explain", "search", "chat"]


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
    ways_out: tuple[Relaxation, ...] = ()
    """How something new would fit, the nearest way first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What this turn does."""

    action: Action
    question: Question | None = None
    """The way out when nothing new fits: asked for, or only told when the turn before asked something."""
    relaxation: Relaxation | None = None
    search: bool = False
    """Whether new items are looked for."""


def decide(
    belief: BeliefState, update: BeliefUpdate, facts: Facts, catalog: Catalog, talk: Talk | None = None
) -> Decision:
    """Choose the action for the belief after `update`; `talk` is the small talk that the message holds."""
    action = _action(belief, update, talk or Talk())
    if action not in ("recommend", "search"):
        return Decision(action)
    named = [catalog[item] for item in update.targets if item in catalog] if update.intent == "search" else []
    if named:
        return _look_up(named, belief, catalog)
    new = [way for way in facts.ways_out if not way.offered_in(belief)]
    relaxation = next(iter([*new, *facts.ways_out]), None)
    question = None
    if relaxation and (new or not facts.fitting):
        question = _offer(relaxation, belief, catalog.schema, asks=bool(new))
    return Decision(action, question, relaxation, search=facts.fitting > 0)


def _action(belief: BeliefState, update: BeliefUpdate, talk: Talk) -> Action:
    verdicts = {entry.verdict for entry in update.items}
    wishes = bool(update.set or update.prefer or update.drop)
    if not update.changes() and not update.targets:
        if talk.asks_for_items or (talk.greets and nothing_wanted(belief) and not belief.shown):
            return "recommend"
        if talk.alone or (talk.refuses and _offered_last(belief)):
            return "chat"
    match update.intent:
        case "ask" if talk.asks_for_items:
            return "recommend"
        case "ask" | "compare" | "explain":
            return update.intent
        case "feedback" if "accepted" in verdicts:
            return "chat"
        case "feedback" | "chat":
            turned_down = bool(verdicts & {"rejected", "seen", "disliked", "like_this", "unlike_this"})
            return "recommend" if wishes or turned_down or talk.asks_for_items else "chat"
        case "search":
            return "search"
        case _:
            return "recommend"


def _offered_last(belief: BeliefState) -> bool:
    """Tell whether the turn before offered a way out, asked for or told."""
    return any(question.turn == belief.turn - 1 and question.yes is not None for question in belief.questions)


def _look_up(named: Sequence[Item], belief: BeliefState, catalog: Catalog) -> Decision:
    """Show items asked for by title, or, when limits forbid them all, offer to lift those of the first."""
    gone = never_shown(belief)
    broken = {item.id: [rule for rule in belief.constraints if not rule.constraint.allows(item)] for item in named}
    if any(not broken[item.id] and item.id not in gone for item in named):
        return Decision("search", search=True)
    first = next((item for item in named if item.id not in gone), None)
    if first is None:
        return Decision("search")
    kept = [rule.constraint for rule in belief.constraints if rule not in broken[first.id]]
    fitting = sum(item.id not in gone and all(rule.allows(item) for rule in kept) for item in catalog)
    relaxation = Relaxation(tuple(broken[first.id]), fitting, targets=(first.id,))
    new = not relaxation.offered_in(belief)
    return Decision("search", _offer(relaxation, belief, catalog.schema, asks=new), relaxation)


def _offer(relaxation: Relaxation, belief: BeliefState, schema: CatalogSchema, *, asks: bool) -> Question:
    """Put a way out as a question; only tell it when it was offered before or the turn before asked something."""
    told = relaxation.said(schema)
    text = f"{told} Shall I?" if asks and not just_asked(belief) else told
    attribute = relaxation.limits[0].attribute
    return Question(attribute=attribute, text=text, turn=belief.turn, yes=relaxation.update())


def look(belief: BeliefState, catalog: Catalog, count: Count) -> Facts:
    """Count what fits; when nothing new does, find out which limits are to blame and the nearest ways out."""
    limits, gone = belief.constraints, never_shown(belief)
    rules = [limit.constraint for limit in limits]
    hidden = gone | {entry.item_id for entry in belief.shown}
    fitting, fresh = count(rules, gone), count(rules, hidden)
    if fresh or not limits:
        return Facts(fitting)
    ways, blocking = ways_out(belief, catalog, count, hidden)
    return Facts(
        fitting=fitting,
        used_up=count(rules, frozenset()),
        impossible=tuple(limit for limit in limits if not count([limit.constraint], frozenset())),
        blocking=blocking,
        ways_out=ways,
    )
