"""A home opened for learning: what is read from its log, what is made of it, and what the gate says of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from agent.log import ConversationLog
from agent.reactions import Reacted
from agent.review import vetted
from agent.versions import SHIPPED, Versions, digest
from finetune import learning
from finetune.config import PreferenceConfig
from finetune.learning import LearningConfig, Measured, held_out, measure, unheard
from finetune.preferences import balanced, judgements, pairs
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent.local_llm import LocalLanguageModel
    from agent.settings import Settings
    from finetune.examples import Dialogue
    from finetune.gate import Check, GateConfig, Verdict
    from finetune.preference_training import Method
    from finetune.probe import Finding
    from finetune.ranker import Logged
    from retrieval.learned import LearnedRanker
    from retrieval.search import Retriever

ENCODINGS = "encodings"
"""Folder in the home with the encodings of titles and of the packaged dialogues, not of what people said there."""
Say = Callable[[str], None]


class Workshop:
    """A home opened for learning: catalog, search, log and versions."""

    def __init__(self, settings: Settings) -> None:
        """Open the home of `settings`. UserError when nobody has talked in it yet, or with another encoder."""
        from retrieval.encoder import open_encoder
        from retrieval.index import open_or_build_demo
        from retrieval.remembered import Remembering
        from retrieval.search import Retriever

        home, encoder = settings.home, settings.encoder
        path = home / "log.sqlite"
        if not path.is_file():
            raise UserError(f"no conversations yet: {path} is not there; talk first with `python app.py --home {home}`")
        self.settings, self.home, self.encoder = settings, home, encoder
        self.versions: Versions = Versions(home)
        index = open_or_build_demo(home, encoder=encoder, keep=True)
        self.remembering = Remembering(open_encoder(encoder), home / ENCODINGS)
        self.retriever: Retriever = Retriever(index, self.remembering)
        self.log = ConversationLog(path)

    def learn(self, config: LearningConfig, say: Say) -> str:
        """Make a new version from the log; return its name. UserError when there is nothing to learn from."""
        catalog = self.retriever.catalog
        self.remembering.keep(map(catalog.label, catalog))
        lessons = self._labelled("train") if config.labelled else []
        ranker, record = learning.learn(self.retriever, self._reactions(), lessons, config, say)
        with self.versions.making("python -m finetune learn") as (folder, told):
            ranker.save(folder / "ranker", self.retriever.index, record)
            told |= record
        return self.versions.names()[-1]

    def prefer(self, method: Method, config: PreferenceConfig, model: str, say: Say) -> tuple[str, dict[str, Any]]:
        """Make a new version of the adapter that serves from preferences in the log; return its name and record.

        UserError when there is no adapter to go on from, or no preference.
        """
        from agent.local_llm import LocalLanguageModel
        from finetune.preference_training import accuracy, train

        catalog, codes, serving = self.retriever.catalog, self.retriever.semantic_ids, self._adapter()
        reacted = self._reactions()
        own = [one for one in reacted if not held_out(one.conversation, config.held_out)]
        kept = [one for one in reacted if held_out(one.conversation, config.held_out)]
        find = pairs if method == "dpo" else judgements
        given: list[Any] = list(find(own, catalog, codes, config.clip))
        if not given:
            raise UserError(f"nothing to tune on by {method}: nobody has taken or turned down what was shown yet")
        weights = balanced([one.weight for one in given], [one.person for one in given], config.cap)
        given = [replace(one, weight=weight) for one, weight in zip(given, weights, strict=True)]
        unheard = list(pairs(kept, catalog, codes, config.clip))
        say(f"{len(given)} examples, {config.steps} steps of {config.batch}")
        with self.versions.making(f"python -m finetune {method}") as (folder, told):
            record = train(method, given, serving, codes, config, model, self.home, folder / "adapter", say)
            before, after = (
                accuracy(LocalLanguageModel.open(model, one, codes, self.home, say), unheard, codes)
                for one in (serving, folder / "adapter")
            )
            found = {"before": before["mean"], "after": after["mean"], "error": after["error"], "n": len(unheard)}
            names = sorted({one.conversation for one in given})
            told |= {"data": record["data"], "conversations": tuple(map(digest, names))}
            told["metrics"] = {"method": method, "examples": len(given), "held_out_pairs": found}
        return self.versions.names()[-1], {**record, "held_out_pairs": found}

    def reward(self, config: PreferenceConfig, model: str, say: Say) -> dict[str, Any]:
        """Fit a reward head to pairs in the log and write it to `reward` in the home; return its record.

        UserError when there is no adapter to stand on, or no pair.
        """
        from finetune.reward import train

        catalog, codes, out = self.retriever.catalog, self.retriever.semantic_ids, self.home / "reward"
        return train(self._reactions(), catalog, self._adapter(), codes, config, model, self.home, out, say)

    def _adapter(self, name: str = "") -> Path:
        """Return the folder of the adapter of a version, or of what serves. UserError when none fits the index."""
        from agent.llm import DEMO_ADAPTER, adapter_folder
        from agent.local_llm import read_record

        own = self.versions.folder_of(name or self.versions.serving, "adapter")
        if not name and self.settings.adapter not in ("auto", "none"):
            own = adapter_folder(self.settings.adapter, self.home)
        folder = own or DEMO_ADAPTER
        if read_record(folder)["semantic_ids"] != self.retriever.semantic_ids.fingerprint:
            raise UserError(f"no adapter fits this index: train one with `python -m finetune sft --home {self.home}`")
        return folder

    def measured(self, name: str, config: LearningConfig) -> dict[str, float | None]:
        """Return the NDCG@10 of the search, of what serves and of a version, on conversations held out."""
        kept = unheard(self._reactions(), self.retriever.catalog, config)
        rankers = {"search": None, self.versions.serving: self._ranker(self.versions.serving), name: self._ranker(name)}
        return measure(self.retriever, kept, rankers).means()

    def judge(self, name: str, model: str, config: GateConfig, say: Say) -> Verdict:
        """Ask the gate about a version, and write what it says into the version's record."""
        from agent.local_llm import LocalLanguageModel
        from finetune.gate import Check, Verdict, exposure, preferred, probes, ranking, regressions, scenarios
        from finetune.probe import requests

        now, catalog = self.versions.serving, self.retriever.catalog
        if name in (now, SHIPPED):
            raise UserError(f"{name} needs no gate: it " + ("answers" if name == now else "is what others are held to"))
        rankers = {now: self._ranker(now), name: self._ranker(name)}
        say("ranking conversations that no version has learned from")
        reacted, codes = self._reactions(), self.retriever.semantic_ids
        kept = unheard(reacted, catalog, LearningConfig())
        checks: list[Check] = [
            ranking("ranking of conversations held out", measure(self.retriever, kept, rankers), now, name, config)
        ]
        if labelled := self._labelled("dev"):
            say("ranking labelled dialogues")
            measured = measure(self.retriever, labelled, rankers)
            checks.append(ranking("ranking of labelled dialogues", measured, now, name, config))
        if not any(check.measured for check in checks):
            checks.append(Check("evidence", False, "no ranking could be compared: let more people talk"))
        say("counting what is shown")
        asked = requests(self._dialogues("train"), catalog, config.requests, config.seed)
        checks += exposure(self._with(rankers[now]), self._with(rankers[name]), asked, config)
        if (adapter := self.versions.folder_of(name, "adapter")) != self.versions.folder_of(now, "adapter") and adapter:
            say("comparing the adapters on pairs of conversations that neither has learned from")
            llms = {who: LocalLanguageModel.open(model, self._adapter(who), codes, self.home) for who in (now, name)}
            right = self._preferred(llms, reacted, config)
            checks.append(preferred("pairs of conversations held out", right, now, name, config))
            say("probing the adapter")
            checks.append(probes(self._probed(llms[name], config)))
        options, parts = {"model": model, "encoder": self.encoder}, self._parts(name)
        if paths := self._scenarios():
            say("playing scenarios with the version")
            after = scenarios(paths, self.home, options, parts)
            checks.append(regressions(after, lambda failing: scenarios(failing, self.home, options, {})))
        verdict = Verdict(tuple(checks))
        self.versions.note(name, verdict.as_dict())
        return verdict

    def _probed(self, llm: LocalLanguageModel, config: GateConfig) -> list[Finding]:
        from finetune.probe import probe, requests

        asked = requests(self._dialogues("train"), self.retriever.catalog, config.probed, config.seed)
        return probe(llm, self.retriever, asked, config.probed, config.seed, lambda done, of: None)

    def _preferred(
        self, llms: Mapping[str, LocalLanguageModel], reacted: Sequence[Reacted], config: GateConfig
    ) -> Measured:
        """Return for each pair held out whether the adapter of each version finds likelier what was taken."""
        from finetune.preference_training import likelier

        codes, learned = self.retriever.semantic_ids, LearningConfig()
        kept = [one for one in reacted if held_out(one.conversation, learned.held_out)]
        judged = list(pairs(kept, self.retriever.catalog, codes, learned.clip))
        drawn = Random(config.seed).sample(judged, min(len(judged), config.pairs))
        gains: dict[str, dict[str, list[float]]] = {}
        for who, llm in llms.items():
            gains[who] = defaultdict(list)
            for pair, one in zip(drawn, likelier(llm, drawn, codes), strict=True):
                gains[who][pair.conversation].append(one)
        return Measured(gains)

    def _parts(self, name: str) -> dict[str, str]:
        """Return setting -> folder of every part of a version, those that are as shipped too."""
        ranker = self.versions.ranker(name, "auto", self.retriever.index, self.encoder)
        try:
            adapter = str(self._adapter(name))
        except UserError:
            adapter = "none"
        return {"ranker": "none" if ranker is None else str(ranker), "adapter": adapter}

    def _reactions(self) -> list[Reacted]:
        return list(vetted(self.log, self.retriever.catalog))

    def _ranker(self, name: str) -> LearnedRanker | None:
        from retrieval.learned import LearnedRanker

        index, encoder = self.retriever.index, self.retriever.encoder
        folder = self.versions.ranker(name, "auto", index, encoder.name)
        return None if folder is None else LearnedRanker.open(folder, index, encoder)

    def _with(self, ranker: LearnedRanker | None) -> Retriever:
        from retrieval.search import Retriever

        return Retriever(self.retriever.index, self.retriever.encoder, learned=ranker)

    @property
    def _demo(self) -> bool:
        return str(self.retriever.index.manifest["source"]).startswith("demo ")

    def _dialogues(self, split: str) -> list[Dialogue]:
        """Return the packaged dialogues of a split, none for another catalog than theirs."""
        from finetune.examples import labelled, read_dialogues

        return [one for path in labelled() for one in read_dialogues(path, split)] if self._demo else []

    def _labelled(self, split: str) -> list[Logged]:
        """Return the turns of the packaged dialogues of a split, whose encodings are kept from the first time on."""
        from finetune.ranker.fitting import texts_of
        from finetune.ranker.logs import logged_turns

        found = list(logged_turns(self._dialogues(split), self.retriever.catalog))
        self.remembering.keep(text for one in found for text in texts_of(self.retriever, one.query))
        return found

    def _scenarios(self) -> Sequence[Path]:
        """Return the scenarios of the home, after those that come with the package where they are about its catalog."""
        own = self.home / "scenarios"
        found = [own] if any(own.glob("**/*.yaml")) else []
        if not self._demo:
            return found
        return [Path(str(files("evals").joinpath("scenarios/films"))), *found]
