"""The figures of a version that its task decides: which metrics stand first, and the loss that all else is told in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from model.reports.page import Document

LOSSES = ("rmse", "log_loss", "error_rate")
"""The losses of slices and of candidates, by their names in a manifest."""

_HEADLINES = {
    "r2": "R² on held-out rows",
    "rmse": "rmse, in units of the target",
    "roc_auc": "ROC AUC on held-out rows",
    "log_loss": "log loss, in nats",
    "balanced_accuracy": "balanced accuracy on held-out rows",
    "accuracy": "accuracy",
}
_MOST_HEADLINES = 2


def headlines(document: Document) -> list[tuple[float | None, str]]:
    """The first figures of a page, each with its caption."""
    found = [
        (document["metrics"][name]["value"], text) for name, text in _HEADLINES.items() if name in document["metrics"]
    ]
    return found[:_MOST_HEADLINES]


def loss_of(entries: Iterable[Document]) -> str:
    """The loss that *entries*, slices or candidates, have."""
    return next((name for entry in entries for name in LOSSES if name in entry), LOSSES[0])


def of_classes(document: Document) -> dict[Any, dict[str, Document]]:
    """The metrics of single classes: by the name of the class, and in it by the name of the metric."""
    found: dict[Any, dict[str, Document]] = {}
    for name, score in document["metrics"].items():
        metric, there, label = name.partition(":")
        if there:
            found.setdefault(label, {})[metric] = score
    return found


def general(document: Document) -> dict[str, Document]:
    """The metrics of the whole version."""
    return {name: score for name, score in document["metrics"].items() if ":" not in name}


def compared(document: Document) -> dict[str, Any]:
    """The comparison with production, with its loss and both versions' mean of it."""
    comparison = document.get("comparison") or {"production": None, "note": ""}
    loss = comparison.get("loss", "squared_error")
    measured = "rmse" if loss == "squared_error" else loss
    return {
        **comparison,
        "saved": loss.replace("_", " "),
        "measured": measured.replace("_", " "),
        "means": comparison.get(measured),
    }


def commonest(counts: Sequence[int], most: int) -> list[int]:
    """Places of the *most* largest *counts*, in the order of the places."""
    return sorted(sorted(range(len(counts)), key=lambda place: -counts[place])[:most])
