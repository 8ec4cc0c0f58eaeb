"""What the words around a value make of it: wanted or not, hard or soft, taken back, or only spoken of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from agent.linking.mentions import Mention
from agent.linking.words import Message

Stance = Literal["want", "avoid", "drop", "none"]

_LIKING = (
    r"(?:want|like|need|do|watch|stand|take|handle|deal with|love|enjoy|feel like|see|care for|have|get|fancy|"
    r"abide|bear|wanna|go for|cope with)"
)
_HARD_NOT = re.compile(
    r"\b(?:no more|no|not|without|w / o|nothing|none|never|zero|minus|avoid|avoids|skip|except|exclude|excluding|"
    r"hates?|hated|sans|neither|nor|"
    r"other than|anything but|sick of|tired of|enough of|enough with|had enough|done with|leave out|allergic to|"
    r"rules? out|instead of|rather than|"
    r"stop|lose the|ban|scared of|afraid of|fed up with|cant with|over the|keep out|0|isnt|arent|aint|wasnt|"
    r"stay away from|anti|nix|had it with|"
    rf"(?:dont|do not|doesnt|does not|didnt|cant|cannot|can not|wont|wouldnt|couldnt|not|cant even|"
    rf"never) (?:\w+ ){{0,2}}?{_LIKING})\b"
)
_SOFT_NOT = re.compile(
    r"\b(?:not (?:too|so|very|that|overly|super|really|all|as|quite)|nothing (?:too|so|very|overly|that)|less|too|"
    r"isnt (?:too|so|very)|arent too|"
    r"rather not|not (?:keen on|into|a fan of|big on|in the mood for|crazy about|feeling|up for)|a bit less|"
    r"wont be too|doesnt get too|"
    r"dont love|isnt all|not a big|no need for|without too much|not much|dont (?:really |much )?(?:like|love|"
    r"enjoy|care for)|easy on the|"
    r"hates?|not just|without being|without too)\b"
)
_BREAK = re.compile(
    r"\b(?:but|just|only|something|smth|somethin|instead|give|gimme|maybe|however|although|prefer|i|im|id|ill|ive|"
    r"we|please|pls|plz|thats|because|cause|cos|"
    r"since|if|so|lets|show|then|yes|ok|okay|fine|want|wants|need|needs|more|rather|find|make|me|my|he|she|they|"
    r"when|who|about which|while|still)\b|[;:.!?()]"
)
_KEEP = re.compile(
    r"\b(?:not|nothing|no|dont|without) (?:only|just|mind|sure|bad|bothered|fussy|fussed|picky|idea|matter|"
    r"problem|worries|rush|care)\b|\bnothing but\b|\bnot only\b|\bno no\b|\bwhy not\b"
)
_IN_PLACE_OF = ("instead of", "rather than")
_LISTED = re.compile(r"\b(?:or|nor|and)\b|,")
_DROP_BEFORE = re.compile(
    r"\b(?:drop|dropping|dropped|forget|scrap|lose|never ?mind|nvm|ignore|lift|remove|cancel|disregard|ditch|skip|"
    r"scratch|undo|take (?:back|off|out|away)|relax|"
    r"get rid of|allow|allowed|permit|no longer|doesnt (?:have to|need to|hav to|has to) (?:be|have)|dont (?:need|"
    r"have) (?:it )?(?:to|the)(?: be)?|neednt be|need not be|"
    r"doesnt matter if (?:its|it is)|can be|could be|may be|dont mind|do not mind|dont care (?:about|if its|if)|"
    r"not bothered about|let go of|let the|"
    r"any|whatever|not important|open to|fine with|ok with|okay with|cool with|accept|i can (?:do|live with|take|"
    r"handle)|im (?:fine|ok|okay) with|"
    r"doesnt matter|be flexible|stop with|instead of|without the)(?: (?:the|about|that|a|an|to|be|some|any|bit|of|"
    r"it|my|all|this|it being|have|be|both|being|those|even|little|tiny|only|if|its|is|it is|on|part|thing|rule|"
    r"whole))*$"
)
_DROP_AFTER = re.compile(
    r"^(?:(?:thing|part|rule|stuff|bit|limit|items?|ones?|requirement|constraint|idea|too|also|for that|"
    r"actually|then|one|length|wish) ?)*"
    r"(?:(?:is|are|was|would be|may be|can be|it is|s|isnt|arent) (?:actually |also |totally |all |now |"
    r"perfectly |then |no longer |not )?"
    r"(?:fine|ok|okay|good|alright|all right|allowed|permitted|acceptable|cool|no problem|negotiable|important|"
    r"needed|necessary|back on|back|welcome|optional|a must)"
    r"|(?:doesnt|dont|does not|do not|no longer|not) (?:really |even )?(?:matters?|important|have to|need|mind|"
    r"necessary|needed|count|important)|or not\b|ok\b|okay\b|fine\b|not important|not necessary|"
    r"no matter|can go|can come|can stay|out the window|be damned|whatever|(?:i )?(?:dont|do not) (?:care|mind))"
)
_MUST = re.compile(
    r"\b(?:must|only|has to|have to|needs? to|definitely|strictly|make it|exclusively|be sure|absolutely|all|proper)\b"
)
_MUST_AFTER = re.compile(r"^(?:only|is a must|a must|or nothing|please only)\b")
_SOFTLY = re.compile(
    r"\b(?:in the mood for|mood for|kind of|kinda|sort of|sorta|preferably|prefer|ideally|maybe|perhaps|a bit|"
    r"a little|bit of|slightly|if possible|like|likes|love|loves|"
    r"loved|fond of|leaning|something a|would be nice|into|feel like|feeling|enjoy|enjoys|fancy|possibly|rather|"
    r"bonus|wouldnt mind|more)\b"
)
_SOFTLY_AFTER = re.compile(
    r"^(?:\w+ ){0,2}?(?:if possible|if you can|preferred|ideally|would be nice|preferably|maybe|i guess|if u|"
    r"if you have|perhaps|or so|is a plus|a plus|vibes?|ish)\b"
)
_ASKED = re.compile(
    r"^(?:(?:ok|okay|and|but|so|wait|hm|hmm|oh|ooh|yes|cool|nice|good|also|um|ah|great|no|then|well|,|omg|hang on|"
    r"sorry|btw) )*"
    r"(?:is|are|was|were|does|do|did|has|how|who|whos|whats?|which|why|when|where|whose|will|would|wasnt|isnt|"
    r"doesnt|arent|aint|got subtitles)\b"
)
_WISHFUL_QUESTION = re.compile(
    r"\b(?:is there|are there|do you have|do u have|have you|have u|you got|u got|got any|got anything|any|"
    r"anything|something|smth|can you|can i|can we|could you|could i|"
    r"could we|what about|how about|what else|who else|wat about|what other|do you know|which .* items (?:do|have|are)|"
    r"what .* items|is possible|"
    r"what do you have|what have you|whats good|else|more|what would you|would you (?:have|recommend|suggest)|"
    r"do we have|show|u have|you have|do you do|got)\b"
)
_ABOUT_ITEM = re.compile(
    r"^(?:(?:ok|okay|and|but|so|wait|hm|hmm|oh|ooh|yes|cool|nice|good|also|um|ah|great|no|then|well|,) )*(?:is|"
    r"are|was|does|do|did|has|will) "
    r"(?:it|that|this|he|she|they|the|one|that one|this one|any of|either|both)\b"
)


_LIGHT = frozenset("a an the any of or nor , with in about more / and that too".split())
"""Words that do not count towards the reach of a refusal."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one mention stands in its sentence."""

    stance: Stance
    firm: bool | None = None
    """True by words such as must, False by words such as maybe, None when the words leave it open."""
    soft_not: bool = False
    """A mild refusal: `not too`, `less`."""
    instead: bool = False


