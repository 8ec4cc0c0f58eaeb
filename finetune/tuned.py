"""A base model made ready for training: new rows, adapter weights, and what must hold of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.base_model import load, quietly, soft_tokens
from finetune.config import TrainingConfig
from finetune.rows import initialise
from retrieval.catalog import Catalog
from retrieval.semantic_ids import SemanticIds

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Tuned:
    """A causal language model with trainable rows and, for LoRA, adapters on every linear layer."""

    model: Any
    """The peft model."""
    tokenizer: Any
    levels: tuple[range, ...]
    """Token ids of each level of Semantic IDs."""
    prefix: str
    """Soft tokens that open every prompt."""
    packs: bool
    """Whether examples in one row do not see each other."""
    tied: bool
    """Whether input and output rows are the same weights."""
    old: float
    """Sum of the rows of old tokens, to see that they stay."""
    items: torch.Tensor | None = None
    """(n, d) vectors of the items, for a projection head."""
    places: Mapping[str, int] = field(default_factory=dict)
    """Item id -> its place among `items`."""
    paths: Mapping[tuple[int, ...], int] = field(default_factory=dict)
    """Token ids of an item's Semantic ID -> its place among `items`."""

    @property
    def row_weights(self) -> list[torch.Tensor]:
        """The rows of new tokens: of the input, and of the output where the two are not tied."""
        return [weight for name, weight in self.model.named_parameters() if "trainable_tokens" in name]

    @property
    def lora_weights(self) -> list[torch.Tensor]:
        """All weights of LoRA; none with prompt tuning."""
        return [weight for name, weight in self.model.named_parameters() if "lora_" in name]

    @property
    def projection(self) -> torch.Tensor | None:
        """(d, h) of the projection head."""
        head = getattr(self.model, "projection", None)
        return None if head is None else head.weight

    def vectors(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return (m, d) the vectors of some items."""
        assert self.items is not None
        return np.asarray(self.items[[self.places[item] for item in item_ids]].numpy(), np.float32)

    def weights(self) -> dict[str, torch.Tensor]:
        """Return everything that training may change, by name."""
        parts = ("trainable_tokens_delta", "lora_", "projection")
        return {name: weight for name, weight in self.model.named_parameters() if any(part in name for part in parts)}

    def put(self, weights: dict[str, torch.Tensor]) -> None:
        """Copy `weights`, named as by `weights()`, into the model."""
        import torch

        own = self.weights()
        assert own.keys() == weights.keys(), f"other weights than expected: {own.keys() ^ weights.keys()}"
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(weights[name])

    def code_rows(self) -> torch.Tensor:
        """Return the output rows (tokens, h) of the Semantic-ID tokens as they are now."""
        return self.row_weights[-1].detach()[: sum(len(level) for level in self.levels)]


def prepare(
    source: str,
    catalog: Catalog,
    semantic_ids: SemanticIds,
    config: TrainingConfig,
    vectors: NDArray[np.float32] | None = None,
) -> Tuned:
    """Load base weights, add and initialise rows for new tokens, and wrap the model for training.

    `vectors`: (n, d) of the catalog's items, for a projection head.
    """
    import torch
    from peft import LoraConfig, TrainableTokensConfig, get_peft_model

    from retrieval.encoder import best_dtype

    torch.manual_seed(config.seed)
    soft = soft_tokens(config.soft_tokens if config.method == "prompt" else 0)
    dtype = best_dtype("cuda" if torch.cuda.is_available() else "cpu")
    model, tokenizer = load(source, [*semantic_ids.tokens(), *soft], dtype)
    ids = initialise(model, tokenizer, catalog, semantic_ids, soft, config.seed)
    assert ids == list(range(ids[0], ids[-1] + 1)), "the rows of new tokens must follow each other"
    tied = tied_rows(model)
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    names = [name for end in ends[: 1 if tied else 2] for name, module in model.named_modules() if module is end]
    rows = [name.rsplit(".", 1)[-1] for name in names]
    old = _sum(model, ids[0])
    packs = config.packing and keeps_apart(model, [ids[0], 1, 2, 3], [5, 4, ids[-1]])
    peft_config: Any
    if config.method == "prompt":
        peft_config = TrainableTokensConfig(target_modules=rows, token_indices=ids, task_type="CAUSAL_LM")
    else:
        peft_config = LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules="all-linear",
            trainable_token_indices={row: ids for row in rows},
            ensure_weight_tying=tied,
            task_type="CAUSAL_LM",
        )
    with quietly():
        model = get_peft_model(model, peft_config)
    starts = accumulate(semantic_ids.sizes, initial=ids[0])
    levels = tuple(range(start, stop) for start, stop in pairwise(starts))
    items, paths = None, dict[tuple[int, ...], int]()
    if config.projection:
        assert vectors is not None and len(vectors) == len(catalog), "a projection head needs a vector of every item"
        items = torch.tensor(vectors)
        head = torch.nn.Linear(model.config.hidden_size, items.shape[1], bias=False)
        torch.nn.init.zeros_(head.weight)
        model.register_module("projection", head)
        for place, item in enumerate(catalog):
            path = zip(levels, semantic_ids.codes[item.id], strict=True)
            paths[tuple(level[code] for level, code in path)] = place
    places = {item.id: place for place, item in enumerate(catalog)}
    tuned = Tuned(model, tokenizer, levels, "".join(soft), packs, tied, old, items, places, paths)
    assert len(tuned.row_weights) == len(rows), f"peft made {len(tuned.row_weights)} sets of rows of {rows}"
    assert bool(tuned.lora_weights) == (config.method == "lora"), "peft added no LoRA weights"
    return tuned


def tied_rows(model: Any) -> bool:
    """Tell whether a causal language model reads and writes tokens by the same weights."""
    same: bool = model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    return same


def keeps_apart(model: Any, first: Sequence[int], second: Sequence[int]) -> bool:
    """Tell whether a text gives the same states behind another in one row, with positions that start anew, as alone.

    Models with a running state (Mamba and its like) or without such masks mix them.
    """
    import torch

    with torch.inference_mode():
        row = torch.tensor([[*first, *second]], device=model.device)
        places = torch.tensor([[*range(len(first)), *range(len(second))]], device=model.device)
        together = model(row, position_ids=places, use_cache=False).logits[:, len(first) :]
        alone = model(row[:, len(first) :], use_cache=False).logits
    spread = float(alone.float().std())
    return bool((together - alone).float().abs().max() < 0.05 * spread)


def check_gradients(tuned: Tuned, *, lora: bool) -> None:
    """Assert after a backward pass that new rows and LoRA learn and that the rows of old tokens do not."""
    for weight in tuned.row_weights:
        assert weight.grad is not None and bool(weight.grad.any()), "the rows of new tokens have no gradient"
    if lora:
        assert any(bool(weight.grad.any()) for weight in tuned.lora_weights if weight.grad is not None), "LoRA is deaf"
    own = {id(weight) for weight in tuned.weights().values()}
    for name, weight in tuned.model.named_parameters():
        assert id(weight) in own or weight.grad is None, f"the base weights {name} have a gradient"


def check_merged(tuned: Tuned) -> None:
    """Merge the adapter into the base weights and assert that tying and the rows of old tokens are as they were."""
    import torch

    codes, first = tuned.code_rows().clone(), tuned.levels[0].start
    with quietly():
        merged = tuned.model.merge_and_unload()
    assert tied_rows(merged) == tuned.tied, "input and output rows came apart in merging"
    assert _sum(merged, first) == tuned.old, "the rows of old tokens moved"
    rows = merged.get_output_embeddings().weight[first : first + len(codes)]
    assert torch.equal(rows, codes.to(rows.dtype)), "the rows of new tokens were lost in merging"


def _sum(model: Any, first: int) -> float:
    import torch

    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    return float(sum(end.weight.detach()[:first].sum(dtype=torch.float64) for end in ends))
