"""A cross-encoder: what was said is read once, and every candidate beside it, in one pass over a part of the model.

Nogueira and Cho, 2019 (arXiv:1901.04085), but on layers of a causal language model with a LoRA, and with the
conversation read once for all candidates. These see the conversation and themselves, never each other: neither their
order nor their number changes a score. It reads words and facts, no Semantic IDs, and so takes items of any catalog.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.belief import BeliefState
from agent.facts import few_facts
from agent.ranking import Scored, generate_prompt
from agent.stretch import Stretch
from retrieval.catalog import Catalog, UserError
from retrieval.query import Candidate

RECORD, HEAD = "cross_encoder.json", "head.safetensors"
FACTS = 4
"""Most values of an item that are read."""
LONGEST, OPENING, OPTION = 220, 20, 30
"""Most tokens of a prompt, of which so many are its opening and the others its end, and of an item."""


class Reading(NamedTuple):
    """What is read to judge candidates: token ids of the prompt and of each candidate."""

    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


class CrossEncoder(Stretch):
    """The network. Safe to share between threads once it is trained or opened."""

    READ, TUNED = 0.53, 4

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Take the layers of a causal language model; untrained it finds all candidates alike."""
        from agent.layers import Verdict

        super().__init__(model, tokenizer)
        self.head = Verdict(self.width).eval()
        self.trust = 1.0

    @classmethod
    def open(cls, folder: Path, home: Path, say: Callable[[str], None] = lambda _: None) -> CrossEncoder:
        """Open what training wrote to `folder`; UserError when it is not there or the base model cannot be had."""
        from safetensors.torch import load_file

        if not (folder / RECORD).is_file():
            command = f"python -m finetune ranker --out {folder.parent} --model embedded"
            raise UserError(f"{folder}: no cross-encoder; make one with `{command}`")
        record = json.loads((folder / RECORD).read_text("utf-8"))
        found = cls.of_base(record["model"], home, say)
        found.adapt(folder)
        found.head.load_state_dict({name: value.float() for name, value in load_file(folder / HEAD).items()})
        found.trust = record["trust"]
        return found

    def reading(
        self, text: str, said: str, belief: BeliefState, item_ids: Sequence[str], catalog: Catalog
    ) -> Reading:
        """Return what is read to judge items after the message `text`; `said` is what the person said before it."""
        prompt = generate_prompt(text, said, belief, catalog)
        ids = self._ids(prompt.context + prompt.own)
        if len(ids) > LONGEST:
            ids = ids[:OPENING] + ids[OPENING - LONGEST :]
        options = (self._ids(f"\n{few_facts(catalog[item], catalog, belief, FACTS)}")[:OPTION] for item in item_ids)
        return Reading(tuple(ids), tuple(tuple(option) for option in options))

    def judge(self, reading: Reading) -> NDArray[np.float64]:
        """Return (k,) what speaks for each candidate, in nats, beside `trust` times its score in retrieval."""
        import torch

        from agent.layers import pack

        with torch.inference_mode():
            packed = pack([reading])
            return np.asarray(self.head(self.states(packed), packed).numpy(), np.float64)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


class CrossEncoded:
    """Scores the candidates of one catalog by a cross-encoder."""

    def __init__(self, encoder: CrossEncoder, catalog: Catalog, name: str = "cross-encoder") -> None:
        """Score with `encoder`; `name` says which it is."""
        self.encoder, self.catalog, self.name = encoder, catalog, name

    @classmethod
    def open(cls, folder: Path, catalog: Catalog, home: Path, say: Callable[[str], None]) -> CrossEncoded:
        """Open the cross-encoder in `folder`; UserError as for `CrossEncoder.open`."""
        encoder = CrossEncoder.open(folder, home, say)
        return cls(encoder, catalog, f"cross-encoder@{hashlib.sha256((folder / HEAD).read_bytes()).hexdigest()[:12]}")

    def score(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str) -> Scored:
        """Return `trust` times the scores of retrieval plus what speaks for each candidate, and the latter alone."""
        ids = [candidate.item_id for candidate in candidates]
        own = self.encoder.judge(self.encoder.reading(text, said, belief, ids, self.catalog))
        found = np.array([candidate.score for candidate in candidates], np.float64)
        return Scored(self.encoder.trust * (found - found.mean()) + own, tuple(own.tolist()))
