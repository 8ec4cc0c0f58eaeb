"""Plain wordings that leave nothing to judge: they overrule what the judges make of a mention."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agent.belief import VERDICTS, BeliefState, Limit, Preference, Verdict, same
from agent.linking import scope
from agent.linking.assembly import TAKEN_BACK
from agent.linking.drafts import ItemSight, ValueSight
from agent.linking.in_titles import TITLE
from agent.linking.mentions import Mention
from agent.linking.residue import residue_at
from agent.linking.words import Message
from retrieval.catalog import Catalog

if TYPE_CHECKING:
    from agent.linking.options import Option, Scene

IDLE = 0.6
"""Probability from which a value is taken as only spoken of, chosen by folds."""
PLAINLY_IDLE = 0.9
"""The same where the words before a value ask for it or refuse it."""
SURELY = 0.5
"""Probability from which a person who is named is a limit and not a wish: praise for somebody shuts nothing out."""
_NOT = r"(?<!not )(?<!never )(?<!havent )(?<!didnt )(?<!dont )(?<!hasnt )(?<!wont )(?<!cant )"
_BEFORE: Mapping[Verdict, re.Pattern[str]] = {
    "seen": re.compile(
        rf"{_NOT}\b(?:seen|watched|rewatched)(?: both| all| em| already| the| of| it| them| those| these| ,)*$"
    ),
    "liked": re.compile(rf"{_NOT}\b(?:loved|adored|enjoyed|liked)(?: both| all| the| of| them| those| these)*$"),
    "disliked": re.compile(rf"{_NOT}\b(?:hated|disliked|detested)(?: both| all| the| of| them| those| these)*$"),
    "rejected": re.compile(r"\b(?:skip|drop|veto|remove|no thanks to|not interested in)(?: both| all| the)*$"),
    "accepted": re.compile(
        r"\b(?:ill take|ill go with|lets go with|going with|we take|well take|ill watch|put on|lets watch)(?: the)?$"
    ),
}
_AFTER: Mapping[Verdict, re.Pattern[str]] = {
    "seen": re.compile(
        r"^(?:,? ?(?:i|we|ive|weve|have|already|i have|we have|both|all) ?){0,3}"
        r"(?:seen|watched|see already|already see)\b(?! (?:it )?never)"
    ),
    "accepted": re.compile(r"^(?:it is\b(?! (?:too|not|a |so |the ))|sold\b)"),
}
_NEITHER = re.compile(r"\b(?:neither|none of|not any of)\b")
_ALL = re.compile(r"\b(?:all|both)\b")
_CLASHES: Mapping[str, frozenset[str]] = {
    "seen": frozenset({"accepted"}),
    "liked": frozenset({"disliked", "rejected", "accepted"}),
    "disliked": frozenset({"liked", "accepted"}),
    "rejected": frozenset({"accepted", "liked"}),
    "accepted": frozenset({"rejected", "disliked"}),
    "like_this": frozenset({"accepted", "rejected", "unlike_this"}),
    "unlike_this": frozenset({"accepted", "like_this", "liked"}),
}
_COMPARES = re.compile(
    r"^(?:(?:please|pls|ok|okay|and|so|can you|could you|,) )*"
    r"(?:compare\b|(?:what(?:s| is) )?(?:the )?differences? between\b)"
)
_NO = re.compile(r"^(?:no+|nope|nah),? (?:thanks|thank you|thx|ty)\b[ .!,]*(?:really)?[ .!]*$")
_NOT_SEEN = (
    r"\b(?:havent|have not|never|didnt|did not|not) (?:actually |really |yet |even |ever )*"
    r"(?:seen|see|watched|watch|read)"
)
_UNSEEN = re.compile(rf"{_NOT_SEEN}(?: the| of| any of)*$")
_OF_IT: Mapping[Verdict, re.Pattern[str]] = {
    "seen": re.compile(rf"{_NOT}\b(?:seen|watched|rewatched|finished) (?:it|that one|this one)\b"),
    "liked": re.compile(rf"{_NOT}\b(?:loved|adored|enjoyed) (?:it|that one|this one)\b"),
    "disliked": re.compile(rf"{_NOT}\b(?:hated|disliked|detested) (?:it|that one|this one)\b"),
    "like_this": re.compile(
        r"(?<!not )(?<!nothing )\b(?:something|anything|more|ones?) like (?:it|that one|this one)\b"
    ),
}
"""Plain words about the item in focus."""
_UNSEEN_IT = re.compile(rf"{_NOT_SEEN} (?:it|that|this)(?: one)?\b")
_HEDGED = re.compile(r"\?|\b(?:too|less|enough|seen|watched|read|already|is|are|was|were|so|it|this|those|them)\b")
_NONE_OF = re.compile(
    r"(?<!\bsay )\b(?:no|without|nothing with|not the ones? (?:with|about)(?: the| a)?)(?: any| more)?$"
)
_TAKES_BACK = re.compile(
    r"^(?:\w+ ){0,2}?(?:is|are|rule|ban|limit|anymore|any more|needed|required|necessary|fan|problem)\b"
)
_INSTEAD_OF = re.compile(r"\binstead of(?: another| a| an| the| some| any| more)*$")
_DEMANDS = re.compile(r"\b(?:(?:should|must|has to|have to|needs to|got to) be|make it)(?: an?)?$")
_CONTRAST = re.compile(r"\b(?:like|similar|more)\b.*\bbut(?: a| more| a bit| a little| much| way| slightly)*$")
_ASKS_FOR = re.compile(
    r"\b(?:something|anything|smth|but|more|mood for|want|need|gimme|give me|show me|prefer|feel like|maybe|a|an|"
    r"bit|little|kinda|really|very|with|and)"
    r"(?: (?:a|an|more|bit|little|really|very|some|lot|quite|with|set in|about|really))*$"
)


def corrected(scene: Scene, option: Option, said: Sequence[str], chances: Mapping[str, float]) -> tuple[str, ...]:
    """Return what a judge found of an option, unless plain words leave no doubt that it is otherwise."""
    message = scene.sighting.message
    if option.kind == "item":
        if _COMPARES.match(message.line) or (not _named(option) and _only_asks(message)):
            return ()
        if "seen" in {entry.verdict for entry in scene.belief.items if entry.item_id == option.item_id}:
            if _unseen(message, option, scene.belief):
                return (TAKEN_BACK,)
        return _verdicts(scene, option, said, chances)
    if option.kind == "bound" and tuple(said) in ((), ("drop",)) and _alone(message, option):
        return ("is",)
    if option.kind == "value":
        if option.attribute == TITLE:
            return ("is",)
        if option.mention is not None and _INSTEAD_OF.search(message.piece(0, option.mention.start)):
            return ("drop",) if _held(scene, option) else ()
        if tuple(said) == ("drop",) and _demanded(scene, option):
            return ("is",)
        if said not in (("is_not",), ("avoid",), ("drop",)) and _refused(message, option):
            return ("is_not",)
        if not said and _contrasted(message, option):
            return ("wish",)
        if not said and _alone(message, option):
            return (max(("is", "wish"), key=lambda name: chances.get(name, 0.0)),)
    return tuple(said)


def _verdicts(scene: Scene, option: Option, said: Sequence[str], chances: Mapping[str, float]) -> tuple[str, ...]:
    """Return the verdicts on an item that plain words give, then those judged that clash with none before them."""
    message, found = scene.sighting.message, list[str]()
    for sight in option.sights:
        if isinstance(sight, ItemSight) and sight.mention.ref != "focus" and "implied" not in sight.features:
            found += settle((), message, sight.mention, sight.context)
    if option.item_id in scene.belief.focus[:1]:
        found += [name for name, pattern in _OF_IT.items() if pattern.search(message.line)]
    for name in sorted(said, key=lambda name: -chances.get(name, 0.0)):
        clashes = any(name in _CLASHES.get(other, ()) or other in _CLASHES.get(name, ()) for other in found)
        if not clashes and not (name == "accepted" and _NO.match(message.line)):
            found.append(name)
    return tuple(dict.fromkeys(found))


def _refused(message: Message, option: Option) -> bool:
    """Tell whether `no` or `without` stands right before a value, outside a question."""
    mention = option.mention
    if mention is None or option.negated:
        return False
    first, last = message.sentence_at(mention.start)
    before = _NONE_OF.search(message.piece(first, mention.start))
    return bool(before) and not message.piece(first, last).endswith("?") and not _TAKES_BACK.match(
        message.piece(mention.end, last)
    )  # fmt: skip


def _demanded(scene: Scene, option: Option) -> bool:
    """Tell whether a value that was ruled out is asked for: `it should be animated after all`."""
    message, mention = scene.sighting.message, option.mention
    if mention is None or option.negated:
        return False
    first, last = message.sentence_at(mention.start)
    asks = message.piece(first, last).endswith("?")
    against = any(_rules_out(entry) for entry in _held(scene, option))
    return against and not asks and bool(_DEMANDS.search(message.piece(first, mention.start)))


def _held(scene: Scene, option: Option) -> list[Limit | Preference]:
    """Return what is believed of the value of an option."""
    wishes = scene.belief.wishes
    return [entry for entry in wishes if entry.attribute == option.attribute and same(entry.value, option.value)]


def _rules_out(entry: Limit | Preference) -> bool:
    return entry.op == "is_not" if isinstance(entry, Limit) else entry.weight < 0


def _contrasted(message: Message, option: Option) -> bool:
    """Tell whether a value is what is to be different: `like the second but shorter`."""
    sights = [sight for sight in option.sights if isinstance(sight, ValueSight) and sight.reading.stance == "want"]
    return any(
        _CONTRAST.search(message.piece(first, sight.mention.start)) and not message.piece(first, last).endswith("?")
        for sight in sights
        for first, last in [message.sentence_at(sight.mention.start)]
    )


def _alone(message: Message, option: Option) -> bool:
    """Tell whether a message is this one value, asked for by being said."""
    sights = [sight for sight in option.sights if isinstance(sight, ValueSight)]
    return (
        bool(sights)
        and sights[0].reading.stance == "want"
        and not _HEDGED.search(message.line)
        and not residue_at(message, tuple(sight.mention for sight in sights))
    )


def _named(option: Option) -> bool:
    return option.mention is not None and option.mention.ref != "focus"


def _only_asks(message: Message) -> bool:
    """Tell whether every sentence of a message asks about items."""
    asked = [
        message.piece(*sentence).endswith("?") and scope.is_question_about_items(message, *sentence)
        for sentence in message.sentences
    ]
    return bool(asked) and all(asked)


def _unseen(message: Message, option: Option, belief: BeliefState) -> bool:
    """Tell whether a message takes back that an item was seen."""
    if option.mention is not None and _named(option):
        return bool(_UNSEEN.search(message.piece(option.mention.start - 6, option.mention.start)))
    return option.item_id in belief.focus[:1] and bool(_UNSEEN_IT.search(message.line))


def settle(said: Sequence[str], message: Message, mention: Mention, context: tuple[str, str]) -> list[Verdict]:
    """Return the verdicts that plain words give, and of those judged only what does not clash with them."""
    before, after = context
    if scope.is_question_about_items(message, *message.sentence_at(mention.start)):
        plain: list[Verdict] = []
    elif _NEITHER.search(message.piece(mention.start, mention.end)):
        plain = ["rejected"]
    else:
        own = message.piece(mention.start, mention.end)
        plain = [
            verdict
            for verdict, pattern in _BEFORE.items()
            if pattern.search(before) or (_ALL.search(own) and pattern.search(own))
        ]
        plain += [verdict for verdict, pattern in _AFTER.items() if pattern.match(after) and verdict not in plain]
    clashing = {name for verdict in plain for name in _CLASHES[verdict]}
    judged = [verdict for verdict in VERDICTS if verdict in said and verdict not in plain and verdict not in clashing]
    return [*plain, *judged]


def stance_of(chances: Mapping[str, float], message: Message, sight: ValueSight, belief: BeliefState) -> str:
    """Return the stance to a value: the judged one unless the words around it are plain."""
    mention, meaning, reading = sight.mention, sight.meaning, sight.reading
    start, end = message.sentence_at(mention.start)
    asks = scope.is_question_about_items(message, start, end)
    held = [entry for entry in belief.wishes if entry.attribute == meaning.attribute]
    if mention.kind == "value":
        held = [entry for entry in held if same(entry.value, meaning.value)]
    if reading.stance == "drop" and held and not asks and not mention.bounds:
        return "drop"
    wanted = {"is", "wish"} if reading.stance == "want" else {"is_not", "avoid"} if reading.stance == "avoid" else set()
    open_to = {name: chance for name, chance in chances.items() if name != "none"}
    if not open_to:
        return "none"
    plainly = not asks and (
        reading.stance == "avoid" or bool(_ASKS_FOR.search(message.piece(max(start, mention.start - 4), mention.start)))
    )
    contrast = not asks and mention.kind == "value" and bool(_CONTRAST.search(message.piece(start, mention.start)))
    if not contrast and chances.get("none", 0.0) >= (PLAINLY_IDLE if plainly else IDLE):
        return "none"
    if plainly and wanted and mention.kind == "value" and reading.stance == "avoid":
        open_to = {name: chance for name, chance in open_to.items() if name in wanted}
    return max(open_to, key=open_to.__getitem__)


def surely(stance: str, chances: Mapping[str, float], attribute: str, catalog: Catalog) -> str:
    """Return a wish in the place of a limit on people that is not likelier than everything else, else `stance`."""
    column = catalog.schema.column(attribute)
    unsure = stance == "is" and chances.get("is", 0.0) < SURELY
    return "wish" if unsure and column is not None and column.people else stance
