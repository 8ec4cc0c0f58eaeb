from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_model

from agent.base_model import load
from agent.local_llm import RECORD, LocalLanguageModel, read_record
from finetune.batches import collate, encode, endless
from finetune.config import TrainingConfig
from finetune.examples import Example
from finetune.sft import train
from prompts import Tokens, render
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import HashingEncoder, document
from retrieval.semantic_ids import SemanticIds

CONFIG = TrainingConfig(row_steps=4, steps=4, tokens=256, every=2, rank=2, alpha=4, mix={"rank": 1, "alignment": 1})


@pytest.fixture(scope="module")
def codes(wines: Catalog) -> SemanticIds:
    vectors = HashingEncoder().encode([document(item, wines.schema) for item in wines])
    return SemanticIds.fit([item.id for item in wines], vectors, size=4)


@pytest.fixture(scope="module")
def base(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model.make(tmp_path_factory.mktemp("tiny"), wines))


@pytest.fixture(scope="module")
def examples(wines: Catalog, codes: SemanticIds) -> list[Example]:
    found = []
    for item in wines:
        code = Tokens(codes.text(item.id))
        found.append(Example("title_to_id", render("title_to_id", noun="wine", facts=item.title), code))
        found.append(Example("rank", render("id_to_title", code=code), code))
    return found


def run(examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, out: Path, **more: Any) -> Any:
    options = {"config": CONFIG, **more}
    return train(examples, wines, codes, base=base, home=out.parent, out=out, **options)


@pytest.fixture(scope="module")
def adapter(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("adapters") / "first"
    run(examples, wines, codes, base, out)
    return out


def test_a_run_leaves_an_adapter_and_a_record_of_what_made_it(adapter: Path, codes: SemanticIds) -> None:
    record = read_record(adapter)
    assert record["semantic_ids"] == codes.fingerprint
    assert record["config"] == CONFIG.model_dump()
    assert [stage for stage, _, _ in record["losses"]] == ["rows"] * 4 + ["lora"] * 4
    assert record["examples"]["rank"] == 12
    assert {path.name for path in adapter.iterdir()} == {RECORD, "adapter_config.json", "adapter_model.safetensors"}
    assert str(adapter.parent) not in (adapter / "adapter_config.json").read_text()


def test_only_the_rows_of_new_tokens_move_and_input_and_output_stay_tied(
    adapter: Path, base: str, codes: SemanticIds
) -> None:
    import torch
    from peft import PeftModel

    plain, tokenizer = load(base, codes.tokens(), torch.float32)
    before = plain.get_input_embeddings().weight.detach().clone()
    merged = PeftModel.from_pretrained(plain, str(adapter)).merge_and_unload()
    after = merged.get_input_embeddings().weight
    old = len(tokenizer) - len(codes.tokens())
    assert torch.equal(after[:old], before[:old])
    assert not torch.equal(after[old:], before[old:])
    assert merged.lm_head.weight.data_ptr() == after.data_ptr() or torch.equal(merged.lm_head.weight, after)


def test_every_code_is_one_token_wherever_it_stands(base: str, codes: SemanticIds) -> None:
    import torch

    _, tokenizer = load(base, codes.tokens(), torch.float32)
    for place, name in enumerate(codes.tokens()):
        ids = tokenizer(f"a{name}{name} b\n{name}", add_special_tokens=False)["input_ids"]
        assert ids.count(len(tokenizer) - len(codes.tokens()) + place) == 3
        assert name in tokenizer.decode(ids)


def test_a_broken_run_that_is_resumed_gives_what_an_unbroken_one_gives(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, adapter: Path, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def kill(step: int, total: int, stage: str, loss: float) -> None:
        if stage == "lora" and step == 3:
            raise Killed

    with pytest.raises(Killed):
        run(examples, wines, codes, base, tmp_path / "broken", report=kill)
    record = run(examples, wines, codes, base, tmp_path / "broken", resume=True)
    assert record["losses"] == [tuple(entry) for entry in read_record(adapter)["losses"]]


def test_an_adapter_is_never_overwritten(
    examples: list[Example], wines: Catalog, codes: SemanticIds, base: str, adapter: Path
) -> None:
    with pytest.raises(UserError, match="already holds an adapter"):
        run(examples, wines, codes, base, adapter)


def test_an_adapter_for_other_codes_is_refused_with_the_command_that_helps(
    adapter: Path, base: str, wines: Catalog, tmp_path: Path
) -> None:
    vectors = HashingEncoder().encode([item.text for item in wines])
    other = SemanticIds.fit([item.id for item in wines], vectors, size=4, seed=3)
    with pytest.raises(UserError, match="python -m finetune sft"):
        LocalLanguageModel.open(base, adapter, other, tmp_path)
    with pytest.raises(UserError, match="no adapter in"):
        LocalLanguageModel.open(base, tmp_path / "nowhere", other, tmp_path)
    assert (adapter / RECORD).exists()


def test_the_loss_is_taken_on_the_answer_alone(base: str, codes: SemanticIds, examples: list[Example]) -> None:
    import torch

    _, tokenizer = load(base, codes.tokens(), torch.float32)
    short, long = sorted((encode(example, tokenizer) for example in examples[:6]), key=lambda e: len(e.ids))[::5]
    batch = collate([short, long], tokenizer.pad_token_id)
    for row, example in enumerate((short, long)):
        learned = batch.ids[row].roll(-1)[batch.learned[row]].tolist()
        assert learned == example.ids[example.answer :]
        assert int(batch.mask[row].sum()) == len(example.ids)


def test_batches_keep_to_their_size_and_show_every_example_before_any_again(
    base: str, codes: SemanticIds, examples: list[Example]
) -> None:
    import torch

    _, tokenizer = load(base, codes.tokens(), torch.float32)
    pool = [encode(example, tokenizer) for example in examples if example.task == "rank"]
    stream, seen = endless({"rank": pool}, {"rank": 1}, 200, seed=1), []
    while len(seen) < len(pool):
        batch = next(stream)
        assert len(batch) * max(len(example.ids) for example in batch) <= 200 or len(batch) == 1
        seen += batch
    with pytest.raises(ValueError, match="no examples"):
        next(endless({"rank": []}, {"rank": 1}, 200, seed=1))
