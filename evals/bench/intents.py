"""Intents against IARD: recorded human dialogues whose utterances carry the intents of another taxonomy.

W. Cai and L. Chen, Predicting User Intents and Satisfaction with Dialogue-based Conversational Recommendations, UMAP
2020. Their taxonomy is finer than ours in what a reaction says and coarser in what is asked for, so that each of
their labels stands for the set of our intents that a careful reader could give the same message.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.results import Estimate, Result
from retrieval.catalog import UserError

if TYPE_CHECKING:
    from rich.console import Console

Understand = Callable[[Sequence[Mapping[str, Any]], str], Mapping[str, Any]]

WISH = frozenset({"recommend", "search", "similar", "refine"})
MAPPING: Mapping[str, tuple[str, frozenset[str]]] = {
    "IQU": ("initial query", WISH),
    "CON": ("asks for more", WISH),
    "REF": ("asks anew in other words", WISH),
    "STO": ("starts over", frozenset({"restart", "recommend", "refine"})),
    "PRO": ("tells a preference", WISH | {"feedback"}),
    "ANS": ("answers a question", WISH | {"feedback", "chat"}),
    "ASK": ("asks for an opinion", frozenset({"ask", "compare", "recommend"})),
    "SEE": ("has seen it", frozenset({"feedback"})),
    "ACC": ("accepts", frozenset({"feedback", "chat"})),
    "REJ": ("rejects", frozenset({"feedback", "refine"})),
    "INQ": ("asks about the item", frozenset({"ask", "explain", "compare"})),
    "CRI-F": ("criticises a feature", frozenset({"refine", "feedback"})),
    "CRI-A": ("adds a wish to a critique", WISH),
    "CRI-C": ("wants it compared with another", frozenset({"refine", "similar", "compare", "recommend"})),
    "NRE": ("reacts neither way", frozenset({"feedback", "chat"})),
    "OTH": ("anything else", frozenset({"chat"})),
}
"""Label -> (what it means, our intents that are right for it)."""
_MENTION = re.compile(r"@\d*\s*<\s*(.*?)\s*(?:\((\d{4})\))?\s*>")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that was said."""

    seeker: bool
    text: str
    """With titles written out: `T (YYYY)`."""
    titles: tuple[str, ...]
    labels: tuple[str, ...]


def read_iard(path: Path) -> dict[str, list[Utterance]]:
    """Read the annotated dialogues: id -> utterances in order. UserError when the file is something else."""
    try:
        dialogues = json.loads(path.read_text("utf-8"))
        return {str(name): [_utterance(one) for one in entry["dialogue_info"].values()]
                for name, entry in dialogues.items()}  # fmt: skip
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): name IARD's JSON file") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not IARD's format ({error!r}): dialogues by id, each with dialogue_info") from error


def score(
    understand: Understand,
    dialogues: Mapping[str, Sequence[Utterance]],
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, dict[str, float | None]]:
    """Return label -> utterance -> whether the intent is right, with all labels together under `intent`.

    Of several labels one is enough. The context is what was understood before, with what the recommender named as
    shown: there are no gold updates. A label that the mapping lacks makes None.
    """
    values: dict[str, dict[str, float | None]] = {"intent": {}}
    of = sum(one.seeker for dialogue in dialogues.values() for one in dialogue)
    done = 0
    for name, dialogue in dialogues.items():
        turns: list[dict[str, Any]] = []
        for place, one in enumerate(dialogue, start=1):
            if not one.seeker:
                if turns:
                    turns[-1]["shown"] += [{"title": title} for title in one.titles]
                continue
            update = understand(turns, one.text)
            turns.append({"user": one.text, "update": update, "shown": []})
            known = [MAPPING[label][1] for label in one.labels if label in MAPPING]
            right = float(any(update.get("intent") in allowed for allowed in known)) if known else None
            values["intent"][f"{name}/{place}"] = right
            for label in one.labels:
                if label in MAPPING:
                    hit = float(update.get("intent") in MAPPING[label][1])
                    values.setdefault(label, {})[f"{name}/{place}"] = hit
            done += 1
            tell(done, of)
    return values


def best_constant(dialogues: Mapping[str, Sequence[Utterance]]) -> Understand:
    """Return the floor: always the one intent that is right most often."""
    counts = Counter[str]()
    for dialogue in dialogues.values():
        for one in dialogue:
            if one.seeker:
                allowed = [MAPPING[label][1] for label in one.labels if label in MAPPING]
                counts.update(frozenset[str]().union(*allowed))
    intent = min(counts, key=lambda name: (-counts[name], name)) if counts else "recommend"
    return lambda turns, text: {"intent": intent}


def print_intents(result: Result, console: Console) -> None:
    """Print one row a label, most frequent first, under that of all labels together."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("label", "means"):
        table.add_column(name)
    for name in (*result.systems, "n"):
        table.add_column(name, justify="right", no_wrap=True)

    def row(metric: str) -> tuple[list[Estimate], int]:
        found = [result.estimate(system, metric) for system in result.systems]
        return found, found[0].n

    labels = sorted((name for name in result.metrics() if name != "intent"), key=lambda name: -row(name)[1])
    for metric in ("intent", *labels):
        found, n = row(metric)
        means = MAPPING[metric][0] if metric in MAPPING else "all labels; of several one is enough"
        table.add_row(metric, means, *map(str, found), str(n))
    console.print(table)


def _utterance(entry: Mapping[str, Any]) -> Utterance:
    titles: list[str] = []

    def written(match: re.Match[str]) -> str:
        title = " ".join(match[1].split()) + (f" ({match[2]})" if match[2] else "")
        titles.append(title)
        return title

    text = " ".join(_MENTION.sub(written, entry["utterance_text"]).split())
    return Utterance(entry["role"] == "seeker", text, tuple(titles), tuple(entry["sub-intent/action"]))
