"""Poison: what fake feedback that pushes one item does to what is learned, and whether the gate notices."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agent.versions import Versions
from evals.results import Result
from retrieval.catalog import Catalog, Item, UserError

if TYPE_CHECKING:
    from agent import Recommender

KIND = "bench poison"
REQUESTS = 200
"""Requests for anything, and requests for what the pushed item has: as many of each."""
FACTS = 2
SERVES, CLEAN = "what serves", "learned, no bots"
Say = Callable[[str], None]


def measure(home: Path, encoder: str, shares: Sequence[float], seed: int, say: Say) -> Result:
    """Learn from the log of `home` as it is, and with shares of its conversations added by bots.

    A unit is a request: 1 where the list of four holds the pushed item. `anything`: requests for what random items
    have; `related`: for what the pushed one has. UserError when a step cannot be done. The home is not changed.
    """
    systems: dict[str, dict[str, dict[str, float | None]]] = {}
    notes: dict[str, Any] = {}
    for share in (0.0, *shares):
        name = f"learned, {share:.0%} bots" if share else CLEAN
        with _copied(home) as copy:
            with _open(copy, encoder, seed) as rec:
                pushed = target(rec.catalog, seed)
                notes["pushed"] = rec.catalog.label(rec.catalog[pushed])
                if not systems:
                    systems[SERVES] = _shown(rec, pushed, seed)
                notes[name] = _push(rec, pushed, share, seed)
            _command("learn", copy, encoder)
            version = Versions(copy).names()[-1]
            judged = _command("promote", copy, encoder, version, "--model=scripted", "--dry-run")
            failed = [line for line in judged.splitlines() if line.startswith("FAILED")]
            refused = [line.split(":")[0].split(maxsplit=1)[1] for line in failed]
            notes[name] += f"; the gate {'refuses for ' + ', '.join(refused) if refused else 'lets it pass'}"
            Versions(copy).serve(version, "to measure it")
            with _open(copy, encoder, seed) as rec:
                systems[name] = _shown(rec, pushed, seed)
        say(f"{name}: {notes[name]}")
    return Result(KIND, {"seed": seed, "shares": list(shares), "encoder": encoder}, systems, notes)


def target(catalog: Catalog, seed: int) -> str:
    """Draw the item that is pushed, from the less known half."""
    known = sorted(catalog, key=lambda item: (item.popularity, item.id))
    return random.Random(f"{seed}|pushed").choice(known[: max(1, len(known) // 2)]).id


def _push(rec: Recommender, pushed: str, share: float, seed: int) -> str:
    from evals.simulation.bots import push

    talks = len(rec.conversations())
    bots = round(share / (1 - share) * talks)
    taken = sum(push(rec, pushed, number, seed) for number in range(bots))
    return f"{bots} of {talks + bots} conversations are by bots, {taken} of which took it"


def _shown(rec: Recommender, pushed: str, seed: int) -> dict[str, dict[str, float | None]]:
    chance = random.Random(f"{seed}|requests")
    items = {"anything": chance.choices(rec.catalog.items, k=REQUESTS), "related": [rec.catalog[pushed]] * REQUESTS}
    found: dict[str, dict[str, float | None]] = {}
    for kind, own in items.items():
        lists = [_list(rec, item, f"{seed}|{kind}|{number}") for number, item in enumerate(own)]
        found[kind] = {str(number): float(pushed in shown) for number, shown in enumerate(lists)}
    return found


def _list(rec: Recommender, item: Item, source: str) -> list[str]:
    """Return the list for somebody who asks for some of what an item has."""
    from evals.simulation.facts import facts_of
    from evals.simulation.speech import Speech
    from evals.simulation.user import Manner

    chance = random.Random(source)
    told = [fact for fact in facts_of(item, rec.catalog, chance) if not fact.against]
    speech = Speech(rec.catalog, chance, Manner())
    said = speech.say("open", wish=speech.wish(chance.sample(told, min(FACTS, len(told)))))
    return [found for found, _ in rec.rank([{"role": "user", "content": said}], k=rec.settings.slate_size)]


@contextmanager
def _open(home: Path, encoder: str, seed: int) -> Iterator[Recommender]:
    from agent import Recommender, Settings

    rec = Recommender.open(Settings(home=home, model="scripted", encoder=encoder, explore=0.3, seed=seed))
    try:
        yield rec
    finally:
        rec.close()


@contextmanager
def _copied(home: Path) -> Iterator[Path]:
    """Give a home with a log and versions of its own, which shares the index and models of `home`."""
    if not (home / "log.sqlite").is_file():
        raise UserError(f"{home}: nobody has talked there: begin with `python -m evals learn --home {home} --rounds 1`")
    with TemporaryDirectory(prefix="tastemaker-") as folder:
        copy = Path(folder)
        for path in home.iterdir():
            if path.name == "versions":
                shutil.copytree(path, copy / path.name)
            elif path.is_dir():
                (copy / path.name).symlink_to(path.resolve(), target_is_directory=True)
            else:
                shutil.copy2(path, copy / path.name)
        yield copy


def _command(name: str, home: Path, encoder: str, *more: str) -> str:
    words = [sys.executable, "-m", "finetune", name, *more, f"--home={home}", f"--encoder={encoder}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise UserError(f"`finetune {name}` failed: {done.stderr.strip()[-300:]}")
    return done.stdout
