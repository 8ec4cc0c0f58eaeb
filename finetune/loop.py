"""The commands that close the loop: learn from the log, ask the gate, promote, roll back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.config import PreferenceConfig
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent.reactions import Reacted
    from agent.versions import Versions
    from finetune.examples import Dialogue
    from finetune.gate import Check, GateConfig, Verdict
    from finetune.learning import LearningConfig
    from finetune.preference_training import Method
    from finetune.probe import Finding
    from finetune.ranker import Logged
    from retrieval.learned import LearnedRanker
    from retrieval.search import Retriever

Home = Annotated[Path | None, typer.Option(help="Folder of index, log and versions; TASTEMAKER_HOME or ~/.tastemaker.")]
Encoder = Annotated[str, typer.Option(help="Sentence encoder of the index.")]
Model = Annotated[str, typer.Option(help="Language model: embedded, a folder or a Hub id; scripted for scenarios.")]
Steps = Annotated[int, typer.Option(min=1, help="Steps of training.")]
Say = Callable[[str], None]
PREFERENCES = PreferenceConfig()


def learn(
    home: Home = None,
    encoder: Encoder = "embedded",
    labelled: Annotated[bool, typer.Option(help="Learn from the packaged dialogues too (demo catalog).")] = True,
    clip: Annotated[float, typer.Option(min=1, help="Most that one turn counts for what chance showed; 1: off.")] = 5.0,
    seed: int = 0,
) -> None:
    """Learn from what people liked and took: a new version of the ranker, which answers once it is promoted."""
    from finetune.learning import LearningConfig

    config = LearningConfig(clip=clip, seed=seed, labelled=labelled)
    workshop = Workshop(_home(home), encoder)
    name = workshop.learn(config, lambda line: typer.echo(line, err=True))
    means = workshop.measured(name, config)
    typer.echo(f"version {name}: " + ", ".join(f"{who} NDCG@10 {value}" for who, value in means.items()))
    typer.echo(f"it does not answer yet: `python -m finetune promote {name}`")


def dpo(
    home: Home = None,
    encoder: Encoder = "embedded",
    model: Model = "embedded",
    steps: Steps = PREFERENCES.steps,
    seed: int = 0,
) -> None:
    """Tune the adapter that serves on what was taken over what stood beside it: a new version, by DPO."""
    _prefer("dpo", home, encoder, model, PreferenceConfig(steps=steps, seed=seed))


def kto(
    home: Home = None,
    encoder: Encoder = "embedded",
    model: Model = "embedded",
    steps: Steps = PREFERENCES.steps,
    seed: int = 0,
) -> None:
    """Tune the adapter that serves on single verdicts and lone thumbs: a new version, by KTO."""
    _prefer("kto", home, encoder, model, PreferenceConfig(steps=steps, seed=seed))


def reward(
    home: Home = None,
    encoder: Encoder = "embedded",
    model: Model = "embedded",
    steps: Steps = PREFERENCES.steps,
    seed: int = 0,
) -> None:
    """Fit a reward head on the adapter that serves to the pairs of `dpo`, and say of how many held out it is right."""
    from finetune.reward import told

    workshop = Workshop(_home(home), encoder)
    config = PreferenceConfig(steps=steps, seed=seed)
    for line in told(workshop.reward(config, model, lambda line: typer.echo(line, err=True))):
        typer.echo(line)
    typer.echo(f"written to {workshop.home / 'reward'}; nothing answers by it")


def _prefer(method: Method, home: Path | None, encoder: str, model: str, config: PreferenceConfig) -> None:
    workshop = Workshop(_home(home), encoder)
    name, record = workshop.prefer(method, config, model, lambda line: typer.echo(line, err=True))
    right = record["held_out_pairs"]
    share = f"{right['after']:.3f} (standard error {right['error']:.3f}), what serves in {right['before']:.3f}"
    typer.echo(f"version {name}: {record['examples']} examples; of {right['n']} pairs held out it has {share} right")
    typer.echo(f"it does not answer yet: `python -m finetune promote {name}`")


def promote(
    name: Annotated[str, typer.Argument(help="The version, as `python -m finetune versions` lists it.")],
    home: Home = None,
    encoder: Encoder = "embedded",
    model: Model = "embedded",
    dry: Annotated[bool, typer.Option("--dry-run", help="Ask the gate and change nothing.")] = False,
) -> None:
    """Let a version answer, if the gate finds nothing worse; otherwise say what and by how much, and exit with 1."""
    from finetune.gate import GateConfig

    workshop = Workshop(_home(home), encoder)
    verdict = workshop.judge(name, model, GateConfig(), lambda line: typer.echo(line, err=True))
    for check in verdict.checks:
        typer.echo(f"{'ok    ' if check.passed else 'FAILED'} {check.name}: {check.said}")
    if not verdict.passed:
        typer.echo(f"{name} does not answer: {workshop.versions.serving} goes on")
        raise typer.Exit(1)
    if not dry:
        workshop.versions.serve(name, "promoted: the gate found nothing worse")
        typer.echo(f"{name} answers from the next turn on; back with `python -m finetune rollback`")


def rollback(home: Home = None) -> None:
    """Let the version answer again that did before the last promotion."""
    from agent.versions import Versions

    typer.echo(f"{Versions(_home(home)).roll_back()} answers from the next turn on")


def versions(
    home: Home = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with everything.")] = False,
) -> None:
    """List what was learned: where each version comes from, what the gate said, and which one answers."""
    from rich.console import Console
    from rich.table import Table

    from agent.versions import SHIPPED, Versions

    known = Versions(_home(home))
    found = [known.read(name) for name in (SHIPPED, *known.names())]
    if json:
        for one in found:
            typer.echo(one.model_dump_json())
        return
    table = Table("", "version", "from", "made", "parts", "conversations", "gate", box=None, pad_edge=False)
    for one in found:
        gate = "-" if one.gate is None else "passed" if one.gate["passed"] else "refused"
        parts = ", ".join(f"{part} of {owner}" if owner != one.name else part for part, owner in one.parts.items())
        mark = "answers" if one.name == known.serving else ""
        parent = "" if one.name == SHIPPED else one.parent
        count = str(len(one.conversations)) if one.conversations else ""
        table.add_row(mark, one.name, parent, one.made[:16], parts or "as shipped", count, gate)
    Console().print(table)


class Workshop:
    """A home opened for learning: catalog, search, log and versions."""

    def __init__(self, home: Path, encoder: str) -> None:
        """Open `home`. UserError when nobody has talked in it yet."""
        from agent.log import ConversationLog
        from agent.versions import Versions
        from retrieval.encoder import open_encoder
        from retrieval.index import open_or_build_demo
        from retrieval.search import Retriever

        path = home / "log.sqlite"
        if not path.is_file():
            raise UserError(f"no conversations yet: {path} is not there; talk first with `python app.py --home {home}`")
        self.home, self.encoder = home, encoder
        self.versions: Versions = Versions(home)
        self.retriever: Retriever = Retriever(open_or_build_demo(home, encoder=encoder), open_encoder(encoder))
        self.log = ConversationLog(path)

    def learn(self, config: LearningConfig, say: Say) -> str:
        """Make a new version from the log; return its name. UserError when there is nothing to learn from."""
        from finetune import learning

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
        from dataclasses import replace

        from agent.local_llm import LocalLanguageModel
        from agent.versions import digest
        from finetune.learning import held_out
        from finetune.preference_training import accuracy, train
        from finetune.preferences import balanced, judgements, pairs

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
            found = {"before": before[0], "after": after[0], "error": after[1], "n": after[2]}
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

    def _adapter(self) -> Path:
        """Return the folder of the adapter that serves. UserError when none fits the index."""
        from agent.llm import DEMO_ADAPTER
        from agent.local_llm import read_record

        folder = self.versions.folder_of(self.versions.serving, "adapter") or DEMO_ADAPTER
        if read_record(folder)["semantic_ids"] != self.retriever.semantic_ids.fingerprint:
            raise UserError(f"no adapter fits this index: train one with `python -m finetune sft --home {self.home}`")
        return folder

    def measured(self, name: str, config: LearningConfig) -> dict[str, float | None]:
        """Return the NDCG@10 of the search, of what serves and of a version, on conversations held out."""
        from finetune.learning import measure, unheard

        kept = unheard(self._reactions(), self.retriever.catalog, config)
        rankers = {"search": None, self.versions.serving: self._ranker(self.versions.serving), name: self._ranker(name)}
        return measure(self.retriever, kept, rankers).means()

    def judge(self, name: str, model: str, config: GateConfig, say: Say) -> Verdict:
        """Ask the gate about a version, and write what it says into the version's record."""
        from finetune.gate import Verdict, exposure, probes, ranking, regressions, scenarios
        from finetune.learning import LearningConfig, measure, unheard
        from finetune.probe import requests

        now, catalog = self.versions.serving, self.retriever.catalog
        rankers = {now: self._ranker(now), name: self._ranker(name)}
        say("ranking conversations that no version has learned from")
        kept = unheard(self._reactions(), catalog, LearningConfig())
        checks: list[Check] = [
            ranking("ranking of conversations held out", measure(self.retriever, kept, rankers), now, name, config)
        ]
        if labelled := self._labelled("dev"):
            say("ranking labelled dialogues")
            measured = measure(self.retriever, labelled, rankers)
            checks.append(ranking("ranking of labelled dialogues", measured, now, name, config))
        say("counting what is shown")
        asked = requests(self._dialogues("train"), catalog, config.requests, config.seed)
        checks += exposure(self._with(rankers[now]), self._with(rankers[name]), asked, config)
        if (adapter := self.versions.folder_of(name, "adapter")) != self.versions.folder_of(now, "adapter") and adapter:
            say("probing the adapter")
            checks.append(probes(self._probed(adapter, model, config)))
        say("playing scenarios with what answers now, then with the version")
        options = {"model": model, "encoder": self.encoder}
        parts = {part: folder for part in ("ranker", "adapter") if (folder := self.versions.folder_of(name, part))}
        if paths := self._scenarios():
            before, after = (scenarios(paths, self.home, options, own) for own in ({}, parts))
            checks.append(regressions(before, after))
        verdict = Verdict(tuple(checks))
        self.versions.note(name, verdict.as_dict())
        return verdict

    def _probed(self, adapter: Path, model: str, config: GateConfig) -> list[Finding]:
        from agent.local_llm import LocalLanguageModel
        from finetune.probe import probe, requests

        llm = LocalLanguageModel.open(model, adapter, self.retriever.semantic_ids, self.home)
        asked = requests(self._dialogues("train"), self.retriever.catalog, config.probed, config.seed)
        return probe(llm, self.retriever, asked, config.probed, config.seed, lambda done, of: None)

    def _reactions(self) -> list[Reacted]:
        from agent.reactions import reactions

        return list(reactions(self.log))

    def _ranker(self, name: str) -> LearnedRanker | None:
        from retrieval.learned import LearnedRanker, ranker_folder

        index, encoder = self.retriever.index, self.retriever.encoder
        folder = self.versions.folder_of(name, "ranker") or ranker_folder("auto", index, encoder.name, self.home)
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
        from finetune.ranker.logs import logged_turns

        return list(logged_turns(self._dialogues(split), self.retriever.catalog))

    def _scenarios(self) -> Sequence[Path]:
        """Return the scenarios of the home, after those that come with the package where they are about its catalog."""
        own = self.home / "scenarios"
        found = [own] if any(own.glob("**/*.yaml")) else []
        if not self._demo:
            return found
        return [Path(str(files("evals").joinpath("scenarios/films"))), *found]


def _home(home: Path | None) -> Path:
    from agent.settings import Settings

    return (Settings(home=home) if home else Settings()).home
