"""Examples -> batches of token ids with the loss on the answer only: packed into one row, or padded."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.base_model import end_id
from finetune.examples import Example

if TYPE_CHECKING:
    import torch

CHUNK, FULL = 64, 0.9
"""Examples that are drawn at once, and the share of its tokens from which a packed row is not kept for more."""
_CODE = re.compile(r"<[a-z]_\d+>")


class Encoded(NamedTuple):
    """Token ids of one example; the answer starts at `answer`."""

    ids: list[int]
    answer: int
    weight: float = 1.0


def encode(example: Example, tokenizer: Any, prefix: str = "") -> Encoded:
    """Tokenise the shared part, the own part and the answer apart, as serving does, and close the answer.

    Every Semantic-ID token must come out as its one id: anything else is learned by nobody.
    """

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        return found

    prompt = ids(prefix) + ids(example.prompt.context) + ids(example.prompt.own)
    answer = [*ids(example.answer), end_id(tokenizer)]
    names = _CODE.findall(f"{prefix}{example.prompt.context}{example.prompt.own}{example.answer}")
    wanted = tokenizer.convert_tokens_to_ids(names)
    known = set(wanted)
    assert [found for found in prompt + answer if found in known] == wanted, f"{example.task}: broken tokens in {names}"
    return Encoded(prompt + answer, len(prompt), example.weight)


def endless(
    pools: Mapping[str, Sequence[Encoded]], mix: Mapping[str, float], tokens: int, seed: int, *, packed: bool
) -> Iterator[list[Encoded]]:
    """Yield batches of at most `tokens` tokens for ever, padding included unless they are packed.

    Tasks are drawn by `mix`; within a task every example is drawn before any is drawn again, one of twice the mean
    weight twice. Padded batches hold examples of similar length; packed ones are filled by first-fit decreasing, and
    what leaves a row short waits.
    """
    rng = random.Random(seed)
    tasks = [task for task in pools if pools[task] and mix.get(task, 0) > 0]
    if not tasks:
        raise ValueError(f"no examples for any task of the mix {dict(mix)}")
    decks: dict[str, list[Encoded]] = {task: [] for task in tasks}
    waiting: list[Encoded] = []
    while True:
        chunk = waiting
        for task in rng.choices(tasks, [mix[task] for task in tasks], k=CHUNK):
            if not decks[task]:
                decks[task] = _deck(pools[task], rng)
            chunk.append(decks[task].pop())
        batches = _packed(chunk, tokens) if packed else _padded(chunk, tokens)
        full = [sum(len(example.ids) for example in batch) >= FULL * tokens for batch in batches]
        if not packed or not any(full):
            full = [True] * len(batches)
        ready = [batch for batch, is_full in zip(batches, full, strict=True) if is_full]
        waiting = [example for batch, is_full in zip(batches, full, strict=True) if not is_full for example in batch]
        yield from rng.sample(ready, len(ready))


def _deck(pool: Sequence[Encoded], rng: random.Random) -> list[Encoded]:
    """Return examples in random order, each as often as its weight says, in parts of the mean; chance rounds it."""
    mean = sum(example.weight for example in pool) / len(pool)
    copies: list[Encoded] = []
    while not copies:
        for example in pool:
            share = example.weight / mean
            copies += [example] * (int(share) + (share % 1 > 0 and rng.random() < share % 1))
    return rng.sample(copies, len(copies))


def _packed(examples: Sequence[Encoded], tokens: int) -> list[list[Encoded]]:
    rows: list[list[Encoded]] = []
    left: list[int] = []
    for example in sorted(examples, key=lambda example: -len(example.ids)):
        size = len(example.ids)
        place = next((place for place, room in enumerate(left) if room >= size), len(rows))
        if place == len(rows):
            rows.append([])
            left.append(tokens)
        rows[place].append(example)
        left[place] -= size
    return rows


def _padded(examples: Sequence[Encoded], tokens: int) -> list[list[Encoded]]:
    batches: list[list[Encoded]] = [[]]
    for example in sorted(examples, key=lambda example: len(example.ids)):
        if batches[-1] and (len(batches[-1]) + 1) * len(example.ids) > tokens:
            batches.append([])
        batches[-1].append(example)
    return batches


def padding(batches: Sequence[Sequence[Encoded]], *, packed: bool) -> float:
    """Return the share of tokens that are padding."""
    said = [sum(len(example.ids) for example in batch) for batch in batches]
    widths = [max(len(example.ids) for example in batch) for batch in batches]
    taken = said if packed else [len(batch) * width for batch, width in zip(batches, widths, strict=True)]
    return 1 - sum(said) / max(1, sum(taken))


def collate(examples: Sequence[Encoded], pad: int, *, packed: bool) -> dict[str, torch.Tensor]:
    """Return what a model's `forward` takes, and `learned`: (b, t) bool, on the positions that predict an answer.

    Packed examples follow each other in one row; positions that start anew keep them apart in attention. Padded ones
    are filled up on the right and masked.
    """
    import torch

    rows = [list(examples)] if packed else [[example] for example in examples]
    width = max(sum(len(example.ids) for example in row) for row in rows)
    ids, positions = torch.full((len(rows), width), pad), torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    learned = torch.zeros(len(rows), width, dtype=torch.bool)
    for number, row in enumerate(rows):
        start = 0
        for example in row:
            end = start + len(example.ids)
            ids[number, start:end] = torch.tensor(example.ids)
            positions[number, start:end] = torch.arange(len(example.ids))
            mask[number, start:end] = 1
            learned[number, start + example.answer - 1 : end - 1] = True
            start = end
    batch = {"input_ids": ids, "position_ids": positions, "learned": learned}
    return batch if packed else batch | {"attention_mask": mask}
