"""A reward model as a head on the adapter that serves: how good an answer is, by what was taken over what.

The language model stays as it is: the state after each prompt with its answer is read once, and one weight for each of
its numbers is fitted. trl's `RewardTrainer` would read a prompt again for each of its pairs in every epoch, and counts
all pairs alike; here a list is read once for all its answers, the weights enter the loss as they are, and penalties can
be compared in seconds. The some hundred pairs of a home teach no more weights than these.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.base_model import soft_tokens
from agent.local_llm import LocalLanguageModel, read_record
from agent.reactions import Reacted
from agent.versions import digest
from finetune.config import PreferenceConfig
from finetune.learning import held_out
from finetune.preference_training import likelier, share
from finetune.preferences import Pair, answers, balanced, pairs
from prompts import Prompt
from retrieval.catalog import Catalog, UserError
from retrieval.semantic_ids import SemanticIds

Array = NDArray[np.float64]
Say = Callable[[str], None]
HEAD, RECORD = "head.safetensors", "record.json"
PENALTIES = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01)
"""Weights of the ridge that are compared, for differences of a root mean square of 1 a number; the first wins ties."""
FOLDS = 5
SETTINGS = ("seed", "steps", "clip", "cap", "held_out")
"""What of `PreferenceConfig` counts here."""
LIBRARIES = ("numpy", "scipy", "torch", "transformers", "peft")


def train(
    reacted: Sequence[Reacted],
    catalog: Catalog,
    serving: Path,
    semantic_ids: SemanticIds,
    config: PreferenceConfig,
    base: str,
    home: Path,
    out: Path,
    say: Say,
) -> dict[str, Any]:
    """Fit a reward head to the pairs that `dpo` learns from and write it to `out`, in place of the last.

    The states are those of the adapter in `serving` as it serves, merged into `base`. Returned is the record: `figures`
    are the shares of held-out pairs, each counting 1, a tie half, that the reward has right, the likelihood of the same
    model, the place in the list as it was shown (the higher one wins), and popularity; `ahead` is the reward's share
    less theirs; standard errors are clustered by conversation; what cannot be measured is None. `losses` are nats a
    pair by penalty, on conversations left out of a fit: no head at all has log 2. UserError when there is no pair, or
    when the adapter belongs to another base model or other Semantic IDs.
    """
    started = time.perf_counter()
    own = [one for one in reacted if not held_out(one.conversation, config.held_out)]
    kept = [one for one in reacted if held_out(one.conversation, config.held_out)]
    given = list(pairs(own, catalog, semantic_ids, config.clip))
    if not given:
        raise UserError(
            f"no pair to learn a reward from in {home / 'log.sqlite'}: take or like one of several items in a list, by "
            f"`python app.py --home {home}`"
        )
    weights = np.array(balanced([one.weight for one in given], [one.person for one in given], config.cap))
    unheard = [(pair, turn) for turn in kept for pair in pairs([turn], catalog, semantic_ids, config.clip)]
    judged = [pair for pair, _ in unheard]
    llm = LocalLanguageModel.open(base, serving, semantic_ids, home, say)
    say(f"{len(given)} pairs to learn from, {len(judged)} held out")
    opening = "".join(soft_tokens(read_record(serving).get("soft_tokens", 0)))
    states = read(llm, [*given, *judged], opening)
    head, losses = learn(_apart(states, given), weights, [one.conversation for one in given], config)
    right = {
        "reward": _won(_apart(states, judged) @ head if judged else ()),
        "likelihood": likelier(llm, judged, semantic_ids),
        "place": _won([_higher(pair, turn, semantic_ids) for pair, turn in unheard]),
        "popularity": _won(list(_more_popular(judged, catalog, semantic_ids))),
    }
    names = [pair.conversation for pair in judged]
    lead = {name: np.subtract(right["reward"], other).tolist() for name, other in right.items() if name != "reward"}
    record = {
        **{"model": llm.model_id, "adapter": llm.adapter_id, "semantic_ids": semantic_ids.fingerprint},
        "config": config.model_dump(include=set(SETTINGS)),
        "data": hashlib.sha256(repr((given, judged)).encode()).hexdigest()[:16],
        "conversations": [digest(name) for name in sorted({one.conversation for one in given})],
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "pairs": {"learned": len(given), "held_out": len(judged), "held_out_conversations": len(set(names))},
        "losses": {f"{penalty:g}": loss for penalty, loss in losses.items()},
        "figures": {name: share(values, names) for name, values in right.items()},
        "ahead": {name: share(values, names) for name, values in lead.items()},
        "seconds": round(time.perf_counter() - started),
    }
    _write(head, record, out)
    return record


def read(llm: LocalLanguageModel, wanted: Sequence[Pair], opening: str = "") -> dict[tuple[Prompt, str], Array]:
    """Return (prompt, answer) -> (h,) the last hidden state at the token that ends the answer.

    A prompt is computed once; all its answers follow in one batch on copies of its cache. `opening` opens every prompt.
    """
    import torch

    def ids(text: str) -> list[int]:
        found: list[int] = llm.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        return found

    found: dict[tuple[Prompt, str], Array] = {}
    with torch.inference_mode():
        for prompt, own in answers(wanted).items():
            said = torch.tensor([ids(opening) + ids(prompt.context) + ids(prompt.own)], device=llm.model.device)
            cache = llm.model.base_model(said, use_cache=True).cache
            cache.batch_repeat_interleave(len(own))
            following = torch.tensor([[*ids(answer), llm.end] for answer in own], device=llm.model.device)
            last = llm.model.base_model(following, cache=cache, use_cache=True).last_hidden_state[:, -1]
            found |= {(prompt, answer): state for answer, state in zip(own, last.double().cpu().numpy(), strict=True)}
    return found


def learn(
    apart: Array, weights: Array, conversations: Sequence[str], config: PreferenceConfig
) -> tuple[Array, dict[float, float]]:
    """Return the head (h,) and the losses by penalty, of which the least decided.

    `apart` (n, h): the state of what was taken less that of what was not; `weights` (n,). The losses come of `FOLDS`
    fits, each without some of the conversations, dealt out by the seed; with one conversation there are none and the
    strongest penalty counts.
    """
    scale = np.sqrt(np.mean(apart**2, axis=0))
    apart = apart / np.where(scale > 0, scale, 1.0)
    names = sorted(set(conversations))
    random.Random(config.seed).shuffle(names)
    fold_of = {name: place % FOLDS for place, name in enumerate(names)}
    folds = np.array([fold_of[name] for name in conversations])
    losses = {}
    for penalty in PENALTIES if len(names) > 1 else ():
        total = 0.0
        for fold in np.unique(folds):
            left_out = folds == fold
            head = fit(apart[~left_out], weights[~left_out], penalty, config.steps)
            total += float(weights[left_out] @ np.logaddexp(0, -apart[left_out] @ head))
        losses[penalty] = round(total / float(weights.sum()), 5)
    best = min(PENALTIES, key=lambda penalty: losses.get(penalty, 0.0))
    return fit(apart, weights, best, config.steps) / np.where(scale > 0, scale, 1.0), losses


def fit(apart: Array, weights: Array, penalty: float, steps: int) -> Array:
    """Return the head (h,) that gives what was taken the greater reward, by at most `steps` steps of L-BFGS.

    It minimises the weighted mean of -log sigmoid(r_chosen - r_rejected) (Bradley and Terry, 1952; Ouyang et al., 2022,
    arXiv:2203.02155, eq. 1) and penalty / 2 |head|^2. r is linear in the state, so r_chosen - r_rejected is `apart`
    (n, h) times the head, and a constant would cancel out.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    parts = weights / weights.sum()

    def loss(head: Array) -> tuple[float, Array]:
        margins = apart @ head
        slope = penalty * head - (parts * expit(-margins)) @ apart
        return float(parts @ np.logaddexp(0, -margins) + penalty / 2 * head @ head), slope

    start = np.zeros(apart.shape[1])
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x, np.float64)


