"""The steps of a turn. Each reads the state and returns what it changes; only `record` changes what lasts."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

from agent.answers import Heard
from agent.asking import probabilities, question_about
from agent.belief import BeliefState, BeliefUpdate, Question, Shown, apply
from agent.decide import decide as decide_action
from agent.decide import look
from agent.explaining import Recorded
from agent.exploring import draw
from agent.log import ConversationLog, Turn
from agent.profile import rests_on
from agent.querying import query_of
from agent.ranking import Ranked
from agent.remembering import learn, remembered
from agent.small_talk import Talk, heard_in
from agent.state import Here, Plain, Retrieves, State
from agent.variety import diverse, nothing_wanted
from retrieval.catalog import Catalog
from retrieval.query import Candidate, Query

if TYPE_CHECKING:
    from langgraph.runtime import Runtime


class Node(Protocol):
    """One step of a turn: reads the state, returns what it changes."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[Here]) -> Plain:
        """Take the step."""
        ...


def timed(node: Node) -> Node:
    """Enter the seconds that a node took under its name."""

    @wraps(node)
    def run(state: State, runtime: Runtime[Here]) -> Plain:
        started = perf_counter()
        changes = node(state, runtime)
        taken = {node.__name__: round(perf_counter() - started, 4), **changes.pop("timings", {})}
        return {**changes, "timings": {**state["timings"], **taken}}

    return cast(Node, run)


@timed
def understand(state: State, runtime: Runtime[Here]) -> Plain:
    """Turn the message into an update and revise the belief by it."""
    tools = runtime.context.tools
    belief = BeliefState.model_validate(state.get("belief") or {})
    if state["given"] is not None:
        update = BeliefUpdate.model_validate(state["given"])
    else:
        with tools.llm_free:
            update = tools.understanding.understand(state["text"], belief)
    revised = apply(belief, update)
    return {"update": update.model_dump(mode="json"), "revised": revised.model_dump(mode="json")}


@timed
def decide(state: State, runtime: Runtime[Here]) -> Plain:
    """Choose what to do, knowing how many items fit and, when none does, what is in the way."""
    tools = runtime.context.tools
    belief, update = _belief(state), BeliefUpdate.model_validate(state["update"])
    catalog = tools.retriever.catalog
    facts = look(remembered(state, runtime.context).belief, catalog, tools.retriever.count)
    talk = heard_in(state["text"]) if state["given"] is None else Talk()
    decision = decide_action(belief, update, facts, catalog, talk)
    question = decision.question and decision.question.model_dump(mode="json")
    found = {"fitting": facts.fitting, "used_up": facts.used_up}
    blame = {"impossible": facts.impossible, "blocking": facts.blocking}
    return {
        "decision": {
            "action": decision.action,
            "search": decision.search,
            **found,
            **{name: [limit.model_dump(mode="json") for limit in limits] for name, limits in blame.items()},
        },
        "question": question,
    }


@timed
def retrieve(state: State, runtime: Runtime[Here]) -> Plain:
    """Search what satisfies every limit: first what was not shown yet, then, if too little is left, the rest."""
    tools = runtime.context.tools
    belief, update = _belief(state), BeliefUpdate.model_validate(state["update"])
    catalog, wanted = tools.retriever.catalog, tools.settings.slate_size
    said = tools.log.said(runtime.context.conversation)
    believed = remembered(state, runtime.context).belief
    query = query_of(believed, state["text"], catalog, tools.settings.candidates, said)
    shown = frozenset(entry.item_id for entry in belief.shown)
    found = tools.retriever.search(replace(query, exclude=query.exclude | shown))
    again = [] if len(found) >= wanted else [c for c in tools.retriever.search(query) if c.item_id in shown]
    if update.intent == "search" and update.targets:
        asked = query_of(belief, state["text"], catalog, tools.settings.candidates)
        allowed = [item for item in update.targets if _may_show(item, asked, catalog)]
        found, again = [Candidate(item, 1.0, {"title": 1.0}) for item in allowed], []
    return {
        "candidates": [_plain_candidate(candidate) for candidate in (*found, *again)],
        "shown_before": len(again),
    }


@timed
def rerank(state: State, runtime: Runtime[Here]) -> Plain:
    """Put the candidates in order by the language model and take the first few; the cards can be drawn now.

    While nothing is wanted yet, the first few are different from each other.
    """
    tools, here = runtime.context.tools, runtime.context
    belief = remembered(state, runtime.context).belief
    pool = [Candidate(c["item_id"], c["score"], c["scores"]) for c in state["candidates"]]
    new = pool[: len(pool) - state["shown_before"]]
    with tools.llm_free:
        ranked = tools.reranker.rank(state["text"], belief, new, tools.log.said(here.conversation))
    size, recommends = tools.settings.slate_size, state["decision"]["action"] == "recommend"
    explore = tools.settings.explore if recommends and not nothing_wanted(belief) else 0.0
    if recommends and nothing_wanted(belief):
        first = diverse([one.item_id for one in ranked], size, tools.retriever.catalog)
        ranked.sort(key=lambda one: first.index(one.item_id) if one.item_id in first else len(first))
    chance = random.Random(f"{tools.settings.seed}|{here.conversation}|{belief.turn}")
    order, chances = draw([one.probability for one in ranked], size, explore, chance)
    slate = [ranked[place] for place in order]
    propensities = {one.item_id: chance for one, chance in zip(slate, chances, strict=True)}
    again = [Ranked(candidate.item_id, 0.0, candidate) for candidate in pool[len(new) :]]
    ranked += again
    slate += again[: size - len(slate)]
    items = [_card(one, place, tools.retriever) for place, one in enumerate(slate, start=1)]
    seconds = round(perf_counter() - here.started, 4)
    known = {"belief": state["revised"], "update": state["update"], "timings": {"cards": seconds}}
    runtime.stream_writer({"items": items, **known})
    return {
        "candidates": [
            {
                **_plain_candidate(one.candidate),
                **{"probability": one.probability, "propensity": propensities.get(one.item_id, 0.0)},
                "likelihood": one.likelihood,
            }
            for one in ranked
        ],
        "items": items,
        "explore": explore,
        "shown_before": max(0, len(slate) - len(new)),
        "timings": {"cards": seconds},
    }


