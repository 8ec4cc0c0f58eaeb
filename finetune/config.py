"""Everything that one training run is told: of the adapter, and of the reader."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.catalog import UserError


class TrainingConfig(BaseModel):
    """Supervised fine-tuning in two stages: the new token rows alone, then LoRA on all linear layers with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    method: Literal["lora", "prompt"] = "lora"
    """Stage 2 tunes LoRA on all linear layers, or nothing but the rows of `soft_tokens` that open every prompt (prompt
    tuning: Lester et al., 2021, arXiv:2104.08691)."""
    soft_tokens: int = Field(16, ge=1)
    """Learned tokens before every prompt with `method = "prompt"`."""
    row_steps: int = Field(80, ge=0)
    """Steps of stage 1."""
    row_rate: float = Field(3e-3, gt=0)
    steps: int = Field(300, ge=0)
    """Steps of stage 2."""
    rate: float = Field(2e-4, gt=0)
    """Learning rate of the LoRA weights."""
    tuned_row_rate: float = Field(5e-4, gt=0)
    """Learning rate of the token rows in stage 2."""
    warmup: float = Field(0.05, ge=0, le=1)
    """Share of a stage's steps over which the rate rises; it falls linearly to zero after."""
    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    tokens: int = Field(768, ge=64)
    """Tokens of a batch, padding included."""
    packing: bool = True
    """Put several examples into one row, where the model keeps them apart; else pad them."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: a third slower, for models that do not fit otherwise."""
    contrastive: float = Field(0.0, ge=0)
    """Weight of the in-batch contrastive loss between the state before an answer and the item answered."""
    projection: float = Field(1.0, ge=0)
    """Weight of the projection head's loss: from the state before an answer to the vectors of all items. An adapter
    with a head ranks by it, and needs no candidates in its prompt."""
    projection_rate: float = Field(1e-5, gt=0)
    """Learning rate of the projection head in stage 2. It starts at the closed form, which fast steps undo."""
    longest: int = Field(512, ge=32)
    """Longer examples are left out, and counted."""
    mix: dict[str, float] = {"generate": 45, "request": 25, "alignment": 13, "reason": 12, "chat": 5}
    """Share of stage 2's examples by task; each task repeats as often as needed. Without a projection head give a share
    to `rank`, which shows the candidates."""
    clip: float = Field(5.0, ge=1)
    """Most that an item of our own log counts for being shown by chance, beside 1; 1 turns the weighting off."""
    cap: float = Field(30.0, gt=0)
    """Most that all examples of one person in our own log count together, by task."""
    every: int = Field(10, ge=1)
    """Steps between two checkpoints."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of the dialogues held out, by a hash of their ids."""
    validate_every: int = Field(75, ge=1)
    """Steps of stage 2 between two measurements on held-out dialogues."""
    validated: int = Field(128, ge=0)
    """Examples of held-out dialogues that are measured, none for 0."""
    patience: int = Field(3, ge=1)
    """Measurements without a better NDCG after which stage 2 stops."""


def read_config(path: Path | None, **given: int | None) -> TrainingConfig:
    """Return the defaults with what the TOML file at `path` says, then with what is given.

    UserError names the first setting that is unknown or out of range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"--config {path}: not a TOML file that can be read ({error})") from error
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"--config {path or '(none)'}: {name}: {first['msg']}; see TrainingConfig in finetune/config.py"
        ) from error


class UpperLayersConfig(BaseModel):
    """One training run of a LoRA on the upper layers of a part of the language model, and of a head on them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    model: str = "embedded"
    """Base model: `embedded`, a folder or a Hub id."""
    epochs: int = Field(3, ge=1)
    batch: int = Field(8, ge=1)
    """Rows of a step."""
    rank: int = Field(16, ge=1)
    rate: float = Field(3e-4, gt=0)
    """Learning rate of the LoRA weights."""
    head_rate: float = Field(1e-3, gt=0)
    warmup: float = Field(0.08, ge=0, le=1)
    """Share of the steps over which the rates rise; they fall linearly after."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the numbers that are blanked in the states below the tuned layers."""


class ReaderConfig(UpperLayersConfig):
    """One training run of the reader."""

    alone: float = Field(0.15, ge=0, le=1)
    """Share of batches in which the linear judge is not heard."""


class CrossEncoderConfig(UpperLayersConfig):
    """One training run of a cross-encoder."""

    epochs: int = Field(2, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    negatives: int = Field(7, ge=1)
    """Wrong candidates beside the right ones of a turn."""


class PreferenceConfig(BaseModel):
    """One run of preference tuning on what people took and turned down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    steps: int = Field(60, ge=1)
    batch: int = Field(4, ge=2)
    """Examples of a step."""
    rate: float = Field(5e-5, gt=0)
    """Learning rate of the LoRA that lies on the serving adapter."""
    beta: float = Field(0.1, gt=0)
    """How strongly the tuned model is held to the one that serves."""
    rank: int = Field(8, ge=1)
    clip: float = Field(5.0, ge=1)
    """Most that an example counts for being shown by chance, beside 1; 1 turns the weighting off."""
    cap: float = Field(10.0, gt=0)
    """Most that all examples of one person count together."""
    held_out: float = Field(0.2, ge=0, lt=1)
    """Share of the conversations that no version ever learns from, by a hash of their names."""
