"""What a simulated user does next: a pure function of the user, the dialogue so far, and a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agent.belief import Verdict
from agent.wording import listed
from evals.simulation.facts import value_fact
from evals.simulation.speech import Speech
from evals.simulation.user import Exchange, Fact, Kind, Move, User, limits, same_words, stated
from retrieval.catalog import Catalog, Item, fold
from retrieval.constraints import Constraint

CRITICISES = 0.5
"""Probability that an item shown is criticised where it can be."""
CLICKS = 0.5
"""Probability that a verdict is given by click and not in words."""
VERDICTS = 2
"""Items on which a user gives a verdict in one turn."""
SILENCE = 2
"""Replies in a row without items after which a user starts over."""
BEGINNING = 2
"""Facts with which a dialogue begins at most."""


def next_move(user: User, catalog: Catalog, history: tuple[Exchange, ...], chance: random.Random) -> Move:
    """Return what `user` says and clicks after `history`; `chance` belongs to this turn alone."""
    turn = _Turn(user, catalog, history, Speech(catalog, chance, user.manner), chance)
    return turn.opening() if not history else turn.following()


def repeated(history: Sequence[Exchange]) -> tuple[str, ...]:
    """Return the ids that the last reply showed although an earlier one had shown them."""
    before = {item for exchange in history[:-1] for item in exchange.heard.items}
    return tuple(item for item in history[-1].heard.items if item in before)


def violations(history: tuple[Exchange, ...], catalog: Catalog) -> tuple[str, ...]:
    """Return the ids in the last reply that break a limit stated up to then."""
    rules = limits(history)
    return tuple(item for item in history[-1].heard.items if not all(rule.holds(catalog[item]) for rule in rules))


def fed_up(history: tuple[Exchange, ...], catalog: Catalog, patience: int) -> bool:
    """Tell whether the patience is used up: a turn costs one, a repeat or a broken limit in it one more each."""
    spent = 0
    for end in range(1, len(history) + 1):
        spent += 1 + bool(repeated(history[:end])) + bool(violations(history[:end], catalog))
    return spent >= patience


@dataclass(frozen=True)
class _Turn:
    """One turn of a user."""

    user: User
    catalog: Catalog
    history: tuple[Exchange, ...]
    speech: Speech
    chance: random.Random

    def opening(self) -> Move:
        """Begin with a loved item where the user has one, else with one or two facts."""
        if self.user.loved:
            return self._example("open by example", "open")
        facts = self.user.facts[: self.chance.randint(1, BEGINNING)]
        saying = "open" if self.user.manner.chatty else "open briefly"
        return self._move("open", self.speech.say(saying, wish=self.speech.wish(facts)), facts)

    def following(self) -> Move:
        """Give verdicts on items that are known, then answer, complain, criticise, reveal, or ask for others."""
        judged, clicks, words, titles = self._verdicts()
        move = self._content()
        text = self.speech.join([*words, move.text])
        return move.model_copy(
            update={"text": text, "clicks": clicks, "judged": (*judged, *move.judged), "named": (*titles, *move.named)}
        )

    def _content(self) -> Move:
        heard = self.history[-1].heard
        if self.chance.random() < self.user.noise:
            return self._noise()
        if heard.offered is not None:
            return self._offer(heard.offered)
        if heard.asked is not None:
            return self._answer(heard.asked, heard.question or "")
        silent = [not exchange.heard.items for exchange in self.history[-SILENCE:]]
        if len(silent) == SILENCE and all(silent) and self.user.facts:
            facts = self.user.facts[:BEGINNING]
            return self._move("restart", self.speech.say("restart", wish=self.speech.wish(facts)), facts)
        broken = [fact for fact in limits(self.history) if not all(map(fact.holds, self._shown()))]
        if broken and self.history[-1].move.kind != "restate":
            return self._move("restate", self.speech.say("restate", wish=self.speech.wish(broken[:1])), broken[:1])
        if self.chance.random() < CRITICISES and (move := self._criticism()):
            return move
        return self._reveal()

    def _verdicts(self) -> tuple[tuple[str, ...], tuple[tuple[str, Verdict], ...], list[str], tuple[str, ...]]:
        """Return what was judged of the latest list: ids, clicks, sentences, and the titles in them."""
        done = {item for exchange in self.history for item in exchange.move.judged}
        new = [item for item in self.history[-1].heard.items if item not in done and self._verdict(item)][:VERDICTS]
        clicks: list[tuple[str, Verdict]] = []
        spoken: dict[Verdict, list[str]] = {}
        for item in new:
            verdict = self._verdict(item)
            assert verdict is not None
            if self.chance.random() < CLICKS:
                clicks.append((item, verdict))
            else:
                spoken.setdefault(verdict, []).append(self.speech.title(self.catalog[item]))
        words = [self.speech.say(verdict, title=listed(titles)) for verdict, titles in spoken.items()]
        return tuple(new), tuple(clicks), words, tuple(title for titles in spoken.values() for title in titles)

    def _verdict(self, item: str) -> Verdict | None:
        if item in self.user.disliked:
            return "disliked"
        if item in self.user.loved:
            return "liked"
        return "seen" if item in self.user.seen else None

    def _noise(self) -> Move:
        """Be vague, or, when asked for a value, name any."""
        asked = self.history[-1].heard.asked
        values = sorted(self.catalog.vocabulary.get(asked or "", ()))
        if not values or self.chance.random() < 0.5:
            return self._move("vague", self.speech.say("vague"))
        fact = value_fact(asked or "", self.chance.choice(values))
        return self._move("random", self.speech.say("answer", value=self.speech.value(fact)), [fact])

    def _offer(self, offered: Sequence[Constraint]) -> Move:
        """Give up limits that were never meant or that not all acceptable items need; after a no say something more."""
        wanted = [self.catalog[item] for item in sorted(self.user.accepts)]
        needed = [rule for fact in stated(self.history) for rule in fact.rules if all(map(rule.allows, wanted))]
        if not any(same_words(rule, limit) for rule in needed for limit in offered):
            return self._move("offer", self.speech.say("yes"))
        return self._after(self.speech.say("no"), "offer")

    def _answer(self, asked: str, question: str) -> Move:
        """Name a value of the attribute, one on offer if it can be; without one not mind, and say something more."""
        about = [fact for fact in self.user.facts if fold(fact.attribute) == fold(asked) and not fact.against]
        said = [fact for fact in stated(self.history) if fact in about]
        new = [fact for fact in about if fact not in said]
        offered = [fact for fact in new if fold(self.speech.value(fact)) in fold(question)]
        if offered or new:
            fact = (offered or new)[0]
            saying = "answer" if offered or "?" not in question else "answer otherwise"
            return self._move("answer", self.speech.say(saying, value=self.speech.value(fact)), [fact])
        if said:
            again = self.speech.say("answer again", value=self.speech.value(said[0]))
            return self._after(again, "answer", said[:1])
        return self._after(self.speech.say("no preference"), "answer")

    def _criticism(self) -> Move | None:
        """Compare the items shown in a number, or turn the first one down for a fact that it breaks."""
        shown = [item for item in self._shown() if item.id not in self.user.seen]
        for fact in self._unsaid():
            broken = [item for item in shown if not fact.holds(item)]
            column = self.catalog.schema.column(fact.attribute)
            if not broken:
                continue
            if column is None or column.role == "facet":
                title = self.speech.title(broken[0])
                text = self.speech.say("criticise", title=title, wish=self.speech.wish([fact]))
                return self._move("criticise", text, [fact], judged=(broken[0].id,), named=(title,))
            if len(broken) == len(shown) and (relation := self._relation(fact, broken)):
                text = self.speech.say("compare", relation=self.speech.relation(relation, broken))
                return self._move("criticise", text, [relation])
        return None

    def _relation(self, fact: Fact, items: Sequence[Item]) -> Fact | None:
        """Return what `older than those` demands, None when the items miss a range on both sides or lack the number."""
        numbers = [number for item in items if (number := item.number(fact.attribute)) is not None]
        op = next((rule.op for rule in fact.rules if not any(map(rule.allows, items))), None)
        if op is None or len(numbers) < len(items):
            return None
        value = min(numbers) if op == "at_most" else max(numbers)
        if value.is_integer():
            value = int(value) + (1 if op == "at_least" else -1)
        return Fact(rules=(Constraint(attribute=fact.attribute, op=op, value=value),), hard=True)

    def _reveal(self) -> Move:
        """Say one more thing that is wanted; what is not wanted comes to mind when it is seen."""
        named = {item for exchange in self.history for item in exchange.move.judged}
        unsaid = [fact for fact in self._unsaid() if not fact.against]
        if any(item not in named for item in self.user.loved) and (not unsaid or self.chance.random() < 0.5):
            return self._example("example", "reveal")
        if not unsaid:
            return self._more()
        fact = unsaid[0]
        saying = "reveal a limit" if fact.hard else "reveal"
        return self._move("reveal", self.speech.say(saying, wish=self.speech.wish([fact])), [fact])

    def _more(self) -> Move:
        """Remind of what no item shown has, else ask for others."""
        shown = self._shown()
        unmet = [fact for fact in stated(self.history) if shown and not any(map(fact.holds, shown))]
        if not unmet or self.history[-1].move.kind == "restate":
            return self._move("more", self.speech.say("more"))
        return self._move("restate", self.speech.say("restate", wish=self.speech.wish(unmet[:1])), unmet[:1])

    def _example(self, saying: str, kind: Kind) -> Move:
        """Name the next loved item."""
        named = {item for exchange in self.history for item in exchange.move.judged}
        item = next(item for item in self.user.loved if item not in named)
        title = self.speech.title(self.catalog[item])
        return self._move(kind, self.speech.say(saying, title=title), judged=(item,), named=(title,))

    def _after(self, first: str, kind: Kind, facts: Sequence[Fact] = ()) -> Move:
        """Say something, and then one more thing."""
        more = self._reveal()
        text = f"{first} {more.text}" if more.kind != "more" else first
        return more.model_copy(update={"text": text, "kind": kind, "facts": (*facts, *more.facts)})

    def _unsaid(self) -> list[Fact]:
        said = stated(self.history)
        return [fact for fact in self.user.facts if fact not in said]

    def _shown(self) -> list[Item]:
        return [self.catalog[item] for item in self.history[-1].heard.items]

    def _move(
        self, kind: Kind, text: str, facts: Sequence[Fact] = (), judged: tuple[str, ...] = (),
        named: tuple[str, ...] = (),
    ) -> Move:  # fmt: skip
        return Move(text=self.speech.join([text]), kind=kind, facts=tuple(facts), judged=judged, named=named)
