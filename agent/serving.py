"""What answers: the parts that every version shares, opened once, and those of the version that serves."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from agent.answers import Answers
from agent.llm import LanguageModel
from agent.log import ConversationLog
from agent.ranking import Reranker, Scorer
from agent.reasons import Explainer
from agent.settings import Settings
from agent.state import Tools
from agent.understanding import Understanding
from agent.versions import Versions
from retrieval.catalog import UserError
from retrieval.query import Query

if TYPE_CHECKING:
    from agent.linking import Linker
    from retrieval.learned import LearnedRanker
    from retrieval.search import Retriever

Say = Callable[[str], None]


class Serving:
    """Gives the tools of the version that serves, from the next turn on after it was changed.

    Safe for several threads: a turn keeps the tools that it began with.
    """

    def __init__(self, settings: Settings, say: Say, *, progress: bool = False) -> None:
        """Open what `settings` name, building the demo catalog's index where there is none.

        UserError when something named cannot be had.
        """
        from agent.reader import open_linker
        from retrieval.encoder import open_encoder
        from retrieval.index import open_or_build_demo
        from retrieval.search import Retriever

        self.settings, self._say = settings, say
        self.versions = Versions(settings.home)
        say("Opening the index.")
        self.index = open_or_build_demo(settings.home, encoder=settings.encoder, progress=progress)
        say("Opening the encoder.")
        self.encoder = open_encoder(settings.encoder)
        self._plain = Retriever(self.index, self.encoder)
        self._plain.search(Query(text="a first search opens what later ones need", limit=1))
        self._models: dict[str, LanguageModel] = {}
        self._language_model(self.versions.serving)  # before the reader: a name that cannot be had is said sooner
        say("Opening the reader.")
        self.linker: Linker = open_linker(self.index.catalog, settings.reader, settings.model, settings.home, say)
        self.log = ConversationLog(settings.home / "log.sqlite")
        self._lock = threading.Lock()
        # One for all: they share the reader, and the processor.
        scripted = settings.model == "scripted"
        self._free: AbstractContextManager[object] = nullcontext() if scripted else threading.RLock()
        self._opened: dict[str, Tools] = {}
        self._stamp = -1
        self._names: tuple[str, ...] = ()
        self.tools()

    def tools(self, conversation: str = "") -> Tools:
        """Return what answers in a conversation now; while there is a trial, half of them are answered by the other.

        A version that cannot be opened later on does not answer: the one before goes on, and `say` is told why.
        """
        with self._lock:
            if (stamp := self.versions.stamp) != self._stamp:
                try:
                    self._open()
                except UserError as error:
                    if not self._opened:
                        raise
                    self._say(f"{', '.join(self._names)} goes on answering: {error}")
                self._stamp = stamp
            drawn = int(hashlib.sha256(f"trial\x1f{conversation}".encode()).hexdigest(), 16)
            return self._opened[self._names[drawn % len(self._names)] if conversation else self._names[0]]

    def _open(self) -> None:
        """Open the versions that answer; parts that are open already are kept, versions that do not answer are not."""
        serving = self.versions.serving
        names = tuple(dict.fromkeys([serving, *([self.settings.trial] if self.settings.trial else [])]))
        opened = {name: self._opened.get(name) or self._tools(name) for name in names}
        used = [tools.explainer.llm for tools in opened.values()]
        self._models = {adapter: llm for adapter, llm in self._models.items() if llm in used}
        self._opened, self._names = opened, names

    def _tools(self, name: str) -> Tools:
        settings, catalog = self.settings, self.index.catalog
        ranker, learned = self._ranker(name)
        retriever = copy.copy(self._plain)
        retriever.learned = learned
        llm = self._language_model(name)
        scorer = self._scorer(ranker, llm, retriever)
        return Tools(
            understanding=Understanding(self.linker),
            retriever=retriever,
            reranker=Reranker(scorer, settings.rerank),
            explainer=Explainer(llm, catalog),
            answers=Answers(catalog),
            log=self.log,
            settings=settings,
            models={
                "model": llm.model_id,
                "adapter": llm.adapter_id,
                "reranker": "none" if scorer is None else scorer.name,
                "index": self.index.fingerprint,
                "version": name,
            },
            llm_free=self._free,
        )

    def _ranker(self, name: str) -> tuple[Path | None, LearnedRanker | None]:
        from retrieval.learned import LearnedRanker

        folder = self.versions.ranker(name, self.settings.ranker, self.index, self.encoder.name)
        if folder is None:
            return None, None
        student = self.settings.reranker == "student"
        return folder, LearnedRanker.open(folder, self.index, self.encoder, student=student)

    def _language_model(self, name: str) -> LanguageModel:
        """Open the model with the adapter of a version, unless it is open for another version."""
        from agent.llm import open_llm

        settings = self.settings
        own = self.versions.folder_of(name, "adapter") if settings.adapter == "auto" else None
        adapter = settings.adapter if own is None else str(own)
        if adapter not in self._models:
            self._say("Opening the language model.")
            codes = self.index.semantic_ids
            self._models[adapter] = open_llm(settings.model, adapter, codes, settings.home, self._say)
        return self._models[adapter]

    def _scorer(self, ranker: Path | None, llm: LanguageModel, retriever: Retriever) -> Scorer | None:
        from agent.scoring import open_scorer

        return open_scorer(self.settings, ranker, llm, retriever, self._say)
