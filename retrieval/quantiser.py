"""Residual quantisation: a vector becomes one code a level, coarse to fine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Kind = Literal["rq-kmeans", "rq-vae"]
Source = Literal["text", "text+liking"]

WHITENED = 16
"""Principal directions kept when vectors are standardised; more dilute the coarse codes (prefix purity falls)."""
RIDGE = 1.0
"""Penalty of the regression that expects from an item's text what it would be liked with."""


@dataclass(frozen=True)
class Quantiser:
    """Nearest code, level after level, of what the codes before leave (residual quantisation, TIGER, 3.1).

    RQ-KMeans and RQ-VAE differ in how this is fitted, and in the layers that RQ-VAE has before its codebooks.
    """

    mean: Array
    """(d + l,)"""
    whitening: Array
    """(d + l, w): projects a centred vector to unit variance in every direction."""
    codebooks: tuple[Array, ...]
    """One (k, z) array per level; z = w without layers."""
    layers: tuple[tuple[Array, Array], ...] = ()
    """(inputs, outputs) weights and (outputs,) biases of RQ-VAE's encoder, with ReLU between; none for RQ-KMeans."""
    expected: Array | None = None
    """(d, l): from an item's text vector to its co-liking vector, for items that nobody has liked yet; None when the
    codes are of text alone."""

    @property
    def kind(self) -> Kind:
        """How the codes were fitted."""
        return "rq-vae" if self.layers else "rq-kmeans"

    @property
    def source(self) -> Source:
        """What was quantised."""
        return "text" if self.expected is None else "text+liking"

    @classmethod
    def fit(
        cls,
        vectors: Array,
        levels: int,
        size: int,
        seed: int,
        *,
        kind: Kind = "rq-kmeans",
        liking: Array | None = None,
    ) -> Quantiser:
        """Fit `levels` codebooks of at most `size` codes to (n, d) unit vectors, n >= 1.

        `liking`: (n, l) unit rows of who is liked together with whom, zeros where nothing is known.
        """
        expected = None if liking is None else _expectation(vectors, liking)
        inputs = _joined(vectors, liking, expected)
        mean, whitening = _standardisation(inputs)
        standardised = np.asarray((inputs - mean) @ whitening, np.float32)
        layers: tuple[tuple[Array, Array], ...] = ()
        if kind == "rq-vae":
            from retrieval import rq_vae

            layers, codebooks, _ = rq_vae.train(standardised, levels, size, seed, rq_vae.STEPS)
        else:
            codebooks = residual_means(standardised, levels, size, seed)
        return cls(mean, whitening, codebooks, layers, expected)

    def latents(self, vectors: Array, liking: Array | None = None) -> Array:
        """Return (n, z) what the first codebook is compared with."""
        found = np.asarray((_joined(vectors, liking, self.expected) - self.mean) @ self.whitening, np.float32)
        for place, (weights, biases) in enumerate(self.layers):
            found = np.asarray((np.maximum(found, 0) if place else found) @ weights + biases, np.float32)
        return found

    def distances(self, vectors: Array, liking: Array | None = None) -> tuple[NDArray[np.int64], Array]:
        """Return (n, levels) nearest codes and (n, k) squared distances to the codes of the last level."""
        residual = self.latents(vectors, liking)
        codes = []
        far = np.zeros((len(vectors), 1), np.float32)
        for book in self.codebooks:
            far = (residual**2).sum(1)[:, None] - 2 * residual @ book.T + (book**2).sum(1)
            nearest = far.argmin(1)
            codes.append(nearest)
            residual = residual - book[nearest]
        return np.stack(codes, 1), far.astype(np.float32)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield everything by name, always in the same order: what is hashed, and what `of_arrays` reads."""
        yield "mean", self.mean
        yield "whitening", self.whitening
        yield from ((f"codebook_{level}", book) for level, book in enumerate(self.codebooks))
        for place, (weights, biases) in enumerate(self.layers):
            yield f"weights_{place}", weights
            yield f"biases_{place}", biases
        if self.expected is not None:
            yield "expected", self.expected

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Quantiser:
        """Read what `arrays` gave; other names are left alone."""
        levels = sum(name.startswith("codebook_") for name in arrays)
        depth = sum(name.startswith("weights_") for name in arrays)
        return cls(
            arrays["mean"],
            arrays["whitening"],
            tuple(arrays[f"codebook_{level}"] for level in range(levels)),
            tuple((arrays[f"weights_{place}"], arrays[f"biases_{place}"]) for place in range(depth)),
            arrays.get("expected"),
        )


def residual_means(vectors: Array, levels: int, size: int, seed: int, starts: int = 4) -> tuple[Array, ...]:
    """Fit k-means level after level, each to what the one before leaves of (n, w) vectors; the best of `starts`."""
    from sklearn.cluster import KMeans

    residual, codebooks = vectors, []
    for level in range(levels):
        clusters = min(size, len(np.unique(residual, axis=0)))
        means = KMeans(clusters, n_init=starts, random_state=seed + level).fit(residual)
        codebooks.append(means.cluster_centers_.astype(np.float32))
        residual = residual - means.cluster_centers_[means.labels_]
    return tuple(codebooks)


def _standardisation(vectors: Array) -> tuple[Array, Array]:
    """Return the mean (d,) and the (d, w) projection on the principal directions, each divided by its deviation."""
    from sklearn.decomposition import PCA

    width = min(WHITENED, vectors.shape[1], max(1, len(vectors) - 1))
    mean = vectors.mean(axis=0)
    if len(vectors) > 1 and np.ptp(vectors, axis=0).max() > 0:
        pca = PCA(width, svd_solver="full").fit(vectors - mean)
        projection = (pca.components_ / np.sqrt(pca.explained_variance_ + 1e-6)[:, None]).T
    else:
        projection = np.eye(vectors.shape[1], width)
    return np.asarray(mean, np.float32), np.asarray(projection, np.float32)


def _expectation(vectors: Array, liking: Array) -> Array:
    """Return the (d, l) ridge regression from text to co-liking over the items of which something is known."""
    known = liking.any(axis=1)
    text = vectors[known].astype(np.float64)
    penalty = RIDGE * np.eye(text.shape[1])
    return np.asarray(np.linalg.solve(text.T @ text + penalty, text.T @ liking[known]), np.float32)


def _joined(vectors: Array, liking: Array | None, expected: Array | None) -> Array:
    """Return the text vectors with (n, l) co-liking beside them: as observed, else as expected; all unit rows."""
    if expected is None:
        return vectors
    guess = vectors @ expected
    guess /= np.maximum(np.linalg.norm(guess, axis=1, keepdims=True), 1e-9)
    if liking is not None:
        guess = np.where(liking.any(axis=1, keepdims=True), liking, guess)
    return np.concatenate([vectors, guess.astype(np.float32)], axis=1)