@timed
def explain(state: State, runtime: Runtime[Here]) -> Plain:
    """Write one reason per item and send each as it is finished; once nobody waits, take them from the facts."""
    tools, here = runtime.context.tools, runtime.context
    belief = _belief(state)
    items = [dict(item) for item in state["items"]]
    with tools.llm_free:
        for place, reason in tools.explainer.explain(state["text"], belief, [item["id"] for item in items]):
            items[place] |= {"reason": reason.text, "evidence": list(reason.evidence), "reason_source": reason.source}
            runtime.stream_writer({"items": [dict(item) for item in items]})
            if here.stop.is_set():
                break
    if not all(item["reason"] for item in items):
        for item, reason in zip(items, tools.explainer.from_facts(belief, [i["id"] for i in items]), strict=True):
            if not item["reason"]:
                item |= {"reason": reason.text, "evidence": list(reason.evidence), "reason_source": reason.source}
    return {"items": items}


@timed
def answer(state: State, runtime: Runtime[Here]) -> Plain:
    """Say it: introduce the items, answer from the catalog's facts, or name what is in the way."""
    tools = runtime.context.tools
    belief, update = _belief(state), BeliefUpdate.model_validate(state["update"])
    catalog, decision = tools.retriever.catalog, state["decision"]
    question = None if state["question"] is None else Question.model_validate(state["question"])
    before = BeliefState.model_validate(state.get("belief") or {})
    basis = rests_on(remembered(state, runtime.context).belief)
    heard = Heard(belief, update, state["text"], before, basis)
    if state["items"]:
        new = state["candidates"][: max(0, len(state["candidates"]) - state["shown_before"])]
        slate = [item["id"] for item in state["items"]]
        if decision["action"] == "recommend" and question is None:
            chances = probabilities({c["item_id"]: c["score"] for c in new}, tools.retriever.temperature)
            question = question_about(belief, chances, slate, catalog)
        items = [catalog[item] for item in slate]
        text = tools.answers.introduce(heard, items, state["shown_before"], tools.settings.slate_size)
    elif decision["action"] in ("recommend", "search"):
        text = tools.answers.nothing_fits(heard, decision)
    else:
        explains = decision["action"] == "explain"
        recorded = _recorded(tools.log, runtime.context.conversation) if explains else {}
        text = tools.answers.answer(heard, decision["action"], recorded)
    if question is not None and not question.asks:
        text = f"{text} {question.text}"
    return {"answer": text, "question": question and question.model_dump(mode="json")}


@timed
def record(state: State, runtime: Runtime[Here]) -> Plain:
    """Enter what was shown and asked into the ledger and write the turn to the log."""
    tools, here = runtime.context.tools, runtime.context
    revised = _belief(state)
    question = None if state["question"] is None else Question.model_validate(state["question"])
    shown = tuple(
        Shown(item_id=item["id"], title=item["title"], position=item["rank"], turn=revised.turn)
        for item in state["items"]
    )
    belief = revised.after_reply(shown, question).model_dump(mode="json")
    timings = {**state["timings"], "total": round(perf_counter() - here.started, 4)}
    turn = Turn(
        turn=revised.turn,
        user=state["text"],
        via="text" if state["given"] is None else "chip",
        action=state["decision"]["action"],
        update=state["update"],
        belief=belief,
        candidates=tuple(state["candidates"]),
        shown=tuple(state["items"]),
        text=state["answer"],
        question=question.text if question else None,
        timings=timings,
        explore=state.get("explore") or 0.0,
        **tools.models,
    )
    seq = tools.log.add_turn(here.conversation, turn, after=state.get("logged") or 0, person=here.person)
    runtime.stream_writer({"profile": learn(state, runtime)})
    return {"belief": belief, "logged": seq, "candidates": [], "timings": {"total": timings["total"]}}


def _belief(state: State) -> BeliefState:
    return BeliefState.model_validate(state["revised"])


def _recorded(log: ConversationLog, conversation: str) -> dict[str, Recorded]:
    """Return the latest recommendation of each item with the belief that it was made from."""
    found: dict[str, Recorded] = {}
    for entry in log.turns(conversation):
        belief = BeliefState.model_validate(entry.content["belief"])
        for card in entry.content["shown"]:
            found[card["id"]] = Recorded(card["reason"], card["reason_source"] == "llm", belief)
    return found


def _may_show(item_id: str, query: Query, catalog: Catalog) -> bool:
    if item_id not in catalog or item_id in query.exclude:
        return False
    return all(limit.allows(catalog[item_id]) for limit in query.constraints)


def _plain_candidate(candidate: Candidate) -> Plain:
    scores = {source: float(score) for source, score in candidate.scores.items()}
    return {"item_id": candidate.item_id, "score": float(candidate.score), "scores": scores}


def _card(one: Ranked, rank: int, retriever: Retrieves) -> Plain:
    return {
        "id": one.item_id,
        "title": retriever.catalog.label(retriever.catalog[one.item_id]),
        "semantic_id": retriever.semantic_ids.text(one.item_id),
        "rank": rank,
        "score": one.probability,
        "reason": "",
        "evidence": [],
        "reason_source": "",
    }
