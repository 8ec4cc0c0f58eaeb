"""Linear models over plain features, shipped as data: they decide what the linkers' findings mean."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Logistic regression: one weight for each feature and class."""

    classes: tuple[str, ...]
    bias: tuple[float, ...]
    weights: Mapping[str, tuple[float, ...]]
    exclusive: bool
    """Whether exactly one class holds (softmax) or each holds on its own (sigmoid)."""

    def probabilities(self, features: Iterable[str]) -> dict[str, float]:
        """Return class -> probability; unknown features count for nothing."""
        totals = list(self.bias)
        for feature in features:
            row = self.weights.get(feature)
            if row is not None:
                for place, weight in enumerate(row):
                    totals[place] += weight
        if not self.exclusive:
            return {name: 1 / (1 + math.exp(-total)) for name, total in zip(self.classes, totals, strict=True)}
        top = max(totals)
        powers = [math.exp(total - top) for total in totals]
        whole = sum(powers)
        return {name: power / whole for name, power in zip(self.classes, powers, strict=True)}

    def best(self, features: Iterable[str]) -> str:
        """Return the most probable class."""
        chances = self.probabilities(features)
        return max(chances, key=chances.__getitem__)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "classes": self.classes,
            "bias": self.bias,
            "exclusive": self.exclusive,
            "weights": {feature: list(row) for feature, row in sorted(self.weights.items())},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LinearModel:
        """Read what `as_dict` wrote."""
        return cls(
            classes=tuple(data["classes"]),
            bias=tuple(data["bias"]),
            weights={feature: tuple(row) for feature, row in data["weights"].items()},
            exclusive=data["exclusive"],
        )


@dataclass(frozen=True, slots=True)
class Judges:
    """The four decisions: a verdict on a named item, on the item in focus, the stance to a value, the intent."""

    item: LinearModel
    focus: LinearModel
    value: LinearModel
    intent: LinearModel

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Judges:
        """Read the weights that ship with the package."""
        data = json.loads(path.read_text("utf-8"))
        return cls(**{name: LinearModel.from_dict(data[name]) for name in ("item", "focus", "value", "intent")})

    def save(self, path: Path = WEIGHTS) -> None:
        """Write the weights as JSON."""
        data = {name: getattr(self, name).as_dict() for name in ("item", "focus", "value", "intent")}
        path.write_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")