def told(record: Mapping[str, Any]) -> list[str]:
    """Return what a reader needs to judge the head, line by line."""
    counts = record["pairs"]
    if not counts["held_out"]:
        return [f"{counts['learned']} pairs learned from; none held out yet, so what it is worth is not known"]
    lines = [
        f"{counts['learned']} pairs learned from; of {counts['held_out']} held out, of "
        f"{counts['held_out_conversations']} conversations, right are"
    ]
    for name, figure in record["figures"].items():
        ahead = f"; the reward has {_signed(record['ahead'][name])} more" if name in record["ahead"] else ""
        error = "unknown" if figure["error"] is None else f"{figure['error']:.3f}"
        lines.append(f"  {name:<12}{figure['mean']:.3f} (standard error {error}){ahead}")
    return lines


def _signed(figure: Mapping[str, float | None]) -> str:
    error = "" if figure["error"] is None else f" ± {figure['error']:.3f}"
    return f"{figure['mean']:+.3f}{error}"


def _apart(states: Mapping[tuple[Prompt, str], Array], of: Sequence[Pair]) -> Array:
    """Return (n, h) the states of what was taken less those of what was not."""
    return np.array([states[one.prompt, one.chosen] - states[one.prompt, one.rejected] for one in of])


def _won(margins: Sequence[float] | Array) -> list[float]:
    """Return 1 for what is ahead, 0 for what is behind, a half for ties."""
    found: list[float] = ((1 + np.sign(np.asarray(margins, np.float64))) / 2).tolist()
    return found


def _higher(pair: Pair, turn: Reacted, semantic_ids: SemanticIds) -> int:
    """Return by how many places what was taken stood above what was not."""
    places = {
        semantic_ids.text(one.item_id): one.position for one in turn.exposures if one.item_id in semantic_ids.codes
    }
    return places[pair.rejected] - places[pair.chosen]


def _more_popular(of: Sequence[Pair], catalog: Catalog, semantic_ids: SemanticIds) -> Iterator[float]:
    """Yield by how much what was taken is more popular than what was not."""
    known = {semantic_ids.text(item): catalog[item].popularity for item in semantic_ids.codes}
    yield from (known[one.chosen] - known[one.rejected] for one in of)


def _write(head: Array, record: Mapping[str, Any], out: Path) -> None:
    """Write the head (1, h) and its record, whole or not at all."""
    import torch
    from safetensors.torch import save_file

    half = out.with_name(f".{out.name}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    save_file({"weight": torch.tensor(head, dtype=torch.float32)[None]}, half / HEAD)
    (half / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    shutil.rmtree(out, ignore_errors=True)
    half.rename(out)
