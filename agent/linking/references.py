"""Items referred to and not named: by position, by description, by `that one`."""

from __future__ import annotations

import re

from agent.belief import BeliefState
from agent.directions import direction
from agent.linking.lexicon import CONNECTING, Lexicon
from agent.linking.mentions import Mention
from agent.linking.residue import STOP_WORDS
from agent.linking.words import NUMBER_WORDS, Message, key, stem, stems

_NTH_WORDS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
"""Words for places, as far as a list can go."""
_LONGEST = len(_NTH_WORDS)
ORDINALS = {
    **{word: place for place, word in enumerate(_NTH_WORDS, 1)},
    **{word: count for word, count in NUMBER_WORDS.items() if count <= _LONGEST},
    "top": 1,
}
_ORDINAL = rf"{'|'.join(_NTH_WORDS)}|(?:1\d|20|[1-9])(?:st|nd|rd|th)"
_UNITS = (
    r"(?:hours?|hrs?|h|minutes?|mins?|years?|yrs?|decades?|months?|weeks?|days?|nights?|centur\w+|pages?|seasons?|"
    r"people|persons|adults?|kids?|friends?|guys|girls|boys|votes|percent|times?)\b"
)
_FIRST_N = re.compile(
    rf"\b(?:the )?(?P<side>first|last|other|top|bottom) (?P<count>two|three|2|3|couple)\b(?! {_UNITS})"
)
_ALL = re.compile(
    r"\b(?P<both>both(?: of (?:them|those|these))?|the both)\b"
    r"|\b(?P<all>all (?:of them|of those|of these|three|four|five|3|4|5|those|these|seen)|every one of (?:them|"
    r"those|these)|the lot"
    r"|seen (?:em |them )all|(?:seen|watched|know|hate|love|loved) (?:all|them all|em all)|all the (?:above|"
    r"ones you \w+))\b"
    r"|\b(?P<none>neither|none of (?:them|those|these)|not any of (?:them|those|these))\b"
)
_HASH = re.compile(
    rf"(?:# ?|\b(?:nr|number|num|option) ?\.? ?)(?P<n>1\d|20|[1-9]|{'|'.join(list(NUMBER_WORDS)[:_LONGEST])})\b"
    rf"|\bno ?\.? ?(?P<no>1\d|20|[1-9])\b(?! {_UNITS})"
)
_NTH = re.compile(
    rf"\b(?:the |that |your |ur )?(?:very )?(?P<n>{_ORDINAL})(?: (?:one|title|item|thing|option|"
    rf"choice|pick|suggestion|"
    rf"from (?:the )?(?:top|left)))?\b(?! (?:time|date|half|class|thing|place|thought|reaction|year|night|week|day|"
    rf"of all|two|three|\d+\b|"
    rf"couple|world|person|name|hour|grade|to|aid|release|world|season|part|act|part|job|love|items?|attempt|"
    rf"kiss|rule|floor|language|sight|marriage))"
)
_LAST = re.compile(
    r"\b(?:the|that|your) (?:very )?(?:last|final|bottom) (?:one|title|item|option)\b|"
    r"\bthe last(?= ?$| [.,!?])|\blast one\b"
)
_N = r"(?:1\d|20|[1-9])\b"
"""A place in a list, in digits."""
_BARE = re.compile(
    rf"^(?:(?:ok|okay|k|yeah|yes|sure|hm|hmm|nah|no|fine|um|uh|seen|the|number|then|and|,|\.|!|pick|ill|take|lets|"
    rf"do|go|with|for|watched|saw) )*(?P<n>{_N})(?: (?:and|&|,|n) (?P<m>{_N}))?\b(?! (?:year|yr|min|hour|hr|h\b|"
    rf"people|of us|kids?|star|/|%|more|other|times?|or|votes|am|pm|days?|weeks?|girls|boys))"
)
_SEEN_NUMBERS = re.compile(
    rf"\b(?:seen|watched|saw|like|liked|loved|not|hate|hated|take|skip|drop|both) (?P<list>{_N}(?: ?(?:,|and|&|"
    rf"\+) ?{_N}| {_N})*)\b"
    rf"(?! (?:year|yr|min|hour|hr|h\b|times?|of|star|other|more|people|kids?))"
    rf"|\b(?P<list2>{_N}(?: ?(?:,|and|&|\+) ?{_N}| {_N})*) (?:seen|watched|is|was|looks|sounds|no|yes|then|"
    rf"please|pls|for|i|sorta)\b"
    rf"|(?:^|[.,;!] )(?:and |ok |so )?(?P<list5>{_N})(?= (?!year|yr|min|hour|hr|h |hs |star|other|more|people|kid|"
    rf"of us|am |pm |day|week|girl|boy|time|or |to |things?|item|big|friend|guys?|adult|and a half|percent|/|"
    rf":)[a-z,])"
    rf"|\bbetween (?P<list3>{_N} and {_N})\b|\b(?P<list4>{_N} or {_N})\b"
)
_PARTY = re.compile(r"\b(?:(?:we|they|there) (?:are|r|re)|were|theyre|therere)$")
"""What stands before a number of people."""
_DESCRIBED = re.compile(
    r"\b(?:the|that|your|this|le|da|dat) (?P<what>(?:(?!\b(?:one|ones|is|are|was|like|but|of|about|in|and|or|than|"
    r"i|you|to)\b)[\w]+ ){1,4}?)"
    r"(?:one|ones|1|item|thing|story)\b"
)
_THE_ONE_WITH = re.compile(
    r"\b(?:the|that) (?:one|item|ones)(?: thats)? (?:with|about|by|from|in|starring|where|set in|of|w|"
    r"directed by|on)"
    r"(?: the| a| an| some| his| her)? (?P<what>(?:\w+ ?){1,4})"
)
_THE_THING = re.compile(r"\b(?:the|your|dem) (?P<what>\w+(?: \w+)?)\b")
_SHORT = re.compile(
    r"^(?:(?:ok|okay|k|yes|yeah|yep|hm|hmm|oh|ah|fine|lol|haha|right|sure|so|well|then|alright|ooh|great|perfect|"
    r"good|and|,|\.|!) )*"
    r"(?:(?:ill take|ill have|we take|going with|go with|lets go with|lets do|give me|put on|we want|i want|"
    r"i take|i choose|take|the|that|dem|le|la) )*"
    r"(?P<what>\w+(?: \w+)?)"
    r"(?: (?:it is|then|please|pls|sold|for tonight|tonight|wins|thanks|thank you|i guess|final answer|one|works|"
    r"lol|yes|sounds good|pls thx|it be))?(?= ?[.,!;?]| ?$)"
)
_THEN = re.compile(
    r"(?<!any )(?<!some )(?<!\ba )\b(?:the )?(?P<what>\w+(?: \w+)?) (?:it is|then)\b(?= ?[.,!;]| ?$| thanks| also| and)"
)
_SUPERLATIVE = re.compile(
    r"\b(?:the|that|your|ur) (?:very )?(?P<how>(?:most|least) [a-z]+|[a-z]+est)\b"
    r"(?! (?:\w+ ){0,2}?(?:you have|you got|u have|u got|ever|possible|there is|in the world|available))"
    r"(?: (?:ones?|of (?:them|those|these|the \w+))\b)?"
)
_WHICH = re.compile(r"\b(?:which|what|whats|who|whos)\b[^.!?,]*$")
_YEAR = re.compile(r"(?:19|20)?\d\ds?")
_GENERIC = frozenset(
    "first second third fourth fifth last other same next new best good right only whole one two three old older newer"
    " shorter longer funnier lighter usual second latest previous more most".split()
)


