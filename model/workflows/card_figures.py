"""The figures of a model card by its task: plots and tables of held-out rows, and of those that judged production."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.artifact import Document
from functions.predictor import Predictor
from model.data.rows import Rows
from model.data.split import Sides
from model.evaluation.answers import Classified, Places
from model.evaluation.class_losses import losses
from model.evaluation.ranking import precision_recall_points, ranking, roc_points
from model.formatting import brief, label
from model.reports import card_plots, class_plots
from model.reports.class_plots import MOST_CURVES, Curve
from model.reports.class_tables import class_tables
from model.reports.figure import attempt
from model.reports.task_words import commonest
from model.training.asking import Answers
from model.workflows.evaluate import champion_answers
from model.workflows.judges import classified

Say = Callable[[str], None]

_HALF = 0.5


@dataclass
class Drawn:
    """SVG by name, and for a classifier the tables of its classes, and the legend of its curves among them."""

    figures: dict[str, str] = field(default_factory=dict)
    classes: dict[str, Any] | None = None


def drawn(ours: Predictor, rows: Rows, sides: Sides, champion: Predictor | None, say: Say) -> Drawn:
    """All that a card shows of predictions; *say* takes a line for each plot that cannot be drawn."""
    document = ours.manifest.document
    answers, theirs = champion_answers(ours, rows), champion_answers(champion, rows)
    found, actual = Drawn(), rows.y[sides.held]
    if np.isfinite(answers[sides.held]).all() and len(actual):
        if rows.classes:
            training, places = (part.astype(np.intp) for part in (rows.y[sides.seen], actual))
            found = _classes(document, training, places, classified(answers[sides.held]), say)
        else:
            for name, draw in card_plots.PREDICTION_PLOTS.items():
                what = f"held-out predictions ({name})"
                found.figures[name] = attempt(say, what, draw, actual, answers[sides.held, 0])
    comparison = document["comparison"]
    improvement = comparison.get("improvement") or {"value": None}
    if None not in improvement.values():
        ends = (improvement[name] for name in ("value", "low", "high"))
        loss = comparison.get("loss", "squared_error").replace("_", " ")
        found.figures["saved"] = attempt(say, f"the saved {loss}", card_plots.saved_error, *ends, loss=loss)
    both = _errors(rows, answers, theirs, sides.shared & np.isfinite(theirs).all(axis=1))
    if both:
        found.figures["errors"] = attempt(say, "errors against production", card_plots.errors_against_production, *both)
    found.figures = {name: svg for name, svg in found.figures.items() if svg}
    return found


def _errors(
    rows: Rows, ours: Answers, theirs: Answers, judged: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str] | None:
    """The losses of both models on the rows *judged*, and their name; None where labels alone can be compared."""
    y = rows.y[judged]
    if not len(y) or not np.isfinite(ours[judged]).all():
        return None
    if not rows.classes:
        return np.abs(ours[judged, 0] - y), np.abs(theirs[judged, 0] - y), "absolute error"
    if ours.shape[1] == 1 or theirs.shape[1] == 1:
        return None
    return losses(y, classified(ours[judged])), losses(y, classified(theirs[judged])), "log loss"


def _classes(document: Document, training: Places, actual: Places, held: Classified, say: Say) -> Drawn:
    """Tables and plots of held-out rows, whose labels are *actual* and were answered by *held*."""
    tables = class_tables(
        document, training=training, actual=actual, predicted=held.places, probabilities=held.probabilities
    )
    found, classes = Drawn(classes=tables), document["classes"]
    if held.probabilities is None:
        return found
    bins = document.get("reliability") or []
    found.figures["reliability"] = attempt(say, "reliability", class_plots.reliability_diagram, bins)
    counts = np.bincount(actual, minlength=len(classes)).tolist()
    positive = classes.index(document["positive"]) if "positive" in document else None
    ranked = commonest(counts, MOST_CURVES) if positive is None else [positive]
    places = [place for place in ranked if 0 < counts[place] < len(actual)]
    curves = [_curves(actual == place, held.probabilities[:, place], held.places == place) for place in places]
    tables["curves"] = [
        {"label": brief(label(classes[place])), "style": " ".join(class_plots.curve_style(number)), "auc": auc}
        for number, (place, (_, _, auc)) in enumerate(zip(places, curves, strict=True))
    ]
    if curves:
        roc, precision_recall, _ = zip(*curves, strict=True)
        share = None if positive is None else counts[positive] / len(actual)
        draw = class_plots.precision_recall_curves
        found.figures["roc"] = attempt(say, "ROC", class_plots.roc_curves, roc)
        found.figures["precision_recall"] = attempt(say, "precision and recall", draw, precision_recall, share)
    if positive is not None:
        threshold = (document.get("threshold") or {}).get("value", _HALF)
        scores = held.probabilities[:, positive], actual == positive, threshold
        found.figures["scores"] = attempt(say, "scores", class_plots.score_histograms, *scores)
    return found


def _curves(
    hit: NDArray[np.bool_], scores: NDArray[np.float64], called: NDArray[np.bool_]
) -> tuple[Curve, Curve, float]:
    """ROC, precision and recall, and the AUC of one class against the rest; marked where the model's labels stand.

    Args:
        hit: The rows of the class.
        called: The rows that the model answers with it.
    """
    auc, _ = ranking(hit, scores)(np.ones((1, len(hit))))
    recall, false_alarms = float(called[hit].mean()), float(called[~hit].mean())
    precision = (recall, float(hit[called].mean())) if called.any() else None
    return (
        Curve(roc_points(hit, scores), (false_alarms, recall)),
        Curve(precision_recall_points(hit, scores), precision),
        float(auc[0]),
    )
