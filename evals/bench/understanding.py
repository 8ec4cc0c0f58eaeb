"""How well messages are understood: updates compared with labelled dialogues, in the gold context of each turn."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.belief import BeliefState
from agent.transcripts import belief_from_turns, resolve_ref
from retrieval.catalog import Catalog, fold

Turn = Mapping[str, Any]
Understand = Callable[[Sequence[Turn], str], Mapping[str, Any]]
KINDS = ("set", "prefer", "drop", "items")


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its standard error; `value` is None when nothing was counted."""

    value: float | None
    error: float
    n: int

    @classmethod
    def of(cls, right: float, n: int) -> Share:
        """Return `right` of `n`."""
        if n == 0:
            return cls(None, 0.0, 0)
        share = right / n
        return cls(share, math.sqrt(share * (1 - share) / n), n)


@dataclass(frozen=True, slots=True)
class KindScore:
    """Precision, recall and F1 over the entries of one kind; `n` of recall is the number of labels."""

    precision: Share
    recall: Share

    @property
    def f1(self) -> float | None:
        """Harmonic mean; None when there is neither a label nor an answer."""
        if self.precision.value is None and self.recall.value is None:
            return None
        total = self.precision.n + self.recall.n
        return 2 * (self.recall.value or 0.0) * self.recall.n / total if total else None


@dataclass(frozen=True, slots=True)
class Table:
    """The scores of one system over many turns."""

    intent: Share
    exact: Share
    """Turns in which intent, set, prefer, drop and items are all right."""
    exact_update: Share
    """The same without intent and without free-text wishes."""
    kinds: Mapping[str, KindScore]

    def rows(self) -> list[tuple[str, str]]:
        """Return (name, numbers) for printing."""
        rows = [(name, _written(share)) for name, share in (
            ("intent", self.intent), ("exact turn", self.exact), ("exact update", self.exact_update)
        )]  # fmt: skip
        for kind, score in self.kinds.items():
            f1 = "-" if score.f1 is None else f"{score.f1:.3f}"
            rows.append((kind, f"P {_written(score.precision)}  R {_written(score.recall)}  F1 {f1}"))
        return rows


def read_dialogues(path: Path, split: str = "") -> list[dict[str, Any]]:
    """Read labelled dialogues, one a line; only those of `split` when one is named."""
    with path.open(encoding="utf-8") as lines:
        dialogues = [json.loads(line) for line in lines if line.strip()]
    return [dialogue for dialogue in dialogues if not split or dialogue["split"] == split]


def replay(turns: Sequence[Turn], catalog: Catalog) -> BeliefState:
    """Return the belief that the gold updates of `turns` add up to."""
    return belief_from_turns(turns, catalog)


def score(understand: Understand, dialogues: Iterable[Mapping[str, Any]], catalog: Catalog) -> Table:
    """Compare `understand(earlier turns, text)` with the label of every turn."""
    turns = intents = exact = exact_update = 0
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue["turns"]):
            earlier = dialogue["turns"][:place]
            answer = understand(earlier, turn["user"])
            belief = replay(earlier, catalog)
            turns += 1
            same_intent = answer.get("intent") == turn["update"].get("intent")
            intents += same_intent
            all_right = all_but_text = True
            for kind in KINDS:
                got = entries(kind, answer, catalog, belief)
                gold = entries(kind, turn["update"], catalog, belief)
                hits = matches(got, gold)
                _count(kind, got, gold, hits, right, given, wanted)
                all_right &= len(hits) == len(got) == len(gold)
                structured = [entry for entry in gold if entry[0] != "text"]
                answered = [entry for entry in got if entry[0] != "text"]
                all_but_text &= len(matches(answered, structured)) == len(answered) == len(structured)
            exact += all_right and same_intent
            exact_update += all_but_text
    return Table(
        intent=Share.of(intents, turns),
        exact=Share.of(exact, turns),
        exact_update=Share.of(exact_update, turns),
        kinds={
            name: KindScore(Share.of(right[name], given[name]), Share.of(right[name], wanted[name])) for name in wanted
        },
    )


def _count(
    kind: str,
    got: Sequence[tuple[Any, ...]],
    gold: Sequence[tuple[Any, ...]],
    hits: Sequence[tuple[Any, Any]],
    right: Counter[str],
    given: Counter[str],
    wanted: Counter[str],
) -> None:
    """Count right, given and wanted entries; wishes also without those in free words."""
    right[kind] += len(hits)
    given[kind] += len(got)
    wanted[kind] += len(gold)
    if kind == "prefer":
        name = "prefer without text"
        right[name] += sum(label[0] != "text" for _, label in hits)
        given[name] += sum(entry[0] != "text" for entry in got)
        wanted[name] += sum(entry[0] != "text" for entry in gold)


def entries(kind: str, update: Mapping[str, Any], catalog: Catalog, belief: BeliefState) -> list[tuple[Any, ...]]:
    """Return the entries of one kind in the form in which they compare."""
    found: list[tuple[Any, ...]] = []
    for entry in update.get(kind, ()):
        if kind == "items":
            item_id = resolve_ref(entry["ref"], catalog, belief)
            form: tuple[Any, ...] = (item_id or fold(entry["ref"]), entry["verdict"])
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


def _written(share: Share) -> str:
    return "-" if share.value is None else f"{share.value:.3f} ± {share.error:.3f} (n={share.n})"
