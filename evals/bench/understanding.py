"""How well messages are understood: updates compared with labelled dialogues, in the gold context of each turn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.belief import ITEMS, BeliefState
from agent.transcripts import belief_from_turns, resolve_ref
from evals.results import Estimate, Result
from retrieval.catalog import Catalog, fold

if TYPE_CHECKING:
    from rich.console import Console

    from agent import Recommender

Turn = Mapping[str, Any]
Understand = Callable[[Sequence[Turn], str], Mapping[str, Any]]
KINDS = ("set", "prefer", "drop", "items")
BARE = "prefer by attribute"
"""Wishes without those in free words, which a label and an answer rarely write alike."""
HARD = "set and drop"
REFERENCES = "references"
"""Items that something is said of, whatever it is."""
WHOLE = "all entries"
TABLE = ("set", "prefer", BARE, "drop", "items", REFERENCES, HARD, WHOLE)


@dataclass(frozen=True, slots=True)
class KindScore:
    """Micro-averaged precision, recall and F1 over the entries of one kind, with jackknife errors by dialogue."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    labels: int


@dataclass(frozen=True)
class Scores:
    """What one system made of all turns."""

    turns: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Metric -> turn -> 1 right, 0 wrong, None where there was nothing to find and nothing was found."""
    counts: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    """Kind -> dialogue -> number of entries right, given and wanted."""

    def kind(self, name: str) -> KindScore:
        """Sum up one kind."""
        tables = list(self.counts.get(name, {}).values())
        total = Counter[str]()
        for table in tables:
            total.update(table)

        def estimate(parts: Mapping[str, int], whole: Mapping[str, int]) -> Estimate:
            return _jackknife([(_sum(one, parts), _sum(one, whole)) for one in tables], total[next(iter(whole))])

        return KindScore(
            estimate({"right": 1}, {"given": 1}),
            estimate({"right": 1}, {"wanted": 1}),
            estimate({"right": 2}, {"wanted": 1, "given": 1}),
            total["wanted"],
        )


def score(
    understand: Understand,
    dialogues: Sequence[Mapping[str, Any]],
    catalog: Catalog,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Scores:
    """Compare `understand(earlier turns, text)` with the label of every turn.

    Attributes and values compare without case, a number may miss the spoken bound by one, items compare by what they
    refer to. An exact turn has intent and every entry right; an exact update leaves intent and free words aside.
    """
    found = Scores()
    of = sum(len(dialogue["turns"]) for dialogue in dialogues)
    done = 0
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue["turns"]):
            earlier, label = dialogue["turns"][:place], turn["update"]
            answer = understand(earlier, turn["user"])
            belief = belief_from_turns(earlier, catalog)
            unit = f"{dialogue['id']}/{place + 1}"
            right: dict[str, float | None] = {"intent": float(answer.get("intent") == label.get("intent"))}
            both = [{kind: entries(kind, update, catalog, belief) for kind in KINDS} for update in (answer, label)]
            for name in TABLE:
                some, wanted = (_of(name, found_in) for found_in in both)
                hits = len(matches(some, wanted))
                table = found.counts.setdefault(name, {}).setdefault(str(dialogue["id"]), Counter())
                table.update(right=hits, given=len(some), wanted=len(wanted))
                right[name] = float(hits == len(some) == len(wanted)) if some or wanted else None
            update = (right[kind] for kind in ("set", BARE, "drop", "items"))
            right["exact update"] = float(0.0 not in update)
            right["exact turn"] = float(0.0 not in (right["intent"], *(right[kind] for kind in KINDS)))
            for metric, value in right.items():
                found.turns.setdefault(metric, {})[unit] = value
            done += 1
            tell(done, of)
    return found


def parts(rec: Recommender) -> dict[str, Understand]:
    """Return what understands, part by part: each judge alone, both, and both with wishes in own words, as served."""
    from agent.linking import Linker
    from agent.reader import Reader
    from agent.transcripts import update_as_dict

    def of(linker: Linker) -> Understand:
        return lambda earlier, text: update_as_dict(
            linker.link(text, belief_from_turns(earlier, rec.catalog)).update, rec.catalog
        )

    found: dict[str, Understand] = {"linear judge": of(Linker(rec.catalog))}
    judge = rec.linker.judge
    if isinstance(judge, Reader):
        found["reader alone"] = of(Linker(rec.catalog, judge.alone()))
        found["both"] = of(rec.linker)
    return {**found, "tastemaker": rec.understand}


def majority(dialogues: Sequence[Mapping[str, Any]]) -> Understand:
    """Return the floor: always the most frequent intent of `dialogues`, and no change."""
    intents = Counter(turn["update"].get("intent") for dialogue in dialogues for turn in dialogue["turns"])
    (intent, _), *_ = intents.most_common(1)
    return lambda earlier, text: {"intent": intent}


def as_result(systems: Mapping[str, Scores], made_by: Mapping[str, Any]) -> Result:
    """Return the values by turn, with precision, recall and F1 of each kind in the notes."""
    kinds = {name: {kind: _plain(scores.kind(kind)) for kind in scores.counts} for name, scores in systems.items()}
    return Result("bench understanding", made_by, {name: one.turns for name, one in systems.items()}, {"kinds": kinds})


def print_scores(systems: Mapping[str, Scores], console: Console) -> None:
    """Print accuracy by turn for every system, then precision, recall and F1 for each kind of entry."""
    from rich.table import Table

    result = as_result(systems, {})
    turns = Table(box=None, pad_edge=False, header_style="bold")
    turns.add_column("turns that are right")
    for name in ("intent", "exact turn", "exact update", "n"):
        turns.add_column(name, justify="right")
    for system in systems:
        found = [result.estimate(system, metric) for metric in ("intent", "exact turn", "exact update")]
        turns.add_row(system, *map(str, found), str(found[0].n))
    console.print(turns)
    for system, scores in systems.items():
        if any(scores.kind(kind).f1.value for kind in KINDS):
            table = Table(box=None, pad_edge=False, header_style="bold")
            table.add_column(f"entries: {system}")
            for name in ("precision", "recall", "F1", "labels"):
                table.add_column(name, justify="right")
            for kind in TABLE:
                one = scores.kind(kind)
                table.add_row(kind, str(one.precision), str(one.recall), str(one.f1), str(one.labels))
            console.print(table)


def entries(kind: str, update: Mapping[str, Any], catalog: Catalog, belief: BeliefState) -> list[tuple[Any, ...]]:
    """Return the entries of one kind in the form in which they compare."""
    found: list[tuple[Any, ...]] = []
    for entry in update.get(kind, ()):
        if kind == "items":
            item_id = resolve_ref(entry["ref"], catalog, belief)
            form: tuple[Any, ...] = (item_id or fold(entry["ref"]), entry["verdict"])
        elif kind == "drop" and entry["attribute"] == ITEMS and entry.get("value"):
            item_id = resolve_ref(entry["value"], catalog, belief)
            form = (ITEMS, "", 0, item_id or _value(entry["value"]))
        else:
            form = (fold(entry["attribute"]), entry.get("op", ""), _sign(entry), _value(entry.get("value")))
        if form not in found:
            found.append(form)
    return found


def matches(got: Sequence[tuple[Any, ...]], gold: Sequence[tuple[Any, ...]]) -> list[tuple[Any, Any]]:
    """Pair answers with labels one to one; a number may miss the spoken bound by one."""
    free = list(gold)
    pairs = []
    for entry in got:
        hit = next((label for label in free if _equal(entry, label)), None)
        if hit is not None:
            free.remove(hit)
            pairs.append((entry, hit))
    return pairs


def _equal(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    if left[:-1] != right[:-1]:
        return False
    a, b = left[-1], right[-1]
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1
    return bool(a == b)


def _sign(entry: Mapping[str, Any]) -> int:
    weight = entry.get("weight")
    return 0 if weight is None else (1 if weight > 0 else -1)


def _value(value: Any) -> Any:
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return fold(str(value))


def _of(name: str, found: Mapping[str, Sequence[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """Return the entries that one line of the table is about; across kinds an entry carries its kind."""
    if name == BARE:
        return [entry for entry in found["prefer"] if entry[0] != "text"]
    if name == REFERENCES:
        return list(dict.fromkeys((entry[0],) for entry in found["items"]))
    if name == HARD:
        return [(kind, *entry) for kind in ("set", "drop") for entry in found[kind]]
    if name == WHOLE:
        return [(kind, *entry) for kind in KINDS for entry in found[kind]]
    return list(found[name])


def _sum(counts: Mapping[str, int], weights: Mapping[str, int]) -> int:
    return sum(weight * counts[name] for name, weight in weights.items())


def _jackknife(parts: Sequence[tuple[int, int]], n: int) -> Estimate:
    """Return the ratio of two sums, with its jackknife error over the parts (Efron, 1982); `n` is what it is over."""
    top, bottom = sum(one for one, _ in parts), sum(other for _, other in parts)
    if bottom == 0:
        return Estimate(None, 0.0, 0)
    without = [(top - one) / (bottom - other) for one, other in parts if bottom > other]
    mean = sum(without) / len(without) if without else 0.0
    spread = sum((value - mean) ** 2 for value in without)
    return Estimate(top / bottom, math.sqrt(spread * (len(without) - 1) / len(without)) if without else 0.0, n)


def _plain(score: KindScore) -> dict[str, Any]:
    return {name: getattr(score, name).value for name in ("precision", "recall", "f1")} | {"labels": score.labels}
