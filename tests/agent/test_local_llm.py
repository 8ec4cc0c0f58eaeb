from __future__ import annotations

import re

import numpy as np
import pytest
import tiny_model

from agent.base_model import load
from agent.grammar import OneOf, Words
from agent.local_llm import LocalLanguageModel
from prompts import Prompt, render
from retrieval.catalog import Catalog
from retrieval.encoder import HashingEncoder, document
from retrieval.semantic_ids import SemanticIds, token

PROMPT = render("id_to_title", code="something")


@pytest.fixture(scope="module")
def llm(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> LocalLanguageModel:
    import torch

    vectors = HashingEncoder().encode([document(item, wines.schema) for item in wines])
    codes = SemanticIds.fit([item.id for item in wines], vectors, size=4)
    folder = tiny_model.make(tmp_path_factory.mktemp("tiny"), wines)
    model, tokenizer = load(str(folder), codes.tokens(), torch.float32)
    return LocalLanguageModel(model, tokenizer, codes, "tiny")


def test_the_probabilities_of_all_items_sum_to_one(llm: LocalLanguageModel) -> None:
    scores = llm.score_paths(PROMPT, list(llm.semantic_ids.codes.values()))
    assert np.isclose(np.exp(scores).sum(), 1, atol=1e-5)


def test_scoring_on_a_shared_cache_equals_scoring_each_path_in_full(llm: LocalLanguageModel) -> None:
    import torch

    paths = list(llm.semantic_ids.codes.values())[:5]
    for path, score in zip(paths, llm.score_paths(PROMPT, paths), strict=True):
        text = PROMPT.own + "".join(token(level, code) for level, code in enumerate(path))
        ids = torch.tensor([llm.tokenizer(text, add_special_tokens=False)["input_ids"]])
        logits = llm.model(ids).logits[0, -len(path) - 1 : -1].detach()
        slow = 0.0
        for level in range(len(path)):
            rows = {code: llm.tokenizer.convert_tokens_to_ids(token(level, code)) for code in range(16)}
            allowed = llm.semantic_ids.trie.allowed(path[:level])
            choices = torch.log_softmax(logits[level][[rows[code] for code in allowed]], 0)
            slow += float(choices[allowed.index(path[level])])
        assert np.isclose(score, slow, atol=1e-3)


def test_sentences_hold_given_words_only_and_do_not_depend_on_their_neighbours(llm: LocalLanguageModel) -> None:
    prompts = [Prompt("<|im_start|>user\nShort facts:\n", f"{text}\n") for text in ("a", "longer than the first", "b")]
    words = [{"calm", "from", "Mosel"}, {"Malbec", "is", "what", "it"}, {"red"}]
    together = dict(llm.write(prompts, [Words(own) for own in words], 30))
    assert set(together) == {0, 1, 2}
    for place, prompt in enumerate(prompts):
        [(_, alone)] = llm.write([prompt], [Words(words[place])], 30)
        assert alone == together[place]
        said = {word.lower() for word in re.findall(r"\w+", alone)}
        assert said <= {word.lower() for word in words[place]}


def test_one_of_the_texts_on_offer_is_chosen_by_likelihood_and_no_further_than_where_it_is_decided(
    llm: LocalLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["calm from Mosel", "calm from Malbec and more", "red"]
    prompts = [Prompt("<|im_start|>user\nShort facts:\n", f"{text}\n") for text in ("a", "b c")]
    steps: list[int] = []
    head = llm._head
    monkeypatch.setattr(llm, "_head", lambda hidden: steps.append(1) or head(hidden))
    found = dict(llm.write(prompts, [OneOf(texts), OneOf(texts[:1])], 30))
    assert found[0] in texts
    assert found[1] == texts[0]
    assert len(steps) < len(llm._encode(texts[1]))


def test_a_beam_as_wide_as_the_catalog_finds_what_scoring_every_item_finds(llm: LocalLanguageModel) -> None:
    paths = list(llm.semantic_ids.codes.values())
    scores = dict(zip(paths, llm.score_paths(PROMPT, paths), strict=True))
    found = llm.beam(PROMPT, len(paths))
    assert [path for path, _ in found] == sorted(paths, key=lambda path: -scores[path])
    assert all(np.isclose(score, scores[path], atol=1e-3) for path, score in found)


def test_a_narrow_beam_writes_items_of_the_catalog_with_their_own_scores(llm: LocalLanguageModel) -> None:
    found = llm.beam(PROMPT, 3)
    paths = [path for path, _ in found]
    assert len(set(paths)) == 3 and all(path in llm.semantic_ids.trie for path in paths)
    assert np.allclose([score for _, score in found], llm.score_paths(PROMPT, paths), atol=1e-3)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_a_beam_of_nothing_or_over_nothing_is_refused(llm: LocalLanguageModel) -> None:
    from types import MappingProxyType

    with pytest.raises(ValueError, match="at least 1"):
        llm.beam(PROMPT, 0)
    empty = SemanticIds(llm.semantic_ids.quantiser, MappingProxyType({}))
    bare = LocalLanguageModel(llm.model, llm.tokenizer, llm.semantic_ids, "tiny")
    bare.semantic_ids = empty
    with pytest.raises(ValueError, match="nothing may follow"):
        bare.beam(PROMPT, 2)


def test_what_is_written_freely_is_codes_or_nothing(llm: LocalLanguageModel) -> None:
    path = llm.free_path(PROMPT)
    sizes = llm.semantic_ids.sizes
    assert path is None or all(0 <= code < size for code, size in zip(path, sizes, strict=True))


def test_nothing_to_score_or_write_gives_nothing(llm: LocalLanguageModel) -> None:
    assert llm.score_paths(PROMPT, []) == []
    assert list(llm.write([], [], 10)) == []


def test_the_likelihood_of_a_text_is_that_of_its_tokens_one_by_one_beside_any_others(llm: LocalLanguageModel) -> None:
    import torch

    texts = ["Red Hill", "Old Cellar and more", "x"]
    for text, score in zip(texts, llm.score_texts(PROMPT, texts), strict=True):
        said, own = llm._encode(PROMPT.own), llm._encode(text)
        logits = torch.log_softmax(llm.model(torch.tensor([said + own])).logits[0, len(said) - 1 : -1].detach(), -1)
        assert np.isclose(score, float(sum(row[token] for row, token in zip(logits, own, strict=True))), atol=1e-3)
    assert llm.score_texts(PROMPT, []) == []
