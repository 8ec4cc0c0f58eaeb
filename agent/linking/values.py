"""Values of facets and names of people, as spans of the message."""

from __future__ import annotations

import re

from agent.belief import BeliefState
from agent.linking.lexicon import Lexicon, Meaning
from agent.linking.mentions import Bound, Mention
from agent.linking.residue import STOP_WORDS
from agent.linking.words import NUMBER_WORDS, Message, key, stems
from retrieval.constraints import Op

_AGE = re.compile(
    rf"\b(?:(?P<first>\d\d?|{'|'.join(NUMBER_WORDS)})(?: (?:and|or|to|[-–]|&) (?:an? )?(?:\d\d?|"
    rf"{'|'.join(NUMBER_WORDS)}))?"
    rf"(?: |)(?:yos?|(?:years?|yrs?) ?olds?|y / o)\b"
    rf"|\b(?:aged?|ages) (?P<aged>\d\d?|{'|'.join(NUMBER_WORDS)})\b"
    rf"|\b(?:hes|shes|theyre|he is|she is|they are|im|is|turns|turning|just turned|who is|whos|have|are|has) "
    rf"(?:only |just |about |almost |like |nearly )?(?P<is>\d\d?|{'|'.join(NUMBER_WORDS)})(?: (?:and|or|[-–]|"
    rf",) (?P<is2>\d\d?|{'|'.join(NUMBER_WORDS)}))?"
    rf"(?= years?$| years? [.,!?]|$| [.,!?;]| and | so | but | my | now | who )"
    rf"|\b(?P<of>\d\d?) and (?:an? )?(?P<of2>\d\d?) (?:year|yr)s?\b)"
)
_GUESSED = re.compile(r"(?:they are|theyre|is|have|are|has) ")
"""Before a number of years only where children are spoken of: `we are 4` counts people."""
_CHILDREN = re.compile(
    r"\b(?:kids?|kiddos?|child\w*|toddlers?|bab(?:y|ies)|(?:grand)?(?:sons?|daughters?)|boys?|girls?|twins?|nephews?|"
    r"nieces?|(?:little|small) (?:ones?|brother|sister)|years?)\b"
)
_MAKERS = frozenset("director author writer creator maker artist composer designer developer producer brand".split())
_PLAYERS = frozenset("actor actress cast star performer narrator player singer character".split())
"""What columns of people are called, by whether they made an item or appear in it."""
_MADE = re.compile(r"\b(?:by|director|directed|author|written|made|items of|his)\b")
_PLAYED = re.compile(r"\b(?:with|starring|stars|actor|actress|in it|plays|playing|w)\b")
_ABOUT = re.compile(r"\b(?:about|on|theme|themes)(?: \w+)?$")
_DIGITS = {word: str(number) for word, number in NUMBER_WORDS.items()}


