"""Reactions -> preferences: what was taken over what stood beside it, and what somebody said of an item alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.ranking import generate_prompt
from agent.reactions import BAD, GOOD, Reacted
from prompts import Prompt
from retrieval.catalog import Catalog
from retrieval.semantic_ids import SemanticIds


@dataclass(frozen=True, slots=True)
class Pair:
    """One item that was taken, and one that stood in the same list and was not."""

    prompt: Prompt
    chosen: str
    """The Semantic ID as text."""
    rejected: str
    weight: float
    """How much it counts beside others, before `balanced`."""
    conversation: str
    person: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody said of one item, where there is nothing to compare it with."""

    prompt: Prompt
    completion: str
    """The Semantic ID as text."""
    good: bool
    weight: float
    conversation: str
    person: str


def pairs(reacted: Iterable[Reacted], catalog: Catalog, codes: SemanticIds, clip: float) -> Iterator[Pair]:
    """Yield every item taken beside every item of its list that was turned down or passed over.

    A pair counts by the inverse of the probability with which the taken item was shown, at most `clip`, shared among
    the pairs of one taken item.
    """
    for turn in reacted:
        good = [one for one in turn.exposures if one.verdict in GOOD and one.item_id in codes.codes]
        bad = [one for one in turn.exposures if (one.verdict in BAD or one.ignored) and one.item_id in codes.codes]
        if good and bad:
            prompt = generate_prompt(turn.text, turn.said, turn.belief, catalog)
            for taken in good:
                weight = min(clip, 1 / taken.propensity) / len(bad)
                for other in bad:
                    ids = codes.text(taken.item_id), codes.text(other.item_id)
                    yield Pair(prompt, *ids, weight, turn.conversation, turn.person or turn.conversation)


def judgements(reacted: Iterable[Reacted], catalog: Catalog, codes: SemanticIds, clip: float) -> Iterator[Judgement]:
    """Yield verdicts in lists that give no pair, and for a lone thumb on a reply one of the first item of its list."""
    for turn in reacted:
        known = [one for one in turn.exposures if one.item_id in codes.codes]
        judged = [one for one in known if one.verdict in GOOD | BAD]
        good = [one for one in judged if one.verdict in GOOD]
        if good and len(known) > len(good):
            continue  # a pair says more
        told = [(one, one.verdict in GOOD) for one in judged]
        if not told and known and turn.thumb in ("thumbs_up", "thumbs_down") and turn.reason in ("", "wrong_item"):
            told = [(known[0], turn.thumb == "thumbs_up")]
        prompt = generate_prompt(turn.text, turn.said, turn.belief, catalog) if told else None
        for one, liked in told:
            assert prompt is not None
            weight = min(clip, 1 / one.propensity)
            person = turn.person or turn.conversation
            yield Judgement(prompt, codes.text(one.item_id), liked, weight, turn.conversation, person)


def answers(given: Iterable[Pair]) -> dict[Prompt, dict[str, None]]:
    """Return prompt -> its answers, taken and not, each once and in order: what is read together."""
    found: dict[Prompt, dict[str, None]] = defaultdict(dict)
    for pair in given:
        found[pair.prompt] |= {pair.chosen: None, pair.rejected: None}
    return found


def balanced(weights: Sequence[float], persons: Sequence[str], cap: float) -> list[float]:
    """Return weights scaled to a mean of 1, and then those of one person down to at most `cap` together."""
    mean = sum(weights) / len(weights) if weights else 1.0
    spent: dict[str, float] = defaultdict(float)
    for weight, person in zip(weights, persons, strict=True):
        spent[person] += weight / mean
    return [
        weight / mean * min(1.0, cap / spent[person]) for weight, person in zip(weights, persons, strict=True)
    ]
