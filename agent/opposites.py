"""English adjectives with an opposite: what `lighter` moves towards and what it leaves.

Sentence encoders place a word beside its opposite: for them `lighter` is near `dark`. The difference between several
words of one end and several of the other points the right way.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.inflection import bases
from agent.question_words import LESS, MORE

AXES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("light", "lighthearted", "cheerful", "funny", "fun", "easygoing", "breezy", "fluffy"),
        ("heavy", "dark", "grim", "bleak", "weighty", "serious"),
    ),
    (
        ("calm", "quiet", "peaceful", "gentle", "soothing", "soft", "mellow", "mild", "restful"),
        ("loud", "frantic", "intense", "violent", "chaotic", "wild", "noisy"),
    ),
    (
        ("serious", "sober", "thoughtful", "grave", "profound", "deep", "mature"),
        ("silly", "goofy", "frivolous", "childish", "playful"),
    ),
    (
        ("happy", "joyful", "cheerful", "uplifting", "hopeful", "sunny", "bright", "optimistic"),
        ("sad", "depressing", "tragic", "gloomy", "miserable", "sombre", "somber", "hopeless"),
    ),
    (
        ("kind", "gentle", "warm", "sweet", "tender", "nice"),
        ("mean", "cruel", "nasty", "vicious", "harsh", "brutal", "savage"),
    ),
    (
        ("strange", "weird", "odd", "surreal", "bizarre", "crazy"),
        ("ordinary", "conventional", "realistic", "familiar", "normal"),
    ),
    (
        ("wholesome", "innocent", "sweet", "tame", "clean"),
        ("crude", "violent", "explicit", "raunchy", "edgy", "bloody"),
    ),
    (
        ("exciting", "thrilling", "fast", "lively", "energetic", "gripping"),
        ("slow", "quiet", "dull", "boring", "sleepy"),
    ),
    (("scary", "frightening", "creepy", "spooky"), ("cosy", "cozy", "reassuring", "comforting")),
)
"""Two ends each; the first words of an end stand for it."""
_WORDS = 5
"""Words of each end that stand for it."""
_DEGREE = frozenset(
    "more less not too so very as much bit a little somewhat slightly touch tad way far even rather something it the "
    "of tiny lot than that".split()
)
_REVERSED = frozenset(("less", "not"))


@dataclass(frozen=True, slots=True)
class Contrast:
    """Where an adjective points."""

    towards: tuple[str, ...]
    """Words of the end that is asked for."""
    away: tuple[str, ...]
    """Words of the other end."""
    rest: str
    """What else the phrase says, empty when nothing."""


def contrast(phrase: str) -> Contrast | None:
    """Return where `lighter`, `more serious`, `less grim` point, None for a phrase without such an adjective."""
    words = phrase.casefold().replace(",", " ").replace("-", " ").split()
    for place, word in enumerate(words):
        if found := _end(word):
            ends, way = found
            if _REVERSED & set(words[:place]):
                way = -way
            rest = [other for other in words if other != word and other not in _DEGREE]
            towards, away = ends if way == MORE else ends[::-1]
            content = any(_end(other) is None and len(other) > 3 for other in rest)
            return Contrast(towards[:_WORDS], away[:_WORDS], " ".join(rest) if content else "")
    return None


def _end(word: str) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], int] | None:
    roots = bases(word)
    for axis in AXES:
        for end, way in zip(axis, (MORE, LESS), strict=True):
            if not roots.isdisjoint(end):
                return axis, way
    return None
