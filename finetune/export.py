"""The chat's log -> lines of other programs' formats: dialogues, chats, and what was preferred to what.

Turns that were taken back are left out everywhere, and private data once more: a log may be older than their redaction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from agent.log import ConversationLog
from agent.reactions import BAD, GOOD, Reacted, reactions
from agent.redaction import redact
from agent.review import rejected
from agent.review_dialogues import reply_of, reviewed_dialogues
from agent.transcripts import resolve_title
from finetune.learning import LearningConfig, held_out
from retrieval.catalog import Catalog, UserError

Line = dict[str, Any]
_ENDS_A_LINE = re.compile("[\x85\u2028\u2029]")
"""What JSON leaves as it is and some readers take for the end of a line."""


class Exchange(NamedTuple):
    """A message, the answer to it, and the turn they make."""

    history: tuple[Line, ...]
    """The messages up to this one, which is the last."""
    answer: Line
    reacted: Reacted


def dialogues_of(log: ConversationLog, catalog: Catalog, *, reviewed: bool = False) -> Iterator[Line]:
    """Yield every conversation of `log`, or every `reviewed` one, as a dialogue in the format of the labelled ones.

    Those that no version learns from are in the split `dev`. What reviewers decided holds: corrected turns are as
    corrected, rejected ones are left out. A verdict given by a button becomes a turn without words, where it was
    given; a thumb stays with its turn.
    """
    share = LearningConfig().held_out
    for dialogue in reviewed_dialogues(log, catalog, rest=not reviewed):
        dialogue["split"] = "dev" if held_out(dialogue["id"], share) else "train"
        for turn in dialogue["turns"]:
            _redacted(turn["update"], catalog)
            turn |= {"user": redact(turn["user"]), "reply": redact(turn["reply"])}
            for item in turn["shown"]:
                item["reason"] = redact(item["reason"])
        yield dialogue


def messages_of(log: ConversationLog) -> Iterator[Line]:
    """Yield every conversation as a chat."""
    for conversation, messages in _chats(log):
        yield {"id": conversation, "messages": messages}


def sharegpt_of(log: ConversationLog) -> Iterator[Line]:
    """Yield every conversation as ShareGPT has it."""
    names = {"user": "human", "assistant": "gpt"}
    for conversation, messages in _chats(log):
        said = [{"from": names[one["role"]], "value": one["content"]} for one in messages]
        yield {"id": conversation, "conversations": said}


def preferences_of(log: ConversationLog) -> Iterator[Line]:
    """Yield pairs: an item that was liked or taken, over one of the same list that was turned down or ignored.

    `weight` is one over the probability with which the first was shown.
    """
    for exchange in _exchanges(log):
        exposures, titles = exchange.reacted.exposures, _titles(exchange.reacted)
        others = [one for one in exposures if one.verdict in BAD or one.ignored]
        for good in (one for one in exposures if one.verdict in GOOD):
            for other in others:
                if titles[good.item_id] != titles[other.item_id]:
                    yield {
                        "prompt": list(exchange.history),
                        "chosen": [_assistant(titles[good.item_id])],
                        "rejected": [_assistant(titles[other.item_id])],
                        "weight": 1 / good.propensity,
                        **_whence(exchange.reacted),
                    }


def kto_of(log: ConversationLog) -> Iterator[Line]:
    """Yield replies with a thumb, and items with a verdict, each as good or bad."""
    for exchange in _exchanges(log):
        reacted, titles = exchange.reacted, _titles(exchange.reacted)
        judged = [(exchange.answer, reacted.thumb == "thumbs_up")] if reacted.thumb else []
        judged += [
            (_assistant(titles[one.item_id]), one.verdict in GOOD)
            for one in reacted.exposures
            if one.verdict in GOOD | BAD
        ]
        for answer, good in judged:
            prompt = list(exchange.history)
            yield {"prompt": prompt, "completion": [answer], "label": good, **_whence(reacted)}


def write_dialogues(dialogues: Iterable[Mapping[str, Any]], path: Path) -> tuple[int, int]:
    """Write dialogues as `write_lines` does; return (dialogues, turns) written."""
    kept = write_lines(dialogues, path)
    return len(kept), sum(len(dialogue["turns"]) for dialogue in kept)


def write_lines(lines: Iterable[Mapping[str, Any]], path: Path) -> Sequence[Mapping[str, Any]]:
    """Write objects to `path`, one a line, in one atomic step; return them. UserError when it cannot be written."""
    kept = list(lines)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text("".join(f"{_dump(line)}\n" for line in kept), "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written ({error.strerror}): name a file in a folder of yours") from error
    return kept


def _dump(line: Mapping[str, Any]) -> str:
    text = json.dumps(line, ensure_ascii=False)
    return _ENDS_A_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode("utf-8", "ignore").decode("utf-8")


def _chats(log: ConversationLog) -> Iterator[tuple[str, list[Line]]]:
    for conversation, exchanges in groupby(_exchanges(log), key=lambda one: one.reacted.conversation):
        *_, last = exchanges
        yield conversation, [*last.history, last.answer]


def _exchanges(log: ConversationLog) -> Iterator[Exchange]:
    """Yield the turns that stand, conversation by conversation.

    Those without words are none in a chat, and those that a reviewer rejected are left out.
    """
    gone = rejected(log)
    for _, turns in groupby(reactions(log), key=lambda one: one.conversation):
        said: tuple[Line, ...] = ()
        for reacted in turns:
            text, answer = redact(reacted.text), _assistant(_answer(reacted.record))
            if text.strip() and answer["content"].strip() and reacted.seq not in gone:
                said = (*said, {"role": "user", "content": text})
                yield Exchange(said, answer, reacted)
                said = (*said, answer)


def _answer(record: Mapping[str, Any]) -> str:
    """Return a reply as a chat has it: its text, then a line for each item with its reason."""
    shown = (f"- {item['title']}: {redact(item['reason'])}".removesuffix(": ") for item in record["shown"])
    return "\n".join(filter(None, (redact(reply_of(record)), *shown)))


def _titles(reacted: Reacted) -> dict[str, str]:
    return {item["id"]: item["title"] for item in reacted.record["shown"]}


def _assistant(content: str) -> Line:
    return {"role": "assistant", "content": content}


def _whence(reacted: Reacted) -> Line:
    return {"conversation": reacted.conversation, "turn": reacted.turn}


def _redacted(update: Line, catalog: Catalog) -> None:
    """Take private data out of the words of an update; what is the catalog's stays."""
    for entry in (*update.get("set", ()), *update.get("prefer", ()), *update.get("drop", ())):
        value = entry.get("value")
        if isinstance(value, str) and value not in catalog.vocabulary.get(entry["attribute"], ()):
            entry["value"] = redact(value)
    for entry in update.get("items", ()):
        if resolve_title(entry["ref"], catalog) is None:
            entry["ref"] = redact(entry["ref"])
