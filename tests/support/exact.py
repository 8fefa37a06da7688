"""An exported model beside its estimator: the same values, labels and refusals, in a batch and row by row."""

from __future__ import annotations

import re
import warnings

import numpy as np

from functions.columns.schema import PayloadError
from functions.runtimes import load
from model.training.export import export

SINGLES = 12
"""How many rows of a batch are also asked one by one."""


def identifier(value):
    """The name of a test's parameter by its representation, which is the same in every process."""
    return re.sub(r"at0x[0-9a-f]+", "", "".join(repr(value).split()))


def table(rows):
    """*rows* as a runtime takes them: a matrix as it is, a DataFrame as a list of columns."""
    if isinstance(rows, np.ndarray):
        return rows
    return [_cells(rows[name]) for name in rows.columns]


def _cells(series):
    if series.dtype.kind in "fiu":
        return series.to_numpy(dtype=float)
    missing = series.isna().to_numpy()
    cells = np.empty(len(series), object)
    cells[:] = [None if gap else value for value, gap in zip(series.tolist(), missing, strict=True)]
    return cells


def part(rows, start, stop):
    return rows[start:stop] if isinstance(rows, np.ndarray) else rows.iloc[start:stop]


def exported(estimator, rows):
    """The runtime of *estimator*, from its document and its bytes."""
    made = export(estimator, None if isinstance(rows, np.ndarray) else list(rows.columns))
    return load(made.document, made.arrays)


def assert_exact(estimator, rows):
    """The runtime answers *rows* as *estimator* does, and refuses a row that it refuses."""
    runtime = exported(estimator, rows)
    answered = _answered(estimator, rows, 0, len(rows))
    refused = sorted({*range(len(rows))} - {*answered})
    good = rows[answered] if isinstance(rows, np.ndarray) else rows.iloc[answered]
    ours = runtime.predict(table(good))
    assert_same(ours, estimator, good)
    for place in np.linspace(0, len(good) - 1, min(SINGLES, len(good))).astype(int):
        one = runtime.predict(table(part(good, place, place + 1)))
        assert_near(one.values, ours.values[place : place + 1])
        if ours.probabilities is not None:
            assert_near(one.probabilities, ours.probabilities[place : place + 1])
    for place in refused[:SINGLES]:
        assert not _takes(runtime, part(rows, place, place + 1)), f"row {place} is refused by the estimator"


def _answered(estimator, rows, start, stop):
    """The rows from *start* to *stop* that *estimator* answers, in halves for as long as it refuses a part."""
    if _answers(estimator, part(rows, start, stop)):
        return list(range(start, stop))
    if stop - start == 1:
        return []
    middle = (start + stop) // 2
    return _answered(estimator, rows, start, middle) + _answered(estimator, rows, middle, stop)


def assert_same(ours, estimator, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.ravel(estimator.predict(rows))
        shares = _shares(estimator, rows)
    assert_near(ours.values, theirs)
    assert (ours.probabilities is None) == (shares is None)
    if shares is not None:
        assert_near(ours.probabilities, shares)


def _shares(estimator, rows):
    """Probabilities, or None where the estimator has none with its settings."""
    if not hasattr(estimator, "predict_proba"):
        return None
    try:
        return estimator.predict_proba(rows)
    except ValueError as error:
        if "does not support predicting probability" in str(error):
            return None
        raise


def assert_near(ours, theirs):
    """Equal labels; numbers within 1e-9 of the value, or within 1e-12 of the largest."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    if theirs.dtype.kind != "f":
        assert ours.tolist() == theirs.tolist()
        return
    assert (np.isnan(ours) == np.isnan(theirs)).all()
    largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)
    allowed = np.maximum(1e-9 * np.abs(theirs), 1e-12 * largest)
    with np.errstate(invalid="ignore"):
        far = ~((np.abs(ours - theirs) <= allowed) | (ours == theirs) | np.isnan(theirs))
    assert not far.any(), f"{far.sum()} of {far.size} differ, by {np.abs(ours - theirs)[far].max()}"


def _answers(estimator, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.predict(rows)
        except (ValueError, IndexError, TypeError):
            return False
    return True


def _takes(runtime, rows):
    try:
        runtime.predict(table(rows))
    except PayloadError:
        return False
    return True


# --- rows ---


def shuffled(rows, seed=1):
    """Each column in an order of its own."""
    source = np.random.default_rng(seed)
    if isinstance(rows, np.ndarray):
        return np.column_stack([source.permutation(column) for column in rows.T])
    orders = {name: source.permutation(len(rows)) for name in rows.columns}
    return type(rows)({name: rows[name].iloc[order].reset_index(drop=True) for name, order in orders.items()})


def edges(matrix, thresholds, seed=2):
    """Rows on *thresholds* (pairs of column and number) and on their float64 neighbours, other columns as in *matrix*."""
    source = np.random.default_rng(seed)
    chosen = (
        thresholds
        if len(thresholds) <= 60
        else [thresholds[i] for i in source.choice(len(thresholds), 60, replace=False)]
    )
    rows = []
    for column, number in chosen:
        for value in (number, np.nextafter(number, -np.inf), np.nextafter(number, np.inf), float(np.float32(number))):
            row = matrix[source.integers(len(matrix))].copy()
            row[column] = value
            rows.append(row)
    return np.array(rows)


def with_gaps(matrix, seed=3, share=0.2):
    """*matrix* with missing cells, the first row empty."""
    rows = matrix.astype(float).copy()
    rows[np.random.default_rng(seed).random(rows.shape) < share] = np.nan
    rows[0] = np.nan
    return rows
