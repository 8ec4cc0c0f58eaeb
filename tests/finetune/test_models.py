"""Any causal language model of transformers: trained, saved, opened by the agent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_model

from agent import local_llm
from agent.grammar import Words
from finetune.config import TrainingConfig
from finetune.examples import Example
from finetune.sft import train
from finetune.tuned import check_gradients, keeps_apart, prepare
from prompts import Prompt, render
from retrieval.catalog import Catalog
from retrieval.semantic_ids import SemanticIds, token

CONFIG = TrainingConfig(
    row_steps=2, steps=2, tokens=256, rank=2, alpha=4, mix={"rank": 1, "alignment": 1}, validated=2, projection=0
)
MODELS = [("llama", False), ("qwen3", True), ("qwen3", False), ("qwen2", True)]


@pytest.mark.parametrize(("kind", "tied"), MODELS)
def test_a_model_is_tuned_saved_and_opened_by_the_agent_where_it_scores_and_writes(
    kind: str,
    tied: bool,
    examples: list[Example],
    wines: Catalog,
    codes: SemanticIds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    base = str(tiny_model.make(tmp_path / "base", wines, kind=kind, tied=tied))
    out = tmp_path / "adapter"
    record = train(
        examples, wines, codes, base=base, home=tmp_path, out=out, config=CONFIG, validation=examples[:6], resume=False
    )
    assert record["packed"] and record["padding"] == {"rows": 0, "lora": 0}
    quantised = local_llm._quantised
    monkeypatch.setattr(local_llm, "_quantised", lambda model: model)
    llm = local_llm.LocalLanguageModel.open(base, out, codes, tmp_path)
    prompt, paths = render("id_to_title", code="something"), list(codes.codes.values())
    scores = llm.score_paths(prompt, paths)
    assert np.isclose(np.exp(scores).sum(), 1, atol=1e-4)
    for path, score in zip(paths[:3], scores, strict=False):
        text = prompt.own + "".join(token(level, code) for level, code in enumerate(path))
        logits = (
            llm.model(torch.tensor([llm.tokenizer(text, add_special_tokens=False)["input_ids"]])).logits[0].detach()
        )
        slow = 0.0
        for level, code in enumerate(path):
            allowed = list(codes.trie.allowed(path[:level]))
            ids = [llm.tokenizer.convert_tokens_to_ids(token(level, each)) for each in allowed]
            chances = torch.log_softmax(logits[level - len(path) - 1, ids].float(), 0)
            slow += float(chances[allowed.index(code)])
        assert np.isclose(score, slow, atol=1e-3)
    llm.model = quantised(llm.model)
    written = dict(llm.write([Prompt("<|im_start|>user\nShort facts:\n", "a\n")], [Words(("calm", "red"))], 20))
    assert set(written) == {0}


@pytest.mark.parametrize("tied", [True, False])
def test_the_output_rows_are_those_that_were_trained(
    tied: bool, wines: Catalog, codes: SemanticIds, tmp_path: Path
) -> None:
    import torch

    base = str(tiny_model.make(tmp_path, wines, kind="qwen3", tied=tied))
    tuned = prepare(base, wines, codes, CONFIG)
    assert len(tuned.row_weights) == (1 if tied else 2)
    wrapped = tuned.model.get_base_model().get_output_embeddings()
    head = wrapped.token_adapter.get_merged_weights(["default"])
    first, last = tuned.levels[0].start, tuned.levels[-1].stop
    assert torch.equal(head[first:last], tuned.code_rows())


def test_a_gradient_on_old_weights_or_none_on_new_rows_is_an_error(
    base: str, wines: Catalog, codes: SemanticIds
) -> None:
    tuned = prepare(base, wines, codes, CONFIG)
    with pytest.raises(AssertionError, match="rows of new tokens have no gradient"):
        check_gradients(tuned, lora=False)
    ids = [[tuned.levels[0].start, 5, 6]]
    import torch

    tuned.model(input_ids=torch.tensor(ids)).logits.sum().backward()
    check_gradients(tuned, lora=True)
    layer = tuned.model.get_base_model().get_input_embeddings().token_adapter.base_layer
    layer.weight.grad = torch.ones_like(layer.weight)
    with pytest.raises(AssertionError, match="base weights .*embed_tokens"):
        check_gradients(tuned, lora=True)


def test_examples_share_a_row_only_in_models_that_keep_them_apart(base: str, wines: Catalog, tmp_path: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    assert keeps_apart(AutoModelForCausalLM.from_pretrained(base).eval(), [4, 1, 2, 3], [5, 4, 6])
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "mamba", vocab_size=50, hidden_size=16, state_size=4, num_hidden_layers=1, time_step_rank=2
    )
    assert not keeps_apart(AutoModelForCausalLM.from_config(config).eval(), [4, 1, 2, 3], [5, 4, 6])


def test_padding_and_packing_cost_the_same(
    base: str, examples: list[Example], wines: Catalog, codes: SemanticIds
) -> None:
    import torch

    from finetune.batches import collate, encode
    from finetune.losses import answer_loss

    tuned = prepare(base, wines, codes, CONFIG)
    chosen = [encode(example, tuned.tokenizer) for example in examples[:5]]
    losses = []
    for packed in (True, False):
        batch = collate(chosen, 0, packed=packed)
        learned = batch.pop("learned")
        logits = tuned.model.eval()(**batch, use_cache=False).logits[learned]
        losses.append(answer_loss(logits, batch["input_ids"].roll(-1, 1)[learned], tuned.levels))
    assert torch.isclose(*losses, rtol=1e-4)
