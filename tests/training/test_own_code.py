"""Code of a user's own as a candidate: found beside the configuration, and refused with the place of what is wrong."""

from __future__ import annotations

import sys
from textwrap import dedent

import numpy as np
import pytest

from functions.columns.table import Table
from model.errors import ConfigError
from model.training import own_code
from model.training.candidates import Trial, expand, fit
from model.training.export import export, known_classes
from tests.support.trials import X, Y, numbers, refusal


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module with a name of its own beside the configuration; gives the name."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}
    own_code.look_in([tmp_path])

    def write(text):
        name = f"mine_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{name}.py").write_text(dedent(text))
        return name

    yield write
    for name in {*sys.modules} - before:
        if name.startswith("mine_"):
            del sys.modules[name]


RIDGE = """
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

def make():
    return make_pipeline(PolynomialFeatures(2), Ridge())
"""


def test_a_function_s_pipeline_is_fitted_with_its_parameters_and_exported(write):
    name = write(RIDGE)
    trials = expand([(f"{name}:make", False, {"ridge__alpha": [10.0, 0.1]})])

    estimators = [fit(trial, Table(X), Y, features=numbers(3), seed=7) for trial in trials]

    assert [str(trial) for trial in trials] == [f"{name}:make ridge__alpha=10.0", f"{name}:make ridge__alpha=0.1"]
    assert [estimator[-1].alpha for estimator in estimators] == [10.0, 0.1]
    assert estimators[0].feature_names_in_.tolist() == ["x0", "x1", "x2"]
    assert export(estimators[0], trials[0].columns(numbers(3))).document["runtime"] == "graph"


def test_the_seed_reaches_every_part_that_was_given_none(write):
    name = write(
        """
        from sklearn.ensemble import BaggingRegressor
        from sklearn.tree import ExtraTreeRegressor

        def make():
            return BaggingRegressor(ExtraTreeRegressor(random_state=3))
        """
    )

    estimator = fit(Trial(f"{name}:make", scale=False, parameters={}), Table(X), Y, features=numbers(3), seed=7)

    assert (estimator.random_state, estimator.estimator.random_state) == (7, 3)


def test_a_grid_of_a_pipeline_names_its_parameters(write):
    name = write(RIDGE)

    message = refusal(expand, [(f"{name}:make", False, {"alpha": [1.0]})])

    assert message.startswith(f"training.candidates[0].grid.alpha: {name}:make has no such parameter; it has memory, ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "import nowhere_at_all", "{m} cannot be imported: ModuleNotFoundError: No module named", id="import"
        ),
        pytest.param("def make(:", "{m} cannot be imported: SyntaxError: ", id="syntax"),
        pytest.param("1 / 0", "{m} cannot be imported: ZeroDivisionError: division by zero ({f}, line 1)", id="fails"),
        pytest.param("raise SystemExit(3)", "{m} cannot be imported: SystemExit: 3", id="exits"),
        pytest.param("def build():\n    pass", "{m}:make: {f} has no make; it has build", id="no-function"),
        pytest.param("make = 3", "{m}:make is a int; expected a function that returns an estimator", id="a-number"),
        pytest.param(
            "def make(seed):\n    pass", "{m}:make failed: TypeError: make() missing 1 required", id="arguments"
        ),
        pytest.param(
            "def make():\n    return {}['a']", "{m}:make failed: KeyError: 'a' ({f}, line 2)", id="function-fails"
        ),
        pytest.param("def make():\n    pass", "{m}:make gave None; expected a scikit-learn estimator", id="nothing"),
        pytest.param(
            "from sklearn.linear_model import Ridge\ndef make():\n    return Ridge",
            "{m}:make gave the class Ridge; expected an estimator, Ridge()",
            id="a-class",
        ),
        pytest.param(
            "from sklearn.cluster import KMeans\ndef make():\n    return KMeans()",
            "{m}:make gave a KMeans, which is no regressor and no classifier",
            id="clustering",
        ),
        pytest.param(
            "class Own:\n    def fit(self, x, y): pass\n    def predict(self, x): pass\ndef make():\n    return Own()",
            "{m}:make gave a Own, which scikit-learn cannot clone: TypeError: Cannot clone object",
            id="no-estimator",
        ),
    ],
)
def test_a_function_that_gives_no_estimator_is_named_with_what_went_wrong(write, tmp_path, text, expected):
    name = write(text)

    message = refusal(expand, [(f"{name}:make", False, {})])

    told = expected.format(m=name, f=tmp_path / f"{name}.py")
    assert message.startswith(f"training.candidates[0].pipeline: {told}")
    assert len(message.splitlines()) == 1


def test_a_module_that_is_nowhere_is_named_with_the_folders_that_were_searched(write, tmp_path):
    message = refusal(expand, [("mine_nowhere.churn:make", False, {})])

    assert message.startswith("training.candidates[0].pipeline: there is no module mine_nowhere; looked in ")
    assert str(tmp_path) in message


@pytest.mark.parametrize("path", ["mine:", ":make", "mine.py:make", "../mine:make", "a b:c", "os:system('x')"])
def test_a_path_of_another_form_is_refused(path):
    if path == "mine.py:make":
        pytest.skip("the form is right: a module py in a package mine")
    message = refusal(expand, [(path, False, {})])

    assert message == (
        f"training.candidates[0].pipeline: expected package.module:function, like mine.churn:make, got {path!r}"
    )


def test_an_estimator_that_raises_anything_is_a_candidate_that_cannot_be_fitted(write):
    name = write(
        """
        from sklearn.base import BaseEstimator, RegressorMixin

        class Own(RegressorMixin, BaseEstimator):
            def fit(self, x, y):
                raise KeyError("age")

            def predict(self, x):
                return x

        def make():
            return Own()
        """
    )

    trial = Trial(f"{name}:make", scale=False, parameters={})

    assert refusal(fit, trial, Table(X), Y, features=numbers(3), seed=7) == f"{name}:make: KeyError: 'age'"


EXPORTER = """
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from model.training.export import register
from model.training.export.builder import Answer

class Doubled(LinearRegression):
    def predict(self, x):
        return 2 * super().predict(x)

@register(Doubled)
def doubled(graph, estimator, frame):
    line = graph.linear(graph.numbers(frame, estimator), estimator.coef_, estimator.intercept_)
    return Answer(graph.apply("multiply", line, 2.0))

def make():
    return Doubled()
"""


def test_an_exporter_of_one_s_own_serves_a_class_of_one_s_own(write):
    name = write(EXPORTER)
    known_classes()

    own_code.register_exporters([name])

    trial = Trial(f"{name}:make", scale=False, parameters={})
    estimator = fit(trial, Table(X), Y, features=numbers(3), seed=7)
    made = export(estimator, trial.columns(numbers(3)))
    line = made.document["linear"]
    assert X @ line["coefficients"] + line["intercept"] == pytest.approx(2 * np.ravel(Y), abs=3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "mine/exporters.py", "expected the import path of a module, like mine.exporters, got", id="a-file"
        ),
        pytest.param("mine_nowhere", "there is no module mine_nowhere; looked in", id="nowhere"),
    ],
)
def test_a_module_of_exporters_that_cannot_be_imported_is_named(name, expected):
    with pytest.raises(ConfigError, match=r"^training.exporters\[0\]: ") as caught:
        own_code.register_exporters([name])

    assert expected in str(caught.value)
