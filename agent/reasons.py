"""Why an item suits: a sentence by the LLM made of known words only, then checked fact by fact."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from agent.belief import BeliefState
from agent.facts import all_facts, liked, spoken
from agent.llm import LanguageModel
from prompts import Prompt, render
from retrieval.catalog import Catalog, Item, fold

MAX_TOKENS = 32
NEGATIONS = frozenset({"no", "not", "without", "never", "nothing", "none", "instead", "isn't", "nor"})
PORTRAYS = frozenset({"as", "is", "was", "who", "plays", "has", "does"})
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason and what it rests on."""

    text: str
    source: str
    """`llm` when the model's sentence passed the check, `facts` when one built from the facts took its place."""
    evidence: tuple[str, ...]
    """Facts of the item, matched ones first, such as `genres: Thriller`."""


def reason_prompt(text: str, belief: BeliefState, item: Item, catalog: Catalog) -> Prompt:
    """Render the prompt for one item's reason; all prompts of a turn share their context."""
    return render("reason", facts=all_facts(item, catalog), **spoken(text, belief, catalog))


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

    def allowed_words(self, item: Item, belief: BeliefState) -> frozenset[str]:
        """Return the words, as written, that a sentence about `item` may be made of."""
        facts = set(words_of(self._facts(item)))
        facts |= {fold(word) for word in facts} - {fold(name) for name in self._names(item)}
        wishes = {word for entry in belief.wishes for word in words_of(str(entry.value))}
        names = {word for entry in liked(belief, self.catalog).split("; ") for word in words_of(entry)}
        return frozenset(facts | wishes | names | connecting_words())

    def unsupported(self, sentence: str, item: Item, belief: BeliefState) -> list[str]:
        """Return the words and values in `sentence` that neither the item's data nor the belief supports.

        A title that the person liked may be named as a whole. Otherwise a catalog value must be the item's own, or be
        denied of an item that lacks it; a number must be the item's; any other word must come from the item, the belief
        or the connecting words.
        """
        words, clauses = _clauses(sentence)
        stems = [stem(word) for word in words]
        own = {value for name in self._facets() for value in map(stemmed, item.values(name)) if value}
        item_stems = set(stemmed(self._facts(item)))
        titles = [stemmed(title) for title in liked(belief, self.catalog).split("; ")]
        titles += [title[:-1] for title in titles if len(title) > 1 and title[-1].isdigit()]
        heard = {s for entry in (*belief.wishes, *belief.items) for s in stemmed(entry.words)}
        heard |= {s for entry in belief.wishes for s in stemmed(str(entry.value))}
        connecting = {stem(word) for word in connecting_words()}
        found, place = [], 0
        while place < len(words):
            if title := next((t for t in titles if t and tuple(stems[place : place + len(t)]) == t), None):
                place += len(title)
                continue
            value = self._value_at(stems, place)
            width = len(value) if value else 1
            span, text = stems[place : place + width], " ".join(words[place : place + width])
            denied = self._denied(words, clauses, place)
            if self._miscredited(words, place, width, item):
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

    def _facts(self, item: Item) -> str:
        names = " ".join(f"{c.name} {c.singular} {c.unit}" for c in self.catalog.schema.with_role("facet", "number"))
        schema = self.catalog.schema
        return f"{all_facts(item, self.catalog)} {item.text} {names} {schema.noun} {schema.nouns}"

    def _names(self, item: Item) -> set[str]:
        people = [column.name for column in self.catalog.schema.with_role("facet") if column.people]
        return {word for name in people for value in item.values(name) for word in words_of(value)}

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
        columns = [column for column in self.catalog.schema.with_role("facet") if column.people]
        roles = [c.name for c in columns if any(set(name) <= set(stemmed(v)) for v in item.values(c.name))]
        if roles and fold(" ".join(words[place + width : place + width + 1])) in PORTRAYS:
            return True
        before = [fold(word) for word in words[max(0, place - 4) : place]]
        named = [c.name for c in columns for word in before if len(word) >= 4 and word[:5] == fold(c.name)[:5]]
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


