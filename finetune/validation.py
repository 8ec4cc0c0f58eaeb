"""How well a model that is being trained ranks the candidates of held-out dialogues."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agent.local_llm import LocalLanguageModel
from finetune.examples import Example
from finetune.tuned import Tuned
from retrieval.semantic_ids import SemanticIds

CUT = 10


def ranking(tuned: Tuned, examples: Sequence[Example], semantic_ids: SemanticIds) -> dict[str, float]:
    """Return NDCG@10, MRR, their standard errors and the loss (nats an answer) over examples with options.

    The options are ordered as in serving, by the same code: by the projection head where there is one, else by the
    likelihood of their Semantic IDs, for which `ndcg_paths` and `loss` stand. Each example has one right option: NDCG
    is 1 / log2(1 + rank); ties count against it. `chance` is the NDCG of a random order.
    """
    projection = None if tuned.projection is None else tuned.projection.detach()
    llm = LocalLanguageModel(
        tuned.model.get_base_model(), tuned.tokenizer, semantic_ids, "training", prefix=tuned.prefix,
        codes=tuned.code_rows(), projection=projection,
    )  # fmt: skip
    served, by_paths, losses, chances = [], [], [], []
    for example in examples:
        scores = llm.score_paths(example.prompt, [semantic_ids.codes[item] for item in example.options])
        losses.append(-scores[0])
        by_paths.append(_gain(_rank(scores)))
        vector = llm.query_vector(example.prompt)
        if vector is not None:
            scores = (tuned.vectors(example.options) @ vector).tolist()
        served.append(_rank(scores))
        chances.append(float(np.mean([_gain(place) for place in range(1, len(example.options) + 1)])))
    gains = [_gain(rank) for rank in served]
    reciprocals = [1 / rank for rank in served]
    return {
        "ndcg": float(np.mean(gains)),
        "ndcg_se": _error(gains),
        "mrr": float(np.mean(reciprocals)),
        "mrr_se": _error(reciprocals),
        "ndcg_paths": float(np.mean(by_paths)),
        "loss": float(np.mean(losses)),
        "chance": float(np.mean(chances)),
        "n": len(examples),
    }


def _rank(scores: Sequence[float]) -> int:
    """Return the rank of the first among all, 1 = best."""
    return 1 + sum(score >= scores[0] for score in scores[1:])


def _gain(rank: int) -> float:
    return 1 / math.log2(1 + rank) if rank <= CUT else 0.0


def _error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=min(1, len(values) - 1)) / math.sqrt(len(values)))
