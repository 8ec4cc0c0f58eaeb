"""Which words of a sentence about an item rest on nothing: the guard of everything that is said of items."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files

from agent.belief import BeliefState
from agent.facts import liked
from agent.phrases import pattern, phrase_words
from agent.sentences import forms
from retrieval.catalog import Catalog, Column, Item, fold

NEGATIONS = frozenset({"no", "not", "without", "never", "nothing", "none", "instead", "isn't", "nor"})
PORTRAYS = frozenset({"as", "is", "was", "who", "plays", "has", "does"})
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """Split a text into its words, hyphens and apostrophes inside, case kept."""
    return _WORD.findall(text)


def _clauses(sentence: str) -> tuple[list[str], list[int]]:
    """Return the words of a sentence and the number of the clause each stands in; commas and `but` part clauses."""
    parts = re.split(r"[,;:.!?]|(?<=\s)but(?=\s)", sentence)
    pairs = [(word, number) for number, part in enumerate(parts) for word in words_of(part)]
    return [word for word, _ in pairs], [number for _, number in pairs]


@cache
def connecting_words() -> frozenset[str]:
    """Words that state no fact of their own: the only ones a reason may add to the facts and the belief."""
    return frozenset(files("prompts").joinpath("connecting_words.txt").read_text("utf-8").split())


@cache
def phrasing() -> frozenset[str]:
    """Return the stems of connecting words and of the words of forms and phrases, which state nothing by themselves."""
    table = phrase_words()
    texts = [
        *forms(),
        *table["after"].values(),
        *table["units"].values(),
        *sum(table["others"].values(), []),
        "within your limit",
    ]
    own = (stem(word) for text in texts for word in words_of(re.sub(r"\{\w*\}", " ", text)))
    return frozenset({stem(word) for word in connecting_words()} | set(own))


class FactCheck:
    """Tells which words of a sentence rest on nothing."""

    def __init__(self, catalog: Catalog) -> None:
        """Know every value of every facet of `catalog`, so that one said of the wrong item is found out."""
        self.catalog = catalog

    @cached_property
    def _values(self) -> dict[str, list[tuple[str, ...]]]:
        """Stem of a value's first word -> the stems of whole values, longest first."""
        index: dict[str, set[tuple[str, ...]]] = {}
        for values in self.catalog.vocabulary.values():
            for value in values:
                stems = stemmed(value)
                if stems:
                    index.setdefault(stems[0], set()).add(stems)
        return {first: sorted(values, key=len, reverse=True) for first, values in index.items()}

    def unsupported(self, sentence: str, item: Item, belief: BeliefState) -> list[str]:
        """Return the words and values in `sentence` that neither the item's data nor the belief supports.

        Its title, or one that the person liked, may be named as a whole. Otherwise a catalog value must be the item's
        own, or be denied of an item that lacks it; a number must be the item's; a name must be whole or a surname; any
        other word must come from the item, the belief or the connecting words.
        """
        words, clauses = _clauses(sentence)
        stems = [stem(word) for word in words]
        own = {value for name in self._facets() for value in map(stemmed, item.values(name)) if value}
        item_stems = set(stemmed(self._facts(item)))
        titles = [stemmed(title) for title in liked(belief, self.catalog).split("; ")]
        titles += [title[:-1] for title in titles if len(title) > 1 and title[-1].isdigit()]
        titles.append(stemmed(item.title))
        heard = {s for entry in (*belief.wishes, *belief.items) for s in stemmed(entry.words)}
        heard |= {s for entry in belief.wishes for s in stemmed(str(entry.value))}
        connecting = phrasing()
        names = [stemmed(value) for column in self._people() for value in item.values(column.name)]
        parts = {s for name in names for s in name} - set(stemmed(self._facts(item, names=False))) - heard - connecting
        surnames = {name[-1] for name in names if name}
        found, place = [], 0
        while place < len(words):
            if title := next((t for t in titles if t and tuple(stems[place : place + len(t)]) == t), None):
                place += len(title)
                continue
            value = self._value_at(stems, place)
            width = len(value) if value else 1
            span, text = stems[place : place + width], " ".join(words[place : place + width])
            denied = self._denied(words, clauses, place)
            mixed = place > 0 and stems[place - 1] in parts and clauses[place - 1] == clauses[place]
            if self._miscredited(words, place, width, item):
                found.append(text)
            elif value not in own and stems[place] in parts and (stems[place] not in surnames or mixed):
                found.append(text)
            elif all(s in connecting for s in span):
                pass
            elif any(character.isdigit() for character in text):
                if not (set(span) <= item_stems or self._decade(text, item)):
                    found.append(text)
            elif value is not None and denied:
                if value in own:
                    found.append(f"not {text}")
            elif set(span) <= item_stems:
                pass
            elif value is not None or not set(span) <= heard:
                found.append(text)
            place += width
        return found

    def _facets(self) -> list[str]:
        return [column.name for column in self.catalog.schema.with_role("facet")]

    def _people(self) -> list[Column]:
        return [column for column in self.catalog.schema.with_role("facet") if column.people]

    def _facts(self, item: Item, names: bool = True) -> str:
        """Write all that is known of an item, its columns' names and units with it; without `names` no people."""
        schema = self.catalog.schema
        columns = " ".join(f"{c.name} {c.singular} {c.unit}" for c in schema.with_role("facet", "number"))
        values = "; ".join(
            value
            for column in schema.with_role("facet", "number", "date")
            if names or not column.people
            for value in item.values(column.name)
        )
        return f"{self.catalog.label(item)}; {values}; {item.text} {columns} {schema.noun} {schema.nouns}"

    def _value_at(self, stems: Sequence[str], place: int) -> tuple[str, ...] | None:
        for value in self._values.get(stems[place], ()):
            if tuple(stems[place : place + len(value)]) == value:
                return value
        return None

    def _miscredited(self, words: Sequence[str], place: int, width: int, item: Item) -> bool:
        """Tell whether a name is said to do what no data tells.

        It stands behind the word for a role that is not its own, such as `directed by` an actor, or is said to be or
        to play somebody.
        """
        name = stemmed(" ".join(words[place : place + width]))
        columns = self._people()
        roles = [c.name for c in columns if any(set(name) <= set(stemmed(v)) for v in item.values(c.name))]
        if roles and fold(" ".join(words[place + width : place + width + 1])) in PORTRAYS:
            return True
        before = [fold(word) for word in words[max(0, place - 4) : place]]
        cues = {c.name: {w[:5] for w in words_of(fold(f"{c.name} {pattern(c)}")) if len(w) > 4} for c in columns}
        named = [name for name, own in cues.items() for word in before if word[:5] in own]
        return bool(roles and named and not set(named) & set(roles))

    @staticmethod
    def _denied(words: Sequence[str], clauses: Sequence[int], place: int) -> bool:
        near = range(max(0, place - 4), place)
        return any(fold(words[before]) in NEGATIONS for before in near if clauses[before] == clauses[place])

    def _decade(self, text: str, item: Item) -> bool:
        """Tell whether `text` names the decade of one of the item's years: 90s, 1990s."""
        year = self.catalog.schema.with_unit("year")
        number = item.number(year.name) if year else None
        match = re.fullmatch(r"(?:\d\d)?(\d)0s", fold(text))
        return bool(match and number is not None and int(match[1]) == int(number) // 10 % 10)


def grounded(reason: str, item: Item, belief: BeliefState, catalog: Catalog) -> bool:
    """Tell whether every fact in `reason` is in the item's data or the belief."""
    return not FactCheck(catalog).unsupported(reason, item, belief)


def stemmed(text: str) -> tuple[str, ...]:
    """Return the stems of a text's words, in order."""
    return tuple(stem(word) for word in words_of(text))


@cache
def stem(word: str) -> str:
    """Return the folded Snowball (English) stem of one word, without a possessive ending."""
    from Stemmer import Stemmer

    bare = fold(word).replace("’", "'").removesuffix("'s")
    return str(Stemmer("english").stemWord(bare))
