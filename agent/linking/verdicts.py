"""Cues of what is said about an item: seen, liked, disliked, rejected, accepted, like this, unlike this."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SEEN = re.compile(
    r"\b(?:seen|saw|watched|rewatched|watch(?:ed)? (?:it|that)|by heart|know (?:it|that one|every|all)|grew up on|"
    r"grew up with|own it|own that|been there|"
    r"remember (?:it|that|the)|watched that|a (?:hundred|thousand|million) times|(?:ten|many|twice|\d+) times|"
    r"twice|on loop|on repeat|on a loop|last week|already|finished it|i know|read it|"
    r"have read|have it on|have (?:it|that) on dvd|quotes?|did that|did it|we did|on my shelf)\b"
)
_NOT_SEEN = re.compile(
    r"\b(?:havent|have not|never|hasnt|not|didnt|somehow) (?:seen|watched|saw|see|read|heard|missed)\b|\bnever\b"
)
_LIKED = re.compile(
    r"\b(?:love|loved|loves|adore|adored|liked|enjoyed|great|amazing|brilliant|perfect|masterpiece|favou?rite|"
    r"fave|fav|fire|slaps|banger|so good|beautiful|wonderful|excellent|"
    r"fantastic|was good|was nice|pretty good|awesome|incredible|cried with|classic|genius|best|superb|admired|"
    r"worship|religion|slayed|lovely|very good|was great|was perfect|hit the spot)\b"
)
_DISLIKED = re.compile(
    r"\b(?:hate|hated|trash|boring|bored|awful|terrible|garbage|sucked|sucks|didnt like|did not like|didnt love|"
    r"overrated|fell asleep|disliked|scared me|couldnt finish|walked out|worst|rubbish|"
    r"regret|nightmares|left me cold|disappointing|disappointed|was bad|dull|stupid|annoying|cant stand|"
    r"turned it off|stopped it|gave up|meh|hated it|crap|dumb|not for me|frightened)\b"
)
_REJECT = re.compile(
    r"\b(?:no|not|nah|nope|pass|skip|too (?!much fun)\w+|isnt|cant|cannot|except|rules? out|out|never|without|"
    r"looks (?:like|boring|dumb|bad)|remove|drop|instead of|enough|dont|wont|doesnt|"
    r"leave out|anything but|besides|sounds (?:depressing|boring|slow|heavy|too|bad|sad|grim)|off|ew|yuck|ugh|"
    r"sick of|tired of|kids stuff|is for (?:babies|kids|dads)|veto|vetoed|sorry|hard no|absolutely not|neither)\b"
)
_ACCEPT = re.compile(
    r"\b(?:ill take|we take|well take|i take|take|ill go|going with|go with|going w|go w|sold|it is|then|done|yes|"
    r"yeah|ok|okay|deal|decided|put on|put|sounds (?:good|great|lovely|perfect|nice|fun|fine)|wins?|works|"
    r"lets (?:go|do|watch)|final answer|book it|queue|perfect|fine|tonight|ill watch|well watch|we watch|i watch|"
    r"choose|chose|pick|picked|picks|i want|want|ill do|do|try|give me|ill try|will do|sure|play|start|thanks|"
    r"thank you|cheers|great|please|good|happy with)\b"
)
_LIKE = re.compile(
    r"(?:\b(?:something|smth|somethin|anything|sumthing|more|stuff|items?|one|ones|similar|same|"
    r"kinda|thing|things|another|closer|sort|story|kind|maybe|comedy|thriller|in tone|feel|else|vibe|vibes|much|"
    r"just|exactly|a bit|sth|style|"
    r"gimme|sum|want|need|show me|somthing|smthing|sumthin|and|recommend|me) (?:more )?like|^like|\bsimilar to|"
    r"\bin the (?:vein|style|spirit|mood) of|\bmore of|\bsame \w+ (?:as|of|like|but)|\bas good as|\bresembl\w+|"
    r"\bfans? of|\bakin to|"
    r"\bthe way|\bkin of|\bclose to|\bmore|\bsimilar|\b(?:a|the) new|\bsame as|\breminds? me of|\blike)(?: the| a|"
    r" an| say| maybe| :| in| first| item)*$"
)
_LIKE_AFTER = re.compile(
    r"^(?:type|style|vibes?|kind|ish|esque|like|but (?!no\b)\w+|but for|energy|feel|feeling|again but|adjacent)\b"
)
_LIKES_IT = re.compile(
    r"\b(?:i|we|she|he|they|dont|didnt|really|would|looks|sounds|feels|seems|was|is|also|not|me) (?:really |also |"
    r"did )?like(?: the| a)?$"
)
_UNLIKE = re.compile(
    r"\b(?:nothing like|not like|unlike|opposite of|not another|anything but|different from|not more|nothing as|"
    r"far from|and not|less like|dont want another|nothing similar to)(?: the| a| to)?$"
)


MORE_LIKE_IT = re.compile(
    r"\b(?:(?:more|something|anything|stuff|one|similar|another|items?|"
    r"others?) (?:\w+ )?like (?:that|it|this|those|these|them)|similar(?: to (?:that|it|this))?|same (?:vibe|"
    r"thing|feel|feeling|kind|energy|mood|sort|idea)|"
    r"in that vein|of that kind|that kind of|like that)\b"
)
CUES: Mapping[str, re.Pattern[str]] = {
    "seen": _SEEN,
    "unseen": _NOT_SEEN,
    "liked": _LIKED,
    "disliked": _DISLIKED,
    "reject": _REJECT,
    "accept": _ACCEPT,
}
"""Name -> pattern; where one fires is evidence, the judge weighs it."""


def cue_flags(before: str, after: str) -> list[str]:
    """Return which cues fire before and after an item, such as `seen<` and `liked>`."""
    flags = [f"{name}<" for name, pattern in CUES.items() if pattern.search(before)]
    flags += [f"{name}>" for name, pattern in CUES.items() if pattern.search(after)]
    flags += [f"{name}<near" for name in ("reject", "accept") if CUES[name].search(before[-14:])]
    flags += [f"{name}>near" for name in ("reject", "accept") if CUES[name].search(after[:14])]
    if _UNLIKE.search(before):
        flags.append("unlike<")
    elif _LIKE.search(before):
        flags.append("ilike<" if _LIKES_IT.search(before) else "like<")
    if _LIKE_AFTER.match(after):
        flags.append("like>")
    if MORE_LIKE_IT.search(before):
        flags.append("likeit")
    return flags
