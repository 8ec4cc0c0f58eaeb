"""Examples -> padded batches with the loss on the answer only."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from finetune.examples import Example

if TYPE_CHECKING:
    import torch


class Encoded(NamedTuple):
    """Token ids of one example; the answer starts at `answer`."""

    ids: list[int]
    answer: int


class Batch(NamedTuple):
    """Right-padded token ids (B, T), their mask, and where the loss is taken: (B, T) bool on predicting positions."""

    ids: torch.Tensor
    mask: torch.Tensor
    learned: torch.Tensor


def encode(example: Example, tokenizer: Any) -> Encoded:
    """Tokenise the shared part, the own part and the answer apart, as serving does, and close the answer."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        return found

    prompt = ids(example.prompt.context) + ids(example.prompt.own)
    answer = ids(example.answer) + [tokenizer.convert_tokens_to_ids("<|im_end|>")]
    return Encoded(prompt + answer, len(prompt))


def endless(
    pools: Mapping[str, Sequence[Encoded]], mix: Mapping[str, float], tokens: int, seed: int
) -> Iterator[list[Encoded]]:
    """Yield batches of at most `tokens` padded tokens for ever.

    Tasks are drawn by `mix`; within a task every example comes before any comes again. Batches hold examples of similar
    length, in random order.
    """
    rng = random.Random(seed)
    tasks = [task for task in pools if pools[task] and mix.get(task, 0) > 0]
    if not tasks:
        raise ValueError(f"no examples for any task of the mix {dict(mix)}")
    decks: dict[str, list[Encoded]] = {task: [] for task in tasks}
    while True:
        chunk = []
        for task in rng.choices(tasks, [mix[task] for task in tasks], k=64):
            if not decks[task]:
                decks[task] = rng.sample(list(pools[task]), len(pools[task]))
            chunk.append(decks[task].pop())
        chunk.sort(key=lambda example: len(example.ids))
        batches: list[list[Encoded]] = [[]]
        for example in chunk:
            if batches[-1] and (len(batches[-1]) + 1) * len(example.ids) > tokens:
                batches.append([])
            batches[-1].append(example)
        yield from rng.sample(batches, len(batches))


def collate(examples: Sequence[Encoded], pad: int) -> Batch:
    """Pad examples on the right into one batch."""
    import torch

    width = max(len(example.ids) for example in examples)
    ids = torch.full((len(examples), width), pad)
    mask = torch.zeros(len(examples), width, dtype=torch.long)
    learned = torch.zeros(len(examples), width, dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        learned[row, example.answer - 1 : len(example.ids) - 1] = True
    return Batch(ids, mask, learned)