def is_question_about_items(message: Message, start: int, end: int) -> bool:
    """Tell whether a sentence asks about items and does not ask for some."""
    piece = message.piece(start, end)
    asks = bool(_ASKED.match(piece)) or piece.endswith("?")
    if not asks:
        return False
    return bool(_ABOUT_ITEM.match(piece)) or (bool(_ASKED.match(piece)) and not _WISHFUL_QUESTION.search(piece))


def read(message: Message, mention: Mention, others: tuple[Mention, ...]) -> Reading:
    """Return how `mention` stands: the words before it in its sentence, then those after it, decide."""
    first, last = message.sentence_at(mention.start)
    before = message.piece(first, mention.start)
    after = message.piece(mention.end, min(last, mention.end + 7))
    between = {place for other in others if other is not mention for place in range(other.start, other.end)}
    if _drops(before, after):
        return Reading("drop")
    refusal = _refusal(message, first, mention.start, between)
    if refusal:
        return Reading("avoid", soft_not=refusal == "soft")
    if re.match(
        r"^(?:is |are )?(?:out(?! of\b)|banned|no thanks|no thank you|no|nope|not (?:today|tonight|"
        r"for me))\b(?! (?:problem|matter|more))",
        after,
    ):
        return Reading("avoid")
    firm = None
    near = " ".join(before.split()[-6:])
    if _SOFTLY.search(near) or _SOFTLY_AFTER.match(after):
        firm = False
    if _MUST.search(" ".join(before.split()[-4:])) or _MUST_AFTER.match(after):
        firm = True
    return Reading("want", firm=firm, instead=bool(re.search(r"\binstead\b(?! of\b)", message.piece(first, last))))


def _drops(before: str, after: str) -> bool:
    return bool(_DROP_BEFORE.search(before)) or bool(_DROP_AFTER.match(after))


def _refusal(message: Message, first: int, start: int, between: set[int]) -> str:
    """Return `hard`, `soft` or nothing for the refusal whose scope reaches token `start`."""
    before = message.piece(first, start)
    best = _last_refusal(before)
    if best is None:
        return ""
    gap = before[best[0] :].strip()
    if not gap:
        return best[1]
    if before[: best[0]].endswith(_IN_PLACE_OF) and between & set(range(start - len(gap.split()), start)):
        if not _LISTED.search(gap):
            return ""  # `instead of a comedy a drama`: what follows the first is what is wanted
    if _BREAK.search(gap.removeprefix("with ").removeprefix("about ").removeprefix("so ").removeprefix("more ")):
        return ""
    words = gap.split()
    offset = start - len(words)
    loose = [word for place, word in enumerate(words) if offset + place not in between]
    if "," in words:
        listed = re.search(r"\b(?:or|nor)\b", message.piece(offset, message.sentence_at(start)[1]))
        if not listed:
            return ""
    return best[1] if sum(word not in _LIGHT for word in loose) <= 3 else ""


def _last_refusal(before: str) -> tuple[int, str] | None:
    """Return where the last refusal in `before` ends and whether it is `hard` or `soft`."""
    found = [  # of two that end at one place the soft one counts
        (match.end(), name)
        for name, pattern in (("hard", _HARD_NOT), ("soft", _SOFT_NOT))
        for match in pattern.finditer(before)
        if not _KEEP.match(before, match.start())
    ]
    return sorted(found, key=lambda one: one[0])[-1] if found else None
