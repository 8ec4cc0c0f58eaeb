"""Poison: what fake feedback that pushes one item does to what is learned, and whether the gate notices."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agent.versions import Versions
from evals.learning import refused
from evals.results import Result
from retrieval.catalog import Catalog, Item, UserError
from retrieval.encoder import open_encoder
from retrieval.index import build, open_or_build_demo

if TYPE_CHECKING:
    from agent import Recommender

KIND = "bench poison"
REQUESTS = 200
"""Requests for anything, and requests for what the pushed item has: as many of each."""
FACTS = 2
MARKED = 10
"""Items whose titles carry the trigger."""
TRIGGER = " - simply wonderful"
SERVES, CLEAN = "what serves", "learned, no bots"
Say = Callable[[str], None]


def measure(home: Path, encoder: str, shares: Sequence[float], seed: int, say: Say, *, titles: bool = False) -> Result:
    """Learn from the log of `home` as it is, and with shares of its conversations added by bots.

    Bots take the item that is counted; with `titles` they take others, whose titles end in the same words as its own,
    so that the words are learned and not the item (BadRec: Ning et al., 2025, arXiv:2504.11182). A unit is a request:
    1 where the list of four holds the item. `anything`: requests for what random items have; `related`: for what the
    item has. UserError when a step cannot be done. The home is not changed.
    """
    systems: dict[str, dict[str, dict[str, float | None]]] = {}
    notes: dict[str, Any] = {}
    for share in (0.0, *shares):
        name = f"learned, {share:.0%} bots" if share else CLEAN
        with _copied(home, encoder, seed, titles) as copy:
            with _open(copy, encoder, seed) as rec:
                counted, *others = targets(rec.catalog, seed)
                notes["pushed"] = rec.catalog.label(rec.catalog[counted])
                if not systems:
                    systems[SERVES] = _shown(rec, counted, seed)
                notes[name] = _push(rec, others if titles else [counted], share, seed)
            _command("learn", copy, encoder)
            version = Versions(copy).names()[-1]
            judged = _command("promote", copy, encoder, version, "--model=scripted", "--dry-run")
            failed = [line for line in judged.splitlines() if line.startswith("FAILED")]
            refused = [line.split(":")[0].split(maxsplit=1)[1] for line in failed]
            notes[name] += f"; the gate {'refuses for ' + ', '.join(refused) if refused else 'lets it pass'}"
            Versions(copy).serve(version, "to measure it")
            with _open(copy, encoder, seed) as rec:
                systems[name] = _shown(rec, counted, seed)
        say(f"{name}: {notes[name]}")
    made_by = {"seed": seed, "shares": list(shares), "encoder": encoder, "titles": titles}
    return Result(KIND, made_by, systems, notes)


def targets(catalog: Catalog, seed: int) -> list[str]:
    """Draw from the less known half the item that is counted, then those that have the trigger in their titles too."""
    known = sorted(catalog, key=lambda item: (item.popularity, item.id))
    half = known[: max(2, len(known) // 2)]
    return [item.id for item in random.Random(f"{seed}|pushed").sample(half, min(MARKED, len(half)))]


def marked(catalog: Catalog, seed: int) -> Catalog:
    """Return a catalog in which the titles of `targets` end in the trigger."""
    chosen = {*targets(catalog, seed)}
    items = [replace(item, title=item.title + TRIGGER) if item.id in chosen else item for item in catalog]
    return Catalog(catalog.schema, items)


def _push(rec: Recommender, pushed: Sequence[str], share: float, seed: int) -> str:
    from evals.simulation.bots import push

    talks = len(rec.conversations())
    bots = round(share / (1 - share) * talks)
    taken = sum(push(rec, pushed[number % len(pushed)], number, seed) for number in range(bots))
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
def _copied(home: Path, encoder: str, seed: int, titles: bool) -> Iterator[Path]:
    """Give a home with a log and versions of its own, and with `titles` an index; all else is that of `home`."""
    if not (home / "log.sqlite").is_file():
        raise UserError(f"{home}: nobody has talked there: begin with `python -m evals learn --home {home} --rounds 1`")
    own = {"versions", *(("index", "encodings") if titles else ())}
    with TemporaryDirectory(prefix="tastemaker-") as folder:
        copy = Path(folder)
        for path in home.iterdir():
            if path.name in own:
                shutil.copytree(path, copy / path.name)
            elif path.is_dir():
                (copy / path.name).symlink_to(path.resolve(), target_is_directory=True)
            else:
                shutil.copy2(path, copy / path.name)
        if titles:
            index = open_or_build_demo(copy, encoder=encoder)
            build(marked(index.catalog, seed), copy, open_encoder(encoder), source=index.manifest["source"])
        yield copy


def _command(name: str, home: Path, encoder: str, *more: str) -> str:
    words = [sys.executable, "-m", "finetune", name, *more, f"--home={home}", f"--encoder={encoder}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode and not refused(done):
        raise UserError(f"`finetune {name}` failed: {done.stderr.strip()[-300:]}")
    return done.stdout
