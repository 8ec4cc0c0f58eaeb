"""Cues of what kind of message this is."""

from __future__ import annotations

import re

RESTART = re.compile(
    r"\b(?:start (?:over|again|fresh|afresh|anew|new)|starting (?:over|fresh)|reset|from scratch|clean slate|"
    r"new (?:topic|list|request|search|question|night|round|start|one|plan|mission|day|order)|"
    r"fresh start|forget (?:all|everything|it all|all of)|scrap (?:all|everything|it all|that all)|ignore (?:all|"
    r"everything)|different (?:thing|night|topic|request|matter)|another (?:matter|topic|request|evening|night)|"
    r"something (?:completely|totally|else entirely|entirely) (?:different|else)|begin again|wipe|scrap (?:her|"
    r"his|their|the) rules|all over again|lets start|changed? (?:of )?(?:plan|topic|subject)|blank slate|"
    r"brand new)\b"
)
_WHY = re.compile(r"\b(?:why|how come|what made you|reason (?:for|you|why)|whyd|justify|explain)\b")
_WHY_NOT = re.compile(r"\bwhy not\b$|\bthats why\b|\bwhy (?:im|i|we|not)\b")
_COMPARE = re.compile(
    r"\b(?:which (?:one |of |is |are |has |was |should |would |do |item |got |s |1 )?|compare|compared|"
    r"comparison|vs|versus|difference|differ|differs|better of|or the|"
    r"(?:shorter|longer|funnier|better|scarier|lighter|darker|older|newer|sadder|shortest|longest|funniest|"
    r"lightest|gentlest|scariest) (?:of|one|:|,|-)|between)\b"
)
_ASK = re.compile(
    r"(?:^|[,.!;] |\b(?:and|but|so|ok|wait|also|hm|hmm|oh) )(?:is|are|was|were|does|do|did|has|how|who|whos|whats|"
    r"what|when|where|whose|will|would|wasnt|isnt|doesnt|aint)\b"
)
_MORE = re.compile(
    r"^(?:(?:ok|okay|yes|hm|hmm|and|any|some|show me|give me|gimme|got|a few|few|two|three|what|anything|"
    r"something|whats|nah|no|meh|keep|even|next|still|so|idk|um) )*(?:more|others?|else|next|another|again|go on|"
    r"keep going|surprise me|anything|whatever|different ones?|something else|new ones?|so)\b"
)
_SEARCH = re.compile(
    r"\b(?:do you have|do u have|have you got|you got|got any|u got|what(?:s| is) (?:the|that) (?:item|one)|"
    r"which .* items (?:do|have)|what .* items|"
    r"is .* (?:on your list|available|in your|there)|looking for|find me|called|name of|have you|anything (?:by|"
    r"with|from)|any items (?:by|with|from))\b"
)
CUES = {
    "why": _WHY,
    "whynot": _WHY_NOT,
    "compare": _COMPARE,
    "ask": _ASK,
    "more": _MORE,
    "search": _SEARCH,
    "restart": RESTART,
}
"""Name -> pattern; where one fires is evidence, the judge weighs it."""


def cue_flags(line: str) -> list[str]:
    """Return which cues fire in a message."""
    return [f"cue:{name}" for name, pattern in CUES.items() if pattern.search(line)]
