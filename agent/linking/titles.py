"""Items named by title: in full, shortened, misspelt, or by a word of the title of something that was shown."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from agent.belief import BeliefState
from agent.linking.lexicon import ARTICLES, CONNECTING, Lexicon, title_parts
from agent.linking.mentions import Mention
from agent.linking.residue import STOP_WORDS
from agent.linking.words import Message, number_key, plain

ENOUGH = 1.0
"""Evidence from which a title is taken as meant."""
CERTAIN = 3.0
"""Evidence of a title with its year."""
_MARKS = frozenset(",!?")
_JOINS = frozenset((",", "and", "or", "+", "/"))
_CUE_BEFORE = re.compile(
    r"\b(?:like|seen|saw|watched|watch|rewatched|loved|love|hated|hate|liked|enjoyed|called|named|title|than|"
    r"finished|about|"
    r"is|was|of|between|not|no|on|ok|okay|take|choose|pick|with|then|item|why|does|put|as|maybe|"
    r"remember|and|or|but|"
    r"the|to|from|in|hmm|oh|yes|yeah|for|vs|both|have|own|tried|started|know|read|played) ?(?:the|a|an|yes|:|,|\.)?$"
)
_TITLE_CUE_BEFORE = re.compile(
    r"\b(?:like|seen|saw|watched|rewatched|loved|hated|liked|enjoyed|called|named|title|finished|vs|read|"
    r"played)(?: the| a| an| :)?$"
)
_CUE_AFTER = re.compile(
    r"^(?:[?!.,]|(?:then|it is|is|was|were|seen|looks|sounds|please|pls|why|has|wins|again|no|yes|or|vs|and|"
    r"tonight|for|made|"
    r"works|will|instead|got|does|i|we|made|gave|scared|type|vibe|style|had|ok|lol|thanks|sold|scares|item|"
    r"one)\b)"
)


class TitleLinker:
    """Finds items named in a message, with evidence weighed by how ordinary the words are and what was shown."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Look titles up in `lexicon`."""
        self.lexicon = lexicon
        self._parts: dict[str, set[str]] = {}

    def link(self, message: Message, belief: BeliefState) -> list[Mention]:
        """Return the items that `message` names, one mention each, best reading first."""
        recent = _recency(belief)
        local = self._local_parts(recent)
        found: list[Mention] = []
        doubtful: list[Mention] = []
        for start, end, stems in message.grams(min(self.lexicon.longest, 12), _MARKS):
            phrase = number_key(stems)
            ids = self.lexicon.titles.get(phrase)
            parts = local.get(phrase)
            year = message.year_after(end) if ids or parts else None
            if year is not None:
                # With its year a title is named beyond doubt, and another film of that title is not meant.
                meant = next((item for item in (*(ids or ()), *(parts or ())) if self._of_year(item, year)), None)
                if meant:
                    found.append(Mention(start, end + 3, "item", CERTAIN, item_ids=(meant,)))
            elif ids:
                strength = self._full_evidence(message, start, end, stems)
                best = max(self._to_the_letter(message, start, end, ids), key=lambda item: recent.get(item, 0.0))
                strength += recent.get(best, 0.0)
                if recent.get(best, 0.0) < 0.4 and parts:
                    best, strength = parts[0], strength + recent[parts[0]]
                (found if strength >= ENOUGH else doubtful).append(
                    Mention(start, end, "item", strength, item_ids=(best,))
                )
            elif self._only_stop_words(message, start, end) and not self._written_as_title(message, start, end):
                continue
            elif parts:
                strength = self._part_evidence(message, start, end, stems) + recent[parts[0]]
                if strength >= ENOUGH:
                    found.append(Mention(start, end, "item", strength, item_ids=(parts[0],)))
            elif (ids := self.lexicon.title_parts.get(phrase)) and len(ids) <= 6:
                strength = self._part_evidence(message, start, end, stems) + (0.25 if len(ids) == 1 else 0.0)
                if len(stems) == 1:
                    strength -= 0.9 if self._means_other(phrase) else 0.15
                if any(token.corrected for token in message.tokens[start:end]):
                    strength -= 0.3
                if strength >= ENOUGH:
                    found.append(Mention(start, end, "item", strength, item_ids=(ids[0],)))
        return [*found, *self._listed(message, found, doubtful)]

    def _listed(self, message: Message, sure: Sequence[Mention], doubtful: Sequence[Mention]) -> list[Mention]:
        """Return the doubtful titles that are written as titles in a list with sure ones: `Heat, Casino and Ronin`."""
        found: list[Mention] = []
        waiting = [one for one in doubtful if message.mixed_case and message.tokens[one.start].text[0].isupper()]
        while waiting:
            beside = [one for one in waiting if any(_joined(message, one, other) for other in (*sure, *found))]
            if not beside:
                break
            found += [replace(one, strength=one.strength + ENOUGH) for one in beside]
            waiting = [one for one in waiting if one not in beside]
        return found

    def _to_the_letter(self, message: Message, start: int, end: int, ids: Sequence[str]) -> Sequence[str]:
        """Return those of `ids` whose title has the very words; all where none has: `Aliens` is not `Alien`."""
        words = _bare([token.norm for token in message.tokens[start:end] if token.is_word])
        exact = [item for item in ids if _bare(plain(self.lexicon.catalog[item].title).split()) == words]
        return exact or ids

    @staticmethod
    def _only_stop_words(message: Message, start: int, end: int) -> bool:
        """Tell whether a span is made of words that say nothing by themselves."""
        return all(token.generic in STOP_WORDS for token in message.tokens[start:end] if token.is_word)

    def _of_year(self, item_id: str, year: int) -> bool:
        """Tell whether an item's label has this year or its neighbour: sources date the same film differently."""
        label = self.lexicon.catalog.label(self.lexicon.catalog[item_id])
        return label.endswith(tuple(f"({near})" for near in (year - 1, year, year + 1)))

    def _means_other(self, phrase: str) -> bool:
        return phrase in self.lexicon.values or phrase in self.lexicon.names or phrase in self.lexicon.name_parts

    def _local_parts(self, recent: dict[str, float]) -> dict[str, list[str]]:
        """Return every part of the titles in the ledger -> item ids, most recent first."""
        found: dict[str, list[str]] = defaultdict(list)
        for item_id in sorted(recent, key=lambda item: -recent[item]):
            if item_id in self.lexicon.catalog:
                if item_id not in self._parts:
                    self._parts[item_id] = title_parts(self.lexicon.catalog[item_id].title)
                for part in self._parts[item_id]:
                    found[part].append(item_id)
        return found

    def _full_evidence(self, message: Message, start: int, end: int, stems: tuple[str, ...]) -> float:
        content = [stem for stem in stems if stem not in CONNECTING and stem not in ARTICLES]
        rare = [stem for stem in content if stem not in self.lexicon.ordinary and not stem.isdigit()]
        if rare:
            base = 1.0 if len(stems) > 1 or not self._means_other(number_key(stems)) else 0.55
        elif len(content) >= 3 or len(stems) >= 4:
            base = 1.0
        elif len(content) == 2 or (len(stems) == 2 and content):
            base = 0.6
        else:
            base = 0.1 if content else -0.6
        if len(stems) == 1 and message.tokens[start].corrected:
            base -= 0.4
        alone = sum(token.is_word for token in message.tokens) == len(stems)
        if (base < 0.3 or self._only_stop_words(message, start, end)) and not alone:
            return min(base + self._context(message, start, end), 0.9 if not self._marked(message, start, end) else 2.0)
        return base + self._context(message, start, end)

    @classmethod
    def _marked(cls, message: Message, start: int, end: int) -> bool:
        """Tell whether an ordinary word stands out as a title: by how it is written, or after `called` or `seen`."""
        cued = _TITLE_CUE_BEFORE.search(message.piece(start - 2, start))
        return cls._written_as_title(message, start, end) or bool(cued)

    @staticmethod
    def _written_as_title(message: Message, start: int, end: int) -> bool:
        """Tell whether a span is quoted or has a capital inside a sentence."""
        inside = (
            message.mixed_case and start != message.sentence_at(start)[0] and message.tokens[start].text[0].isupper()
        )
        quoted = start > 0 and end < len(message) and message.tokens[start - 1].norm in "\"“'‘*"
        return inside or quoted

    def _part_evidence(self, message: Message, start: int, end: int, stems: tuple[str, ...]) -> float:
        rare = [stem for stem in stems if stem not in self.lexicon.ordinary and not stem.isdigit()]
        base = 0.6 if rare else 0.4 if len(stems) >= 3 else 0.1 if len(stems) == 2 else -0.3
        return base + self._context(message, start, end)

    @staticmethod
    def _context(message: Message, start: int, end: int) -> float:
        """Return the evidence around a span: quotes, capitals, cue words, standing alone."""
        evidence = 0.0
        words = [token for token in message.tokens[start:end] if token.is_word]
        before, after = message.piece(start - 3, start), message.piece(end, end + 3)
        if (
            start
            and end < len(message)
            and message.tokens[start - 1].norm in "\"“'‘*"
            and message.tokens[end].norm in "\"”'’*"
        ):
            evidence += 1.0
        if message.mixed_case and all(token.text[0].isupper() for token in words if token.norm not in CONNECTING):
            opens = start == message.sentence_at(start)[0]
            evidence += 0.6 if not opens else 0.15
        if _TITLE_CUE_BEFORE.search(before):
            evidence += 0.5
        elif _CUE_BEFORE.search(before) or not before:
            evidence += 0.2
        if not after or _CUE_AFTER.match(after):
            evidence += 0.2
        if sum(token.is_word for token in message.tokens) <= len(words) + 2:
            evidence += 0.5
        return evidence


def _joined(message: Message, one: Mention, other: Mention) -> bool:
    """Tell whether only a comma or `and` stands between two mentions."""
    first, second = sorted((one, other), key=lambda mention: mention.start)
    between = message.tokens[first.end : second.start]
    return 0 < len(between) <= 2 and all(token.norm in _JOINS for token in between)


def _bare(words: Sequence[str]) -> Sequence[str]:
    return words[1:] if words[:1] and words[0] in ARTICLES else words


def _recency(belief: BeliefState) -> dict[str, float]:
    """Return item id -> weight for what was shown or spoken of: the latest list weighs most, then by position."""
    weights: dict[str, float] = {}
    for verdict in belief.items:
        if verdict.item_id:
            weights[verdict.item_id] = 0.4
    for line in belief.shown:
        weights[line.item_id] = max(weights.get(line.item_id, 0.0), 0.5)
    for line in belief.last_shown():
        weights[line.item_id] = 0.9 - 0.001 * line.position
    return weights