class Explainer:
    """Writes one reason per item; what the model says and the check refuses never leaves this class."""

    def __init__(self, llm: LanguageModel, catalog: Catalog) -> None:
        """Write with `llm` about items of `catalog`."""
        self.llm, self.catalog, self.check = llm, catalog, FactCheck(catalog)

    def explain(self, text: str, belief: BeliefState, item_ids: Sequence[str]) -> Iterator[tuple[int, Reason]]:
        """Yield (place in `item_ids`, reason) as each is finished.

        A sentence that says too little, or something twice, fails like one that says what is not so. A model without
        an adapter has not learned to write reasons and is not asked.
        """
        items = [self.catalog[item] for item in item_ids]
        if self.llm.adapter_id == "none":
            yield from ((place, reason_from_facts(item, belief, self.catalog)) for place, item in enumerate(items))
            return
        prompts = [reason_prompt(text, belief, item, self.catalog) for item in items]
        words = [self.check.allowed_words(item, belief) for item in items]
        for place, sentence in self.llm.write(prompts, words, MAX_TOKENS):
            connecting = {stem(word) for word in connecting_words()}
            said = [word for word in stemmed(sentence) if word not in connecting]
            reason = reason_from_facts(items[place], belief, self.catalog)
            plain = len(said) >= 2 and len(said) == len(set(said))
            if plain and not self.check.unsupported(sentence, items[place], belief):
                reason = Reason(sentence[:1].upper() + sentence[1:], "llm", reason.evidence)
            yield place, reason


def reason_from_facts(item: Item, belief: BeliefState, catalog: Catalog) -> Reason:
    """Return a reason that needs no language model, with its evidence."""
    matched, others = evidence(item, belief, catalog)
    return Reason(from_facts(item, belief, catalog), "facts", (*matched, *others))


def grounded(reason: str, item: Item, belief: BeliefState, catalog: Catalog) -> bool:
    """Tell whether every fact in `reason` is in the item's data or the belief."""
    return not FactCheck(catalog).unsupported(reason, item, belief)


def evidence(item: Item, belief: BeliefState, catalog: Catalog) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the item's facts as `attribute: value`: those that the belief asks for, and the others."""
    asked = {(fold(entry.attribute), fold(str(entry.value))) for entry in belief.constraints if entry.op != "is_not"}
    asked |= {(fold(entry.attribute), fold(str(entry.value))) for entry in belief.preferences if entry.weight > 0}
    bounds = {fold(entry.attribute) for entry in belief.constraints if entry.op in ("at_least", "at_most")}
    matched: list[str] = []
    others: list[str] = []
    for column in catalog.schema.with_role("facet", "number", "date"):
        for value in item.values(column.name):
            hit = (fold(column.name), fold(value)) in asked or fold(column.name) in bounds
            unit = f" {column.unit}" if column.unit and column.unit != "year" else ""
            (matched if hit else others).append(f"{column.name}: {value}{unit}")
    return tuple(matched), tuple(others)


def from_facts(item: Item, belief: BeliefState, catalog: Catalog) -> str:
    """Build a reason from the facts alone: what matched first, then what is particular about the item."""
    matched, others = evidence(item, belief, catalog)
    found = [(count, _bare(fact)) for fact in others if (count := _frequency(fact, catalog)) >= 3]
    particular = [value for _, value in sorted(found)][: 2 if matched else 3]
    if not matched:
        return f"A mix of {_listed(particular)}." if particular else f"{item.title} fits."
    more = f"; also {_listed(particular)}" if particular else ""
    return f"As you asked: {_listed([_bare(fact) for fact in matched])}{more}."


def _frequency(fact: str, catalog: Catalog) -> int:
    """Return how many items share a fact of a facet, 0 for names and numbers."""
    attribute, _, value = fact.partition(": ")
    column = catalog.schema.column(attribute)
    return 0 if column is None or column.people else catalog.vocabulary.get(column.name, {}).get(value, 0)


def _bare(fact: str) -> str:
    return fact.partition(": ")[2]


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values[:-1]) + (" and " if len(values) > 1 else "") + values[-1] if values else ""


def stemmed(text: str) -> tuple[str, ...]:
    """Return the stems of a text's words, in order."""
    return tuple(stem(word) for word in words_of(text))


@cache
def stem(word: str) -> str:
    """Return the folded Snowball (English) stem of one word, without a possessive ending."""
    from Stemmer import Stemmer

    bare = fold(word).replace("’", "'").removesuffix("'s")
    return str(Stemmer("english").stemWord(bare))
