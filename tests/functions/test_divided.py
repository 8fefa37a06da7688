"""Rows divided among processes: the bits and the refusals of one process."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, SplineTransformer
from sklearn.svm import SVR

from functions import predictor
from functions.columns.table import Table
from functions.predictor import Predictor
from functions.problems import PayloadError, Problem
from functions.processes import divided
from functions.processes.divided import Divided
from model.training.export import export
from tests.support.kinds import price, punctual, sealed
from tests.support.parts import document

pytestmark = pytest.mark.process

ROWS = 20_003


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Rows are divided, however fast they are."""
    monkeypatch.setattr(divided, "WORTH_SECONDS", 0.0)


def numbers(rows=ROWS, columns=3):
    return np.random.default_rng(0).uniform(0, 3, (rows, columns))


def exported(estimator, classes=()):
    """The model of *estimator*, fitted to few rows of three columns."""
    x = numbers(120)
    y = (x @ [1.0, -2.0, 0.5] + x[:, 0] * x[:, 1]).round(1)
    x = x.round(1) if "OneHotEncoder" in str(estimator) else x
    fitted = estimator.fit(x, np.array(classes)[(y > 0).astype(int)] if classes else y)
    made = export(fitted)
    features = [{"name": name, "minimum": 0.0, "maximum": 3.0} for name in "abc"]
    given = {
        "classes": made.document.get("classes"),
        "features": features,
        "golden": [{"instance": [1, 1, 1], "prediction": 0.0}],
    }
    if classes:
        given["golden"] = [{"instance": [1, 1, 1], "prediction": classes[0]}]
    body = document(linear=None, **{**made.document, **given})
    return predictor.build(sealed((body, made.arrays)))


def bits(found):
    shares = None if found.probabilities is None else found.probabilities.tobytes()
    values = found.values.tolist() if found.values.dtype.kind == "O" else found.values.tobytes()
    return values, found.values.dtype, shares


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize(
    ("estimator", "classes"),
    [
        pytest.param(RandomForestRegressor(20, random_state=0), (), id="forest"),
        pytest.param(RandomForestClassifier(5, random_state=0), ("late", "on time"), id="forest-texts"),
        pytest.param(HistGradientBoostingClassifier(max_iter=5), (3, 7), id="boosting-whole-numbers"),
        pytest.param(LogisticRegression(), (True, False), id="logistic-booleans"),
        pytest.param(make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()), (), id="one-hot-and-ridge"),
        pytest.param(make_pipeline(PolynomialFeatures(3), Ridge()), (), id="polynomial"),
        pytest.param(make_pipeline(SplineTransformer(), Ridge()), (), id="spline"),
        pytest.param(KNeighborsRegressor(), (), id="neighbours"),
        pytest.param(SVR(), (), id="kernel"),
        pytest.param(GaussianProcessRegressor(alpha=0.1), (), id="gaussian-process"),
        pytest.param(MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0), (), id="matrix-products"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_divided_rows_have_the_bits_of_one_process(estimator, classes, processes):
    model = exported(estimator, classes)

    found = Divided(model, processes).predict(Table(numbers()))

    assert bits(found) == bits(model.predict(Table(numbers())))


class Killed:
    """A runtime whose other processes are killed, or refuse what stands far behind."""

    part_rows = 10

    def __init__(self, *, kill=False, refused=None):
        self._me, self._kill, self._refused = os.getpid(), kill, refused

    def predict(self, table):
        if self._kill and os.getpid() != self._me:
            os.kill(os.getpid(), signal.SIGKILL)
        values = table.matrix()[:, 0]
        if self._refused in values:
            row = values.tolist().index(self._refused)
            raise PayloadError(Problem(f"row {row}: no", f"/{row}"))
        return divided.Blocks(values * 2.0, None)


def model_of(runtime):
    return Predictor(sealed((document(), b"")), runtime)


def test_a_block_whose_process_is_killed_is_computed_here():
    rows = np.arange(95.0)[:, None]

    found = Divided(model_of(Killed(kill=True)), 4).predict(Table(rows))

    assert found.values.tolist() == (rows[:, 0] * 2.0).tolist()


@pytest.mark.parametrize("row", [3, 15, 50, 94])
def test_a_refused_row_is_named_by_its_place_among_all(row):
    with pytest.raises(PayloadError) as caught:
        Divided(model_of(Killed(refused=float(row))), 4).predict(Table(np.arange(95.0)[:, None]))

    assert caught.value.problems == (Problem(f"row {row}: no", f"/{row}"),)


def test_what_one_process_does_quickly_is_not_divided(monkeypatch):
    monkeypatch.setattr(divided, "WORTH_SECONDS", 60.0)
    monkeypatch.setattr(divided.os, "fork", lambda: pytest.fail("a process was forked"))

    found = Divided(model_of(Killed()), 4).predict(Table(np.arange(95.0)[:, None]))

    assert found.values.tolist() == [2.0 * row for row in range(95)]


@pytest.mark.parametrize("made", [pytest.param(price, id="regression"), pytest.param(punctual, id="classifier")])
def test_columns_of_every_kind_are_divided_too(made):
    model = predictor.load(sealed(made()))
    one = [np.array([3.0, np.nan, 1.5]), _objects(["red", None, "green"]), _objects([2, 1, 1]), np.array([1.0, 0, 0])]
    columns = [np.tile(cells, 7000) for cells in (*one, np.array([18000.0, 0.0, 0.0]))]

    found = Divided(model, 3).predict(Table(columns))

    assert bits(found) == bits(model.predict(Table(columns)))


def _objects(cells):
    out = np.empty(len(cells), object)
    out[:] = cells
    return out