class ReferenceLinker:
    """Resolves references through the ledger of what was shown."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Describe items by the values that `lexicon` knows."""
        self.lexicon = lexicon
        self.catalog = lexicon.catalog

    def link(self, message: Message, belief: BeliefState) -> list[Mention]:
        """Return mentions of shown items by position or description; `ref` is `#n` for a position."""
        last = belief.last_shown()
        if not last:
            return []
        ids = [line.item_id for line in last]
        line = message.line
        found: list[Mention] = []

        def add(match: re.Match[str], places: list[int], strength: float = 2.0, group: int | str = 0) -> None:
            places = [place for place in places if 1 <= place <= len(ids)]
            if places:
                found.append(
                    Mention(
                        *message.span(match, group), "item", strength,
                        item_ids=tuple(ids[place - 1] for place in places),
                        ref=" ".join(f"#{place}" for place in places),
                    )
                )  # fmt: skip

        for match in _FIRST_N.finditer(line):
            count = {"two": 2, "2": 2, "couple": 2}.get(match["count"], 3)
            places = list(range(1, len(ids) + 1))
            add(match, places[:count] if match["side"] in ("first", "top") else places[-count:], 3.0)
        for match in _ALL.finditer(line):
            two = match["both"] or match["none"] == "neither"
            add(match, list(range(1, len(ids) + 1))[: 2 if two else None], 2.5)
        for match in _HASH.finditer(line):
            add(match, [_place(match["n"] or match["no"])], 2.5)
        for match in _NTH.finditer(line):
            if match["n"] != "first" or not re.match(r" ?,? (?:i|we|a|an|of|let)\b", line[match.end() :]):
                add(match, [_place(match["n"])], 1.2)
        for match in _LAST.finditer(line):
            add(match, [len(ids)], 2.2)
        for match in _SEEN_NUMBERS.finditer(line):
            group = next(name for name in ("list", "list2", "list3", "list4", "list5") if match[name])
            if not self._counts(message, *message.span(match, group)):
                add(match, [int(digit) for digit in re.findall(r"\d+", match[group])], 2.3, group)
        bare = _BARE.match(line)
        if bare and not self._counts(message, *message.span(bare, "m" if bare["m"] else "n")):
            add(bare, [int(bare[group]) for group in ("n", "m") if bare[group]], 1.5, "n" if not bare["m"] else 0)
        for match in _SUPERLATIVE.finditer(line):
            if _WHICH.search(line[: match.start()]):
                continue  # `which is the oldest` asks what the words would point to
            add(match, self._extremes(match["how"], ids), 2.5)
        found += self._described(message, belief)
        return found

    def _counts(self, message: Message, start: int, end: int) -> bool:
        """Tell whether a number at tokens [start, end) counts things or people: `3 comedies`, `we are 4`."""
        after = message.tokens[end] if end < len(message) else None
        plural = after is not None and after.norm.endswith("s") and after.stem != after.norm
        things = after is not None and (after.generic == "items" or (plural and after.stem in self.lexicon.values))
        return things or bool(_PARTY.search(message.piece(start - 2, start)))

    def _extremes(self, how: str, ids: list[str]) -> list[int]:
        """Return the place of the item that `how` singles out by a number, such as `newest`; empty for none."""
        for column in self.catalog.schema.with_role("number"):
            sign = direction(how, column)
            numbers = {
                place: sign * number
                for place, item in enumerate(ids, start=1)
                if sign and item in self.catalog and (number := self.catalog[item].number(column.name)) is not None
            }
            best = max(numbers.values(), default=0.0)
            places = [place for place, number in numbers.items() if number == best]
            if len(places) == 1 < len(numbers):
                return places
        return []

    def _described(self, message: Message, belief: BeliefState) -> list[Mention]:
        last = belief.last_shown()
        pools = [
            [line.item_id for line in last],
            list(dict.fromkeys(line.item_id for line in reversed(belief.shown))),
        ]
        found = []
        for pattern, strength in ((_THE_ONE_WITH, 2.6), (_DESCRIBED, 2.4)):
            for match in pattern.finditer(message.line):
                words = tuple(word for word in match["what"].split() if word not in CONNECTING)
                if not words or all(word in _GENERIC for word in words):
                    continue
                for pool in pools:
                    if item := self._matching(words, pool):
                        found.append(Mention(*message.span(match), "item", strength, item_ids=(item,), ref="described"))
                        break
        for match in _THE_THING.finditer(message.line):
            words = tuple(match["what"].split())
            for size in (2, 1):
                part = words[:size]
                if len(part) == size and not any(word in _GENERIC or word in STOP_WORDS for word in part):
                    item = self._named(part, pools[0]) or self._matching(part, pools[0], 1.9)
                    if item:
                        start, _ = message.span(match)
                        found.append(Mention(start, start + 1 + size, "item", 1.1, item_ids=(item,), ref="described"))
                        break
        for pattern in (_SHORT, _THEN):
            whole = _SHORT.match(message.line)
            matches = list(pattern.finditer(message.line)) if pattern is _THEN else [whole] if whole else []
            for match in matches:
                words = tuple(word for word in match["what"].split() if word not in CONNECTING and word not in _GENERIC)
                bare = pattern is _SHORT and match.end() == match.end("what")
                if bare and any(
                    key(tuple(map(stem, part))) in self.lexicon.values for part in (words, words[:1], words[-1:])
                ):
                    continue
                pointed = re.search(r"\bthe $", message.line[: match.start("what")]) or match[0].startswith("the ")
                least = 0.7 if pointed else 1.2
                if any(len(word) < 3 or word in STOP_WORDS for word in words):
                    continue
                if words and (item := self._matching(words, pools[0], least)):
                    found.append(Mention(*message.span(match, "what"), "item", 1.05, item_ids=(item,), ref="described"))
        return found

    def _named(self, words: tuple[str, ...], pool: list[str]) -> str | None:
        """Return the only item of `pool` with all of `words` in its title."""
        wanted = [stem(word) for word in words if len(word) > 2]
        if not wanted or all(word in CONNECTING for word in wanted):
            return None
        hits = [item for item in pool if set(wanted) <= set(stems(self.catalog[item].title))]
        return hits[0] if len(hits) == 1 else None

    def _matching(self, words: tuple[str, ...], pool: list[str], least: float = 0.7) -> str | None:
        """Return the item of `pool` that `words` describe best: by title, value, person, text; None when several do."""
        scored = []
        for item_id in pool:
            score = self._fit(words, item_id)
            if score >= least:
                scored.append((score, item_id))
        scored.sort(key=lambda pair: -pair[0])
        if not scored or (len(scored) > 1 and scored[0][0] < scored[1][0] * 1.3):
            return None
        return scored[0][1]

    def _fit(self, words: tuple[str, ...], item_id: str) -> float:
        item = self.catalog[item_id]
        title = set(stems(item.title))
        text = set(stems(item.text))
        values = [value for column in self.catalog.schema.with_role("facet") for value in item.values(column.name)]
        exact = {key(stems(value)) for value in values}
        loose = {word for value in values for word in stems(value)}
        wanted = tuple(stem(word) for word in words)
        score = 0.0
        for start in range(len(wanted)):
            for end in range(start + 1, len(wanted) + 1):
                phrase = key(wanted[start:end])
                meant = self.lexicon.values.get(phrase, ())
                if phrase in exact or any(key(stems(str(meaning.value))) in exact for meaning in meant):
                    score += 2.0
        column = self.catalog.schema.with_unit("year")
        year = item.number(column.name) if column else None
        if year is not None and any(_YEAR.fullmatch(word) and _dated(word, int(year)) for word in words):
            score += 2.5
        for word in wanted:
            if word in title:
                score += 2.5
            elif word in loose:
                score += 1.2
            elif word in text:
                score += 0.7
        return score


def _place(word: str) -> int:
    """Return the place in a list that a word or number means: `third`, `3rd`, `three`, `3`."""
    return ORDINALS.get(word) or int(re.sub(r"\D", "", word))


def _dated(word: str, year: int) -> bool:
    """Tell whether a year is the one written, or in the decade written: `1985`, `80s`, `1980s`."""
    if word.endswith("s"):
        return f"{year // 10}0".endswith(word[:-1])
    return len(word) == 4 and word == str(year)
