"""Conversations -> training examples, by the same prompts and search that serve."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from agent.belief import BeliefState, apply
from agent.fact_check import FactCheck, connecting_words, stem, stemmed
from agent.facts import few_facts
from agent.querying import query_of
from agent.ranking import OPTIONS, generate_prompt, rank_prompt
from agent.reasons import reason_prompt
from agent.sentences import sentences
from agent.transcripts import belief_from_turns, resolve_title, update_from_dict
from finetune.preferences import balanced
from finetune.requests import request
from finetune.taken import Taught, taught
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
    weight: float = 1.0
    """How often it is drawn beside others of its task."""
    person: str = ""
    """Whose conversation in our own log it comes from; empty for what somebody labelled or made."""


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


def dialogue_examples(
    dialogues: Iterable[Dialogue], retriever: Retriever, seed: int, clip: float = 5.0
) -> Iterator[Example]:
    """Yield ranking, generation, chat and reason examples of every turn, in order.

    Of our own lists (`finetune.taken`) only what was taken is right, and counts by the inverse of the probability with
    which it was shown, `clip` at most.
    """
    catalog, check, rng = retriever.catalog, FactCheck(retriever.catalog), random.Random(seed)
    for dialogue in dialogues:
        turns: Sequence[Mapping[str, Any]] = dialogue["turns"]
        for place, turn in enumerate(turns):
            before = belief_from_turns(turns[:place], catalog)
            update = update_from_dict(turn["update"], catalog, before)
            belief = apply(before, update)
            found = taught(turns, place, belief, catalog)

            def own(example: Example, item: str, found: Taught = found, dialogue: Dialogue = dialogue) -> Example:
                person = str(dialogue.get("who") or dialogue["id"]) if found.chances else ""
                return replace(example, weight=found.weight(item, clip), person=person)

            if found.right:
                said = " ".join(earlier["user"] for earlier in turns[:place])
                hits = retriever.search(query_of(belief, turn["user"], catalog, 3 * OPTIONS))
                others = [hit.item_id for hit in hits if hit.item_id not in found.shown]
                first = found.right[0]
                ranked = (first, *(item for item in found.taken if item != first))
                for example in _ranking(turn["user"], belief, ranked, others, retriever, rng):
                    yield own(example, example.options[0])
                prompt = generate_prompt(turn["user"], said, belief, catalog)
                kept = [item for item in found.right if item not in found.refused]
                for example in _generation(prompt, kept, others, retriever.semantic_ids, rng):
                    yield own(example, example.options[0])
            if update.intent == "chat" and turn.get("reply"):
                yield Example("chat", render("chat", text=turn["user"]), turn["reply"])
            reasons = {resolve_title(line["title"], catalog): line.get("reason", "") for line in turn.get("shown", ())}
            for item in found.right:
                if answer := _sayable(reasons[item], catalog[item], belief, catalog, check):
                    prompt = reason_prompt(turn["user"], belief, catalog[item], catalog)
                    yield own(Example("reason", prompt, answer), item)


def weighed(examples: Iterable[Example], cap: float) -> list[Example]:
    """Return examples, those of our own log with weights of mean 1 by task, of which nobody has more than `cap`."""
    found = list(examples)
    for task in {example.task for example in found if example.person}:
        places = [place for place, one in enumerate(found) if one.task == task and one.person]
        weights = balanced([found[place].weight for place in places], [found[place].person for place in places], cap)
        for place, weight in zip(places, weights, strict=True):
            found[place] = replace(found[place], weight=weight)
    return found


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
    targets: Sequence[str],
    others: Sequence[str],
    retriever: Retriever,
    rng: random.Random,
) -> Iterator[Example]:
    """Yield one example for each item that is right."""
    for target in targets:
        options = _options(target, others, rng)
        if len(options) > 1:
            mixed = rng.sample(options, len(options))
            prompt = rank_prompt(text, belief, mixed, retriever.catalog, retriever.semantic_ids)
            yield Example("rank", prompt, retriever.semantic_ids.text(target), options)


def _generation(
    prompt: Prompt, targets: Sequence[str], others: Sequence[str], semantic_ids: SemanticIds, rng: random.Random
) -> Iterator[Example]:
    """Yield one example without candidates for each item that is right."""
    for item in targets:
        yield Example("generate", prompt, semantic_ids.text(item), _options(item, others, rng))


def _options(target: str, others: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    return (target, *rng.sample(others, min(len(others), OPTIONS - 1)))
