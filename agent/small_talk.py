"""Small talk: which pleasantries a message holds, and the one line that answers them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.wording import counted
from retrieval.catalog import Catalog, fold

_SAY = {
    "hello": (
        r"(?:hi+|hello+|hey+|hiya|howdy|yo|greetings|good (?:morning|evening|afternoon|day))(?: (?:there|again|you))*"
    ),
    "how are you": (
        r"(?:so )?(?:how (?:are|r) (?:you|u|ya|things|we)(?: (?:doing|today|tonight|feeling))*|"
        r"hows (?:it going|things|life)|how do you do|whats up|sup|how have you been)"
    ),
    "thanks": (
        r"(?:many )?(?:thanks|thank (?:you|u)|thx|cheers|ty|tysm|much obliged)"
        r"(?: (?:a lot|so much|very much|anyway|again|for (?:everything|(?:the|your) help|that)|mate|(?:my )?friend))*"
    ),
    "bye": (
        r"(?:ok )?(?:bye(?: bye)?|goodbye|good ?night|farewell|see (?:you|ya)|cya|later|take care|gotta (?:go|run)|"
        r"have to go)(?: (?:now|later|soon|tomorrow|then))*"
    ),
    "laugh": r"(?:(?:ha){2,}h?|(?:he){2,}|(?:ja){2,}|lol+|lmao|rofl|hah|xd|😂+|🤣+)",
    "praise": (
        r"(?:(?:you are|youre|thats|that is|so|very|really) )*(?:kind|great|nice|cool|perfect|awesome|amazing|"
        r"brilliant|lovely|sweet|good(?: bot| job)?|well done|excellent|wonderful|the best)"
    ),
    "insult": (
        r"(?:you |u |this (?:thing )?|that |it )?(?:(?:are|r|is|youre|ur) )?(?:so |really |an? |just |totally )*"
        r"(?:sucks?|useless|stupid|dumb|idiot|moron|rubbish|garbage|trash|terrible|awful|worst|pathetic)"
        r"(?: (?:bot|machine|thing|program))?|shut up|i hate you|f\w+ you|screw you"
    ),
    "sorry": r"(?:im |i am |so |very )*(?:sorry|my bad|apologies)",
    "fine": r"(?:ok(?:ay)?|k|kk|alright|right|sure|fine|got it|i see|understood|noted|fair(?: enough)?)",
    "thinking": r"(?:h+m+|um+|uh+|er+|well|let me (?:think|see)|one (?:sec|second|moment)|wait|brb|hold on)",
    "no": (
        r"(?:no thank(?:s| you)|no+|nope|nah|not (?:now|really)|never ?mind|rather not|leave it|neither|none|"
        r"i dont (?:mind|care)|doesnt matter|no preference)"
    ),
}
"""Pleasantry -> how it is said."""
_WHO = re.compile(
    r"\b(?:who|what) (?:are|r) (?:you|u)(?: (?:really|exactly|actually|anyway|even|called))*\s*(?:$|[?.!,;])|"
    r"\b(?:whats|what is) your name\b|\bdo (?:you|u) have a name\b|"
    r"\bare (?:you|u) (?:a |an |really |even )*(?:real|robot|bot|human|person|machine|program|computer|ai|chatbot)\b"
)
_HELP = re.compile(r"\bwhat (?:can|do) (?:you|u) do\b|\bhow (?:do|does) (?:you|this|it|that) work\b|^(?:help|help me)$")
_COUNT = re.compile(r"\bhow (?:many|big)\b")
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules|prompts?|guidelines|programming)\b|"
    r"\b(?:system|hidden|initial) prompt\b|\bjailbreak\b|\bdeveloper mode\b|\byou are now\b|"
    r"(?:^|[.!?,;:] |\b(?:please|now|then|and|you) )(?:pretend (?:to be|you|that you)|act as (?:a|an|my))\b|"
    r"<\||\bprint your\b|\brun (?:this )?(?:code|command)\b"
)
_OPEN = re.compile(
    r"\bsurprise (?:me|us)\b|\b(?:you|u) (?:choose|pick|decide)\b|\bup to you\b|"
    r"\bwhat (?:should|shall|can|do|could|would) (?:i|we|you) \w+(?: (?:next|now|tonight|then|today))?$|"
    r"\bwhat (?:are|r|do|would) (?:you|u) (?:recommend|suggest)(?:ing)?\b|"
    r"^(?:idk|dunno|anything|whatever|no idea|not sure|i dont know)(?: really)?$|"
    r"\b(?:idk|dunno|no idea|i dont know) what\b|\b(?:something|anything) (?:good|nice)\b|"
    r"\bany (?:ideas|suggestions|recommendations|tips)\b"
)
_OTHER = re.compile(
    r"\?\s*$|^(?:who|what|when|where|why|how|is|are|do|does|did|can|could|will|would|whats|whos|hows)\b|"
    r"^(?:please |pls |now |then )*(?:tell|write|sing|translate|calculate|compute|solve|code|draw|play|book|order|call|"
    r"read|print|make me|say|repeat|explain|give me (?:a recipe|the weather|the news))\b|\d\s*[-+*/x]\s*\d"
)
_FIRST = ("hello", "how are you", "no", "thanks", "bye", "praise", "sorry", "laugh", "insult", "fine", "thinking")
"""The order in which several are answered; at most two are."""
_FILLERS = ("laugh", "fine", "thinking")
"""Answered only where nothing else is."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What a message says besides wishes."""

    kinds: tuple[str, ...] = ()
    """Pleasantries, in the order in which they are answered."""
    alone: bool = False
    """Whether the message is nothing else, and nothing that a list would answer."""
    asks_for_items: bool = False
    """Whether it leaves the choice to the agent: `surprise me`, `what should i read next`."""
    greets: bool = False
    """Whether it only greets."""
    refuses: bool = False
    """Whether it only says no."""


