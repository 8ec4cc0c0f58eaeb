"""The commands `python -m evals offpolicy` and `offpolicy-truth`."""

from __future__ import annotations

import json as plain_json
from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from evals.opening import Encoder, Home, Json, Model, Seed, console, progress, settings_of
from retrieval.catalog import UserError

Explore = Annotated[
    float | None,
    typer.Option(min=0, max=10, help="How freely the version would draw; 0: never. Default: as logged."),
]


def offpolicy(
    version: Annotated[str, typer.Argument(help="The version, as `python -m finetune versions` lists it.")],
    explore: Explore = None,
    json: Json = None,
    home: Home = None,
    model: Model = None,
    encoder: Encoder = None,
    seed: Seed = None,
) -> None:
    """Estimate from the log what a version would have got for the lists that chance drew, had it drawn them.

    The reward of a turn is 1 when something that it showed was liked or accepted, else 0. Conversations that the
    version has learned from do not count.
    """
    from agent.log import ConversationLog
    from agent.reactions import reactions
    from agent.versions import SHIPPED
    from evals.offpolicy import report
    from evals.offpolicy.drawn import drawn_turns, unheard
    from evals.offpolicy.versions import Rankings, score
    from evals.report import write

    settings = settings_of(home=home, model=model, encoder=encoder, seed=seed)
    path, screen = settings.home / "log.sqlite", console()
    if not path.is_file():
        raise UserError(f"no conversations yet: {path} is not there; talk first with `python app.py`")
    rankings = Rankings(settings, lambda line: typer.echo(line, err=True))
    rankings.versions.read(version)
    drawn, left_out = drawn_turns(reactions(ConversationLog(path)), rankings.index.fingerprint)
    turns = unheard(drawn, rankings.heard(version), version)
    left_out[f"lists that {version} has learned from"] = len(drawn) - len(turns)
    loggers = Counter(one.turn.version for one in turns)
    log = score(rankings.open(version), turns, explore, version)
    logged = report.logged_reward(log)
    screen.print(
        f"{len(turns)} lists drawn by chance in {logged.n} conversations, by "
        f"{', '.join(f'{name} ({count})' for name, count in loggers.items())}; reward per turn as it was: {logged}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    freely = "as freely as logged" if explore is None else f"with explore {explore:g}"
    judged = [report.judge(f"{version}, drawn {freely}", log, settings.seed)]
    report.print_judged(judged[0], screen)
    for name in sorted(loggers.keys() & {SHIPPED, *rankings.versions.names()}):
        own = [one for one in turns if one.turn.version == name]
        log = score(rankings.open(name), own, None, name)
        judged.append(report.judge(name, log, settings.seed))
        report.print_check(judged[-1], report.logged_reward(log), screen)
    for reason, count in (+left_out).items():
        screen.print(f"left out: {count} {reason}", highlight=False, style="dim")
    if named := sum(bool(one.turn.person) for one in turns):
        screen.print(f"{named} turns of people with a name, whose profiles the log does not hold", style="dim")
    if json:
        made_by = {"version": version, "explore": explore, "index": rankings.index.fingerprint, "seed": settings.seed,
                   "turns": len(turns), "left_out": dict(left_out)}  # fmt: skip
        write(json, plain_json.dumps(report.as_plain(judged, logged, made_by), indent=1) + "\n")


def offpolicy_truth(
    conversations: Annotated[int, typer.Option(min=10, help="Conversations in each log.")] = 1000,
    repeats: Annotated[int, typer.Option(min=0, help="Logs drawn in either kind of world; 0: none.")] = 500,
    explore: Annotated[float, typer.Option(min=0.01, max=10, help="How freely the logged lists are drawn.")] = 0.3,
    users: Annotated[int, typer.Option(min=0, help="Simulated people who talk with the real recommender besides.")] = 0,
    json: Json = None,
    home: Home = None,
    model: Model = "scripted",
    encoder: Encoder = "hashing",
    seed: Seed = None,
) -> None:
    """Hold the estimates against the truth: in worlds made up for it, and with --users for the real recommender.

    With --users, what is said is logged in the home, where a version is learned: name a fresh one.
    """
    from evals.offpolicy import talk, truth
    from evals.report import write

    if users and home is None:
        raise UserError("what people say is logged in the home: give --home, a fresh folder, or leave --users out")
    screen, sown = console(), seed or 0
    held: list[truth.Held] = []
    if repeats:
        with progress("Drawing logs") as tell:
            held = truth.hold(conversations, repeats, explore, sown, tell)
        truth.print_held(held, screen)
    compared: list[talk.Compared] = []
    if users and home:
        plan = talk.Plan(home, users, explore, model or "scripted", encoder or "hashing", sown)
        compared = talk.run(plan, lambda line: typer.echo(line, err=True))
        talk.print_compared(compared, screen)
    if json:
        made_by = {"conversations": conversations, "repeats": repeats, "explore": explore, "users": users, "seed": sown}
        record = {"kind": "offpolicy-truth", "made_by": made_by, "synthetic": [asdict(one) for one in held],
                  "talked": [asdict(one) for one in compared]}  # fmt: skip
        write(json, plain_json.dumps(record, indent=1) + "\n")
