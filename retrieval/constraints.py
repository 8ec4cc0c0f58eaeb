"""Hard limits that can be executed on a catalog."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from retrieval.catalog import Item, fold

Op = Literal["is", "is_not", "at_least", "at_most", "contains"]


class Constraint(BaseModel):
    """A hard limit on one attribute. Values compare case-insensitively; an unknown number satisfies no bound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attribute: str
    op: Op
    value: str | int | float

    def allows(self, item: Item) -> bool:
        """Tell whether `item` satisfies this limit."""
        match self.op:
            case "at_least" | "at_most":
                number = item.number(self.attribute)
                if number is None:
                    return False
                return number >= float(self.value) if self.op == "at_least" else number <= float(self.value)
            case "contains":
                return fold(str(self.value)) in fold(" ".join((item.title, item.text, *item.values(self.attribute))))
            case _:
                present = fold(str(self.value)) in {fold(value) for value in item.values(self.attribute)}
                return present == (self.op == "is")

    def __str__(self) -> str:
        """Write the limit as a person would read it: `year at most 1999`."""
        return f"{self.attribute} {self.op.replace('_', ' ')} {self.value}"
