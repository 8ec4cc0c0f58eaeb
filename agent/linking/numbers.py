"""Years, decades, ranges, durations and other counted limits, as bounds on number columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.belief import BeliefState
from agent.directions import measured_by
from agent.linking.mentions import Bound, Mention
from agent.linking.words import NUMBER_WORDS, Message, stems
from agent.question_words import CUES
from retrieval.catalog import Catalog, Column
from retrieval.constraints import Op

_WORDS = "|".join(NUMBER_WORDS)
_AMOUNT = rf"(?:\d+(?:[.,]\d+)?|(?:{_WORDS})(?: (?:{_WORDS}))?|an?)"
_DECADES = {
    "twenties": 1920, "thirties": 1930, "forties": 1940, "fifties": 1950, "sixties": 1960, "seventies": 1970,
    "eighties": 1980, "nineties": 1990, "noughties": 2000, "naughties": 2000, "eightys": 1980, "ninetys": 1990,
}  # fmt: skip
_PART = r"(?:(?P<part>early|mid|middle|late)(?: to (?P<part2>mid|late))? )?"
DECADE = re.compile(rf"\b{_PART}(?:the )?(?:(?P<digits>(?:19|20)?\d0)(?: |)s|(?P<word>{'|'.join(_DECADES)}))\b")
YEAR = r"(?P<{}>(?:18|19|20)\d\d)"
_RANGE = re.compile(
    rf"\b(?:from |between |only )?{YEAR.format('low')} ?(?:to|and|until|till|til|through|up to|[-–]) ?(?:the year )?"
    rf"{YEAR.format('high')}\b"
)
_SINGLE = re.compile(rf"\b{YEAR.format('year')}\b")
_REACH = 6
"""Words before a number among which the name of what it counts may stand: `a rating of at least 4.5`."""
_WHOLE = re.compile(r"[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3}")
_DECIMAL = re.compile(r"[0-9]{1,9}[.,:][0-9]{1,9}")
_MINUTES = re.compile(r"[0-9]{2,3}")
_YEAR_NAMED = ("year ", "year of ", "years ")
_CENTURY = re.compile(
    r"\b(?P<this>this|the 21st|the twenty first|21st) century\b|\b(?P<last>last|the 20th|20th) century\b"
)
_LAST_YEARS = re.compile(rf"\b(?:last|past) (?P<count>{_AMOUNT}|few|couple of) (?P<unit>years|decades|year|decade)\b")
_BEFORE = re.compile(
    r"(?:(?P<before>before|older than|earlier than|prior to|pre)|(?P<until>(?:stretch|widen|extend|expand|raise|"
    r"relax|push)(?: \w+){0,3} to|until|till|up to|no later than|at the latest|max|by"
    r"|not newer than|nothing newer than|nothing later than|not after|nothing after|none after|no newer than)"
    r"|(?P<after>after|newer than|later than|past|post|younger than|more recent than)"
    r"|(?P<since>since|from|starting|no older than|not older than|nothing older than|not before|nothing before|"
    r"none before"
    r"|nothing earlier than|no earlier than|at least)"
    r"|(?P<around>around|about|circa|like))(?: the| year| like| say| -)*$"
)
_AFTERWARDS = re.compile(
    r"^(?:(?P<up>or newer|or later|or after|or younger|and newer|and later|and up|and after|onwards?|on\b|"
    r"upwards?|\+|or more recent"
    r"|and onwards?)|(?P<down>or older|or earlier|or before|and older|and earlier|and before|at the latest))"
)
_NEGATED = re.compile(
    r"\b(?:nothing|not|no|none|never|dont|without|isnt|anything but|veto\w*|refuses?|rules? out)(?: \w+){0,4}$"
)
_DURATION = re.compile(
    rf"\b(?:(?P<half>half an hour)|(?P<hour>an? hour|one hour|1 hour)(?P<hour_half> and a half| and half)?"
    rf"|(?P<hours>{_AMOUNT})(?P<hours_half> and an? (?:half|quarter|1 / 2)| and half| 1 / 2)? ?(?:hours?|hrs?|h)\b"
    rf"(?P<hours_half2> and a half)?(?: ?(?:and )?(?P<rest>\d+|(?:{_WORDS})(?: (?:{_WORDS}))?)(?: ?(?:minutes?|"
    rf"mins?|m)\b)?)?"
    rf"|(?P<glued>\d)h(?P<glued_rest>\d\d)?|(?P<minutes>{_AMOUNT}) ?(?:- )?(?:minutes?|mins?)|"
    rf"(?P<glued_minutes>\d+)(?:mins?|m))\b"
)
_MORE = (
    r"over|above|more than|longer than|beyond|past|exceed(?:ing)?|greater than|higher than|bigger than|"
    r"anything over|more"
)
_LESS = r"under|below|less than|shorter than|smaller than|fewer than|cheaper than|within|inside|sub"
_MOST = r"max|maximum|at most|up to|no more than|not more than|at the most|limit|only got|only have|about|until"
_LEAST = r"at least|minimum|min|no less than|not less than|not under|not below"
_COMPARED = re.compile(
    rf"(?:(?P<not>not|no|nothing|none|never|dont|isnt|without|cant|wont|shouldnt|nor)(?: (?!not\b|no\b|nothing|"
    rf"none|but\b)[a-z]+){{0,5}} )?"
    rf"(?:(?P<least>{_LEAST})|(?P<most>{_MOST})|(?P<more>{_MORE})|(?P<less>{_LESS}))"
    r"(?: to| of| the| is| be| it| :| like| say| exactly| around| about| maybe| than| [$€£])*$"
)
_COMPARED_AFTER = re.compile(
    r"^(?:(?P<most>or less|or under|or shorter|or so|max|maximum|tops|at most|at the most|limit|is (?:my|our|"
    r"the) (?:limit|max|maximum|most)"
    r"|is (?:fine|ok|okay|good|the limit|it)|or below|and under|top|and no more)|(?P<least>or more|or longer|"
    r"at least|and up|plus|\+|minimum))"
)
_LENGTHY = re.compile(r"\b(?:length|runtime|long|longer|minutes?|mins?|hours?|short|shorter|its over|if its)\b")
_SPAN = re.compile(r"\bbetween (?P<low>\d+) and (?P<high>\d+) ?(?:minutes?|mins?)\b")


def amount(words: str) -> float | None:
    """Return the number that `words` say: digits, `two`, `an`, `one hundred twenty`."""
    if words in ("a", "an"):
        return 1.0
    if words in ("few", "couple of"):
        return 5.0
    if _WHOLE.fullmatch(words):
        return float(words.replace(",", ""))
    if _DECIMAL.fullmatch(words):
        return float(words.replace(",", ".").replace(":", "."))
    total = 0.0
    for word in words.split():
        if word not in NUMBER_WORDS:
            return None
        number = NUMBER_WORDS[word]
        total = max(total, 1) * 100 if number == 100 else total + number
    return total


class NumberLinker:
    """Finds limits on the number columns of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        """Look up which columns count years, minutes and anything else."""
        schema = catalog.schema
        self.catalog = catalog
        self.year = schema.with_unit("year")
        self.minutes = schema.with_unit("minutes")
        self.others: dict[str, Column] = {}
        for column in schema.with_role("number"):
            if column not in (self.year, self.minutes):
                cues = " ".join(word for kind in measured_by(column) for word in CUES.get(kind, ()))
                for word in {*stems(column.unit), *stems(column.name), *stems(cues)}:
                    self.others.setdefault(word, column)
        self.whole = frozenset(
            name for name in {column.name for column in self.others.values()}
            if all(number is None or number == int(number) for number in (item.number(name) for item in catalog))
        )  # fmt: skip
        """The columns that hold whole numbers alone: there `over 4` begins at 5."""
        years = [item.number(self.year.name) for item in catalog] if self.year else []
        known = [int(year) for year in years if year is not None]
        self.years = (min(known), max(known)) if known else (0, 0)

    def link(self, message: Message, belief: BeliefState) -> list[Mention]:
        """Return the bounds that `message` names."""
        found: list[Mention] = []
        if self.year:
            found += self._years(message, self.year.name)
        if self.minutes:
            found += self._durations(message, self.minutes.name, belief)
            found += self._bare_durations(message, self.minutes.name, belief)
        if self.others:
            found += self._counts(message)
        return found

    def _years(self, message: Message, column: str) -> Iterator[Mention]:
        line = message.line
        taken: list[range] = []

        def mention(match: re.Match[str], low: int | None, high: int | None, compare: bool = True) -> Mention | None:
            if any(match.start() in span for span in taken):
                return None
            taken.append(range(match.start(), match.end()))
            start, end = message.span(match)
            if compare:
                low, high, start, end = self._compared_years(message, start, end, low or 0, high or 0)
            bounds = _range(column, low, high)
            return Mention(start, end, "bound", 3.0, bounds=bounds) if bounds else None

        for match in _RANGE.finditer(line):
            low, high = sorted((int(match["low"]), int(match["high"])))
            if found := mention(match, low, high, compare=False):
                yield found
        for match in DECADE.finditer(line):
            low, high = decade_of(match)
            if found := mention(match, low, high):
                yield found
        for match in _CENTURY.finditer(line):
            if found := mention(match, 2000 if match["this"] else None, 1999 if match["last"] else None, compare=False):
                yield found
        for match in _LAST_YEARS.finditer(line):
            count = (amount(match["count"]) or 5) * (10 if match["unit"].startswith("decade") else 1)
            if found := mention(match, self.years[1] - int(count), None, compare=False):
                yield found
        for match in _SINGLE.finditer(line):
            year = int(match["year"])
            if message.year_after(message.span(match)[0] - 1) is not None:
                continue  # "T (1995)" names an item
            named = line[: match.start()].endswith(_YEAR_NAMED)
            likely = named or self.years[0] - 60 <= year <= self.years[1] + 15
            if likely and (found := mention(match, year, year)):
                yield found

    @staticmethod
    def _compared_years(
        message: Message, start: int, end: int, low: int, high: int
    ) -> tuple[int | None, int | None, int, int]:
        """Widen a year or a decade by `before`, `since`, `or newer` around it."""
        before = _BEFORE.search(message.piece(max(start - 5, 0), start))
        after = _AFTERWARDS.search(message.piece(end, end + 3))
        bare = before and before["since"] == "from" and after  # "from 1995 or earlier": what follows says it
        if before and not before["around"] and not bare:
            first = start - len(before[0].split())
            refused = _NEGATED.search(message.piece(max(first - 5, 0), first)) is not None
            if before["since"] == "from":
                return low, high, first, end
            if before["before"]:
                return (low, None, first, end) if refused else (None, low - 1, first, end)
            if before["after"]:
                return (None, high, first, end) if refused else (high + 1, None, first, end)
            return (None, high, first, end) if before["until"] else (low, None, first, end)
        if after:
            last = end + len(after[0].split())
            if _NEGATED.search(message.piece(max(start - 3, 0), start)):
                return (None, low - 1, start, last) if after["up"] else (high + 1, None, start, last)
            return (low, None, start, last) if after["up"] else (None, high, start, last)
        return low, high, start, end

    def _durations(self, message: Message, column: str, belief: BeliefState) -> Iterator[Mention]:
        for match in _SPAN.finditer(message.line):
            bounds = (Bound(column, "at_least", float(match["low"])), Bound(column, "at_most", float(match["high"])))
            yield Mention(*message.span(match), "bound", 4.0, bounds=bounds)
        for match in _DURATION.finditer(message.line):
            minutes = _minutes(match)
            if minutes is None or not 5 <= minutes <= 600:
                continue
            start, end = message.span(match)
            yield _limited(message, column, start, end, minutes, whole=True) or Mention(
                start, end, "set_aside", 2.0, bounds=(Bound(column, "at_most", minutes),)
            )

    def _bare_durations(self, message: Message, column: str, belief: BeliefState) -> Iterator[Mention]:
        """Yield bounds of bare numbers (`125 then`) while a limit on the length is in force or hours are spoken of."""
        known = any(entry.attribute == column for entry in belief.wishes)
        for place, token in enumerate(message.tokens):
            if _MINUTES.fullmatch(token.norm) and 45 <= int(token.norm) <= 240:
                after = message.piece(place + 1, place + 3)
                if re.match(r"(?:min|hour|hr|h\b|year|yr|times|percent|%|items|pages)", after):
                    continue
                found = _limited(message, column, place, place + 1, float(token.norm), whole=True)
                if found and found.strength > 1.0 and (known or _LENGTHY.search(message.line)):
                    yield found
                elif known and re.match(r"^(?:then|is (?:ok|okay|fine|good)|ok\b|fine\b|it is)", after):
                    yield Mention(place, place + 1, "bound", 3.0, bounds=(Bound(column, "at_most", float(token.norm)),))

    def _counts(self, message: Message) -> Iterator[Mention]:
        for place, token in enumerate(message.tokens):
            number = amount(token.norm) if token.norm not in ("a", "an", "one") else None
            if number is None:
                continue
            first, last = message.sentence_at(place)
            after = self.others.get(message.tokens[place + 1].stem) if place + 1 < last else None
            before = [other.stem for other in message.tokens[max(first, place - _REACH) : place]]
            column = after or next((self.others[word] for word in reversed(before) if word in self.others), None)
            if column:
                end = place + 2 if after else place + 1
                if found := _limited(message, column.name, place, end, number, column.name in self.whole):
                    yield found


