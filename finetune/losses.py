"""What a batch's predictions cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TEMPERATURE = 0.1
"""Divides the cosines of the contrastive loss."""


def answer_loss(logits: torch.Tensor, targets: torch.Tensor, levels: Sequence[range]) -> torch.Tensor:
    """Return the mean loss of the tokens to learn, in nats, from logits (n, vocabulary) and targets (n,).

    A Semantic-ID token competes with the codes of its own level only, as it does in serving, where the trie allows
    nothing else; a word competes with the whole vocabulary.
    """
    import torch

    logits = logits.float()
    loss = logits.new_zeros(())
    words = torch.ones_like(targets, dtype=torch.bool)
    for level in levels:
        here = (targets >= level.start) & (targets < level.stop)
        own = logits[here][:, level.start : level.stop]
        loss = loss + torch.nn.functional.cross_entropy(own, targets[here] - level.start, reduction="sum")
        words &= ~here
    loss = loss + torch.nn.functional.cross_entropy(logits[words], targets[words], reduction="sum")
    return loss / max(1, len(targets))


def contrastive_loss(states: torch.Tensor, items: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """Return how badly states (m, h) tell their item from the others of the batch, in nats; 0 with one item alone.

    `items` (m, h) are the items' vectors, `answers` (m, levels) their Semantic IDs; examples with the same answer are
    no negatives of each other. InfoNCE over cosines, after CALRec (Li et al., 2024, arXiv:2405.02429), with the
    mean of an item's token rows in place of a second pass over its text.
    """
    import torch

    units = [torch.nn.functional.normalize(vectors.float(), dim=1) for vectors in (states, items)]
    same = (answers[:, None] == answers[None]).all(-1).fill_diagonal_(False)
    scores = (units[0] @ units[1].T / TEMPERATURE).masked_fill(same, float("-inf"))
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(scores), device=scores.device))


def projection_loss(
    states: torch.Tensor, projection: torch.Tensor, vectors: torch.Tensor, items: torch.Tensor
) -> torch.Tensor:
    """Return the cross-entropy of the right items over the whole catalog, in nats; 0 without states.

    `states` (m, h), `projection` (d, h), `vectors` (n, d) of all items, `items` (m,) places of the right ones. After
    Lite-LLM4Rec (Wang et al., 2024, arXiv:2402.09543), with text vectors as fixed item representations, so that items
    unseen in training are ranked too.
    """
    import torch

    if not len(states):
        return 0.0 * projection.sum()
    logits = states.float() @ projection.T @ vectors.T
    return torch.nn.functional.cross_entropy(logits, items)
