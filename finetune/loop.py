"""The commands that close the loop: learn from the log, ask the gate, promote, roll back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.config import PreferenceConfig

if TYPE_CHECKING:
    from agent.settings import Settings
    from finetune.preference_training import Method
    from finetune.workshop import Workshop
    from retrieval.search import Retriever

Home = Annotated[Path | None, typer.Option(help="Folder of index, log and versions; TASTEMAKER_HOME or ~/.tastemaker.")]
Encoder = Annotated[str | None, typer.Option(help="Sentence encoder of the index. Default: that which built it.")]
Model = Annotated[
    str | None,
    typer.Option(help="Language model: embedded, a folder, a Hub id; scripted for scenarios. Default: the settings'."),
]
Steps = Annotated[int, typer.Option(min=1, help="Steps of training.")]
PREFERENCES = PreferenceConfig()


def learn(
    home: Home = None,
    encoder: Encoder = None,
    labelled: Annotated[bool, typer.Option(help="Learn from the packaged dialogues too (demo catalog).")] = True,
    clip: Annotated[float, typer.Option(min=1, help="Most that one turn counts for what chance showed; 1: off.")] = 5.0,
    seed: int = 0,
) -> None:
    """Learn from what people liked and took: a new version of the ranker, which answers once it is promoted."""
    from finetune.learning import LearningConfig

    config = LearningConfig(clip=clip, seed=seed, labelled=labelled)
    workshop = _open(home, encoder)
    name = workshop.learn(config, lambda line: typer.echo(line, err=True))
    means = workshop.measured(name, config)
    typer.echo(f"version {name}: " + ", ".join(f"{who} NDCG@10 {value}" for who, value in means.items()))
    typer.echo(f"it does not answer yet: `python -m finetune promote {name}`")


def dpo(
    home: Home = None,
    encoder: Encoder = None,
    model: Model = None,
    steps: Steps = PREFERENCES.steps,
    seed: int = 0,
) -> None:
    """Tune the adapter that serves on what was taken over what stood beside it: a new version, by DPO."""
    _prefer("dpo", home, encoder, model, PreferenceConfig(steps=steps, seed=seed))


def kto(
    home: Home = None,
    encoder: Encoder = None,
    model: Model = None,
    steps: Steps = PREFERENCES.steps,
    seed: int = 0,
) -> None:
    """Tune the adapter that serves on single verdicts and lone thumbs: a new version, by KTO."""
    _prefer("kto", home, encoder, model, PreferenceConfig(steps=steps, seed=seed))


def reward(
    home: Home = None,
    encoder: Encoder = None,
    model: Model = None,
    steps: Steps = PREFERENCES.steps,
    seed: int = 0,
) -> None:
    """Fit a reward head on the adapter that serves to the pairs of `dpo`, and say of how many held out it is right."""
    from finetune.reward import told

    workshop = _open(home, encoder, model)
    config = PreferenceConfig(steps=steps, seed=seed)
    for line in told(workshop.reward(config, workshop.settings.model, lambda line: typer.echo(line, err=True))):
        typer.echo(line)
    typer.echo(f"written to {workshop.home / 'reward'}; nothing answers by it")


def _prefer(
    method: Method, home: Path | None, encoder: str | None, model: str | None, config: PreferenceConfig
) -> None:
    workshop = _open(home, encoder, model)
    name, record = workshop.prefer(method, config, workshop.settings.model, lambda line: typer.echo(line, err=True))
    right = record["held_out_pairs"]
    told = "no pair is held out to judge it by"
    if right["n"]:
        error = "unknown" if right["error"] is None else f"{right['error']:.3f}"
        share = f"{right['after']:.3f} (standard error {error}), what serves in {right['before']:.3f}"
        told = f"of {right['n']} pairs held out it has {share} right"
    typer.echo(f"version {name}: {record['examples']} examples; {told}")
    typer.echo(f"it does not answer yet: `python -m finetune promote {name}`")


def adopt(
    adapter: Annotated[str, typer.Argument(help="A folder with an adapter, or a name under `adapters` in the home.")],
    home: Home = None,
) -> None:
    """Make a version of an adapter that `sft` trained, so that the gate can judge it and people can go back."""
    import shutil

    from agent.llm import adapter_folder
    from agent.local_llm import fitting
    from agent.versions import Versions

    settings = settings_of(home)
    folder = adapter_folder(adapter, settings.home)
    record = fitting(folder, retriever_of(settings).semantic_ids, settings.home)
    versions = Versions(settings.home)
    with versions.making(f"python -m finetune adopt {adapter}") as (half, told):
        shutil.copytree(folder, half / "adapter", ignore=shutil.ignore_patterns("run", "checkpoint*"))
        told["data"] = str(record.get("data", ""))
    name = versions.names()[-1]
    typer.echo(f"version {name}: it does not answer yet: `python -m finetune promote {name}`")


def promote(
    name: Annotated[str, typer.Argument(help="The version, as `python -m finetune versions` lists it.")],
    home: Home = None,
    encoder: Encoder = None,
    model: Model = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Ask the gate and change nothing.")] = False,
) -> None:
    """Let a version answer, if the gate finds nothing worse; otherwise say what and by how much, and exit with 1."""
    from agent.versions import Versions
    from finetune.gate import GateConfig

    Versions(_home(home)).read(name)
    workshop = _open(home, encoder, model)
    verdict = workshop.judge(name, workshop.settings.model, GateConfig(), lambda line: typer.echo(line, err=True))
    for check in verdict.checks:
        typer.echo(f"{'ok    ' if check.passed else 'FAILED'} {check.name}: {check.said}")
    if not verdict.passed:
        typer.echo(f"{name} does not answer: {workshop.versions.serving} goes on")
        raise typer.Exit(1)
    if not dry:
        workshop.versions.serve(name, "promoted: the gate found nothing worse")
        typer.echo(f"{name} answers from the next turn on; back with `python -m finetune rollback`")
        for part in workshop.versions.read(name).parts:
            if (named := getattr(workshop.settings, part)) != "auto":
                typer.echo(f"but the settings name another {part}, {named}, which goes before: set {part} to auto")


def rollback(home: Home = None) -> None:
    """Let the version answer again that did before the last promotion."""
    from agent.versions import Versions

    typer.echo(f"{Versions(_home(home)).roll_back()} answers from the next turn on")


def versions(
    home: Home = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with everything.")] = False,
    of: Annotated[str | None, typer.Option(help="Only versions that learned from this conversation.")] = None,
) -> None:
    """List what was learned: where each version comes from, what the gate said, and which one answers."""
    from rich.console import Console
    from rich.table import Table

    from agent.versions import SHIPPED, Versions

    known = Versions(_home(home))
    names = (SHIPPED, *known.names()) if of is None else known.learned_from(of)
    found = [known.read(name) for name in names]
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


def _home(home: Path | None) -> Path:
    from agent.settings import Settings

    return (Settings(home=home) if home else Settings()).home


def settings_of(home: Path | None, encoder: str | None = None, model: str | None = None) -> Settings:
    """Return the settings with what options say; without an encoder, that of the home's index."""
    from agent.settings import Settings
    from retrieval.index import built_with

    given = {"home": home, "encoder": encoder, "model": model}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    built = None if encoder else built_with(settings.home)
    return settings.model_copy(update={"encoder": built}) if built else settings


def retriever_of(settings: Settings) -> Retriever:
    """Open the search over the home's index, which is made where there is none. UserError with another encoder."""
    from retrieval.encoder import open_encoder
    from retrieval.index import open_or_build_demo
    from retrieval.search import Retriever

    index = open_or_build_demo(settings.home, encoder=settings.encoder, progress=True, keep=True)
    return Retriever(index, open_encoder(settings.encoder))


def _open(home: Path | None, encoder: str | None, model: str | None = None) -> Workshop:
    from finetune.workshop import Workshop

    return Workshop(settings_of(home, encoder, model))
