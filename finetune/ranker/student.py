"""Teach a small student to rank as an ensemble does, and measure how much of the ensemble's order it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from retrieval.learned.comparison import Features
from retrieval.learned.student import Student, inputs

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float32]
Figure = dict[str, float]
"""`mean` with its standard error `stderr` over `n` turns, NaN where too few could be measured."""
DEPTH = 10
"""Places that NDCG looks at."""


class Teaching(BaseModel):
    """How a student is taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden: int = 96
    epochs: int = 20
    batch: int = 16
    """Turns of a step."""
    rate: float = 1e-2
    decay: float = 0.01
    dropout: float = 0.1
    temperature: float = 1.0
    """What the teacher's scores are divided by: above 1 the student minds the lower places more."""
    auxiliary: float = 0.3
    """Weight of the auxiliary loss against the listwise one."""
    seed: int = 0


class Lesson(NamedTuple):
    """One turn's p candidates, and what the ensemble makes of them."""

    features: Features
    """Feature -> (p,)"""
    teacher: NDArray[np.floating]
    """(p,) scores of the whole ensemble, -inf for a candidate that may not be returned, which is then not learned."""
    parts: Mapping[str, NDArray[np.floating]]
    """Part of the ensemble -> (p,) scores, NaN where it did not score a candidate."""


class Batch(NamedTuple):
    """b lessons, padded to the p candidates of the longest."""

    read: Tensor
    """(b, p, 2 f)"""
    teacher: Tensor
    """(b, p), -inf where there is no candidate."""
    parts: Tensor
    """(b, p, k), standardised over the list, NaN where unknown."""


