"""The operators that a graph may be made of, by the name that stands in its steps.

n is the number of rows; a matrix is (n, width), cells are one column of the table as it came. Each function reads its
step through checks and returns the step's width and what computes it; its docstring is its contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import arithmetic, columns, densities, intervals, kernels, matrices, neighbours, powers, trees, votes
from .step import Operation, Step

OPERATORS: Mapping[str, Callable[[Step], Operation]] = {
    # the table
    "matrix": columns.matrix,  # → (n, columns)
    "cells": columns.cells,  # → cells
    "as_cells": columns.as_cells,  # (n, k) → cells
    "number": columns.number,  # cells → (n, 1)
    "fill": columns.fill,  # cells → cells
    "absent": columns.absent,  # cells → (n, 1)
    "lookup": columns.lookup,  # cells → (n, w)
    # arithmetic
    "finite": arithmetic.finite,  # (n, k) → (n, k)
    "elementwise": arithmetic.elementwise,  # (n, k) → (n, k)
    "rowwise": arithmetic.rowwise,  # (n, k) → (n, k)
    "reduced": arithmetic.reduced,  # (n, k) → (n, 1)
    "with_constant": arithmetic.with_constant,  # (n, k) → (n, k)
    "pairwise": arithmetic.pairwise,  # (n, k), (n, k) → (n, k)
    "power_transform": powers.power_transform,  # (n, k) → (n, k)
    "impute": arithmetic.impute,  # (n, k) → (n, k)
    "blank": arithmetic.blank,  # (n, k) → (n, k)
    "choose": arithmetic.choose,  # (n, k), (n, k), (n, k) → (n, k)
    # columns and products
    "constant": matrices.constant,  # → (n, k)
    "concatenate": matrices.concatenate,  # (n, a), (n, b), … → (n, a + b + …)
    "take": matrices.take,  # (n, k) → (n, columns)
    "pick": matrices.pick,  # (n, 1) → (n, w)
    "linear": matrices.linear,  # (n, k) → (n, m)
    "product": matrices.product,  # (n, k) → (n, m)
    "polynomial": matrices.polynomial,  # (n, k) → (n, terms)
    "one_hot": matrices.one_hot,  # (n, k) → (n, Σ sizes)
    # intervals
    "bins": intervals.bins,  # (n, k) → (n, k)
    "interpolate": intervals.interpolate,  # (n, k) → (n, k)
    "quantiles": intervals.quantiles,  # (n, k) → (n, k)
    "spline": intervals.spline,  # (n, k) → (n, k · functions)
    # trees
    "trees": trees.trees,  # (n, k) → (n, m)
    "leaves": trees.leaves,  # (n, k) → (n, trees)
    # kernels, densities, neighbours
    "kernel": kernels.kernel,  # (n, k) → (n, rows)
    "rational_quadratic": kernels.rational_quadratic,  # (n, k) → (n, rows)
    "periodic": kernels.periodic,  # (n, k) → (n, rows)
    "gaussians": densities.gaussians,  # (n, k) → (n, classes)
    "independent_gaussians": densities.independent_gaussians,  # (n, k) → (n, classes)
    "category_tables": densities.category_tables,  # (n, k) → (n, classes)
    "laplace_probability": densities.laplace_probability,  # (n, rows), (n, 1) → (n, 1)
    "nearest": neighbours.nearest,  # (n, k) → (n, 1)
    "neighbours": neighbours.neighbours,  # (n, k) → (n, m)
    "within_radius": neighbours.within_radius,  # (n, k) → (n, m)
    "impute_neighbours": neighbours.impute_neighbours,  # (n, k) → (n, k)
    # members' answers
    "combine": votes.combine,  # (n, k), (n, k), … → (n, k)
    "weighted_median": votes.weighted_median,  # (n, k) → (n, 1)
    "vote": votes.vote,  # (n, k) → (n, classes)
    "boosted_votes": votes.boosted_votes,  # (n, k) → (n, classes)
    "one_versus_one": votes.one_versus_one,  # (n, pairs), (n, pairs) → (n, classes)
    "pair_votes": votes.pair_votes,  # (n, pairs) → (n, classes)
    "pair_probabilities": votes.pair_probabilities,  # (n, pairs) → (n, classes)
}
