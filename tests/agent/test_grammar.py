from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.grammar import OneOf, WordGrammar

END = 0


def encode(text: str) -> list[int]:
    """One token per leading space and character: words share prefixes as they do in real vocabularies."""
    pieces = re.findall(r" ?.", text)
    return [sum(ord(character) * 1000**place for place, character in enumerate(piece)) + 1 for piece in pieces]


def decode(ids: list[int]) -> str:
    out = ""
    for token in ids:
        code = token - 1
        out += chr(code % 1000) + (chr(code // 1000) if code >= 1000 else "")
    return out


@settings(max_examples=60, deadline=None)
@given(words=st.sets(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=12), seed=st.integers(0, 999))
def test_whatever_the_model_prefers_only_whole_given_words_come_out(words: set[str], seed: int) -> None:
    rng, state, written = random.Random(seed), WordGrammar(words, encode, END).start(), []
    for _ in range(60):
        step = rng.choice(state.allowed())
        if step == END:
            break
        written.append(step)
        state = state.after(step)
    else:
        return
    text = decode(written)
    assert text[-1] in ".!?"
    assert {word.lower() for word in re.findall(r"[A-Za-z]+", text)} <= words


def test_the_text_ends_after_a_stop_and_never_before() -> None:
    grammar = WordGrammar({"calm"}, encode, END)
    state = grammar.start()
    for step in encode("Calm"):
        assert END not in state.allowed()
        state = state.after(step)
    assert state.after(encode(".")[0]).allowed() == [END]


def test_a_token_outside_the_grammar_is_refused() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        WordGrammar({"calm"}, encode, END).start().after(encode("z")[0])


def test_a_choice_ends_where_one_text_is_left_also_when_it_begins_another() -> None:
    state = OneOf(["calm", "calm sea"]).begin(encode, END)
    for step in encode("calm"):
        assert state.decided is None
        state = state.after(step)
    assert set(state.allowed()) == {END, encode(" s")[0]}
    assert state.after(END).decided == "calm"
    assert state.after(encode(" s")[0]).decided == "calm sea"
    with pytest.raises(ValueError, match="not allowed"):
        state.after(encode("x")[0])
