"""The first layers of a language model: those that stay as they are, and above them a few that a LoRA tunes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from retrieval.catalog import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from agent.layers import Packed


class Stretch:
    """A tokenizer, the embedding, layers that stay and layers that are tuned, in float32."""

    READ: ClassVar[float] = 2 / 3
    """Share of a model's layers that is read. The last third of a language model turns to the next word: on frozen
    states a linear model tells intents best at two thirds of the depth."""
    TUNED: ClassVar[int] = 6
    """How many of the layers that are read, the topmost, are tuned."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Take the layers of a causal language model."""
        from agent.layers import Layers

        base = model.base_model
        read = max(self.TUNED, round(self.READ * len(base.layers)))
        self.tokenizer, self.embedding, self.width = tokenizer, base.embed_tokens, int(model.config.hidden_size)
        self.kept = Layers(base, 0, read - self.TUNED)
        self.tuned: Any = Layers(base, read - self.TUNED, read)

    @classmethod
    def of_base(cls, model: str, home: Path, say: Callable[[str], None] = lambda _: None) -> Self:
        """Open the base weights of `model`: `embedded`, a folder or a Hub id; UserError when they cannot be had."""
        import torch

        from agent.base_model import load, resolve

        source, _ = resolve(model, home, say)
        loaded, tokenizer = load(source, (), torch.float32)
        if not all(hasattr(loaded.base_model, part) for part in ("layers", "rotary_emb", "embed_tokens")):
            kind = loaded.config.model_type
            raise UserError(f"{kind} models have other layers: use one like Llama or Qwen, or `embedded`")
        return cls(loaded, tokenizer)

    def adapt(self, folder: Path) -> None:
        """Merge the LoRA in `folder` into the tuned layers."""
        from peft import PeftModel

        from agent.base_model import quietly

        with quietly():
            self.tuned = PeftModel.from_pretrained(self.tuned, str(folder)).merge_and_unload().eval()

    def lower(self, packed: Packed) -> Tensor:
        """Return the states (b, n, width) below the tuned layers."""
        states: Tensor = self.kept(self.embedding(packed.ids), packed)
        return states

    def states(self, packed: Packed) -> Tensor:
        """Return the last states (b, n, width)."""
        states: Tensor = self.tuned(self.lower(packed), packed)
        return states
