"""Plural and comparison of English words, by their endings."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import commonprefix

ROOT = 5
"""Letters that words of one root share at least."""
ENDING = 5
"""Letters in which their endings differ at most."""


def singular(word: str) -> str:
    """Return the form that one and several share: stories -> story, boxes -> box."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("oes", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def kin(left: str, right: str) -> bool:
    """Tell whether two words share a root by their first letters: violence and violent, adventurous and adventure."""
    root = commonprefix((left, right))
    return len(root) >= ROOT and max(len(left), len(right)) - len(root) <= ENDING


def bases(word: str) -> set[str]:
    """Return what `word` may be a comparative or superlative of, with itself: funnier -> funny, longest -> long."""
    found = {word}
    for ending in ("er", "est"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            root = word.removesuffix(ending)
            found |= {root, root + "e"}
            if root.endswith("i"):
                found.add(root[:-1] + "y")
            if len(root) > 3 and root[-1] == root[-2]:
                found.add(root[:-1])
    return found


def within(value: str, own: Sequence[str]) -> list[str]:
    """Return the values among `own` that hold all words of `value`, in singular or plural."""
    words = {singular(word) for word in value.casefold().split()}
    return [one for one in own if words <= {singular(word) for word in one.casefold().split()}]
