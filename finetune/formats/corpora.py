"""Conversations that were collected for research: ReDial and INSPIRED.

Li et al., Towards Deep Conversational Recommendations (2018); Hayati et al., INSPIRED: Toward Sociable Recommendation
Dialog Systems (2020). As is usual with ReDial, what the respondent mentions is what is recommended.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import unquote

from pydantic import BeforeValidator, Field

from agent.belief import Verdict
from finetune.formats.chats import Foreign, read
from finetune.formats.talks import BROKEN, MalformedError, Role, Said, Talk
from retrieval.catalog import UserError
from retrieval.rows import LONGEST_FIELD, Problem

COLUMNS = frozenset({"dialog_id", "speaker", "text", "movies"})
SPEAKERS: dict[str, Role] = {"SEEKER": "user", "RECOMMENDER": "assistant"}
UNSAID: Literal[2] = 2
_MENTION = re.compile(r"@(\d+)")


def _table(value: object) -> object:
    return {} if value == [] else value


Answer = Literal[0, 1, 2]
Worker = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class Utterance(Foreign):
    """A message of ReDial."""

    text: str
    sender: Worker = Field(alias="senderWorkerId")


class Answers(Foreign):
    """What was answered about an item afterwards: 0 no, 1 yes, 2 did not say."""

    seen: Answer = UNSAID
    liked: Answer = UNSAID


class ReDial(Foreign):
    """A conversation of ReDial; tables that hold nothing are lists there."""

    id: Worker = Field(alias="conversationId")
    messages: tuple[Utterance, ...]
    respondent: Worker = Field(alias="respondentWorkerId")
    titles: Annotated[dict[str, str | None], BeforeValidator(_table)] = Field({}, alias="movieMentions")
    by_respondent: Annotated[dict[str, Answers], BeforeValidator(_table)] = Field({}, alias="respondentQuestions")
    by_initiator: Annotated[dict[str, Answers], BeforeValidator(_table)] = Field({}, alias="initiatorQuestions")


def of_redial(values: Mapping[str, Any], name: str) -> Talk:
    """Read a conversation of ReDial. MalformedError says what is wrong.

    What the initiator, who asks, did not say of an item counts as the respondent understood it.
    """
    talk = read(ReDial, values)
    titles = {mention: " ".join(unquote(title).split()) for mention, title in talk.titles.items() if title}
    said = tuple(
        Said(
            "assistant" if one.sender == talk.respondent else "user",
            _MENTION.sub(lambda found: titles.get(found[1], found[0]), one.text),
            tuple(titles[mention] for mention in _MENTION.findall(one.text) if mention in titles),
        )
        for one in talk.messages
    )
    verdicts: list[tuple[str, Verdict]] = []
    for mention, title in titles.items():
        both = [answers[mention] for answers in (talk.by_initiator, talk.by_respondent) if mention in answers]
        if next((one.seen for one in both if one.seen != UNSAID), 0):
            verdicts.append((title, "seen"))
        liked = next((one.liked for one in both if one.liked != UNSAID), UNSAID)
        if liked != UNSAID:
            verdicts.append((title, "liked" if liked else "disliked"))
    return Talk(f"redial-{talk.id}", said, tuple(verdicts))


class Line(NamedTuple):
    """An utterance of INSPIRED and the line it stands in."""

    line: int
    dialogue: str
    said: Said


def is_inspired(text: str) -> bool:
    """Tell whether a text begins with the header of INSPIRED's dialogues."""
    return set(text.partition("\n")[0].rstrip("\r").split("\t")) >= COLUMNS


def of_inspired(path: Path, text: str) -> Iterator[tuple[int, Talk] | Problem]:
    """Yield the dialogues of INSPIRED, each with its line, and the lines that are not what they should be."""
    if not is_inspired(text):
        raise UserError(f"{path}:1: not INSPIRED's dialogues: the columns of its .tsv are {', '.join(sorted(COLUMNS))}")
    lines: list[Line] = []
    for one in _lines(path, text):
        if isinstance(one, Problem):
            yield one
        else:
            lines.append(one)
    for dialogue, group in groupby(lines, key=lambda one: one.dialogue):
        own = list(group)
        yield own[0].line, Talk(f"inspired-{dialogue}", tuple(one.said for one in own))


def _lines(path: Path, text: str) -> Iterator[Line | Problem]:
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
        header = next(reader)
        start = reader.line_num + 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Problem(path, start, f"bad TSV ({error}): leave the line out")
                start = reader.line_num + 1
                continue
            if cells is None:
                return
            line, start = start, reader.line_num + 1
            try:
                if cells:
                    yield _line(line, header, cells)
            except MalformedError as error:
                yield Problem(path, line, str(error))
    finally:
        csv.field_size_limit(before)


def _line(number: int, header: list[str], cells: list[str]) -> Line:
    if len(cells) != len(header):
        raise MalformedError(f"has {len(cells)} fields where the header has {len(header)}: separate them by tabs")
    if any(map(BROKEN.search, cells)):
        raise MalformedError("bad encoding: write UTF-8")
    row = dict(zip(header, cells, strict=True))
    role = SPEAKERS.get(row["speaker"])
    if role is None:
        raise MalformedError(f"speaker: is {row['speaker']!r:.40}: write SEEKER or RECOMMENDER")
    titles = (title.strip() for title in row["movies"].split(";"))
    text = row["text"].replace("QUOTATION_MARK", '"')
    return Line(number, row["dialog_id"], Said(role, text, tuple(filter(None, titles))))
