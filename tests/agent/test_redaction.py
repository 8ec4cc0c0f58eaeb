from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn

from agent.redaction import private, redact


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("write to ada.lovelace+films@example.co.uk please", "write to [email] please"),
        ("jürgen@müller.de, and x@y.org.", "[email], and [email]."),
        ("call +49 (0)89 1234567 or (415) 555-0132 x12", "call [phone] or [phone]"),
        ("my card 4111 1111 1111 1111, and 3782-822463-10005", "my card [card], and [card]"),
        ("DE89 3704 0044 0532 0130 00 is mine", "[iban] is mine"),
        ("gb82west12345698765432", "[iban]"),
        ("see https://ex.org/a?access_token=abc&x=1.", "see [url]."),
        ("https://ada:secret@ex.org/", "[url]"),
        ("https://ex.org/invite/8f3a91bc77de42aa90fe12", "[url]"),
    ],
)
def test_private_data_are_replaced_by_their_kind(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("", "2001: A Space Odyssey", "from 1990 to 1999", "1917, 1984 and 2012", "1990-1999 or 2001 2002 2003 2004"),
        *("under 90 minutes, 8/10 or better, @philip", "https://www.imdb.com/title/tt0111161/?ref_=nv_sr_1"),
        *("ISBN 978-0-14-143951-8", "9780141439518", "made for 200,000,000 dollars", "on 2024-05-17 or 17/05/2024"),
        *("4111 1111 1111 1112 fails the check", "DE00 3704 0044 0532 0130 00", "www.example.org/films?page=2"),
        "https://example.org/the-good-the-bad-and-the-ugly-1966",
    ],
)
def test_what_people_say_of_items_is_left_alone(text: str) -> None:
    assert redact(text) == text and private(text) == []


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing_more_and_pieces_never_overlap(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    found = private(text)
    assert all(one.end <= other.start for one, other in zip(found, found[1:], strict=False))
    assert all(0 <= one.start < one.end <= len(text) for one in found)


WORDS = st.lists(st.sampled_from(["a film", "from 1999", "please", "like Heat (1995)", "2 hours", "ok?"]), max_size=4)
DIGITS = st.text("0123456789", min_size=15, max_size=15)


@given(WORDS, DIGITS, WORDS, st.sampled_from(["", " ", "-"]))
def test_a_card_is_found_among_any_words(before: list[str], digits: str, after: list[str], gap: str) -> None:
    number = f"4{digits[:14]}"
    number += luhn.calc_check_digit(number)
    written = gap.join(number[place : place + 4] for place in range(0, 16, 4))
    kept = redact(" ".join([*before, written, *after]))
    assert written not in kept and "[card]" in kept


@given(WORDS, st.text("0123456789", min_size=18, max_size=18), WORDS, st.booleans(), st.booleans())
def test_an_account_is_found_among_any_words(
    before: list[str], digits: str, after: list[str], grouped: bool, lower: bool
) -> None:
    number = f"DE{iban.calc_check_digits(f'DE00{digits}')}{digits}"
    written = iban.format(number) if grouped else number
    written = written.lower() if lower else written
    kept = redact(", ".join([*before, written, *after]))
    assert written not in kept and "[iban]" in kept
