"""Train the cross-encoder on logged turns: it learns what the learned order does not see of what was said."""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.cross_encoder import HEAD, RECORD, CrossEncoder, Reading
from finetune import upper_layers
from finetune.config import CrossEncoderConfig
from finetune.ranker.fitting import Held
from retrieval.catalog import Catalog

if TYPE_CHECKING:
    import torch

    from agent.layers import Packed, Verdict

DEEP = 40
"""Places of the learned order that candidates are taken from, right ones and wrong ones alike. With right ones from far
below and wrong ones from the first places, it learns that the learned order is wrong."""


class Lesson(NamedTuple):
    """One turn to learn from; the right candidates come first."""

    conversation: str
    reading: Reading
    scores: NDArray[np.float32]
    """(k,) of the learned order, by a ranker that has not seen the conversation."""
    right: int
    """How many candidates are right, at least one."""


def lessons(
    held: Sequence[Held], encoder: CrossEncoder, config: CrossEncoderConfig, catalog: Catalog
) -> list[Lesson]:
    """Return what is learned from turns, those in which something right is in reach."""
    found = []
    for number, turn in enumerate(held):
        logged, scores = turn.logged, turn.scores
        order = [int(place) for place in np.argsort(-scores, kind="stable")[:DEEP] if np.isfinite(scores[place])]
        right = [place for place in turn.gold if place in order]
        places = drawn(order, right, config, f"{number}")
        if right and len(places) > len(right):
            ids = [catalog.items[place].id for place in places]
            reading = encoder.reading(logged.query.message, logged.earlier, logged.belief, ids, catalog)
            found.append(Lesson(logged.conversation, reading, scores[places], len(right)))
    return found


def drawn(order: Sequence[int], right: Sequence[int], config: CrossEncoderConfig, name: str) -> list[int]:
    """Return the right candidates, then wrong ones drawn from `order`; `name` seeds the draw."""
    wrong = [place for place in order if place not in right]
    rng = random.Random(f"{config.seed}/{name}")
    return [*right, *rng.sample(wrong, min(len(wrong), config.negatives))]


def read(lessons: Sequence[Lesson], encoder: CrossEncoder, tell: upper_layers.Tell) -> list[torch.Tensor]:
    """Return the states below the tuned layers of each lesson (n, width): the same for every training run."""
    from agent.layers import pack

    return upper_layers.read(encoder, [pack([lesson.reading]) for lesson in lessons], tell)


def train(
    lessons: Sequence[Lesson],
    encoder: CrossEncoder,
    config: CrossEncoderConfig,
    out: Path,
    tell: upper_layers.Tell = lambda what, step, of, loss: None,
    states: Sequence[torch.Tensor] | None = None,
) -> None:
    """Train `encoder` on `lessons` and write it to the folder `out`; goes on from the last finished epoch there.

    `states`: what `read` gives, where it is known.

    The loss is the cross-entropy of a right candidate, drawn anew each time, against the wrong ones, by `trust` times
    the score of the learned order plus what speaks for a candidate: the layers learn what corrects that order.
    """
    from importlib.metadata import version

    import torch

    from agent.layers import Verdict, pack

    spread = float(np.std(np.concatenate([lesson.scores - lesson.scores.mean() for lesson in lessons]))) or 1.0

    class Judge(torch.nn.Module):
        """The head, and how far the learned order is trusted, in units of its spread."""

        def __init__(self) -> None:
            super().__init__()
            self.verdict: Verdict = Verdict(encoder.width)
            self.trust = torch.nn.Parameter(torch.tensor(1.0))

    judge = Judge()

    def batched(places: Sequence[int]) -> Packed:
        return pack([lessons[place].reading for place in places])

    def loss(states: torch.Tensor, packed: Packed, places: Sequence[int], rng: random.Random) -> torch.Tensor:
        speaks, start, total = judge.verdict(states, packed), 0, states.new_zeros(())
        for place in places:
            lesson = lessons[place]
            stop = start + len(lesson.scores)
            logits = speaks[start:stop] + judge.trust * torch.tensor(lesson.scores / spread)
            kept = [rng.randrange(lesson.right), *range(lesson.right, len(lesson.scores))]
            total = total - torch.log_softmax(logits[kept], 0)[0]
            start = stop
        return total / len(places)

    made_of = sha256(repr((config, lessons)).encode()).hexdigest()
    lengths = [len(one.reading.prompt) + sum(map(len, one.reading.options)) for one in lessons]
    rows = upper_layers.Rows(lengths, batched, loss, made_of)
    upper_layers.train(encoder, judge, rows, config, out, tell, states=states)
    encoder.head, encoder.trust = judge.verdict.eval(), float(judge.trust.detach()) / spread
    record: dict[str, Any] = {
        "config": config.model_dump(),
        "model": config.model,
        "trust": encoder.trust,
        "turns": len(lessons),
        "data": made_of[:16],
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
    upper_layers.write(encoder, judge.verdict, out, (HEAD, RECORD), record, config.model)
