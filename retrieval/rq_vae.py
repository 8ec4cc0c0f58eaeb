"""RQ-VAE: an autoencoder whose bottleneck is a sum of one code a level (Rajput et al., TIGER, 2023, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.quantiser import residual_means

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float32]
HIDDEN, LATENT = (512, 256, 128), 32
"""Widths of the encoder's layers and of the codes; the decoder mirrors them."""
BETA = 0.25
"""What the encoder's commitment to its codes counts beside the codes' pull towards it."""
RATE = 1e-3
BATCH, STEPS = 512, 1500
WARM_UP = 0.2
"""Share of the steps in which the autoencoder is trained without codes, so that k-means finds something."""
RESET = 50
"""Steps after which codes that no vector took since the last time are moved to residuals drawn by lot."""


class Trained(NamedTuple):
    """An encoder and its codebooks, with how the training went."""

    layers: tuple[tuple[Array, Array], ...]
    codebooks: tuple[Array, ...]
    losses: tuple[tuple[float, float], ...]
    """(reconstruction, quantiser) losses of each step with codes: squared errors, summed over a vector's places and
    averaged over vectors, both in the same way."""


def train(vectors: Array, levels: int, size: int, seed: int, steps: int) -> Trained:
    """Train on (n, w) standardised vectors; deterministic for a seed.

    loss = |x - decoder(z')|^2 + sum over levels of |sg(r) - e|^2 + BETA |r - sg(e)|^2, where z' is the sum of the
    codes e, gradients pass it by (straight-through), r is the residual of a level, and sg stops gradients.
    Both parts use one reduction: with a mean over places in one and a sum in the other the codes collapse.
    """
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        data = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
        encoder = _perceptron((data.shape[1], *HIDDEN, LATENT))
        decoder = _perceptron((LATENT, *reversed(HIDDEN), data.shape[1]))
        rows = _batches(len(data), seed)
        optimiser = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=RATE)
        for _ in range(int(WARM_UP * steps)):
            batch = data[next(rows)]
            _step(optimiser, _squared(batch, decoder(encoder(batch))))
        with torch.no_grad():
            centres = residual_means(encoder(data).numpy(), levels, size, seed, starts=1)
        books = [nn.Parameter(torch.from_numpy(centre)) for centre in centres]
        optimiser.add_param_group({"params": books, "weight_decay": 0.0})
        taken = [torch.zeros(len(book), dtype=torch.bool) for book in books]
        losses = []
        for step in range(steps - int(WARM_UP * steps)):
            batch = data[next(rows)]
            latent = encoder(batch)
            residual, quantising, residuals = latent, latent.new_zeros(()), []
            for book, used in zip(books, taken, strict=True):
                nearest = torch.cdist(residual, book).argmin(1)
                used[nearest] = True
                code = book[nearest]
                residuals.append(residual.detach())
                quantising = (
                    quantising + _squared(residual.detach(), code) + BETA * _squared(residual, code.detach())
                )
                residual = residual - code.detach()
            rebuilt = decoder(latent - residual.detach())
            rebuilding = _squared(batch, rebuilt)
            _step(optimiser, rebuilding + quantising)
            losses.append((float(rebuilding.detach()), float(quantising.detach())))
            if step % RESET == RESET - 1 and step < 0.8 * (1 - WARM_UP) * steps:
                _revive(books, taken, residuals)
        linear = [layer for layer in encoder if isinstance(layer, nn.Linear)]
        layers = tuple((_array(layer.weight.T), _array(layer.bias)) for layer in linear)
        return Trained(layers, tuple(_array(book) for book in books), tuple(losses))


def _revive(books: list[torch.nn.Parameter], taken: list[torch.Tensor], residuals: list[torch.Tensor]) -> None:
    """Move codes that nobody takes to residuals of the last batch, and forget who took what."""
    import torch

    with torch.no_grad():
        for book, used, residual in zip(books, taken, residuals, strict=True):
            dead = torch.nonzero(~used).flatten()
            book[dead] = residual[torch.randint(len(residual), (len(dead),))]
            used[:] = False


def _perceptron(widths: tuple[int, ...]) -> torch.nn.Sequential:
    from torch import nn

    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
    return nn.Sequential(*layers[1:])


def _batches(count: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield rows of batches for ever, all rows once before any comes again."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        yield from (order[start : start + BATCH] for start in range(0, count, BATCH))


def _squared(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one - other).square().sum(1).mean()


def _step(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    import torch

    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()


def _array(tensor: torch.Tensor) -> Array:
    return np.ascontiguousarray(tensor.detach().numpy(), np.float32)
