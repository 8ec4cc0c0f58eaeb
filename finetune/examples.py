"""Conversations -> training examples, by the same prompts and search that serve."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from agent.belief import BeliefState, ItemVerdict, Shown, apply
from agent.fact_check import FactCheck, connecting_words, stem, stemmed
from agent.facts import few_facts
from agent.querying import query_of
from agent.ranking import OPTIONS, generate_prompt, rank_prompt
from agent.reasons import reason_prompt
from agent.sentences import sentences
from agent.transcripts import belief_from_turns, resolve_title, update_from_dict
from finetune.requests import request
from prompts import Prompt, Tokens, render
from retrieval.catalog import Catalog, Item, UserError
from retrieval.search import Retriever
from retrieval.semantic_ids import SemanticIds

Dialogue = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt and the answer that is learned."""

    task: str
    prompt: Prompt
    answer: str
    options: tuple[str, ...] = ()
    """Item ids to tell apart, the right one first; in a ranking example the prompt names them."""


def packaged() -> Path:
    """Return the file of the dialogues that come with the package."""
    return Path(str(files("finetune").joinpath("dialogues/dialogues.jsonl")))


def labelled() -> tuple[Path, ...]:
    """Return all files of labelled dialogues that come with the package."""
    return tuple(sorted(packaged().parent.glob("*.jsonl")))


def read_dialogues(path: Path | None = None, split: str | None = "train") -> list[Dialogue]:
    """Read dialogues, one JSON object a line; the packaged ones without `path`. UserError names a bad line."""
    source = path or packaged()
    if not source.is_file():
        raise UserError(f"no dialogues at {source}: write some with `python -m finetune export --out {source}`")
    dialogues = []
    for number, line in enumerate(source.read_text("utf-8").splitlines(), start=1):
        try:
            dialogue = json.loads(line)
            for turn in dialogue["turns"]:
                turn["user"], turn["update"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f'{source}:{number}: not a dialogue ({error!r}): each line is {{"id", "turns"}}') from error
        if split is None or dialogue.get("split", split) == split:
            dialogues.append(dialogue)
    return dialogues


def held_out(dialogue: Dialogue, share: float = 0.1) -> bool:
    """Tell whether a dialogue belongs to the validation part, by a hash of its id: the same in every run."""
    return int(hashlib.sha256(str(dialogue["id"]).encode()).hexdigest(), 16) % 1000 < share * 1000


