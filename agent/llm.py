"""The language model as the agent talks through it: score Semantic IDs, write sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.grammar import Grammar
from prompts import Prompt
from retrieval.semantic_ids import SemanticId, SemanticIds


class LanguageModel(Protocol):
    """Two tasks, each with its own prompts. Implementations hold no conversation."""

    @property
    def model_id(self) -> str:
        """Name of the base weights."""
        ...

    @property
    def adapter_id(self) -> str:
        """Name and hash of the adapter, or `none`."""
        ...

    def score_paths(self, prompt: Prompt, paths: Sequence[SemanticId]) -> list[float]:
        """Return log p(path | prompt) in nats for each Semantic ID, normalised over the whole catalog's trie."""
        ...

    def score_texts(self, prompt: Prompt, texts: Sequence[str]) -> list[float]:
        """Return log p(text | prompt) in nats for each text, over the whole vocabulary."""
        ...

    def query_vector(self, prompt: Prompt) -> NDArray[np.float32] | None:
        """Return (d,) what the prompt asks for; its inner product with an item's vector is a logit.

        None without a projection head.
        """
        ...

    def write(
        self, prompts: Sequence[Prompt], grammars: Sequence[Grammar], max_tokens: int
    ) -> Iterator[tuple[int, str]]:
        """Write one line after each prompt, all of which share their context; yield (index, text) as each is finished.

        The line for prompt i is one that `grammars[i]` allows, or empty when it is not finished after `max_tokens`.
        """
        ...


class ScriptedLanguageModel:
    """A language model without weights: scores by a formula and writes `sentence` for every prompt.

    Most tests run on it.
    """

    model_id = "scripted"
    adapter_id = "scripted"

    def __init__(self, sentence: str = "") -> None:
        """Write `sentence` from now on."""
        self.sentence = sentence

    def score_paths(self, prompt: Prompt, paths: Sequence[SemanticId]) -> list[float]:
        """Prefer earlier paths: log-probability falls by one nat a place."""
        return [-float(place) for place, _ in enumerate(paths, start=1)]

    def score_texts(self, prompt: Prompt, texts: Sequence[str]) -> list[float]:
        """Prefer earlier texts, as paths."""
        return [-float(place) for place, _ in enumerate(texts, start=1)]

    def query_vector(self, prompt: Prompt) -> NDArray[np.float32] | None:
        """Return None: there is no head."""
        return None

    def write(
        self, prompts: Sequence[Prompt], grammars: Sequence[Grammar], max_tokens: int
    ) -> Iterator[tuple[int, str]]:
        """Yield the scripted sentence for each prompt."""
        yield from ((place, self.sentence) for place, _ in enumerate(prompts))


DEMO_ADAPTER = Path(__file__).parent / "adapters" / "films"
"""The adapter that ships with the package, for the demo catalog."""


def open_llm(
    model: str, adapter: str, semantic_ids: SemanticIds, home: Path, say: Callable[[str], None] = lambda _: None
) -> LanguageModel:
    """Open the language model that the settings name.

    `model`: `scripted`, `embedded`, a folder or a Hub id. `adapter`: a folder (also relative to `home/adapters`),
    `none`, or `auto`, which is the packaged demo adapter when it fits the index and none otherwise. UserError when
    something named cannot be had or does not fit.
    """
    if model == "scripted":
        return ScriptedLanguageModel()
    from agent.local_llm import LocalLanguageModel, read_record

    folder: Path | None = None
    if adapter == "auto":
        fits = DEMO_ADAPTER.is_dir() and read_record(DEMO_ADAPTER)["semantic_ids"] == semantic_ids.fingerprint
        folder = DEMO_ADAPTER if fits and model == "embedded" else None
    elif adapter != "none":
        folder = adapter_folder(adapter, home)
    return LocalLanguageModel.open(model, folder, semantic_ids, home, say)


def adapter_folder(name: str, home: Path) -> Path:
    """Return the folder that an adapter is named by: a path, or a name under `home/adapters`."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else home / "adapters" / name
