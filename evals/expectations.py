"""Compare one reply with what was expected of it."""

from __future__ import annotations

from collections.abc import Iterator

from agent.reply import Reply
from evals.belief_expectations import compare_belief, compare_update
from evals.item_expectations import compare_items, compare_reasons
from evals.scenario import Expect, ExpectedQuestion
from evals.seen import Check, Seen
from retrieval.catalog import fold


def compare(expect: Expect, seen: Seen) -> Iterator[Check]:
    """Yield one check for each expectation, in the order in which a reader meets them in the file."""
    reply = seen.reply
    if expect.intent:
        got = str(reply.update.get("intent", ""))
        yield Check(("intent",), " or ".join(expect.intent), got, got in expect.intent)
    if expect.action:
        yield Check(("action",), " or ".join(expect.action), reply.action, reply.action in expect.action)
    yield from compare_update(expect.update, seen)
    yield from compare_belief(expect.belief, seen)
    yield from compare_items(expect.items, seen)
    yield from compare_reasons(expect.reasons, seen)
    for key, wanted in (("contains", True), ("lacks", False)):
        for position, words in enumerate(getattr(expect.text, key)):
            found = fold(words) in fold(reply.text)
            expected = f"{'' if wanted else 'no '}{words!r}"
            yield Check(("text", key, position), expected, repr(reply.text), found == wanted)
    if expect.question is not None:
        yield _question(expect.question, reply)
    if expect.latency_ms is not None:
        took = seen.seconds * 1000
        holds = expect.latency_ms.hold(took)
        # A time that differs from run to run is told only where it matters.
        yield Check(("latency_ms",), f"{expect.latency_ms} ms", "in time" if holds else f"{took:.0f} ms", holds)


def _question(expect: ExpectedQuestion, reply: Reply) -> Check:
    asked = reply.question is not None
    about = reply.belief["questions"][-1]["attribute"] if asked and reply.belief.get("questions") else None
    expected = f"a question{f' about {expect.about}' if expect.about else ''}" if expect.asked else "no question"
    right = expect.about is None or (about is not None and fold(about) == fold(expect.about))
    got = f"{reply.question!r}{f' (about {about})' if about else ''}" if asked else "no question"
    return Check(("question",), expected, got, asked == expect.asked and right)
