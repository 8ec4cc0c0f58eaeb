"""Where the projection head starts: the closed form of what it is to do, over the states of the model as it is."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetune.batches import Encoded

if TYPE_CHECKING:
    from finetune.tuned import Tuned

Array = NDArray[np.float64]
ASKED = 400
"""Most examples of a task whose states are read."""
PENALTY = 1000.0
"""Weight of the ridge, for states of about unit variance a number."""
SCALES = (1.0, 3.0, 10.0, 20.0, 30.0, 50.0, 70.0, 100.0)
"""What predictions, which are shrunk towards the mean, may be multiplied by; the best on a fifth held out counts."""


def start(tuned: Tuned, pools: Mapping[str, Sequence[Encoded]], seed: int) -> None:
    """Set the projection head so that it leads from states to the vectors of the items that were right.

    Ridge regression. States of a language model share one large direction; descent from zero finds that one first and
    ranks the same items for everybody, long before it hears the person.
    """
    import torch

    assert tuned.projection is not None and tuned.items is not None
    chance = random.Random(seed)
    chosen = [one for _, own in sorted(pools.items()) for one in chance.sample(list(own), min(ASKED, len(own)))]
    if len(chosen) < 2:
        return
    chance.shuffle(chosen)
    places = [tuned.paths[tuple(one.ids[one.answer : one.answer + len(tuned.levels)])] for one in chosen]
    vectors = tuned.items.double().numpy()
    weights = closed_form(_states(tuned, chosen), np.array(places), vectors)
    with torch.no_grad():
        tuned.projection.copy_(torch.tensor(weights))


def closed_form(states: Array, places: NDArray[np.int64], vectors: Array) -> Array:
    """Return (d, h) weights: (m, h) states, (m,) places of the right items among (n, d) vectors."""
    targets = vectors[places] - vectors.mean(0)
    heard = len(states) - len(states) // 5
    logits = states[heard:] @ _ridge(states[:heard], targets[:heard]) @ vectors.T
    scale = min(SCALES, key=lambda scale: _cross_entropy(scale * logits, places[heard:]))
    return scale * _ridge(states, targets).T


def _ridge(states: Array, targets: Array) -> Array:
    return np.asarray(
        np.linalg.solve(states.T @ states + PENALTY * np.eye(states.shape[1]), states.T @ targets), np.float64
    )


def _cross_entropy(logits: Array, places: NDArray[np.int64]) -> float:
    from scipy.special import log_softmax

    return -float(np.mean(log_softmax(logits, axis=1)[np.arange(len(places)), places])) if len(places) else 0.0


def _states(tuned: Tuned, examples: Sequence[Encoded]) -> Array:
    """Return (m, h) the last hidden state of each prompt."""
    import torch

    tuned.model.eval()
    found = []
    with torch.inference_mode():
        for one in examples:
            ids = torch.tensor([one.ids[: one.answer]], device=tuned.model.device)
            out = tuned.model(input_ids=ids, use_cache=False, output_hidden_states=True)
            found.append(out.hidden_states[-1][0, -1].double().cpu().numpy())
    tuned.model.train()
    return np.stack(found)
