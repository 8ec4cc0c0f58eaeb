"""The language model in this process: weights, a peft adapter, shared-prefix scoring and batched writing."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agent.base_model import Say, end_id, load, quietly, resolve, soft_tokens
from agent.grammar import Grammar
from prompts import Prompt
from retrieval.catalog import UserError
from retrieval.encoder import best_dtype
from retrieval.semantic_ids import SemanticId, SemanticIds, token

if TYPE_CHECKING:
    import torch

RECORD = "tastemaker.json"
"""The file beside an adapter's weights that says what it was trained on and for."""
PROJECTION = "projection.safetensors"
"""The file beside an adapter's weights with its projection head, where it has one."""

REPEATED = 1.0
"""What each earlier occurrence of a token in a sentence takes off its logit: small models write in circles."""


def read_record(adapter: Path) -> dict[str, Any]:
    """Return an adapter's record; UserError when the folder holds no adapter of ours."""
    path = adapter / RECORD
    if not path.is_file():
        raise UserError(f"no adapter in {adapter}: make one with `python -m finetune sft --out {adapter}`")
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return record


def fitting(adapter: Path, semantic_ids: SemanticIds, home: Path) -> dict[str, Any]:
    """Return an adapter's record; UserError when it was trained for other Semantic IDs."""
    record = read_record(adapter)
    if record["semantic_ids"] != semantic_ids.fingerprint:
        raise UserError(
            f"the adapter {adapter} was trained for other Semantic IDs than this index has: train one with "
            f"`python -m finetune sft --home {home} --out {adapter.name}` or set TASTEMAKER_ADAPTER=none"
        )
    return record


def _projection(adapter: Path) -> torch.Tensor | None:
    from safetensors.torch import load_file

    path = adapter / PROJECTION
    return load_file(path)["weight"].float() if path.is_file() else None


