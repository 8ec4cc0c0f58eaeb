"""The chat's log -> dialogues, one JSON object a line, in the format of the labelled ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.belief import BeliefUpdate
from agent.log import ConversationLog
from agent.transcripts import update_as_dict
from retrieval.catalog import Catalog


def dialogues_of(log: ConversationLog, catalog: Catalog) -> Iterator[dict[str, Any]]:
    """Yield every conversation of `log` as a dialogue, without the turns that were taken back.

    A verdict given by a button becomes a turn without words, where it was given.
    """
    for conversation in [one["id"] for one in reversed(log.conversations())]:
        standing = {entry.seq: entry.turn for entry in log.turns(conversation)}
        turns: list[dict[str, Any]] = []
        for entry in log.entries(conversation):
            content = entry.content
            if entry.seq in standing:
                shown = [{"title": item["title"], "reason": item["reason"]} for item in content["shown"]]
                turns.append({"user": content["user"], "shown": shown, "reply": content["text"]})
            elif entry.kind == "feedback" and entry.turn in standing.values() and content["update"]["items"]:
                turns.append({"user": "", "shown": [], "reply": ""})
            else:
                continue
            turns[-1]["update"] = update_as_dict(BeliefUpdate.model_validate(content["update"]), catalog)
        if turns:
            yield {"id": conversation, "split": "train", "turns": turns}


def write_dialogues(dialogues: Iterable[Mapping[str, Any]], path: Path) -> tuple[int, int]:
    """Write dialogues to `path` in one atomic step; return (dialogues, turns) written."""
    kept = list(dialogues)
    part = path.with_name(f"{path.name}.part")
    part.write_text("".join(json.dumps(dialogue, ensure_ascii=False) + "\n" for dialogue in kept), "utf-8")
    part.replace(path)
    return len(kept), sum(len(dialogue["turns"]) for dialogue in kept)
