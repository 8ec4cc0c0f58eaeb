"""How well a model that is being trained ranks the candidates of held-out dialogues."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.local_llm import LocalLanguageModel
from finetune.examples import Example
from finetune.tuned import Tuned
from retrieval.semantic_ids import SemanticIds

CUT = 10


def ranking(tuned: Tuned, examples: Sequence[Example], semantic_ids: SemanticIds) -> dict[str, float]:
    """Return NDCG@10, MRR, their standard errors and the loss (nats an answer) over examples with options.

    The options are ordered by their likelihood as in serving, by the same code. Each example has one right option: NDCG
    is 1 / log2(1 + rank); ties count against it. `chance` is the NDCG of a random order.
    """
    model = tuned.model.get_base_model()
    llm = LocalLanguageModel(
        model, tuned.tokenizer, semantic_ids, "training", prefix=tuned.prefix, codes=tuned.code_rows()
    )
    gains, reciprocals, losses, chances = [], [], [], []
    for example in examples:
        right, *others = llm.score_paths(example.prompt, [semantic_ids.codes[item] for item in example.options])
        rank = 1 + sum(score >= right for score in others)
        gains.append(_gain(rank))
        reciprocals.append(1 / rank)
        losses.append(-right)
        chances.append(sum(_gain(place) for place in range(1, len(example.options) + 1)) / len(example.options))
    return {
        "ndcg": _mean(gains),
        "ndcg_se": _error(gains),
        "mrr": _mean(reciprocals),
        "mrr_se": _error(reciprocals),
        "loss": _mean(losses),
        "chance": _mean(chances),
        "n": len(examples),
    }


def _gain(rank: int) -> float:
    return 1 / math.log2(1 + rank) if rank <= CUT else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _error(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1) / len(values))