class ValueLinker:
    """Finds facet values by the catalog's own words and aliases, and people by name, surname or rare first name."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Look phrases up in `lexicon`."""
        self.lexicon = lexicon

    def link(self, message: Message, belief: BeliefState) -> list[Mention]:
        """Return the values that `message` names, people included."""
        found = self._ages(message)
        nearby = self._people_nearby(belief)
        for start, end, words in message.grams(self.lexicon.longest):
            phrase = key(words)
            if (meanings := self.lexicon.values.get(phrase)) and not self._idle(message, start, end):
                found.append(_mention(start, end, meanings, 1.5 if len(words) > 1 else 1.0))
            if words[0] in ("by", "with", "from", "of", "and"):
                continue
            if holders := self.lexicon.names.get(phrase):
                if len(words) > 1 or self._as_name(message, start, end, words):
                    found.append(Mention(start, end, "value", 2.0, (self._one(message, start, holders),)))
            elif (holders := self.lexicon.name_parts.get(phrase)) and (
                person := self._by_part(message, start, end, words, holders, nearby)
            ):
                found.append(Mention(start, end, "value", 0.9, (person,)))
        return found

    @staticmethod
    def _idle(message: Message, start: int, end: int) -> bool:
        """Tell whether one word names a value only by chance: `movie` is a theme after `about` alone."""
        return (
            end == start + 1
            and message.tokens[start].generic in STOP_WORDS
            and not _ABOUT.search(message.piece(start - 3, start))
        )

    def _ages(self, message: Message) -> list[Mention]:
        found = []
        for match in _AGE.finditer(message.line):
            if match["is"] and _GUESSED.match(match[0]) and not _CHILDREN.search(message.line):
                continue
            said = next(match[group] for group in ("first", "aged", "is", "of") if match[group])
            age = _DIGITS.get(said, said)
            if meanings := self.lexicon.values.get(key(stems(f"{age} year old"))):
                found.append(_mention(*message.span(match), meanings, 2.0))
        return found

    def _people_nearby(self, belief: BeliefState) -> set[tuple[str, str]]:
        """Return (attribute, name) of everybody in the items shown and in the belief."""
        catalog = self.lexicon.catalog
        near = {(entry.attribute, str(entry.value)) for entry in belief.wishes}
        for line in belief.shown:
            if line.item_id in catalog:
                for attribute in self.lexicon.people_columns:
                    near.update((attribute, name) for name in catalog[line.item_id].values(attribute))
        return near

    def _as_name(self, message: Message, start: int, end: int, words: tuple[str, ...]) -> bool:
        """Tell whether one word stands as a name here: capitalised inside a sentence, or no ordinary word."""
        token = message.tokens[start]
        if "'" in token.text.replace("’", "'").removesuffix("s").removesuffix("'") or token.norm in (
            "ive",
            "id",
            "ill",
        ):
            return False
        if not any(
            word in self.lexicon.ordinary or message.tokens[start].norm in self.lexicon.ordinary for word in words
        ):
            return True
        inside = start != message.sentence_at(start)[0]
        return message.mixed_case and inside and message.tokens[start].text[0].isupper()

    def _by_part(
        self,
        message: Message,
        start: int,
        end: int,
        words: tuple[str, ...],
        holders: tuple[Meaning, ...],
        nearby: set[tuple[str, str]],
    ) -> Meaning | None:
        """Return whom a surname or first name means: somebody near, or one far better known than the rest."""
        if not self._as_name(message, start, end, words):
            return None
        near = [holder for holder in holders if (holder.attribute, str(holder.value)) in nearby]
        if near:
            return self._one(message, start, tuple(near))
        people: dict[str, int] = {}
        for holder in holders:
            people[str(holder.value)] = people.get(str(holder.value), 0) + holder.count
        (first, count), *rest = sorted(people.items(), key=lambda pair: -pair[1])
        last = key(stems(first)).endswith(key(words)) or not key(stems(first)).startswith(key(words))
        if rest and count < (1.5 if last else 4) * rest[0][1]:
            return None
        if not last and count < 5:
            return None
        return self._one(message, start, tuple(holder for holder in holders if holder.value == first))

    def _one(self, message: Message, start: int, holders: tuple[Meaning, ...]) -> Meaning:
        """Choose between the columns in which a person stands: makers after `by`, players after `with`."""
        if len({holder.value for holder in holders}) == 1 < len(holders):
            near = message.piece(start - 4, start + 6)
            wanted = _MAKERS if _MADE.search(near) else _PLAYERS if _PLAYED.search(near) else frozenset()
            holders = tuple(one for one in holders if wanted & self._called(one.attribute)) or holders
        return max(holders, key=lambda holder: holder.count)

    def _called(self, attribute: str) -> set[str]:
        """Return the words in the name of a column, in the singular."""
        column = self.lexicon.catalog.schema.column(attribute)
        return {word for name in (attribute, column.singular if column else "") for word in stems(name)}


def _mention(start: int, end: int, meanings: tuple[Meaning, ...], strength: float) -> Mention:
    if all(isinstance(meaning.value, (int, float)) for meaning in meanings):
        bounds = tuple(Bound(meaning.attribute, _op(meaning), float(meaning.value)) for meaning in meanings)
        return Mention(start, end, "bound", strength, bounds=bounds)
    return Mention(start, end, "value", strength, meanings)


def _op(meaning: Meaning) -> Op:
    return "at_least" if meaning.op == "at_least" else "at_most" if meaning.op == "at_most" else "is"