def _range(column: str, low: int | None, high: int | None) -> tuple[Bound, ...]:
    if low is not None and low == high:
        return (Bound(column, "is", low),)
    bounds = [Bound(column, "at_least", low)] if low else []
    return (*bounds, Bound(column, "at_most", high)) if high else tuple(bounds)


def decade_of(match: re.Match[str]) -> tuple[int, int]:
    """Return the first and the last year of a decade, or of the part of it, that `DECADE` matched."""
    if match["word"]:
        first = _DECADES[match["word"]]
    else:
        first = int(match["digits"])
        if first < 100:
            first += 2000 if first < 20 else 1900
    low, high = {"early": (0, 4), "mid": (3, 7), "middle": (3, 7), "late": (5, 9)}.get(match["part"], (0, 9))
    if match["part2"]:
        high = {"mid": 7, "late": 9}[match["part2"]]
    return first + low, first + high


def _minutes(match: re.Match[str]) -> float | None:
    if match["half"]:
        return 30
    if match["hour"]:
        return 90 if match["hour_half"] else 60
    if match["hours"]:
        hours = amount(match["hours"])
        if hours is None:
            return None
        half = match["hours_half"] or match["hours_half2"] or ""
        rest = amount(match["rest"]) if match["rest"] else 0
        return hours * 60 + (15 if "quarter" in half else 30 if half else 0) + (rest or 0)
    if match["glued"]:
        return int(match["glued"]) * 60 + int(match["glued_rest"] or 0)
    return amount(match["minutes"] or match["glued_minutes"])


def _limited(message: Message, column: str, start: int, end: int, number: float, whole: bool) -> Mention | None:
    """Return the bound that the words around a number make of it, None when they make none."""
    step = 1 if whole else 0
    before = _COMPARED.search(message.piece(max(start - 9, message.sentence_at(start)[0]), start))
    after = _COMPARED_AFTER.search(message.piece(end, end + 4))
    op: Op | None = None
    if before:
        refused = before["not"] is not None
        if before["least"]:
            op = "at_least"
        elif before["most"]:
            op = "at_most"
        elif before["more"]:
            op, number = ("at_most", number) if refused else ("at_least", number + (0 if number % 30 == 0 else step))
        else:
            op, number = ("at_least", number) if refused else ("at_most", number - step)
        first = start - len(before[0].split())
        return Mention(first, end, "bound", 3.0, bounds=(Bound(column, op, number),))
    if after:
        op = "at_most" if after["most"] else "at_least"
        return Mention(start, end + len(after[0].split()), "bound", 3.0, bounds=(Bound(column, op, number),))
    return None