def alignment_examples(retriever: Retriever, seed: int) -> Iterator[Example]:
    """Yield examples that tie Semantic IDs to what they stand for: title to id, id to title, histories."""
    catalog, codes, rng = retriever.catalog, retriever.semantic_ids, random.Random(seed)
    noun, nouns = catalog.schema.noun, catalog.schema.nouns
    for item in catalog:
        facts = few_facts(item, catalog, BeliefState(), most=6)
        yield Example("title_to_id", render("title_to_id", noun=noun, facts=facts), codes.text(item.id))
        yield Example("id_to_title", render("id_to_title", code=Tokens(codes.text(item.id))), facts)
    neighbours: dict[tuple[int, ...], list[str]] = {}
    for item_id, path in codes.codes.items():
        neighbours.setdefault(path[:1], []).append(item_id)
    for group in neighbours.values():
        for _ in range(len(group) // 2):
            if len(group) >= 4:
                *history, following = rng.sample(group, 4)
                shown = [{"code": Tokens(codes.text(i)), "title": catalog.label(catalog[i])} for i in history]
                yield Example("history", render("history", nouns=nouns, liked=shown), codes.text(following))


def request_examples(retriever: Retriever, seed: int) -> Iterator[Example]:
    """Yield for every item a request that it fulfils, of which the answer is that item."""
    catalog, codes, rng = retriever.catalog, retriever.semantic_ids, random.Random(seed)
    for item in catalog:
        text, belief = request(item, catalog, rng)
        yield Example("request", generate_prompt(text, "", belief, catalog), codes.text(item.id))


def dialogue_examples(dialogues: Iterable[Dialogue], retriever: Retriever, seed: int) -> Iterator[Example]:
    """Yield ranking, generation, chat and reason examples of every turn, in order."""
    catalog, check, rng = retriever.catalog, FactCheck(retriever.catalog), random.Random(seed)
    for dialogue in dialogues:
        turns: Sequence[Mapping[str, Any]] = dialogue["turns"]
        for place, turn in enumerate(turns):
            before = belief_from_turns(turns[:place], catalog)
            update = update_from_dict(turn["update"], catalog, before)
            belief = apply(before, update)
            shown = [(resolve_title(line["title"], catalog), line.get("reason", "")) for line in turn.get("shown", ())]
            known = [(item, reason) for item, reason in shown if item is not None]
            following = turns[place + 1] if place + 1 < len(turns) else None
            after = _after(belief, known, following, catalog)
            if known:
                ids, said = [item for item, _ in known], " ".join(earlier["user"] for earlier in turns[:place])
                found = retriever.search(query_of(belief, turn["user"], catalog, 3 * OPTIONS))
                others = [hit.item_id for hit in found if hit.item_id not in ids]
                yield from _ranking(turn["user"], belief, ids, after, others, retriever, rng)
                prompt = generate_prompt(turn["user"], said, belief, catalog)
                yield from _generation(prompt, ids, after, others, retriever.semantic_ids, rng)
            if update.intent == "chat" and turn.get("reply"):
                yield Example("chat", render("chat", text=turn["user"]), turn["reply"])
            for item, reason in known:
                if answer := _sayable(reason, catalog[item], belief, catalog, check):
                    yield Example("reason", reason_prompt(turn["user"], belief, catalog[item], catalog), answer)


def _sayable(reason: str, item: Item, belief: BeliefState, catalog: Catalog, check: FactCheck) -> str:
    """Return what serving could say that is nearest to what a person wrote, empty when nothing has a word of it.

    Nearness is the share (Jaccard) of stems; every sentence on offer passes the check.
    """
    [texts] = sentences([item], belief, catalog, lambda words, it: not check.unsupported(words, it, belief))
    wanted = set(stemmed(reason)) - {stem(word) for word in connecting_words()}
    shares = {text: len(wanted & set(own)) / len(wanted | set(own)) for text in texts if (own := stemmed(text))}
    best = max(shares, key=lambda text: shares[text])
    return best if shares[best] > 0 and not check.unsupported(best, item, belief) else ""


def _ranking(
    text: str,
    belief: BeliefState,
    shown: Sequence[str],
    after: Sequence[ItemVerdict],
    others: Sequence[str],
    retriever: Retriever,
    rng: random.Random,
) -> Iterator[Example]:
    """Yield one example for the first item shown, and one for each that the next message accepts or likes."""
    good = {v.item_id for v in after if v.verdict in ("accepted", "liked", "like_this")}
    for target in (shown[0], *(item for item in shown[1:] if item in good)):
        options = _options(target, others, rng)
        if len(options) > 1:
            mixed = rng.sample(options, len(options))
            prompt = rank_prompt(text, belief, mixed, retriever.catalog, retriever.semantic_ids)
            yield Example("rank", prompt, retriever.semantic_ids.text(target), options)


def _generation(
    prompt: Prompt,
    shown: Sequence[str],
    after: Sequence[ItemVerdict],
    others: Sequence[str],
    semantic_ids: SemanticIds,
    rng: random.Random,
) -> Iterator[Example]:
    """Yield one example without candidates for every item shown, but for those that the next message turns down."""
    refused = {v.item_id for v in after if v.verdict in ("rejected", "disliked", "seen")}
    for item in shown:
        if item not in refused:
            yield Example("generate", prompt, semantic_ids.text(item), _options(item, others, rng))


def _options(target: str, others: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    return (target, *rng.sample(others, min(len(others), OPTIONS - 1)))


def _after(
    belief: BeliefState, shown: Sequence[tuple[str, str]], following: Mapping[str, Any] | None, catalog: Catalog
) -> Sequence[ItemVerdict]:
    """Return what the next message says about items, none when there is no next message."""
    if following is None:
        return ()
    return update_from_dict(following["update"], catalog, _with_shown(belief, shown, catalog)).items


def _with_shown(belief: BeliefState, shown: Sequence[tuple[str, str]], catalog: Catalog) -> BeliefState:
    ledger = tuple(
        Shown(item_id=item, title=catalog.label(catalog[item]), position=place, turn=belief.turn)
        for place, (item, _) in enumerate(shown, start=1)
    )
    return belief.after_reply(ledger, None)
