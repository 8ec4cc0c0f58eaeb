"""What the judges look at: plain features of a mention in its sentence, free of the words of any catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.belief import BeliefState, Preference, same
from agent.linking import scope
from agent.linking.lexicon import Meaning
from agent.linking.mentions import Mention
from agent.linking.ordinary import WORDS
from agent.linking.verdicts import cue_flags
from agent.linking.words import Message

_WINDOW = 6
_TOGETHER = re.compile(r"^(?:and|or|,|&|n|\+|both|also|/| )*$")
_FRAMES = {
    "item": "<item>",
    "value": "<value>",
    "bound": "<bound>",
    "attribute": "<attribute>",
    "set_aside": "<number>",
}


def frame(message: Message, mentions: Sequence[Mention]) -> list[str]:
    """Return one word for each token: ordinary words as they are, mentions by kind, other words as one sign."""
    words = []
    for token in message.tokens:
        if not token.is_word:
            words.append(token.norm)
        elif token.norm.isdigit():
            words.append("<digits>")
        else:
            words.append(token.norm if token.norm in WORDS else "<other>")
    for mention in mentions:
        for place in range(mention.start, mention.end):
            words[place] = _FRAMES[mention.kind] if place == mention.start else ""
    return words


def surroundings(message: Message, mentions: Sequence[Mention], mention: Mention) -> tuple[int, int, int, int]:
    """Return the tokens that speak of an item: (start of before, its end, start of after, its end).

    They reach to the edges of the sentence or to the neighbouring items; items joined by `and` share them.
    """
    start, end = message.sentence_at(mention.start)
    first, last = mention.start, mention.end
    items = sorted((other for other in mentions if other.kind == "item"), key=lambda other: other.start)
    for other in reversed([item for item in items if start <= item.start and item.end <= mention.start]):
        if not _TOGETHER.match(message.piece(other.end, first)):
            start = other.end
            break
        first = other.start
    for other in [item for item in items if item.start >= mention.end and item.end <= end]:
        if not _TOGETHER.match(message.piece(last, other.start)):
            end = other.start
            break
        last = other.end
    return start, first, last, end


def context_of(message: Message, mentions: Sequence[Mention], mention: Mention) -> tuple[str, str]:
    """Return the words before and after an item that speak of it."""
    start, first, last, end = surroundings(message, mentions, mention)
    return message.piece(start, first), message.piece(last, end)


def item_features(
    message: Message, mentions: Sequence[Mention], mention: Mention, item_id: str, belief: BeliefState
) -> list[str]:
    """Return the features by which a verdict on one named item is judged."""
    words = frame(message, mentions)
    found: list[str] = []
    start, first, last, end = surroundings(message, mentions, mention)
    whole = message.sentence_at(mention.start)
    left, right = _kept(words[start:first]), _kept(words[last:end])
    found += [f"l{place}={word}" for place, word in enumerate(reversed(left[-4:]), 1)]
    found += [f"r{place}={word}" for place, word in enumerate(right[:4], 1)]
    found += [f"L={word}" for word in dict.fromkeys(left[-_WINDOW:])]
    found += [f"R={word}" for word in dict.fromkeys(right[: _WINDOW + 2])]
    found += [f"l21={a}_{b}" for a, b in [tuple(left[-2:])] if len(left) > 1] if len(left) > 1 else []
    found += [f"r12={right[0]}_{right[1]}"] if len(right) > 1 else []
    found.append(f"lr={left[-1] if left else '^'}_{right[0] if right else '$'}")
    found += [f"S={word}" for word in dict.fromkeys(_kept(words[whole[0] : whole[1]]))]
    found += [f"N={word}" for word in _neighbours(message, mentions, words, whole[1], forward=True)]
    found += [f"P={word}" for word in _neighbours(message, mentions, words, whole[0], forward=False)]
    before, after = message.piece(start, first), message.piece(last, end)
    found += cue_flags(before, after)
    items = [other for other in mentions if other.kind == "item"]
    shown = next((line.position for line in belief.last_shown() if line.item_id == item_id), 0)
    ever = any(line.item_id == item_id for line in belief.shown)
    where = "last" if shown else "earlier" if ever else "new"
    kind = "position" if mention.ref.startswith("#") else "described" if mention.ref else "title"
    question = "asks" if scope.is_question_about_items(message, *whole) else "states"
    found += [f"where={where}", f"kind={kind}", question, f"{question}&{where}", f"{kind}&{where}"]
    found.append("q" if message.piece(*whole).endswith("?") else "noq")
    size = sum(token.is_word for token in message.tokens)
    found.append(f"size={'1' if size <= 3 else '2' if size <= 7 else '3' if size <= 15 else '4'}")
    found.append(f"size&where={size <= 4}&{where}")
    found.append(f"items={min(len(items), 3)}")
    found.append("firstitem" if items and items[0] is mention else "lateritem")
    found.append("lastitem" if items and items[-1] is mention else "earlieritem")
    found += ["opens"] if mention.start == 0 else []
    found += ["closes"] if mention.end >= len(message) - 1 else []
    kinds = {other.kind for other in mentions}
    found += [f"has={kind}" for kind in kinds - {"item"}]
    found += [f"held={entry.verdict}" for entry in belief.items if entry.item_id == item_id]
    found.append(f"alone={len(belief.last_shown()) == 1}")
    return found


def focus_features(message: Message, mentions: Sequence[Mention], item_id: str, belief: BeliefState) -> list[str]:
    """Return the features by which a message without any named item is judged to speak of the item in focus."""
    words = _kept(frame(message, mentions))
    found = [f"W={word}" for word in dict.fromkeys(words)]
    found += [f"w{place}={word}" for place, word in enumerate(words[:3], 1)]
    found += [f"B={a}_{b}" for a, b in zip(words, words[1:], strict=False)]
    found += [f"z={word}" for word in words[-1:]]
    found += cue_flags(message.line, "")
    size = sum(token.is_word for token in message.tokens)
    found.append(f"size={'1' if size <= 3 else '2' if size <= 7 else '3' if size <= 15 else '4'}")
    found += [f"has={kind}" for kind in dict.fromkeys(other.kind for other in mentions)]
    found += [f"held={entry.verdict}" for entry in belief.items if entry.item_id == item_id]
    found += [f"shown={min(len(belief.last_shown()), 3)}", f"intent={belief.intent}"]
    found.append(f"fresh={any(line.turn == belief.turn for line in belief.shown)}")
    asks = any(scope.is_question_about_items(message, *span) for span in message.sentences)
    found.append(f"asks={asks}")
    return found


def value_features(
    message: Message,
    mentions: Sequence[Mention],
    mention: Mention,
    meaning: Meaning,
    traits: Sequence[str],
    belief: BeliefState,
) -> list[str]:
    """Return the features by which a value, a bound or an attribute is judged wanted, refused, taken back or idle.

    `traits` tell of the column: soft, single, people, number.
    """
    words = frame(message, mentions)
    whole = message.sentence_at(mention.start)
    left, right = _kept(words[whole[0] : mention.start]), _kept(words[mention.end : whole[1]])
    reading = scope.read(message, mention, tuple(mentions))
    asks = scope.is_question_about_items(message, *whole)
    held = [
        entry for entry in belief.wishes if entry.attribute == meaning.attribute and same(entry.value, meaning.value)
    ]
    holds = "".join(sorted({"+" if positive(entry) else "-" for entry in held}))
    near = any(entry.attribute == meaning.attribute for entry in belief.wishes)
    kind = f"{mention.kind}{'+'.join(traits)}"
    stance = f"{reading.stance}{'~' if reading.soft_not else ''}"
    firm = {True: "firm", False: "soft", None: "open"}[reading.firm]
    found = [f"l{place}={word}" for place, word in enumerate(reversed(left[-3:]), 1)]
    found += [f"r{place}={word}" for place, word in enumerate(right[:3], 1)]
    found += [f"l21={left[-2]}_{left[-1]}"] if len(left) > 1 else []
    found += [f"L={word}" for word in dict.fromkeys(left[-_WINDOW:])]
    found += [f"R={word}" for word in dict.fromkeys(right[:_WINDOW])]
    found += [f"S={word}" for word in dict.fromkeys(_kept(words[whole[0] : whole[1]]))]
    found += [
        f"kind={kind}",
        f"stance={stance}",
        f"stance&kind={stance}&{kind}",
        f"firm={firm}",
        f"firm&kind={firm}&{kind}",
    ]
    found += [f"asks={asks}", f"asks&stance={asks}&{reading.stance}", f"q={message.piece(*whole).endswith('?')}"]
    found += [f"held={holds}", f"held&stance={holds}&{reading.stance}", f"near={near}&{reading.stance}&{mention.kind}"]
    found += [f"trait={trait}" for trait in traits]
    found += [f"rare={meaning.count < 8}", f"words={min(mention.length, 3)}"]
    size = sum(token.is_word for token in message.tokens)
    found.append(f"size={'1' if size <= 3 else '2' if size <= 7 else '3' if size <= 15 else '4'}")
    found += [f"size&kind={size <= 4}&{kind}"]
    items = [other for other in mentions if other.kind == "item"]
    inside = any(whole[0] <= other.start < whole[1] for other in items)
    found += [f"item={inside}", f"items={bool(items)}"]
    values = [other for other in mentions if other.kind == "value"]
    found += [f"values={min(len(values), 3)}", "firstvalue" if values and values[0] is mention else "latervalue"]
    found += [f"turn={'0' if belief.turn == 0 else '1'}", f"turn&stance&kind={belief.turn == 0}&{stance}&{kind}"]
    return found


def intent_features(
    message: Message, mentions: Sequence[Mention], belief: BeliefState, facts: Sequence[str]
) -> list[str]:
    """Return the features by which the intent is judged; `facts` tell what the update holds."""
    words = _kept(frame(message, mentions))
    found = [f"W={word}" for word in dict.fromkeys(words)]
    found += [f"w{place}={word}" for place, word in enumerate(words[:2], 1)]
    found += [f"B={a}_{b}" for a, b in zip(words, words[1:], strict=False)]
    found += [f"fact={fact}" for fact in facts]
    found += [f"{a}&{b}" for place, a in enumerate(facts) for b in facts[place + 1 :]]
    asks = any(scope.is_question_about_items(message, *span) for span in message.sentences)
    start = "0" if belief.turn == 0 else "shown" if belief.shown else "1"
    found += [f"asks={asks}", f"turn={start}", f"turn&asks={start}&{asks}", f"q={'?' in message.line}"]
    found += [f"turn&fact={start}&{fact}" for fact in facts]
    found += [f"before={belief.intent}", f"wishes={bool(belief.wishes)}"]
    size = sum(token.is_word for token in message.tokens)
    found.append(f"size={'1' if size <= 3 else '2' if size <= 7 else '3' if size <= 15 else '4'}")
    found += [f"kind={kind}" for kind in dict.fromkeys(mention.kind for mention in mentions)]
    return found


def positive(entry: object) -> bool:
    """Tell whether a limit or preference asks for its value and not against it."""
    if isinstance(entry, Preference):
        return entry.weight > 0
    return getattr(entry, "op", "is") != "is_not"


def _kept(words: Sequence[str]) -> list[str]:
    return [word for word in words if word]


def _neighbours(
    message: Message, mentions: Sequence[Mention], words: Sequence[str], edge: int, forward: bool
) -> Iterator[str]:
    """Yield the words of the next or previous sentence when it names no item itself."""
    for start, end in message.sentences:
        if (forward and start >= edge) or (not forward and end == edge):
            if not any(other.kind == "item" and start <= other.start < end for other in mentions):
                yield from set(_kept(words[start:end]))
            return
