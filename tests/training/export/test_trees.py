"""Trees, forests and boosting: on their thresholds and the floats beside them, and with missing cells."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import ensemble, tree

from tests.support.exact import assert_exact, edges, identifier, shuffled, with_gaps

pytestmark = pytest.mark.slow

SOURCE = np.random.default_rng(0)
X = np.column_stack([SOURCE.normal(size=200), SOURCE.exponential(size=200), SOURCE.integers(0, 6, 200) / 3]).round(3)
Y = np.sin(X[:, 0] * 2) + X[:, 1] + X[:, 2] ** 2 + SOURCE.normal(size=200) * 0.1
TWO = np.array([False, True])[(np.median(Y) < Y).astype(int)]
THREE = np.array(["low", "mid", "high"], object)[np.digitize(Y, np.quantile(Y, [0.3, 0.7]))]


def case(estimator):
    return pytest.param(estimator, id=identifier(estimator))


def thresholds(estimator):
    """Pairs of column and threshold of all trees inside *estimator*."""
    if hasattr(estimator, "_predictors"):
        nodes = np.concatenate([predictor.nodes for row in estimator._predictors for predictor in row])
        nodes = nodes[(nodes["is_leaf"] == 0) & np.isfinite(nodes["num_threshold"])]
        return list(zip(nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True))
    members = np.ravel(getattr(estimator, "estimators_", [estimator]))
    pairs = []
    for member in members:
        splits = member.tree_.children_left >= 0
        pairs += zip(member.tree_.feature[splits].tolist(), member.tree_.threshold[splits].tolist(), strict=True)
    return pairs


def rows_of(estimator, *, gaps):
    rows = [X, shuffled(X), X * 3, -X]
    if found := thresholds(estimator):
        rows.append(edges(X, found))
    if gaps:
        rows.append(with_gaps(X)[:30])
    return np.concatenate(rows)


REGRESSORS = [
    tree.DecisionTreeRegressor(random_state=0),
    tree.DecisionTreeRegressor(criterion="absolute_error", max_depth=5, random_state=0),
    tree.DecisionTreeRegressor(criterion="squared_error", max_leaf_nodes=9, random_state=0),
    tree.DecisionTreeRegressor(max_depth=4, monotonic_cst=[0, 1, 1]),
    tree.ExtraTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(30, random_state=0),
    ensemble.RandomForestRegressor(10, max_depth=3, max_features=1, min_samples_leaf=5, random_state=0),
    ensemble.RandomForestRegressor(10, bootstrap=False, ccp_alpha=0.01, random_state=0),
    ensemble.ExtraTreesRegressor(30, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=40, random_state=0),
    ensemble.GradientBoostingRegressor(loss="huber", n_estimators=30, random_state=0),
    ensemble.GradientBoostingRegressor(loss="quantile", alpha=0.8, n_estimators=30, random_state=0),
    ensemble.GradientBoostingRegressor(loss="absolute_error", subsample=0.5, n_estimators=30, random_state=0),
    ensemble.GradientBoostingRegressor(init="zero", n_estimators=20, random_state=0),
    ensemble.GradientBoostingRegressor(init=tree.DecisionTreeRegressor(max_depth=2), n_estimators=20, random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=30),
    ensemble.HistGradientBoostingRegressor(loss="absolute_error", max_iter=20),
    ensemble.HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=20),
    ensemble.HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=4, min_samples_leaf=2, l2_regularization=1.0),
    ensemble.HistGradientBoostingRegressor(max_iter=20, monotonic_cst=[0, 1, 0], interaction_cst="no_interactions"),
    ensemble.HistGradientBoostingRegressor(max_iter=20, categorical_features=[2]),
    ensemble.HistGradientBoostingRegressor(max_iter=40, early_stopping=True, random_state=0, max_bins=16),
    ensemble.AdaBoostRegressor(n_estimators=10, random_state=0),
    ensemble.AdaBoostRegressor(
        tree.DecisionTreeRegressor(max_depth=6), loss="exponential", n_estimators=10, random_state=0
    ),
]

CLASSIFIERS = [
    tree.DecisionTreeClassifier(random_state=0),
    tree.DecisionTreeClassifier(criterion="entropy", max_depth=4, class_weight="balanced", random_state=0),
    tree.ExtraTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(30, random_state=0),
    ensemble.RandomForestClassifier(10, max_depth=3, class_weight="balanced_subsample", random_state=0),
    ensemble.ExtraTreesClassifier(30, min_samples_leaf=3, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=10, init="zero", random_state=0),
    ensemble.GradientBoostingClassifier(
        n_estimators=10, init=ensemble.RandomForestClassifier(5, max_depth=2, random_state=0), random_state=0
    ),
    ensemble.HistGradientBoostingClassifier(max_iter=15),
    ensemble.HistGradientBoostingClassifier(max_iter=15, categorical_features=[2], class_weight="balanced"),
    ensemble.AdaBoostClassifier(n_estimators=10, random_state=0),
    ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=3), n_estimators=10, random_state=0),
    ensemble.BaggingClassifier(tree.DecisionTreeClassifier(max_depth=4), n_estimators=8, random_state=0),
]


def asked(estimator):
    single = not hasattr(estimator, "estimators_") or hasattr(np.ravel(estimator.estimators_)[0], "tree_")
    return rows_of(estimator, gaps=True) if single else np.concatenate([X, shuffled(X), with_gaps(X)[:20]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [case(estimator) for estimator in REGRESSORS])
def test_a_regressor_of_trees_is_exact_on_and_beside_its_thresholds(estimator):
    estimator.fit(X, Y)

    assert_exact(estimator, asked(estimator))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("estimator", [case(estimator) for estimator in CLASSIFIERS])
def test_a_classifier_of_trees_is_exact_on_and_beside_its_thresholds(estimator, labels):
    estimator.fit(X, labels)

    assert_exact(estimator, asked(estimator))


def test_exponential_loss_is_exact():
    estimator = ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=20, random_state=0).fit(X, TWO)

    assert_exact(estimator, asked(estimator))


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_boosting_with_a_logarithmic_link_is_exact(loss):
    estimator = ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=20).fit(X, np.exp(Y / 3))

    assert_exact(estimator, asked(estimator))


@pytest.mark.parametrize(
    "estimator",
    [
        case(tree.DecisionTreeRegressor(random_state=0)),
        case(tree.ExtraTreeRegressor(random_state=0)),
        case(ensemble.RandomForestRegressor(20, random_state=0)),
        case(ensemble.ExtraTreesRegressor(20, random_state=0)),
        case(ensemble.HistGradientBoostingRegressor(max_iter=20)),
        case(ensemble.HistGradientBoostingRegressor(max_iter=20, categorical_features=[2])),
    ],
)
def test_a_model_that_was_trained_with_gaps_sends_them_as_the_estimator_does(estimator):
    gaps = with_gaps(X)
    estimator.fit(gaps, Y)

    assert_exact(estimator, np.concatenate([gaps, with_gaps(X, seed=8), X, edges(X, thresholds(estimator))]))


def test_a_number_beyond_float32_is_refused_where_the_trees_compare_float32():
    estimator = tree.DecisionTreeRegressor(max_depth=3).fit(X, Y)

    assert_exact(estimator, np.array([[1e39, 0, 0], [0, -1e300, 0], [np.inf, 0, 0], [1, 1, 1]]))


def test_infinities_are_answered_where_the_estimator_answers_them():
    estimator = ensemble.HistGradientBoostingRegressor(max_iter=20).fit(X, Y)

    assert_exact(estimator, np.array([[np.inf, 0, 0], [0, -np.inf, 0], [np.nan, np.inf, 1]]))


def test_a_tree_of_one_leaf_is_exact():
    estimator = ensemble.RandomForestRegressor(3).fit(X[:, :1] * 0, Y)

    assert_exact(estimator, X[:, :1])
