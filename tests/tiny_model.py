"""A real causal language model of a few thousand weights, for tests of everything around the weights."""

from __future__ import annotations

from pathlib import Path

from retrieval.catalog import Catalog


def make(folder: Path, catalog: Catalog, layers: int = 2, kind: str = "llama", *, tied: bool = True) -> Path:
    """Write a random model of `layers` layers and a byte-level tokenizer to `folder`.

    `kind` is a model type of transformers: `llama`, or `qwen2` and `qwen3`, with spare rows as in theirs.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    texts = [f"{item.title} {item.text} {item.attributes}" for item in catalog]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=500, special_tokens=marks, initial_alphabet=alphabet)
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(fast) + (0 if kind == "llama" else 10),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        eos_token_id=2,
        pad_token_id=2,
        bos_token_id=1,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def make_encoder(folder: Path) -> Path:
    """Write a random two-layer BERT with the embedded encoder's tokenizer to `folder`."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from retrieval.encoder import open_embedded

    tokenizer = AutoTokenizer.from_pretrained(open_embedded().source)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    return folder
