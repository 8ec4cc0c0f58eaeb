"""Everything that one training run is told: of the adapter, and of the reader."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """Supervised fine-tuning in two stages: the new token rows alone, then LoRA on all linear layers with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    row_steps: int = Field(120, ge=0)
    """Steps of stage 1."""
    row_rate: float = Field(3e-3, gt=0)
    steps: int = Field(240, ge=0)
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
    longest: int = Field(512, ge=32)
    """Longer examples are left out, and counted."""
    mix: dict[str, float] = {"rank": 4, "reason": 3, "alignment": 1}
    """Share of stage 2's examples by task; each task repeats as often as needed."""
    every: int = Field(10, ge=1)
    """Steps between two checkpoints."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of the dialogues held out, by a hash of their ids."""


class ReaderConfig(BaseModel):
    """One training run of the reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    model: str = "embedded"
    """Base model: `embedded`, a folder or a Hub id."""
    epochs: int = Field(3, ge=1)
    batch: int = Field(8, ge=1)
    rank: int = Field(16, ge=1)
    rate: float = Field(3e-4, gt=0)
    """Learning rate of the LoRA weights."""
    head_rate: float = Field(1e-3, gt=0)
    warmup: float = Field(0.08, ge=0, le=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the numbers that are blanked in the states below the tuned layers."""
    alone: float = Field(0.15, ge=0, le=1)
    """Share of batches in which the linear judge is not heard."""
