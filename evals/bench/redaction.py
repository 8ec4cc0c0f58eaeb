"""How much of the private data in generated messages is taken out, and how much else with it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agent.redaction import Private, private

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL")
AROUND = (
    ("", ""),
    ("something from 1999 please, and write to ", " if you find it"),
    ("my number is ", ", I want a thriller under 100 minutes"),
    ("(", ")"),
    ("use ", ". Nothing older than 1980!"),
)
"""What stands before and behind a piece."""
PUBLIC = (
    "from {year} to {other}", "{year}, {other} and {year}", "{year}-{other} only", "seasons 1-{small} of it",
    "rated {small}/10 by {big} people", "it made {money} dollars in {year}", "on {date}", "at least {big} pages",
    "https://www.example.org/title/tt{imdb}/?ref_={small}", "https://example.org/watch?v={small}&list=films-{year}",
    "ISBN {isbn}", "like @{imdb} but from {year}", "{small}:{small} p.m., {small} of us, ages {small} to {big}",
    "order {long}", "{year} {other} {year} {other}", "#{small} and #{small}, {small}.{small} stars",
)  # fmt: skip
"""Messages with numbers and links that nobody would call private."""


class Message(NamedTuple):
    """A generated message and the one private piece in it, None where there is none."""

    text: str
    piece: Private | None


def messages(number: int, seed: int) -> Iterator[Message]:
    """Yield `number` messages with each kind of private data in turn, and as many without any."""
    from faker import Faker

    chance, fakes = random.Random(seed), [Faker(locale) for locale in LOCALES]
    for place, fake in enumerate(fakes):
        fake.seed_instance(seed + place)
    for count in range(number):
        fake = chance.choice(fakes)
        token = "".join(chance.choices("abcdef0123456789", k=chance.choice((24, 32))))
        pieces = {
            "email": fake.email(),
            "phone": fake.phone_number(),
            "card": fake.credit_card_number(),
            "iban": fake.iban(),
            "url": chance.choice(
                (f"{fake.url()}login?token={token[:8]}", f"{fake.url()}share/{token}", f"https://me:{token[:6]}@a.org/x")
            ),
        }
        kind = list(pieces)[count % len(pieces)]
        piece, (before, after) = pieces[kind], chance.choice(AROUND)
        if kind in ("card", "iban") and chance.random() < 0.5:
            piece = " ".join(piece[place : place + 4] for place in range(0, len(piece), 4))
        text = f"{before}{piece}{after}"
        yield Message(text, Private(kind, len(before), len(before) + len(piece)))  # type: ignore[arg-type]
        numbers = {
            "year": chance.randint(1920, 2025), "other": chance.randint(1920, 2025), "small": chance.randint(1, 12),
            "big": chance.randint(20, 99_999), "money": f"{chance.randint(10**6, 10**9):,}", "isbn": fake.isbn13(),
            "imdb": chance.randint(10**5, 10**7), "date": fake.date(), "long": chance.randint(10**13, 10**14),
        }  # fmt: skip
        yield Message(chance.choice(PUBLIC).format(**numbers), None)


def measure(generated: Sequence[Message]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return kind -> metric -> unit -> value of what `agent.redaction` makes of the messages.

    `recall`: whether every character of a piece was taken, as whatever kind. `precision`: whether what was taken
    touches a piece.
    """
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for number, (text, piece) in enumerate(generated):
        taken = private(text)
        if piece is not None:
            gone = any(one.start <= piece.start and piece.end <= one.end for one in taken)
            _enter(found, piece.kind, "recall", str(number), gone)
        for one in taken:
            right = piece is not None and one.start < piece.end and piece.start < one.end
            _enter(found, one.kind, "precision", f"{number}:{one.start}", right)
    return found


def _enter(
    found: dict[str, dict[str, dict[str, float | None]]], kind: str, metric: str, unit: str, value: bool
) -> None:
    for name in (kind, "all"):
        found.setdefault(name, {}).setdefault(metric, {})[unit] = float(value)
