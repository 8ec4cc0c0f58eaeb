"""The command `python -m evals simulate`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals.opening import Adapter, Encoder, Home, Json, Model, Seed, console, opened, progress, settings_of
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from agent import Recommender
    from evals.simulation.dialogue import Partner, Rephrase
    from evals.simulation.user import User


TOP = 0.005
TEMPLATES = "templates"
"""The wording without a language model."""


class Kind(StrEnum):
    """Where users come from."""

    TARGET = "target"
    RATINGS = "ratings"
    PROFILE = "profile"
    COMMUNITY = "community"


def simulate(
    users: Annotated[int, typer.Option(min=1, help="How many users talk with each system.")] = 50,
    kind: Annotated[
        Kind, typer.Option(help="One item in mind, real ratings, limits and wishes, or hidden tastes.")
    ] = Kind.TARGET,
    turns: Annotated[int, typer.Option(min=1, help="Patience: messages at most, less after repeats.")] = 8,
    noise: Annotated[float, typer.Option(min=0, max=1, help="Probability of a vague or random turn.")] = 0.0,
    top: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of the catalog that a profile accepts.")
    ] = TOP,
    profiles: Annotated[Path | None, typer.Option(help="YAML list of profiles, instead of drawn ones.")] = None,
    ratings: Annotated[Path | None, typer.Option(help="MovieLens folder or ratings.csv.")] = None,
    joins: Annotated[Path | None, typer.Option(help="JSONL that joins id with ml_id.")] = None,
    wording: Annotated[
        str, typer.Option(help="templates, or a model that rephrases them: llm (ours), a path...")
    ] = TEMPLATES,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was killed.")] = False,
    json: Json = None,
    transcripts: Annotated[Path | None, typer.Option(help="Write readable dialogues to this file.")] = None,
    home: Home = None,
    model: Model = None,
    adapter: Adapter = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Let simulated users talk with the recommender, and with two floors: popular items, and random ones."""
    from evals.report import write
    from evals.simulation import report
    from evals.simulation.dialogue import converse
    from evals.simulation.measures import measure
    from evals.simulation.user import Dialogue
    from evals.unfinished import Unfinished, digest

    if kind is Kind.RATINGS and ratings is None:
        raise UserError("--kind ratings needs ratings: give --ratings, a MovieLens folder")
    sown = seed or 0
    folder = settings_of(home=home).home / "evals"
    given = [path for path in (profiles, ratings, joins) if path is not None]
    files = {str(path): digest(path / "ratings.csv" if path.is_dir() else path) for path in given}
    options = {"users": users, "kind": kind.value, "turns": turns, "noise": noise, "top": top, "seed": sown,
               "wording": wording, "files": files}  # fmt: skip
    with opened(home=home, model=model, adapter=adapter, encoder=encoder, seed=seed) as rec:
        people, notes = _people(rec, options, profiles, ratings, joins)
        systems = _systems(rec, sown)
        made_by = {**options, "slate_size": rec.settings.slate_size, **rec.tools.models}
        unfinished = Unfinished.begin(folder, "simulate", made_by, resume)
        rephrase = _rephrase(rec, wording)
        plan = [(system, user) for user in people for system in systems]
        done = unfinished.done()
        with progress("Talking") as tell:
            for count, (system, user) in enumerate(plan):
                tell(count, len(plan))
                if f"{system} {user.id}" not in done:
                    dialogue = converse(user, systems[system], system=system, turns=turns, seed=sown, rephrase=rephrase)
                    done[f"{system} {user.id}"] = dialogue.model_dump(mode="json")
                    unfinished.add(f"{system} {user.id}", done[f"{system} {user.id}"])
        names = [f"{system} {user.id}" for system in systems for user in people]
        dialogues = [Dialogue.model_validate(done[name]) for name in names]
        notes |= _rephrased(dialogues) if wording != TEMPLATES else {}
        result = measure(dialogues, rec.catalog, turns, _vectors(rec), f"simulate {kind.value}", made_by, notes)
        report.print_tables(result, turns, console())
        if json:
            write(json, result.as_json())
        if transcripts:
            write(transcripts, report.transcripts(dialogues, people, rec.catalog))
    unfinished.end()


def _people(
    rec: Recommender, options: Mapping[str, Any], profiles: Path | None, ratings: Path | None, joins: Path | None
) -> tuple[list[User], dict[str, Any]]:
    """Return the users and what is worth knowing of them."""
    import random

    from evals.simulation.communities import community_user
    from evals.simulation.profiles import profile_user, read_profiles, user_of
    from evals.simulation.ratings import raters, rating_user, read_ratings
    from evals.simulation.targets import target_user

    catalog, count, seed, noise, top = rec.catalog, options["users"], options["seed"], options["noise"], options["top"]
    notes: dict[str, Any] = {}
    if options["kind"] == "target":
        people = [target_user(number, catalog, seed, noise) for number in range(1, count + 1)]
    elif options["kind"] == "community":
        people = [community_user(number, catalog, seed, noise) for number in range(1, count + 1)]
    elif options["kind"] == "profile" and profiles:
        named = [(one.name or f"profile-{n}", one) for n, one in enumerate(read_profiles(profiles, catalog), start=1)]
        people = [
            user_of(one, name, catalog, noise, top, random.Random(f"{seed}|{name}")) for name, one in named[:count]
        ]
    elif options["kind"] == "profile":
        people = [profile_user(number, catalog, seed, noise, top) for number in range(1, count + 1)]
    else:
        assert ratings is not None
        rated = read_ratings(ratings, joins, catalog)
        able = raters(rated, seed)
        people = [rating_user(name, rated[name], catalog, seed, noise) for name in able[:count]]
        notes["raters"] = f"{len(people)} of {len(able)} with enough liked items, of {len(rated)}"
    accepted = sum(len(user.accepts) for user in people) / max(1, len(people))
    notes["accepted items"] = f"{accepted:.1f} of {len(catalog)} on average"
    return people, notes


def _systems(rec: Recommender, seed: int) -> dict[str, Partner]:
    from evals.simulation.floors import Popular, Random

    size = rec.settings.slate_size
    return {"tastemaker": rec, "popularity": Popular(rec.catalog, size), "random": Random(rec.catalog, size, seed)}


def _rephrase(rec: Recommender, wording: str) -> Rephrase:
    """Return what finds the users' words: a model of their own, without the adapter, which was trained to answer."""
    from agent.llm import open_llm
    from evals.simulation.rephrase import Rephraser

    if wording == TEMPLATES:
        return lambda move: move
    settings = rec.settings
    return Rephraser(open_llm(settings.model if wording == "llm" else wording, "none", rec.semantic_ids, settings.home))


def _rephrased(dialogues: Any) -> dict[str, Any]:
    moves = [exchange.move for one in dialogues for exchange in one.exchanges]
    return {"messages in the model's words": f"{sum(move.rephrased for move in moves)} of {len(moves)}"}


def _vectors(rec: Recommender) -> Any:
    from retrieval.search import Retriever

    retriever = rec.tools.retriever
    assert isinstance(retriever, Retriever)
    return retriever.index.vectors
