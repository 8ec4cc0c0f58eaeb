"""The generative retriever: a causal transformer writes the Semantic ID of the next item, and the trie holds the pen.

As TIGER (Rajput et al., "Recommender Systems with Generative Retrieval", 2023), but decoder-only, with residual
k-means instead of RQ-VAE, and without user tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.bench.causal import Recipe, Tokens, padded
from evals.bench.neighbours import Scorer
from evals.bench.sequences import History
from retrieval.semantic_ids import SemanticIds

if TYPE_CHECKING:
    import torch
    from transformers import GPT2Model

BEAMS = 50
"""Beams, and so the most items that are ranked for one user."""


@dataclass(frozen=True)
class CodeTokens:
    """Items as tokens of their Semantic IDs, and the trie over them as tables."""

    of_item: tuple[tuple[int, ...], ...]
    """Item number -> its tokens, one a level; token 0 is the beginning mark."""
    offsets: tuple[int, ...]
    """Level -> its first token; one entry more, the size of the vocabulary."""
    steps: tuple[NDArray[np.int64], ...]
    """Level -> (nodes, codes): the node of the next level that a code leads to, -1 for none; the last level leads to
    item numbers."""

    @classmethod
    def of(cls, ids: SemanticIds, item_ids: Sequence[str]) -> CodeTokens:
        """Lay out the vocabulary level after level."""
        offsets = tuple(accumulate(ids.sizes, initial=1))
        rows: Mapping[str, int] = {item: row for row, item in enumerate(item_ids)}
        nodes: list[tuple[int, ...]] = [()]
        steps = []
        for level, size in enumerate(ids.sizes):
            table = np.full((len(nodes), size), -1, np.int64)
            following = list[tuple[int, ...]]()
            for node, prefix in enumerate(nodes):
                for code in ids.trie.allowed(prefix):
                    path = (*prefix, code)
                    last = level == len(ids.sizes) - 1
                    table[node, code] = rows[ids.item_of(path)] if last else len(following)
                    following.append(path)
            steps.append(table)
            nodes = following
        of_item = tuple(
            tuple(offset + code for offset, code in zip(offsets, ids.codes[item], strict=False)) for item in item_ids
        )
        return cls(of_item, offsets, tuple(steps))

    def tokens(self, history: History) -> Tokens:
        """Write a history as the tokens of its items."""
        return [token for item in history for token in self.of_item[item]]


def recipe(codes: CodeTokens) -> Recipe:
    """Return shape and training for these codes."""
    return Recipe(
        vocabulary=codes.offsets[-1], item_tokens=len(codes.steps), items=20, width=128, layers=2, heads=4, inner=512,
        dropout=0.1, rate=2e-3, epochs=10, batch=1024,
    )  # fmt: skip


def scorer(model: GPT2Model, codes: CodeTokens, longest: int, width: int = BEAMS) -> Scorer:
    """Score the items that `width` beams end in by their log-probability; all others are not ranked."""

    def score(histories: Sequence[History]) -> NDArray[np.float32]:
        items, scores = beams(model, codes, [history[-longest:] for history in histories], width)
        found = np.full((len(histories), len(codes.of_item)), -np.inf, np.float32)
        users, places = np.nonzero(items >= 0)
        found[users, items[users, places]] = scores[users, places]
        return found

    return score


def beams(
    model: GPT2Model, codes: CodeTokens, histories: Sequence[History], width: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Search the trie for the likeliest next items: (n, at most width) item numbers, best first, and log-probabilities.

    -1 where fewer items exist. All beams of a user are one sequence: their tokens are appended to the history, and
    the attention mask lets each see the history and its own ancestors (tree attention), so that no cache is copied.
    """
    import torch

    with torch.inference_mode():
        tokens, lengths = padded([codes.tokens(history) for history in histories])
        users = torch.arange(len(tokens))
        out = model(tokens, use_cache=True)
        logits = (out.last_hidden_state[users, lengths - 1] @ model.wte.weight.T)[:, None, :]
        node = torch.zeros(len(tokens), 1, dtype=torch.long)
        score = torch.zeros(len(tokens), 1)
        past = (torch.arange(tokens.shape[1]) < lengths[:, None])[:, None, :]
        for level, table in enumerate(codes.steps):
            first, end = codes.offsets[level : level + 2]
            node, score, parent, code = _best(
                score[:, :, None] + logits.log_softmax(-1)[:, :, first:end], torch.from_numpy(table)[node], width
            )
            if level < len(codes.steps) - 1:
                own = torch.eye(node.shape[1], dtype=torch.bool).expand(len(node), -1, -1)
                past = torch.cat([past.gather(1, parent[:, :, None].expand(-1, -1, past.shape[2])), own], 2)
                out = model(
                    first + code,
                    cache=out.cache,
                    attention_mask=past[:, None],
                    position_ids=(lengths + level)[:, None].expand_as(code),
                    use_cache=True,
                )
                logits = out.last_hidden_state @ model.wte.weight.T
        return node.masked_fill(score.isneginf(), -1).numpy(), score.numpy()


def _best(
    scores: torch.Tensor, nodes: torch.Tensor, width: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Keep the best of (n, beams, codes) scores whose step leads to a node: nodes, scores, parents, codes, (n, k)."""
    size = scores.shape[2]
    scores = scores.masked_fill(nodes < 0, float("-inf")).flatten(1)
    best, place = scores.topk(min(width, scores.shape[1]))
    # A beam that leads nowhere stays at -inf; it stands on node 0 so that it can be looked up.
    return nodes.flatten(1).gather(1, place).clamp(min=0), best, place // size, place % size
