"""Content words that no linker covered."""

from __future__ import annotations

from agent.linking.mentions import Mention
from agent.linking.words import SENTENCE_ENDS, Message

STOP_WORDS = frozenset(
    """
    a about actually after afternoon again ah all also am an and another any anybody anyone anything are as at aw be
    because been before being bit both but by bye can cant cheers could couldnt day dear did didnt do does doesnt
    doing done dont each either else enough er etc even evening ever every everyone everything few find fine for
    friend friends from get gets getting gimme give go goes going gonna good goodbye got great had has hasnt have
    havent having he hello her here hers hey hi him his hiya hm hmm how husband i id if ill im in instead into is isnt
    it item items its ive just k kind kinda know lately let lets like lol looking lot lots made make makes many may
    maybe me mean might mind mine more morning most much must my myself need needs never next nice night no nope not
    nothing now of off oh ok okay on once one ones only or other others our out over own perhaps please pls plz prefer
    preferably probably put quite rather really recommend right said same say search see seen shall she should show
    smth so some somebody someone something somewhere sorry sort still stuff such suggest sure take tell than thank
    thanks that thats the their them then there theres these they theyre thing things think this those though time to
    today tonight too try u uh um up ur us use very via w wanna want wants was wasnt watch watched watching way we
    well were weve what whatever whats when where which while who whos why wife will with without wont would wouldnt
    yeah yep yes yet yo you your youre yours
    """.split()
)


_TRIMMED = STOP_WORDS | SENTENCE_ENDS


def residue_at(message: Message, mentions: tuple[Mention, ...]) -> tuple[tuple[int, int], ...]:
    """Return the tokens [start, end) of every run of words with content that no mention covers, stop words trimmed."""
    covered = {place for mention in mentions for place in range(mention.start, mention.end)}
    found: list[tuple[int, int]] = []
    start: int | None = None
    for place in range(len(message.tokens) + 1):
        token = message.tokens[place] if place < len(message.tokens) else None
        inside = token is not None and place not in covered and token.is_word
        if inside and start is None:
            start = place
        if not inside and start is not None:
            found += _trimmed(message, start, place)
            start = None
    return tuple(found)


def _trimmed(message: Message, start: int, end: int) -> list[tuple[int, int]]:
    while start < end and message.tokens[start].generic in _TRIMMED:
        start += 1
    while end > start and message.tokens[end - 1].generic in _TRIMMED:
        end -= 1
    return [(start, end)] if start < end else []
