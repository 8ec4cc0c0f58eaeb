"""The language model as the agent uses it: score Semantic IDs, choose lines, write sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from retrieval.semantic_ids import SemanticId


class LanguageModel(Protocol):
    """Three tasks, each with its own prompt. Implementations hold no conversation."""

    @property
    def model_id(self) -> str:
        """Name of the base weights."""
        ...

    @property
    def adapter_id(self) -> str:
        """Name and hash of the adapter, or `none`."""
        ...

    def score_paths(self, prompt: str, paths: Sequence[SemanticId]) -> list[float]:
        """Return log p(path | prompt) in nats for each Semantic ID, normalised over the whole catalog's trie."""
        ...

    def choose_lines(self, prompt: str, lines: Sequence[str], most: int) -> list[str]:
        """Return up to `most` of `lines`, in the order the model wrote them; nothing else can come out."""
        ...

    def write(self, context: str, prompts: Sequence[str], max_tokens: int) -> Iterator[tuple[int, str]]:
        """Write one line for each `context + prompt`; yield (index, text) as each is finished."""
        ...


class ScriptedLanguageModel:
    """A language model without weights: scores by a formula, chooses nothing, writes what it was told to.

    Most tests run on it. `lines` is what it answers when it may choose lines (those on offer only), `sentence` what it
    writes for every prompt.
    """

    model_id = "scripted"
    adapter_id = "none"

    def __init__(self, lines: Sequence[str] = (), sentence: str = "") -> None:
        """Answer with `lines` and `sentence` from now on."""
        self.lines = tuple(lines)
        self.sentence = sentence

    def score_paths(self, prompt: str, paths: Sequence[SemanticId]) -> list[float]:
        """Prefer earlier paths: log-probability falls by one nat a place."""
        return [-float(place) for place, _ in enumerate(paths, start=1)]

    def choose_lines(self, prompt: str, lines: Sequence[str], most: int) -> list[str]:
        """Return the scripted lines that are on offer."""
        return [line for line in self.lines if line in set(lines)][:most]

    def write(self, context: str, prompts: Sequence[str], max_tokens: int) -> Iterator[tuple[int, str]]:
        """Yield the scripted sentence for each prompt."""
        yield from ((place, self.sentence) for place, _ in enumerate(prompts))
