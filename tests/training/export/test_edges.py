"""Numbers at which a graph turns: an answer changes between two of them that lie next to each other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from model.training.export import export

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(100.0, 5.0, size=(150, 2))
Y = X[:, 0] + np.sin(X[:, 1]) * 9


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(DecisionTreeRegressor(max_depth=4), id="tree"),
        pytest.param(make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=4)), id="scaled-tree"),
        pytest.param(
            make_pipeline(SimpleImputer(), RandomForestRegressor(5, max_depth=3)), id="forest-of-filled-cells"
        ),
        pytest.param(HistGradientBoostingRegressor(max_iter=5), id="histogram-boosting"),
        pytest.param(BaggingRegressor(n_estimators=3), id="bagging"),
        pytest.param(make_pipeline(KBinsDiscretizer(4, encode="ordinal"), LinearRegression()), id="bins"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_between_the_numbers_of_an_edge_the_estimator_changes_its_answer(estimator):
    estimator.fit(X, Y)

    edges = export(estimator).edges

    changes = 0
    for column, number in edges[:150]:
        near = np.repeat(X[:60], 3, axis=0)
        near[:, column] = np.tile([np.nextafter(number, -np.inf), number, np.nextafter(number, np.inf)], 60)
        answers = estimator.predict(near).reshape(-1, 3)
        changes += bool((answers != answers[:, :1]).any())
    assert edges
    assert {column for column, _ in edges} == {0, 1}
    assert changes >= min(150, len(edges)) / 5


def test_a_line_has_no_edges():
    assert export(LinearRegression().fit(X, Y)).edges == ()


def test_a_large_forest_gives_a_choice_of_its_edges():
    edges = export(RandomForestRegressor(60).fit(X, Y)).edges

    assert 150 <= len(edges) <= 150 * 9
