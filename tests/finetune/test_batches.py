from __future__ import annotations

from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.base_model import end_id, load
from finetune.batches import Encoded, collate, encode, endless, padding
from finetune.examples import Example
from finetune.losses import answer_loss, contrastive_loss, projection_loss
from prompts import Prompt
from retrieval.catalog import UserError
from retrieval.semantic_ids import SemanticIds

LENGTHS = st.lists(st.integers(2, 60), min_size=1, max_size=40)


def pool(lengths: list[int]) -> list[Encoded]:
    return [Encoded([place] * length, length - 1) for place, length in enumerate(lengths)]


@pytest.fixture(scope="module")
def tokenizer(base: str, codes: SemanticIds) -> Any:
    import torch

    return load(base, codes.tokens(), torch.float32)[1]


def test_every_code_is_one_token_wherever_it_stands(tokenizer: Any, codes: SemanticIds) -> None:
    for place, name in enumerate(codes.tokens()):
        ids = tokenizer(f"a{name}{name} b\n{name}", add_special_tokens=False)["input_ids"]
        assert ids.count(len(tokenizer) - len(codes.tokens()) + place) == 3
        assert name in tokenizer.decode(ids)


def test_an_example_whose_codes_are_not_one_token_each_is_not_encoded(base: str, examples: list[Example]) -> None:
    import torch

    _, without = load(base, [], torch.float32)

    class Split:
        """A tokenizer that knows the codes and yet takes them apart."""

        unk_token_id = None

        def __call__(self, text: str, **options: Any) -> Any:
            return without(text, **options)

        def convert_tokens_to_ids(self, names: Any) -> Any:
            return 2 if isinstance(names, str) else list(range(9000, 9000 + len(names)))

    with pytest.raises(AssertionError, match="broken tokens"):
        encode(examples[0], Split())


def test_the_loss_is_taken_on_the_answer_alone(tokenizer: Any, examples: list[Example]) -> None:
    short, long = sorted((encode(example, tokenizer) for example in examples[:6]), key=lambda e: len(e.ids))[::5]
    for packed in (False, True):
        batch = collate([short, long], 0, packed=packed)
        learned = batch["input_ids"].roll(-1, dims=1)[batch["learned"]].tolist()
        assert learned == short.ids[short.answer :] + long.ids[long.answer :]
    assert collate([short, long], 0, packed=False)["attention_mask"].sum(1).tolist() == [len(short.ids), len(long.ids)]


@pytest.mark.parametrize("packed", [False, True])
@given(lengths=LENGTHS, seed=st.integers(0, 5))
@settings(max_examples=10, deadline=None)
def test_batches_keep_to_their_size_and_draw_every_example_alike(packed: bool, lengths: list[int], seed: int) -> None:
    drawn = list(islice(endless({"rank": pool(lengths)}, {"rank": 1}, 128, seed, packed=packed), 20))
    for batch in drawn:
        sizes = [len(example.ids) for example in batch]
        assert (sum(sizes) if packed else len(batch) * max(sizes)) <= 128
    again = islice(endless({"rank": pool(lengths)}, {"rank": 1}, 128, seed, packed=packed), 20)
    assert list(again) == drawn


def test_every_example_is_seen_before_long_and_a_mix_without_examples_is_refused() -> None:
    examples = pool(list(range(5, 45)))
    for packed in (False, True):
        seen: set[int] = set()
        for batch in islice(endless({"rank": examples}, {"rank": 1}, 128, 1, packed=packed), 40):
            seen |= {example.ids[0] for example in batch}
        assert len(seen) == len(examples)
    with pytest.raises(ValueError, match="no examples"):
        next(endless({"rank": []}, {"rank": 1}, 200, seed=1, packed=True))


def test_an_example_of_twice_the_mean_weight_is_drawn_twice_as_often() -> None:
    first, second, third = pool([20, 21, 22])
    weighed = [first._replace(weight=2.0), second._replace(weight=0.5), third._replace(weight=0.5)]
    batches = islice(endless({"rank": weighed}, {"rank": 1}, 128, 1, packed=False), 600)
    counts = Counter(len(example.ids) for batch in batches for example in batch)
    assert counts[20] / counts.total() == pytest.approx(2 / 3, abs=0.02)
    assert counts[21] / counts.total() == pytest.approx(1 / 6, abs=0.02)


def test_packed_rows_are_full_and_hold_no_padding() -> None:
    pools = {"rank": pool([90] * 20), "chat": pool([10, 20, 30] * 10)}
    shares, fill = {}, {}
    for packed in (False, True):
        batches = list(islice(endless(pools, {"rank": 1, "chat": 1}, 200, 0, packed=packed), 50))
        shares[packed] = padding(batches, packed=packed)
        fill[packed] = sum(len(example.ids) for batch in batches for example in batch) / 50 / 200
    assert shares[True] == 0 < shares[False]
    assert fill[True] > 0.9 > fill[False]


def test_a_code_competes_with_its_level_only_and_a_word_with_all() -> None:
    import torch

    levels = [range(4, 6), range(6, 9)]
    logits, targets = torch.randn(3, 9), torch.tensor([5, 6, 1])
    parts = [
        -torch.log_softmax(logits[0, 4:6], 0)[1],
        -torch.log_softmax(logits[1, 6:9], 0)[0],
        -torch.log_softmax(logits[2], 0)[1],
    ]
    assert torch.isclose(answer_loss(logits, targets, levels), torch.stack(parts).mean())


def test_the_contrastive_loss_falls_as_states_near_their_items_and_spares_equal_answers() -> None:
    import torch

    items, answers = torch.eye(3), torch.tensor([[0], [1], [2]])
    near, far = contrastive_loss(items, items, answers), contrastive_loss(items.roll(1, 0), items, answers)
    assert near < 0.01 < 1 < far
    assert contrastive_loss(items[:1], items[:1], answers[:1]) == 0
    twice = contrastive_loss(items[:1].repeat(2, 1), items[:1].repeat(2, 1), answers[:1].repeat(2, 1))
    assert twice == 0


def test_the_projection_loss_is_the_cross_entropy_over_all_items() -> None:
    import torch

    torch.manual_seed(0)
    states, projection, vectors = torch.randn(2, 5), torch.randn(3, 5), torch.randn(7, 3)
    right = torch.tensor([4, 1])
    logits = torch.stack([vectors @ (projection @ state) for state in states])
    slow = -sum(torch.log_softmax(row, 0)[item] for row, item in zip(logits, right, strict=True)) / 2
    assert torch.isclose(projection_loss(states, projection, vectors, right), slow)
    assert projection_loss(states[:0], projection, vectors, right[:0]) == 0


def test_a_prefix_opens_the_prompt(tokenizer: Any) -> None:
    plain = encode(Example("chat", Prompt("", "hello"), "hi"), tokenizer)
    led = encode(Example("chat", Prompt("", "hello"), "hi"), tokenizer, "<a_0><a_1>")
    assert led.ids[2:] == plain.ids and led.answer == plain.answer + 2


def test_an_answer_ends_with_the_chat_mark_or_else_where_texts_end(tokenizer: Any) -> None:
    assert end_id(tokenizer) == tokenizer.convert_tokens_to_ids("<|im_end|>")
    other = SimpleNamespace(
        convert_tokens_to_ids=lambda name: 0, unk_token_id=0, eos_token_id=7, name_or_path="some/model"
    )
    assert end_id(other) == 7
    other.eos_token_id = None
    with pytest.raises(UserError, match="some/model has no end-of-text token"):
        end_id(other)
