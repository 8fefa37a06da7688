"""Cross-validation of trials, and the choice among them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from functions.columns.schema import Feature
from functions.columns.table import Table
from model.errors import CandidateError, ExportError
from model.training.candidates import Trial, first_line, guarded, pipeline
from model.training.export import export, refuse_kept_rows
from model.training.folds import folds_of
from model.training.inputs import rows_of
from model.training.losses import Metric, loss, metric_of


@dataclass(frozen=True)
class Result:
    """A trial and its loss over the folds.

    Args:
        metric: "rmse", in the target's unit; for classes "log_loss", or "error_rate" where a trial gives no
            probabilities.
        loss: Mean over all folds of all repeats.
        std: Standard deviation over the same.
        se: Standard error of the mean. Repeats average the luck of the split, but bring no new rows, so it is the
            standard deviation over the square root of the number of folds, however many repeats there were.
        unserved: Why it cannot be served; "" if it can.
        warned: Warnings of its fits, each once.
        chosen: Whether `choose` chose it.
    """

    trial: Trial
    metric: Metric
    loss: float
    std: float
    se: float
    unserved: str = ""
    warned: tuple[str, ...] = ()
    chosen: bool = False

    def document(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {
            **self.trial.document(),
            self.metric: self.loss,
            f"{self.metric}_std": self.std,
            f"{self.metric}_se": self.se,
            "unserved": self.unserved or None,
            "warned": list(self.warned),
            "chosen": self.chosen,
        }


def search(
    trials: Sequence[Trial],
    table: Table,
    y: NDArray[Any],
    *,
    features: Sequence[Feature],
    folds: int,
    seed: int,
    repeats: int = 1,
    groups: NDArray[Any] | None = None,
    times: NDArray[np.float64] | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Cross-validate every trial on the same folds, *repeats* times; in the order given.

    *y* holds numbers, or labels, of which folds keep the shares.

    The whole pipeline, its preprocessing too, is fitted to the folds that are not scored. Rows of one group, shape
    (n_rows,), stand in one fold together. The fold depends on the seed and on the groups there are, not on the order of
    the rows. With *times*, shape (n_rows,), folds go forward in time instead, once: each is scored by fits to the rows
    before it. *done* is called after each fit.

    Raises:
        CandidateError: A trial cannot be fitted to these rows, none can be served, or the groups are fewer than the
            folds.
    """
    keys = np.arange(len(table)) if groups is None else groups
    metric = metric_of(trials, features, seed)
    splits = folds_of(keys, y, classes=metric != "rmse", folds=folds, repeats=repeats, seed=seed, times=times)
    different = np.unique(y) if metric != "rmse" else y[:0]
    scores = np.empty((len(trials), len(splits)))
    unserved, warned = [""] * len(trials), [dict[str, None]() for _ in trials]
    inputs = {named: trial.input(table, features) for trial in trials if (named := trial.is_pipeline) in {True, False}}
    for split, (train, test) in enumerate(splits):
        for number, trial in enumerate(trials):
            with guarded(trial) as caught:
                x = inputs[trial.is_pipeline]
                estimator = pipeline(trial, features, seed).fit(rows_of(x, train), y[train])
                scores[number, split] = loss(metric, estimator, rows_of(x, test), y[test], different)
            warned[number] |= dict.fromkeys(map(_text, caught))
            if split == 0:
                unserved[number] = _unserved(estimator, trial.columns(features), features)
            done()
        if split == 0 and trials and all(unserved):  # before the other folds are paid for
            lines = (f"{trial}: {reason}" for trial, reason in zip(trials, unserved, strict=True))
            raise CandidateError("\n".join(["none of training.candidates can be served:", *lines]))
    return [
        Result(
            trial,
            metric,
            loss=float(row.mean()),
            std=float(row.std(ddof=1)),
            se=float(row.std(ddof=1)) / math.sqrt(folds),
            unserved=reason,
            warned=tuple(texts),
        )
        for trial, row, reason, texts in zip(trials, scores, unserved, warned, strict=True)
    ]


def choose(results: Sequence[Result]) -> list[Result]:
    """The same results, best first, with one marked as chosen: the simplest within one standard error of the best.

    The rule is that of Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984), section 3.4.3;
    see also Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 7.10. The simplest
    stands first among *results*: numbers of parameters and strengths of regularisation compare within a family of
    estimators only, and each estimator names and turns its own, so the author of the list ranks them. Results that
    cannot be served are neither best nor chosen.
    """
    servable = [result for result in results if not result.unserved]
    best = min(servable, key=lambda result: result.loss)
    simplest = next(result for result in servable if result.loss <= best.loss + best.se)
    marked = (replace(result, chosen=result is simplest) for result in results)
    return sorted(marked, key=lambda result: result.loss)


def _unserved(estimator: BaseEstimator, columns: list[str] | None, features: Sequence[Feature]) -> str:
    """Why *estimator*, which is fitted, cannot be served; "" if it can."""
    try:
        refuse_kept_rows(export(estimator, columns), features)
    except ExportError as error:
        return str(error)
    return ""


def _text(caught: warnings.WarningMessage) -> str:
    return f"{caught.category.__name__}: {first_line(caught.message)}"