class LocalLanguageModel:
    """A causal LM on this machine. Not thread safe: callers take turns."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        semantic_ids: SemanticIds,
        model_id: str,
        adapter_id: str = "none",
        *,
        prefix: str = "",
        codes: torch.Tensor | None = None,
        projection: torch.Tensor | None = None,
    ) -> None:
        """Serve `model`, whose vocabulary already holds the tokens of `semantic_ids`.

        `prefix` opens every prompt. `codes` are the output rows (tokens, h) of the Semantic-ID tokens in order, by
        default those of `model`; training gives its own. `projection` (d, h) leads from the last hidden state into the
        space of the item vectors.
        """
        self.model, self.tokenizer, self.semantic_ids = model, tokenizer, semantic_ids
        self.model_id, self.adapter_id = model_id, adapter_id
        self.end = end_id(tokenizer)
        self._rows = [
            [tokenizer.convert_tokens_to_ids(token(level, code)) for code in range(size)]
            for level, size in enumerate(semantic_ids.sizes)
        ]
        self._prefix = self._encode(prefix) if prefix else []
        if codes is None:
            codes = model.get_output_embeddings().weight.detach()[[row for rows in self._rows for row in rows]]
        self._projection = projection
        self._codes = codes.float().split([len(rows) for rows in self._rows])

    @classmethod
    def open(
        cls, name: str, adapter: Path | None, semantic_ids: SemanticIds, home: Path, say: Say = lambda _: None
    ) -> LocalLanguageModel:
        """Load base weights and merge the adapter into them.

        UserError when the adapter was trained for other Semantic IDs or another base model.
        """
        import torch

        record = fitting(adapter, semantic_ids, home) if adapter else {}
        source, model_id = resolve(name, home, say)
        if adapter and record["model"] != model_id:
            raise UserError(f"the adapter {adapter} belongs to {record['model']}, not to {model_id}: set the model")
        dtype, soft = best_dtype(), soft_tokens(record.get("soft_tokens", 0))
        model, tokenizer = load(source, [*semantic_ids.tokens(), *soft], dtype)
        adapter_id = "none"
        if adapter:
            from peft import PeftModel

            with quietly():
                model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().eval()
            digest = hashlib.sha256((adapter / "adapter_model.safetensors").read_bytes()).hexdigest()[:12]
            adapter_id = f"{adapter.name}@{digest}"
        projection = _projection(adapter) if adapter else None
        opened = cls(model, tokenizer, semantic_ids, model_id, adapter_id, prefix="".join(soft), projection=projection)
        if dtype is torch.float32:
            opened.model = _quantised(model)
        return opened

    def query_vector(self, prompt: Prompt) -> NDArray[np.float32] | None:
        """Return (d,) the projection of the last hidden state (Lite-LLM4Rec, Wang et al., 2024, arXiv:2402.09543).

        One pass over the prompt ranks the whole catalog. None when the adapter has no projection.
        """
        import torch

        if self._projection is None:
            return None
        with torch.inference_mode():
            hidden, _ = self._prefill(prompt.context, prompt.own)
            return np.asarray((self._projection @ hidden[0, 0].float()).cpu().numpy(), np.float32)

    def score_paths(self, prompt: Prompt, paths: Sequence[SemanticId]) -> list[float]:
        """Return log p(path | prompt) in nats, normalised over the trie: over the whole catalog they sum to one.

        The prompt is computed once; all paths follow in one batch on copies of its cache.
        """
        import torch

        if not paths:
            return []
        with torch.inference_mode():
            hidden, cache = self._prefill(prompt.context, prompt.own)
            steps = torch.tensor([[self._rows[level][code] for level, code in enumerate(path)] for path in paths])
            cache.batch_repeat_interleave(len(paths))
            following = steps[:, :-1].to(self.model.device)
            inner = self.model.base_model(following, cache=cache, use_cache=True).last_hidden_state
            states = torch.cat([hidden.expand(len(paths), 1, -1), inner], 1).float()
            trie, scores = self.semantic_ids.trie, [0.0] * len(paths)
            for level, codes in enumerate(self._codes):
                logits = states[:, level] @ codes.T
                for place, path in enumerate(paths):
                    allowed = list(trie.allowed(path[:level]))
                    chosen = logits[place, path[level]] - torch.logsumexp(logits[place, allowed], 0)
                    scores[place] += float(chosen)
        return scores

    def score_texts(self, prompt: Prompt, texts: Sequence[str]) -> list[float]:
        """Return log p(text | prompt) in nats over the whole vocabulary for each text, which needs no training.

        The prompt is computed once; all texts follow in one batch on copies of its cache.
        """
        import torch

        if not texts:
            return []
        rows = [self._encode(text) for text in texts]
        width = max(map(len, rows))
        ids = torch.tensor([row + [self.end] * (width - len(row)) for row in rows], device=self.model.device)
        there = torch.tensor([[place < len(row) for place in range(width)] for row in rows], device=self.model.device)
        with torch.inference_mode():
            hidden, cache = self._prefill(prompt.context, prompt.own)
            states = hidden.expand(len(rows), 1, -1)
            if width > 1:
                cache.batch_repeat_interleave(len(rows))
                inner = self.model.base_model(ids[:, :-1], cache=cache, use_cache=True).last_hidden_state
                states = torch.cat([states, inner], 1)
            logits = torch.log_softmax(self._head(states[there]).float(), -1)
            scores = torch.zeros(ids.shape)
            scores[there.cpu()] = logits.gather(1, ids[there][:, None])[:, 0].cpu()
        found: list[float] = scores.sum(1).tolist()
        return found

    def beam(self, prompt: Prompt, width: int) -> list[tuple[SemanticId, float]]:
        """Return the `width` likeliest Semantic IDs of the catalog with log p(path | prompt) in nats, best first.

        Beam search over the trie (the generative retriever of TIGER, Rajput et al. 2023): with a width of the whole
        catalog it finds what `score_paths` finds, with a smaller one an approximation. ValueError for an empty trie.
        """
        import torch

        if width < 1:
            raise ValueError(f"a beam needs a width of at least 1, not {width}")
        trie = self.semantic_ids.trie
        with torch.inference_mode():
            states, cache = self._prefill(prompt.context, prompt.own)
            weights = self.model.get_input_embeddings().weight
            beams: list[tuple[SemanticId, float]] = [((), 0.0)]
            for level, rows in enumerate(self._rows):
                logits = states[:, -1].float() @ weights[rows].float().T
                grown: list[tuple[float, int, SemanticId]] = []
                for place, (path, score) in enumerate(beams):
                    allowed = list(trie.allowed(path))
                    if not allowed:
                        raise ValueError(f"nothing may follow {path}: the catalog has no Semantic IDs")
                    steps = torch.log_softmax(logits[place, allowed], 0).tolist()
                    grown += [
                        (score + step, place, (*path, code)) for code, step in zip(allowed, steps, strict=True)
                    ]
                grown = sorted(grown, key=lambda one: (-one[0], one[2]))[:width]
                beams = [(path, score) for score, _, path in grown]
                if level + 1 < len(self._rows):
                    cache.batch_select_indices(torch.tensor([place for _, place, _ in grown]))
                    ids = torch.tensor([[rows[path[-1]]] for path, _ in beams])
                    states = self.model.model(ids, cache=cache, use_cache=True).last_hidden_state
        return beams

    def free_path(self, prompt: Prompt) -> SemanticId | None:
        """Return the Semantic ID that comes out without any constraint, greedily; None when other words do."""
        import torch

        path: list[int] = []
        with torch.inference_mode():
            state, cache = self._prefill(prompt.context, prompt.own)
            for rows in self._rows:
                step = int(self._head(state[:, -1]).argmax())
                if step not in rows:
                    return None
                path.append(rows.index(step))
                ids = torch.tensor([[step]])
                state = self.model.model(ids, cache=cache, use_cache=True).last_hidden_state
        return tuple(path)

    def write(
        self, prompts: Sequence[Prompt], grammars: Sequence[Grammar], max_tokens: int
    ) -> Iterator[tuple[int, str]]:
        """Write one sentence after each prompt, all in one batch; yield (index, text) as each is finished.

        The prompts share their context, which is computed once. Greedy decoding inside `grammars[i]`, up to where only
        one text can come out; one that is still open after `max_tokens` comes out empty.
        """
        import torch

        if not prompts:
            return
        own = [self._encode(prompt.own) for prompt in prompts]
        states = [grammar.begin(self._word, self.end) for grammar in grammars]
        width = max(len(ids) for ids in own)
        with torch.inference_mode():
            _, cache = self._prefill(prompts[0].context, "")
            shared = cache.get_seq_length()
            cache.batch_repeat_interleave(len(own))
            ids = torch.tensor([[self.end] * (width - len(row)) + row for row in own])
            pads = torch.tensor([width - len(row) for row in own])
            mask = torch.cat(
                [torch.ones(len(own), shared), (torch.arange(width)[None] >= pads[:, None]).float()], 1
            ).long()
            positions = (shared + torch.arange(width)[None] - pads[:, None]).clamp(min=0)
            written: list[list[int]] = [[] for _ in own]
            unfinished = set(range(len(own)))
            for row, state in enumerate(states):
                if state.decided is not None:
                    unfinished.discard(row)
                    yield row, state.decided
            for _ in range(max_tokens if unfinished else 0):
                hidden = self.model.base_model(
                    ids, cache=cache, attention_mask=mask, position_ids=positions, use_cache=True
                ).last_hidden_state[:, -1]
                logits = self._head(hidden)
                steps = [self.end] * len(own)
                for row in sorted(unfinished):
                    allowed = states[row].allowed()
                    repeats = torch.tensor([float(written[row].count(step)) for step in allowed])
                    steps[row] = step = allowed[int((logits[row, allowed] - REPEATED * repeats).argmax())]
                    if step == self.end:
                        unfinished.discard(row)
                        yield row, self.tokenizer.decode(written[row]).strip()
                    else:
                        written[row].append(step)
                        states[row] = states[row].after(step)
                        if (text := states[row].decided) is not None:
                            unfinished.discard(row)
                            yield row, text
                if not unfinished:
                    return
                ids = torch.tensor(steps)[:, None]
                mask = torch.cat([mask, torch.ones(len(own), 1, dtype=torch.long)], 1)
                positions = positions[:, -1:] + 1
            yield from ((row, "") for row in sorted(unfinished))

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    @lru_cache(maxsize=20_000)  # noqa: B019 -- lives as long as the model, which lives as long as the process
    def _word(self, text: str) -> list[int]:
        return self._encode(text)

    def _prefill(self, context: str, own: str) -> tuple[torch.Tensor, Any]:
        """Return the last hidden state (1, 1, h) and the cache after both parts."""
        import torch

        said = [*(self._encode(context) if context else []), *(self._encode(own) if own else [])]
        out = self.model.base_model(torch.tensor([self._prefix + said], device=self.model.device), use_cache=True)
        return out.last_hidden_state[:, -1:], out.cache

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model.get_output_embeddings()(hidden)
        return logits


def _quantised(model: Any) -> Any:
    """Return `model` with int8 weights in its linear layers: on CPUs without bfloat16 twice as fast at writing."""
    import torch

    with quietly():
        quantise: Any = torch.ao.quantization.quantize_dynamic
        return quantise(copy.copy(model), {torch.nn.Linear}, dtype=torch.qint8)
