"""Every regressor and classifier of the installed scikit-learn is exact, or stands on the list of refusals."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from model.errors import ExportError
from model.training.export import export
from tests.support.exact import assert_exact, shuffled

pytestmark = pytest.mark.slow

ROWS = 120

REFUSED = {
    "ClassifierChain": "several targets",
    "MultiOutputClassifier": "several targets",
    "MultiOutputRegressor": "several targets",
    "MultiTaskElasticNet": "several targets",
    "MultiTaskElasticNetCV": "several targets",
    "MultiTaskLasso": "several targets",
    "MultiTaskLassoCV": "several targets",
    "RegressorChain": "several targets",
}
"""The estimators that are refused, and why."""

SETTINGS = {
    "CCA": {"n_components": 1},
    "IsotonicRegression": {"out_of_bounds": "clip"},
    "MLPClassifier": {"max_iter": 40, "hidden_layer_sizes": (8,)},
    "MLPRegressor": {"max_iter": 40, "hidden_layer_sizes": (8,)},
    "PLSCanonical": {"n_components": 1},
    "RadiusNeighborsClassifier": {"radius": 6.0},
    "RadiusNeighborsRegressor": {"radius": 6.0},
    "StackingClassifier": {
        "estimators": [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=3))]
    },
    "StackingRegressor": {"estimators": [("ridge", Ridge()), ("line", LinearRegression())]},
    "VotingClassifier": {"estimators": [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=3))]},
    "VotingRegressor": {"estimators": [("ridge", Ridge()), ("line", LinearRegression())]},
}

REGRESSORS = all_estimators(type_filter="regressor")
CLASSIFIERS = all_estimators(type_filter="classifier")


def made(name, kind, member):
    """An unfitted estimator with the settings that it needs to be fitted to these rows at all."""
    accepted = inspect.signature(kind).parameters
    settings = dict(SETTINGS.get(name, {}))
    if "random_state" in accepted:
        settings.setdefault("random_state", 0)
    if "n_estimators" in accepted:
        settings["n_estimators"] = 15
    needed = accepted.get("estimator")
    if needed is not None and (needed.default is inspect.Parameter.empty or name == "SelfTrainingClassifier"):
        settings["estimator"] = member
    return kind(**settings)


def rows_for(name):
    source = np.random.default_rng(0)
    x = source.normal(size=(ROWS, 4))
    if name == "IsotonicRegression":
        return x[:, :1]
    return np.floor(np.abs(x) * 2) if name.endswith("NB") else x


def numbers_for(name):
    source = np.random.default_rng(1)
    y = rows_for("")[:, :4] @ [1.0, 2.0, -1.0, 0.5] + source.normal(size=ROWS) * 0.3
    if name in {"GammaRegressor", "PoissonRegressor", "TweedieRegressor"}:
        return np.exp(y / 4)
    several = name.startswith("MultiTask") or name in {"MultiOutputRegressor", "RegressorChain"}
    return np.column_stack([y, y**2]) if several else y


def labels_for(name):
    y = numbers_for("")
    three = np.array(["late", "early", "never"], object)[np.digitize(y, [-1.0, 1.0])]
    if name in {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}:
        return (y > 0).astype(int)
    if name == "SelfTrainingClassifier":
        return np.where(np.arange(ROWS) % 4 == 0, -1, (y > 0).astype(int))
    if name == "MultiOutputClassifier":
        return np.column_stack([three, three])
    return np.column_stack([y > 0, y > 1]).astype(int) if name == "ClassifierChain" else three


def check(name, estimator, x, y):
    estimator.fit(x[:90], y[:90])
    if name in REFUSED:
        with pytest.raises(ExportError, match=f"{name}.*{REFUSED[name]}"):
            export(estimator)
        return
    assert_exact(estimator, np.concatenate([x, shuffled(x)]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "kind"), REGRESSORS, ids=[name for name, _ in REGRESSORS])
def test_every_regressor_is_exact_or_refused_by_name(name, kind):
    check(name, made(name, kind, Ridge()), rows_for(name), numbers_for(name))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "kind"), CLASSIFIERS, ids=[name for name, _ in CLASSIFIERS])
def test_every_classifier_is_exact_or_refused_by_name(name, kind):
    check(name, made(name, kind, LogisticRegression()), rows_for(name), labels_for(name))


def test_nothing_is_refused_that_does_not_exist():
    assert REFUSED.keys() <= {name for name, _ in REGRESSORS + CLASSIFIERS}
