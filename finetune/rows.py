"""First values for the rows of new tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retrieval.catalog import Catalog
from retrieval.semantic_ids import SemanticIds, token

if TYPE_CHECKING:
    import torch

NOISE = 0.02
"""Standard deviation of the noise relative to a row's norm; keeps sibling codes apart."""


def initialise(
    model: Any, tokenizer: Any, catalog: Catalog, semantic_ids: SemanticIds, soft: Sequence[str], seed: int
) -> list[int]:
    """Set the rows of all Semantic-ID and soft tokens in place and return their token ids, in vocabulary order.

    Input and output rows are set alike, each from its own matrix; tied ones are the same.
    """
    import torch

    names = semantic_ids.tokens()
    ids: list[int] = [tokenizer.convert_tokens_to_ids(name) for name in (*names, *soft)]
    ends = (model.get_input_embeddings().weight, model.get_output_embeddings().weight)
    with torch.no_grad():
        for rows in ends[: 1 if ends[0].data_ptr() == ends[1].data_ptr() else 2]:
            generator = torch.Generator().manual_seed(seed)
            _codes(rows, tokenizer, catalog, semantic_ids, generator)
            # Soft tokens start at words of the vocabulary (Lester et al., 2021, 3.2).
            words = torch.randint(ids[0], (len(soft),), generator=generator)
            rows[ids[len(names) :]] = rows[words].clone()
    return ids


def _codes(
    rows: torch.Tensor, tokenizer: Any, catalog: Catalog, semantic_ids: SemanticIds, generator: torch.Generator
) -> None:
    """Set the rows of the codes.

    A code starts where its items' titles lie, relative to their parents: the mean title embedding of the items with
    that code minus the mean of the same items one level up, rescaled to the vocabulary's median norm, plus a little
    noise. A mean of the whole vocabulary instead would put all codes into one subspace.
    """
    import torch

    ids = [tokenizer.convert_tokens_to_ids(name) for name in semantic_ids.tokens()]
    norm = rows[: min(ids)].float().norm(dim=1).median()
    titles = {item.id: _title(item.title, rows, tokenizer) for item in catalog if item.id in semantic_ids.codes}
    above = {item: torch.stack(list(titles.values())).mean(0) for item in titles}
    for level, size in enumerate(semantic_ids.sizes):
        groups: dict[int, list[str]] = {}
        for item in titles:
            groups.setdefault(semantic_ids.codes[item][level], []).append(item)
        means = {code: torch.stack([titles[item] for item in items]).mean(0) for code, items in groups.items()}
        for code in range(size):
            noise = torch.randn(rows.shape[1], generator=generator)
            row = noise
            if code in groups:
                offset = means[code] - torch.stack([above[item] for item in groups[code]]).mean(0)
                if offset.norm() > 0:
                    row = offset / offset.norm() + NOISE * noise / noise.norm()
            rows[tokenizer.convert_tokens_to_ids(token(level, code))] = (row / row.norm() * norm).to(rows.dtype)
        above = {item: means[semantic_ids.codes[item][level]] for item in titles}


def _title(title: str, rows: torch.Tensor, tokenizer: Any) -> torch.Tensor:
    ids = tokenizer(f" {title}", add_special_tokens=False)["input_ids"]
    mean: torch.Tensor = rows[ids].float().mean(0)
    return mean
