"""Which scorer reranks, by the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cross_encoder import RECORD, CrossEncoded
from agent.llm import LanguageModel
from agent.ranking import Likelihood, Scorer, Titles
from agent.settings import Settings

if TYPE_CHECKING:
    from retrieval.search import Retriever

CROSS_ENCODER = "cross_encoder"
"""The folder of a ranker that holds its cross-encoder."""


def open_scorer(
    settings: Settings, ranker: Path | None, llm: LanguageModel, retriever: Retriever, say: Callable[[str], None]
) -> Scorer | None:
    """Return the scorer that `settings.reranker` names, None where nothing reranks.

    `auto`: the cross-encoder of the learned ranker in `ranker`, where it earned its place. Beside a scripted model
    nothing reranks but what is named. UserError when something named cannot be had.
    """
    name = settings.reranker
    if name in ("none", "student") or settings.rerank == 0:
        return None
    if name == "auto":
        folder = cross_encoder_folder(ranker) if settings.model != "scripted" else None
        return None if folder is None else CrossEncoded.open(folder, retriever.catalog, settings.home, say)
    if name not in ("adapter", "titles"):
        return CrossEncoded.open(Path(name).expanduser(), retriever.catalog, settings.home, say)
    if name == "titles":
        return Titles(llm, retriever.catalog)
    if llm.adapter_id == "none":
        return None
    return Likelihood(llm, retriever.catalog, retriever.semantic_ids, vectors=retriever.vectors)


def cross_encoder_folder(ranker: Path | None) -> Path | None:
    """Return the folder of the cross-encoder of the learned ranker in `ranker`, None where it has none."""
    folder = None if ranker is None else ranker / CROSS_ENCODER
    return folder if folder is not None and (folder / RECORD).is_file() else None
