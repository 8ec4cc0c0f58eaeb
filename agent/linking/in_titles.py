"""Words that a title is asked to have: `something with moon in the title`."""

from __future__ import annotations

import re

from agent.linking.lexicon import Meaning
from agent.linking.mentions import Mention
from agent.linking.words import Message

TITLE = "title"
"""The attribute under which a limit on the title's words stands."""
_OPEN, _CLOSE = r"(?:[\"“'‘] )?", r"(?: [\"”'’])?"
_ASKED = (
    re.compile(
        rf"\b(?:with|has|have|having|contain(?:s|ing)?|includ(?:es|ing)|the word) (?:the word |the |a )?"
        rf"{_OPEN}(?P<what>\w+(?: \w+)?){_CLOSE} in (?:the|its|their|his|her) (?:title|name)s?\b"
    ),
    re.compile(
        rf"\b(?:titles?|names?) (?:that )?(?:must |should )?(?:contain(?:s|ing)?|has|have|includ(?:es?|ing)|with) "
        rf"(?:the word ){_OPEN}(?P<what>\w+){_CLOSE}"
    ),
)
_REFUSED = re.compile(r"\b(?:no|not|without|nothing|dont|never)(?: \w+){0,3} ?$")


def words_of_titles(message: Message) -> list[Mention]:
    """Return the words that titles are asked to have; a refusal is left, since no constraint says it."""
    return [
        Mention(*message.span(match), "value", 4.0, (Meaning(TITLE, match["what"]),))
        for pattern in _ASKED
        for match in pattern.finditer(message.line)
        if not _REFUSED.search(message.line[: match.start()])
    ]
