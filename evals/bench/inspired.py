"""INSPIRED's two public formats: context -> titles pairs (CSV), and annotated dialogues (TSV).

Hayati et al., INSPIRED: Toward Sociable Recommendation Dialog Systems (2020).
"""

from __future__ import annotations

import ast
import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from evals.bench.contexts import MalformedError, Message, RankingData, RankingTurn, each_once, parsed, value
from retrieval.catalog import UserError
from retrieval.rows import LONGEST_FIELD, Problem, Row

ROLES = {"User": "user", "System": "assistant", "SEEKER": "user", "RECOMMENDER": "assistant"}
_LINE = re.compile(r"^(User|System):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Utterance:
    dialogue: str
    role: str
    text: str
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    messages: tuple[Message, ...]
    titles: tuple[str, ...]


def read_inspired(path: Path) -> RankingData:
    """Read either format; the header decides. UserError when nothing can be used."""
    header, rows = _table(path)
    if {"full_situation", "movies"} <= header:
        pairs, problems = parsed(path, rows, _pair)
        return RankingData.of(path, _of_pairs(pairs), problems)
    if {"dialog_id", "speaker", "text", "movies"} <= header:
        utterances, problems = parsed(path, rows, _utterance)
        return RankingData.of(path, _of_utterances(utterances), problems)
    raise UserError(f"{path}:1: not a header of INSPIRED: give its pairs (.csv) or its dialogues (.tsv)")


def _table(path: Path) -> tuple[set[str], Iterator[Row | Problem]]:
    """Open a CSV or TSV file; line ends within a field stay."""
    try:
        content = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}): give a CSV or TSV file in UTF-8") from error
    lines = content.splitlines(keepends=True)
    first = lines[0] if lines else ""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(lines, delimiter="\t" if "\t" in first else ",")
    header = next(reader, [])

    def rows() -> Iterator[Row | Problem]:
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if len(cells) == len(header):
                yield Row(line, dict(zip(header, cells, strict=True)))
            elif cells:
                yield Problem(path, line, f"{len(cells)} fields where the header has {len(header)}")

    return set(header), rows()


def _pair(row: Mapping[str, Any]) -> _Pair:
    """Read `User: ...` and `System: ...` lines, the last of which is the empty one to be filled, and the titles."""
    parts = _LINE.split(value(row, "full_situation", str))[1:]
    messages = tuple(
        {"role": ROLES[speaker], "content": " ".join(said.split())}
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
        if said.strip()
    )
    written = value(row, "movies", str)
    try:
        titles = ast.literal_eval(written)
    except (ValueError, SyntaxError) as error:
        raise MalformedError(f"`movies` is no list of titles: {written:.60}") from error
    if not isinstance(titles, list) or not all(isinstance(title, str) for title in titles):
        raise MalformedError(f"`movies` is no list of titles: {written:.60}")
    return _Pair(messages, each_once(titles))


def _of_pairs(pairs: Sequence[_Pair]) -> Iterator[RankingTurn]:
    """Join pairs whose context goes on from the one before to dialogues, named by a hash of what was said in them.

    The data does not mark what was mentioned. Taken as mentioned are the titles of the dialogue's earlier pairs, and
    titles of the file that stand in the context in full: those of one word only when they are the pair's own.
    """
    named = {_plain(title): title for pair in pairs for title in pair.titles}
    long = [plain for plain in named if len(plain.split()) > 1]
    for dialogue in _dialogues(pairs):
        last = dialogue[-1]
        told = repr([(message["role"], message["content"]) for message in last.messages] + list(last.titles))
        name = hashlib.sha256(told.encode()).hexdigest()[:12]
        before: list[str] = []
        for number, pair in enumerate(dialogue):
            context = _plain(" ".join(message["content"] for message in pair.messages))
            standing = {plain for plain in (*long, *map(_plain, pair.titles)) if plain in context}
            spoken = sorted(standing, key=lambda plain: (context.rfind(plain), plain))
            mentioned = each_once([*before, *(named[plain] for plain in spoken)])
            yield RankingTurn(name, number, pair.messages, mentioned, pair.titles)
            before += pair.titles


def _dialogues(pairs: Iterable[_Pair]) -> Iterator[list[_Pair]]:
    dialogue: list[_Pair] = []
    for pair in pairs:
        if not pair.messages:  # it opens the dialogue: nobody has asked yet
            continue
        if dialogue and pair.messages[: len(dialogue[-1].messages)] == dialogue[-1].messages:
            dialogue.append(pair)
        else:
            if dialogue:
                yield dialogue
            dialogue = [pair]
    if dialogue:
        yield dialogue


def _plain(text: str) -> str:
    """Return the words of a text with a space before and after each."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return f" {words} "


def _utterance(row: Mapping[str, Any]) -> _Utterance:
    speaker = value(row, "speaker", str)
    if speaker not in ROLES:
        raise MalformedError(f"`speaker` is {speaker!r}, not SEEKER or RECOMMENDER")
    text = value(row, "text", str).replace("QUOTATION_MARK", '"')
    titles = (title.strip() for title in value(row, "movies", str).split(";"))
    return _Utterance(value(row, "dialog_id", str), ROLES[speaker], text, tuple(filter(None, titles)))


def _of_utterances(utterances: Iterable[_Utterance]) -> Iterator[RankingTurn]:
    """Yield the recommender's utterances with titles, but one that opens the dialogue."""
    for dialogue, group in groupby(utterances, key=lambda one: one.dialogue):
        said: list[Message] = []
        mentioned: list[str] = []
        for number, one in enumerate(group):
            if one.role == "assistant" and one.titles and said:
                yield RankingTurn(dialogue, number, tuple(said), each_once(mentioned), each_once(one.titles))
            mentioned += one.titles
            said.append({"role": one.role, "content": one.text})