def teach(lessons: Sequence[Lesson], columns: Sequence[str], teaching: Teaching | None = None) -> Student:
    """Train a student that reads the features named by `columns`. Deterministic for a seed.

    The loss of a turn is the cross-entropy between the softmax of the teacher's scores and of the student's (ListNet,
    Cao et al. 2007, eq. 6; temperature after Hinton et al. 2015), plus the weighted mean squared error of one auxiliary
    head for each part of the ensemble (Khani et al. 2024). The student's scores are in units of the teacher's, apart
    from a constant for each turn. ValueError where no lesson has two candidates to tell apart.
    """
    import torch
    from torch import nn

    teaching = teaching or Teaching()
    taught = [lesson for lesson in lessons if _may(lesson).sum() > 1]
    if not taught:
        raise ValueError(f"none of {len(lessons)} lessons has two candidates to tell apart")
    mean, scale = _standard(taught, columns)
    parts = sorted({name for lesson in taught for name in lesson.parts})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(teaching.seed)
        first, heads = nn.Linear(2 * len(columns), teaching.hidden), nn.Linear(teaching.hidden, 1 + len(parts))
        network = nn.Sequential(first, nn.Tanh(), nn.Dropout(teaching.dropout), heads)
        optimizer = torch.optim.AdamW(network.parameters(), lr=teaching.rate, weight_decay=teaching.decay)
        steps = teaching.epochs * -(-len(taught) // teaching.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, teaching.rate, total_steps=steps, pct_start=0.1)
        for _ in range(teaching.epochs):
            for rows in torch.split(torch.randperm(len(taught)), teaching.batch):
                batch = _batch([taught[row] for row in rows.tolist()], columns, parts, mean, scale)
                loss = _loss(network(batch.read), batch, teaching)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
    with torch.no_grad():
        weights = (first.weight.T, first.bias, heads.weight[0] * teaching.temperature)
        return Student(tuple(columns), mean, scale, *(weight.numpy().copy() for weight in weights))


def kept(student: Student, lessons: Sequence[Lesson], right: Sequence[NDArray[np.generic]]) -> dict[str, Figure]:
    """Return how much of the teacher's order the student keeps, on lessons that it was not taught.

    `right`: (p,) for each lesson, not 0 for the right candidates. Figures by name: NDCG@10 (Jarvelin and Kekalainen
    2002) of `teacher` and `student` over the turns with something right among their candidates, the paired `difference`
    student less teacher, `kept`, the ratio of the two means (standard error by the delta method), and `kendall tau`
    between the two orders over the turns with two candidates.
    """
    from scipy.stats import kendalltau

    pairs, taus = [], []
    for lesson, mark in zip(lessons, right, strict=True):
        may = _may(lesson)
        if mark.shape != may.shape:
            raise ValueError(f"{mark.shape} marks for {may.shape} candidates")
        scores, given, good = student.scores(lesson.features)[may], lesson.teacher[may], mark[may] != 0
        if good.any():
            pairs.append((_ndcg(given, good), _ndcg(scores, good)))
        if len(scores) > 1:
            taus.append(float(kendalltau(given, scores, method="asymptotic").statistic))
    teacher, learned = np.array(pairs, np.float64).reshape(-1, 2).T
    alike = np.array(taus, np.float64)
    figures = {
        "teacher": _figure(teacher),
        "student": _figure(learned),
        "difference": _figure(learned - teacher),
        "kendall tau": _figure(alike[~np.isnan(alike)]),
    }
    best = figures["teacher"]["mean"] or np.nan
    ratio = figures["student"]["mean"] / best
    return {**figures, "kept": {**_figure((learned - ratio * teacher) / best), "mean": ratio}}


def _may(lesson: Lesson) -> NDArray[np.bool_]:
    """Return (p,) where a candidate may be returned."""
    if np.isnan(lesson.teacher).any() or np.isposinf(lesson.teacher).any():
        raise ValueError(f"the teacher's scores have to be numbers or -inf: {lesson.teacher}")
    return np.asarray(np.isfinite(lesson.teacher))


def _standard(lessons: Sequence[Lesson], columns: Sequence[str]) -> tuple[Array, Array]:
    """Return (f,) means and (f,) standard deviations of what is known, infinite where nothing varies."""
    mean, scale = np.zeros(len(columns), np.float32), np.full(len(columns), np.inf, np.float32)
    for place, name in enumerate(columns):
        given = [lesson.features[name] for lesson in lessons if name in lesson.features]
        values = np.concatenate(given, dtype=np.float64) if given else np.zeros(0)
        values = values[np.isfinite(values)]
        if len(values):
            mean[place] = values.mean()
            scale[place] = values.std() or np.inf
    return mean, scale


def _batch(lessons: Sequence[Lesson], columns: Sequence[str], parts: Sequence[str], mean: Array, scale: Array) -> Batch:
    import torch

    longest = max(len(lesson.teacher) for lesson in lessons)
    read = np.zeros((len(lessons), longest, 2 * len(columns)), np.float32)
    teacher = np.full((len(lessons), longest), -np.inf, np.float32)
    told = np.full((len(lessons), longest, len(parts)), np.nan, np.float32)
    for row, lesson in enumerate(lessons):
        size = len(lesson.teacher)
        read[row, :size] = inputs(lesson.features, columns, mean, scale)
        teacher[row, :size] = lesson.teacher
        for place, name in enumerate(parts):
            if name in lesson.parts:
                told[row, :size, place] = _relative(lesson.parts[name])
    return Batch(torch.tensor(read), torch.tensor(teacher), torch.tensor(told))


def _loss(given: Tensor, batch: Batch, teaching: Teaching) -> Tensor:
    """Return the loss of (b, p, 1 + k) scores: the student's, then those of the auxiliary heads."""
    import torch

    target = torch.softmax(batch.teacher / teaching.temperature, dim=1)
    logits = given[..., 0].masked_fill(batch.teacher.isneginf(), -1e9)
    listwise = -(target * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
    known = ~batch.parts.isnan()
    errors = torch.where(known, given[..., 1:] - batch.parts.nan_to_num(), 0.0) ** 2
    each = errors.sum(dim=(0, 1)) / known.sum(dim=(0, 1)).clamp(min=1)
    loss: Tensor = listwise + teaching.auxiliary * each.sum() / max(len(each), 1)
    return loss


def _relative(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Standardise (p,) over what is known; NaN all over where that tells no two candidates apart."""
    numbers = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    known = numbers[~np.isnan(numbers)]
    if not len(known) or known.std() == 0:
        return np.full(len(values), np.nan)
    return np.asarray((numbers - known.mean()) / known.std())


def _ndcg(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Return NDCG@10 in [0, 1] of the order that (p,) scores give; at least one of `right` holds."""
    found = right[np.argsort(-scores, kind="stable")][:DEPTH]
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    return float(discounts[: len(found)][found].sum() / discounts[: int(right.sum())].sum())


def _figure(values: NDArray[np.float64]) -> Figure:
    size = len(values)
    return {
        "mean": float(values.mean()) if size else np.nan,
        "stderr": float(values.std(ddof=1) / size**0.5) if size > 1 else np.nan,
        "n": size,
    }
