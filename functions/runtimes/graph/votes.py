"""Operators that put members' answers together: means, medians, votes, one-versus-one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .step import Array, Operation, Step, Values

_MOST_CLASSES = 1 << 12


def combine(step: Step) -> Operation:
    """(n, k), (n, k), … → (n, k): the sum of the inputs in their order, each times its *weights*, over *divisor*."""
    widths = step.matrices(step.widths[0] if step.widths else None)
    weights = step.floats("weights", len(widths)).tolist() if step.has("weights") else None
    divisor = step.number("divisor")
    if divisor == 0:
        raise step.refuse("a divisor of 0")

    def run(inputs: Sequence[Values]) -> Values:
        parts = inputs if weights is None else [part * weight for part, weight in zip(inputs, weights, strict=True)]
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        total /= divisor
        return total

    return step.done(widths[0], run)


def weighted_median(step: Step) -> Operation:
    """(n, k) → (n, 1): the least number whose *weights* (k,), with those of all smaller ones, reach half of the sum."""
    width = step.matrix()
    weights = step.floats("weights", width)

    def run(inputs: Sequence[Values]) -> Values:
        order = np.argsort(inputs[0], axis=1)
        reached = np.cumsum(weights[order], axis=1)
        first = (reached >= 0.5 * reached[:, -1:]).argmax(axis=1)
        row = np.arange(len(order))
        return np.asarray(inputs[0][row, order[row, first]][:, None])

    return step.done(1, run)


def vote(step: Step) -> Operation:
    """(n, k) labels → (n, classes): for each class the sum of the *weights* (k,) of the members that chose it."""
    width = step.matrix()
    classes = step.integer("classes", 1, _MOST_CLASSES)
    weights = step.floats("weights", width)

    def run(inputs: Sequence[Values]) -> Values:
        out = np.zeros((len(inputs[0]), classes))
        for member, weight in enumerate(weights):
            out += (inputs[0][:, member, None] == np.arange(classes)) * weight
        return out

    return step.done(classes, run)


def boosted_votes(step: Step) -> Operation:
    """(n, k) labels → (n, classes): each member's weight for its class, minus weight / (classes - 1) for the others.

    The sum goes in the order of the members, and is divided by the sum of the *weights* (k,): SAMME, after Zhu, Zou,
    Rosset and Hastie (2009).
    """
    width = step.matrix()
    classes = step.integer("classes", 2, _MOST_CLASSES)
    weights = step.floats("weights", width)
    if weights.sum() == 0:
        raise step.refuse("weights add up to 0")

    def run(inputs: Sequence[Values]) -> Values:
        out = np.zeros((len(inputs[0]), classes))
        for member, weight in enumerate(weights):
            chosen = inputs[0][:, member, None] == np.arange(classes)
            out += np.where(chosen, weight, -1 / (classes - 1) * weight)
        return np.asarray(out / weights.sum())

    return step.done(classes, run)


def one_versus_one(step: Step) -> Operation:
    """(n, pairs) confidences, (n, pairs) winners 0 or 1 → (n, classes): votes, ties broken by the confidences.

    Pairs are (0, 1), (0, 2), …, (1, 2), …; a winner of 1 and a positive confidence speak for the second.
    """
    widths = step.matrices()
    classes = step.integer("classes", 2, _MOST_CLASSES)
    pairs = _pairs(step, classes)
    if widths != (len(pairs), len(pairs)):
        raise step.refuse(f"expected two matrices of width {len(pairs)}, got {list(widths)[:9]}")

    def run(inputs: Sequence[Values]) -> Values:
        confidence, winner = inputs
        votes = np.zeros((len(confidence), classes))
        sums = np.zeros((len(confidence), classes))
        for place, (first, second) in enumerate(pairs):
            sums[:, first] -= confidence[:, place]
            sums[:, second] += confidence[:, place]
            votes[:, first] += winner[:, place] == 0
            votes[:, second] += winner[:, place] == 1
        return np.asarray(votes + sums / (3 * (np.abs(sums) + 1)))

    return step.done(classes, run)


def pair_votes(step: Step) -> Operation:
    """(n, pairs) decisions → (n, classes): the pairs that each class wins; a positive decision is for the first."""
    classes = step.integer("classes", 2, _MOST_CLASSES)
    pairs = _pairs(step, classes)
    step.matrix(len(pairs))

    def run(inputs: Sequence[Values]) -> Values:
        votes = np.zeros((len(inputs[0]), classes))
        for place, (first, second) in enumerate(pairs):
            won = inputs[0][:, place] > 0
            votes[:, first] += won
            votes[:, second] += ~won
        return votes

    return step.done(classes, run)


def pair_probabilities(step: Step) -> Operation:
    """(n, pairs) decisions → (n, classes): Platt's sigmoid of each pair, coupled as libsvm iterates it.

    *slopes* and *offsets* are (pairs,). The coupling is the second one of Wu, Lin and Weng (2004).
    """
    classes = step.integer("classes", 2, _MOST_CLASSES)
    pairs = _pairs(step, classes)
    step.matrix(len(pairs))
    slopes, offsets = step.floats("slopes", len(pairs)), step.floats("offsets", len(pairs))

    def run(inputs: Sequence[Values]) -> Values:
        z = inputs[0] * slopes + offsets
        e = np.exp(-np.abs(z))
        first = np.clip(np.where(z >= 0, e / (1 + e), 1 / (1 + e)), 1e-7, 1 - 1e-7)
        shares = np.zeros((len(z), classes, classes))
        for place, (i, j) in enumerate(pairs):
            shares[:, i, j] = first[:, place]
            shares[:, j, i] = 1 - first[:, place]
        return _coupled(shares)

    return step.done(classes, run)


def _pairs(step: Step, classes: int) -> list[tuple[int, int]]:
    if classes * (classes - 1) // 2 > max(step.widths, default=0):
        raise step.refuse(f"{classes} classes need a matrix of width {classes * (classes - 1) // 2}")
    return list(combinations(range(classes), 2))


def _coupled(shares: Array) -> Values:
    """Probabilities (n, classes) from the *shares* (n, classes, classes) of pairs, each row until it stops."""
    n, classes, _ = shares.shape
    quadratic = -np.swapaxes(shares, 1, 2) * shares
    for k in range(classes):
        quadratic[:, k, k] = sum(shares[:, j, k] ** 2 for j in range(classes) if j != k)
    answer = np.full((n, classes), 1 / classes)
    going = np.arange(n)
    for _ in range(max(100, classes)):
        p, q = answer[going], quadratic[going]
        qp = np.einsum("nij,nj->ni", q, p)
        pqp = (p * qp).sum(axis=1)
        unfinished = np.abs(qp - pqp[:, None]).max(axis=1) >= 0.005 / classes
        if not unfinished.any():
            break
        going, p, q, qp, pqp = going[unfinished], p[unfinished], q[unfinished], qp[unfinished], pqp[unfinished]
        for k in range(classes):
            change = (pqp - qp[:, k]) / q[:, k, k]
            p[:, k] += change
            pqp = (pqp + change * (change * q[:, k, k] + 2 * qp[:, k])) / (1 + change) / (1 + change)
            qp = (qp + change[:, None] * q[:, k]) / (1 + change)[:, None]
            p /= (1 + change)[:, None]
        answer[going] = p
    return answer
