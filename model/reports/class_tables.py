"""The tables of a classifier's card: its classes with their shares and scores, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.formatting import brief, label
from model.reports.figure import Vector
from model.reports.page import Document
from model.reports.task_words import commonest, of_classes

MOST_CLASSES = 20
"""Classes that have a row of their own; the rarer ones are counted together."""

_TONE = 45  # percent of colour behind a cell that holds all rows of its class: text on it stays readable

Places = NDArray[np.intp]


def class_tables(
    document: Document, *, training: Places, actual: Places, predicted: Places, probabilities: Vector | None
) -> dict[str, Any]:
    """The members `rows`, one for each class, and `confusion`; the commonest classes where there are many.

    Args:
        training: Places of the labels among the classes, in training rows.
        actual, predicted: Places of the labels of held-out rows, and of their predictions.
        probabilities: Shape (n_held_out, n_classes).
    """
    classes = document["classes"]
    counts = [np.bincount(places, minlength=len(classes)) for places in (actual, training, predicted)]
    shown = commonest((counts[0] + counts[1]).tolist(), MOST_CLASSES)
    shares = [part / max(1, part.sum()) for part in counts]
    largest = max(float(part[shown].max()) for part in shares)
    rows = [
        {
            "label": brief(label(classes[place])),
            "rows": int(counts[0][place]),
            **dict(zip(("actual", "training", "predicted"), (float(part[place]) for part in shares), strict=True)),
            "bars": [round(100 * float(part[place]) / largest, 2) for part in (shares[1], shares[2])],
            "metrics": of_classes(document).get(label(classes[place]), {}),
            "score": _score(probabilities, actual, place),
        }
        for place in shown
    ]
    return {
        "rows": rows,
        "others": len(classes) - len(shown),
        "confusion": confusion_matrix(document["confusion"], [brief(label(one)) for one in classes], shown),
    }


def confusion_matrix(table: Sequence[Sequence[int]], labels: Sequence[str], shown: Sequence[int]) -> dict[str, Any]:
    """Rows of actual classes, each with its counts by predicted class; classes that are not *shown* are added up."""
    cells = np.asarray(table, dtype=np.int64)
    names = [labels[place] for place in shown]
    if len(shown) < len(labels):
        rest = [place for place in range(len(labels)) if place not in set(shown)]
        cells = np.vstack([cells[shown], cells[rest].sum(axis=0)])
        cells = np.column_stack([cells[:, shown], cells[:, rest].sum(axis=1)])
        names.append("all others")
    totals = cells.sum(axis=1)
    return {
        "labels": names,
        "rows": [
            {
                "label": name,
                "total": int(total),
                "cells": [
                    {"count": int(count), "right": at == place, "tone": round(_TONE * count / total, 1) if total else 0}
                    for at, count in enumerate(row)
                ],
            }
            for place, (name, row, total) in enumerate(zip(names, cells, totals, strict=True))
        ],
    }


def _score(probabilities: Vector | None, actual: Places, place: int) -> Mapping[str, float] | None:
    """Quantiles of the probability that rows of a class were given of being of it."""
    if probabilities is None or not (actual == place).any():
        return None
    quantiles = np.quantile(probabilities[actual == place, place], [0.1, 0.5, 0.9]).tolist()
    return dict(zip(("low", "middle", "high"), quantiles, strict=True))