def heard_in(text: str) -> Talk:
    """Find the small talk in a message."""
    kinds, rest = _parts(_plain(text))
    greets = "hello" in kinds and set(kinds) <= {"hello", "how are you"} and not rest
    only = bool(kinds) and not rest
    refuses = only and "no" in kinds
    about_agent = bool(_WHO.search(rest) or _HELP.search(rest) or _ORDERS.search(fold(text)))
    alone = about_agent or (only and not refuses and set(kinds) != {"insult"})
    return Talk(kinds, alone, not about_agent and bool(_OPEN.search(rest.rstrip("?"))), greets, refuses)


def reply_to(text: str, catalog: Catalog, shown: bool) -> str:
    """Answer small talk in one line; `shown` tells whether anything was recommended yet.

    It invites to say what is wanted only where nothing was shown, and is honest about what it cannot do.
    """
    noun, nouns = catalog.schema.noun, catalog.schema.nouns
    plain = _plain(text)
    kinds, rest = _parts(plain)
    if _ORDERS.search(fold(text)):
        return f"What you write cannot change how I work; I recommend {nouns}."
    if _WHO.search(plain):
        return f"I am a program that recommends {nouns} from a catalog of {len(catalog):,}."
    if _HELP.search(plain):
        return (
            f"Tell me what you feel like, what to leave out, or a {noun} you love; I show {nouns} that fit, say why, "
            "and answer questions about them."
        )
    if line := count_asked(text, catalog):
        return line
    lines = [_LINES[kind] for kind in [kind for kind in kinds if kind not in _FILLERS][:2] or kinds[:1]]
    if rest and _OTHER.search(rest):
        lines.append(f"That is beyond me: I only know the {nouns} in this catalog.")
    elif not lines and rest:
        lines.append("I hear you.")
    invites = not kinds or kinds[0] in ("hello", "how are you")
    if not plain or (not shown and invites and not (rest and _OTHER.search(rest))):
        lines.append(f"Tell me what you feel like, or name a {noun} you love.")
    return " ".join(lines)


def count_asked(text: str, catalog: Catalog) -> str:
    """Say how many items there are when that is asked, else nothing."""
    words = set(re.findall(r"\w+", _plain(text)))
    asked = _COUNT.search(_plain(text)) and {fold(catalog.schema.noun), fold(catalog.schema.nouns), "catalog"} & words
    return f"There are {counted(len(catalog), catalog.schema)} in this catalog." if asked else ""


def greeting_to(text: str) -> str:
    """Return the greeting that answers one, however the message goes on; empty when there was none."""
    return " ".join(_LINES[kind] for kind in heard_in(text).kinds if kind in ("hello", "how are you"))


_LINES = {
    "hello": "Hello!",
    "how are you": "All fine here, thank you.",
    "thanks": "You are welcome.",
    "praise": "Glad to hear it.",
    "sorry": "No harm done.",
    "laugh": "Good to hear you laugh.",
    "insult": "Fair enough; tell me what was off, and I will do better.",
    "no": "All right, I leave it at that.",
    "fine": "All right.",
    "thinking": "Take your time.",
    "bye": "Until next time.",
}


def _plain(text: str) -> str:
    """Return lower case without apostrophes and with single spaces."""
    return re.sub(r"['’`´]", "", fold(text))


def _parts(plain: str) -> tuple[tuple[str, ...], str]:
    """Split a message into its pleasantries, each a whole clause, and the rest."""
    found: set[str] = set()
    rest: list[str] = []
    if laughs := _LAST_LAUGH.search(plain):
        found.add("laugh")
        plain = plain[: laughs.start()]
    for clause in re.split(r"(?<=[,.;!?])\s*|\s+(?=and\b|but\b)", plain):
        bare = re.sub(r"^(?:and|but)\s+|[\s,.;:!?)(]+$", "", clause)
        if not bare:
            continue
        left = bare
        while left and (match := _PLEASANTRY.match(left)):
            found.add(str(match.lastgroup).replace("_", " "))
            left = left[match.end() :].strip(" ,.;!?")
        if left:
            rest.append(left + ("?" if clause.rstrip().endswith("?") else ""))
    return tuple(kind for kind in _FIRST if kind in found), " ".join(rest)


_WHOLE = ("no", "insult")
"""Pleasantries that are none when more follows: `no horror`, `stupid comedies`."""
_PLEASANTRY = re.compile(
    "|".join(
        f"(?P<{kind.replace(' ', '_')}>(?:{_SAY[kind]}))(?={'$' if kind in _WHOLE else '$|[ ,.;!?]'})"
        for kind in _FIRST
    )
)
_LAST_LAUGH = re.compile(rf"(?<=\w)[ ,.!]+{_SAY['laugh']}\W*$")
