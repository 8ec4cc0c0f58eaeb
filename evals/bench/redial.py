"""ReDial's two public formats: raw dialogues with `@id` mentions, and the same as recommendation turns.

Li et al., Towards Deep Conversational Recommendations (2018). As is usual with it (KBRD, UniCRS), what the respondent
mentions is what is recommended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from evals.bench.contexts import Message, RankingData, RankingTurn, each_once, parsed, texts, value
from retrieval.rows import read_rows

_MENTION = re.compile(r"@(\d+)")


def read_redial(path: Path) -> RankingData:
    """Read JSON lines of either format; what a line holds decides. UserError when nothing can be used."""
    found, problems = parsed(path, read_rows(path), _turns)
    return RankingData.of(path, (turn for turns in found for turn in turns), problems)


def _turns(record: Mapping[str, Any]) -> list[RankingTurn]:
    return list(_of_dialogue(record)) if "messages" in record else [_of_turn(record)]


def _of_turn(record: Mapping[str, Any]) -> RankingTurn:
    """Read a turn: `context` alternates between the two people and ends with the one who asks.

    `entity` holds what was named before: titles, people, and genres, which are the ones without a capital.
    """
    context = texts(record, "context")
    roles = ("assistant", "user")
    messages = tuple(
        {"role": roles[(len(context) - place) % 2], "content": said} for place, said in enumerate(context) if said
    )
    return RankingTurn(
        str(value(record, "dialog_id", str, int)),
        value(record, "turn_id", int),
        messages,
        each_once([name for name in texts(record, "entity") if not name.islower()]),
        each_once(texts(record, "rec")),
    )


def _of_dialogue(record: Mapping[str, Any]) -> Iterator[RankingTurn]:
    """Yield the respondent's messages that mention items, but one that opens the dialogue: nobody has asked yet."""
    dialogue = str(value(record, "conversationId", str, int))
    respondent = value(record, "respondentWorkerId", int, str)
    mentions = value(record, "movieMentions", dict) if record.get("movieMentions") else {}  # a list when empty
    titles = {mention: unquote(title) for mention, title in mentions.items() if isinstance(title, str)}
    said: list[Message] = []
    mentioned: list[str] = []
    for number, message in enumerate(value(record, "messages", list)):
        text, sender = value(message, "text", str), value(message, "senderWorkerId", int, str)
        here = [titles[mention] for mention in _MENTION.findall(text) if mention in titles]
        if sender == respondent and here and said:
            yield RankingTurn(dialogue, number, tuple(said), each_once(mentioned), each_once(here))
        mentioned += here
        named = _MENTION.sub(lambda found: titles.get(found[1], found[0]), text)
        said.append({"role": "assistant" if sender == respondent else "user", "content": named})
