"""Linear models, kernel machines, neighbours, networks and classifiers around classifiers, each with many settings."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import (
    calibration,
    compose,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_selection,
    frozen,
    gaussian_process,
    isotonic,
    kernel_ridge,
    linear_model,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)
from sklearn.gaussian_process import kernels

from model.training.export import export
from tests.support.exact import assert_exact, exported, identifier, shuffled

pytestmark = pytest.mark.slow

SOURCE = np.random.default_rng(0)
X = SOURCE.normal(size=(130, 3))
Y = X @ [1.0, -2.0, 0.5] + np.sin(X[:, 0] * 3) + SOURCE.normal(size=130) * 0.2
TWO = np.array(["no", "yes"], object)[(Y > 0.2).astype(int)]
THREE = np.array([10, 20, 35])[np.digitize(Y, [-1.0, 1.0])]
ASKED = np.concatenate([X, shuffled(X), X * 3])


def case(estimator, name=None):
    return pytest.param(estimator, id=name or identifier(estimator))


def cases(*estimators):
    return [estimator if hasattr(estimator, "id") else case(estimator) for estimator in estimators]


LOGISTIC = linear_model.LogisticRegression()
TREE = tree.DecisionTreeClassifier(max_depth=3, random_state=0)
SHALLOW = tree.DecisionTreeRegressor(max_depth=3, random_state=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    cases(
        linear_model.LinearRegression(positive=True),
        linear_model.LinearRegression(fit_intercept=False),
        linear_model.SGDRegressor(loss="huber", random_state=0, average=True),
        linear_model.RANSACRegressor(random_state=0),
        linear_model.TweedieRegressor(power=0),
        svm.SVR(),
        svm.SVR(kernel="linear"),
        svm.SVR(kernel="poly", degree=2, coef0=1.0),
        svm.SVR(kernel="sigmoid", gamma=0.1),
        svm.NuSVR(nu=0.3, gamma="auto"),
        svm.LinearSVR(epsilon=0.1, random_state=0),
        kernel_ridge.KernelRidge(),
        kernel_ridge.KernelRidge(kernel="rbf", alpha=0.1),
        kernel_ridge.KernelRidge(kernel="laplacian", gamma=0.3, alpha=0.1),
        kernel_ridge.KernelRidge(kernel="poly", degree=2, alpha=0.5),
        kernel_ridge.KernelRidge(kernel="sigmoid", gamma=0.05, alpha=1.0),
        kernel_ridge.KernelRidge(kernel="cosine", alpha=0.5),
        neighbors.KNeighborsRegressor(),
        neighbors.KNeighborsRegressor(3, weights="distance"),
        neighbors.KNeighborsRegressor(4, algorithm="brute"),
        neighbors.KNeighborsRegressor(4, metric="manhattan", algorithm="ball_tree"),
        neighbors.KNeighborsRegressor(4, metric="chebyshev", weights="distance"),
        neighbors.KNeighborsRegressor(4, metric="cosine"),
        pipeline.make_pipeline(
            feature_selection.SelectKBest(k=2), neighbors.KNeighborsRegressor(3, metric="haversine", weights="distance")
        ),
        neighbors.KNeighborsRegressor(4, p=3),
        neighbors.KNeighborsRegressor(4, p=1.5, algorithm="brute"),
        neighbors.RadiusNeighborsRegressor(1.5),
        neighbors.RadiusNeighborsRegressor(9.0, weights="distance", metric="manhattan"),
        neural_network.MLPRegressor(hidden_layer_sizes=(9, 5), activation="tanh", max_iter=30, random_state=0),
        neural_network.MLPRegressor(hidden_layer_sizes=(60, 50), activation="logistic", max_iter=10, random_state=0),
        neural_network.MLPRegressor(hidden_layer_sizes=(5,), activation="identity", max_iter=10, random_state=0),
        ensemble.BaggingRegressor(SHALLOW, n_estimators=6, max_features=2, random_state=0),
        ensemble.BaggingRegressor(svm.SVR(), n_estimators=3, bootstrap_features=True, random_state=0),
        ensemble.VotingRegressor([("a", SHALLOW), ("b", linear_model.Ridge()), ("c", "drop")], weights=[1, 3, 2]),
        ensemble.StackingRegressor([("a", SHALLOW), ("b", linear_model.Ridge())], passthrough=True, cv=3),
        ensemble.StackingRegressor(
            [("a", svm.SVR())], final_estimator=ensemble.RandomForestRegressor(5, random_state=0)
        ),
        compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler()),
        compose.TransformedTargetRegressor(SHALLOW, transformer=preprocessing.MinMaxScaler()),
        compose.TransformedTargetRegressor(SHALLOW, transformer=preprocessing.RobustScaler()),
        compose.TransformedTargetRegressor(SHALLOW, transformer=preprocessing.MaxAbsScaler()),
        compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.PowerTransformer()),
        compose.TransformedTargetRegressor(
            linear_model.Ridge(),
            transformer=preprocessing.FunctionTransformer(
                np.cbrt, inverse_func=np.clip, inv_kw_args={"min": -1.0, "max": 1.5}, check_inverse=False
            ),
        ),
        compose.TransformedTargetRegressor(
            linear_model.Ridge(), transformer=preprocessing.QuantileTransformer(n_quantiles=30)
        ),
        compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=np.arcsinh, inverse_func=np.sinh, check_inverse=False
        ),
        compose.TransformedTargetRegressor(
            linear_model.Ridge(),
            transformer=pipeline.make_pipeline(preprocessing.StandardScaler(), preprocessing.MinMaxScaler()),
        ),
        model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}, cv=3),
        model_selection.RandomizedSearchCV(SHALLOW, {"max_depth": [2, 3]}, n_iter=2, cv=3, random_state=0),
        dummy.DummyRegressor(strategy="median"),
        dummy.DummyRegressor(strategy="constant", constant=3.5),
    ),
)
def test_a_regressor_is_exact(estimator):
    estimator.fit(X, Y)

    assert_exact(estimator, ASKED)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kernel",
    cases(
        kernels.RBF(1.0) + kernels.WhiteKernel(0.1),
        kernels.ConstantKernel(2.0) * kernels.RBF([1.0, 2.0, 3.0]) + kernels.WhiteKernel(0.1),
        kernels.Matern(1.0, nu=0.5) + kernels.WhiteKernel(0.1),
        kernels.Matern(1.0, nu=1.5) + kernels.WhiteKernel(0.1),
        kernels.Matern([1.0, 1.0, 2.0], nu=2.5) + kernels.WhiteKernel(0.1),
        kernels.Matern(1.0, nu=np.inf) + kernels.WhiteKernel(0.1),
        kernels.RationalQuadratic() + kernels.WhiteKernel(0.1),
        kernels.DotProduct() + kernels.WhiteKernel(0.1),
        kernels.DotProduct() ** 2 + kernels.WhiteKernel(0.1),
        kernels.ExpSineSquared(1.0, 5.0) * kernels.RBF(2.0) + kernels.WhiteKernel(0.1),
    ),
)
def test_a_gaussian_process_is_exact(kernel):
    process = gaussian_process.GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True, alpha=1e-3).fit(X, Y)

    assert_exact(process, ASKED)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize(
    "estimator",
    cases(
        linear_model.LogisticRegression(C=0.1, solver="newton-cg"),
        linear_model.SGDClassifier(random_state=0),
        linear_model.SGDClassifier(loss="log_loss", random_state=0),
        linear_model.SGDClassifier(loss="modified_huber", random_state=0),
        linear_model.SGDClassifier(loss="squared_error", eta0=1e-4, random_state=0),
        linear_model.Perceptron(random_state=0),
        linear_model.RidgeClassifier(class_weight="balanced"),
        svm.LinearSVC(random_state=0),
        svm.SVC(),
        svm.SVC(kernel="linear", decision_function_shape="ovo"),
        svm.SVC(kernel="poly", degree=2, coef0=1.0, break_ties=True),
        svm.SVC(kernel="sigmoid", gamma=0.1, class_weight="balanced"),
        svm.NuSVC(nu=0.2),
        discriminant_analysis.LinearDiscriminantAnalysis(),
        discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        discriminant_analysis.LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.2),
        discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
        naive_bayes.GaussianNB(),
        naive_bayes.BernoulliNB(binarize=0.2),
        naive_bayes.BernoulliNB(alpha=0.5, fit_prior=False),
        neighbors.NearestCentroid(),
        neighbors.NearestCentroid(priors="empirical"),
        neighbors.NearestCentroid(metric="manhattan"),
        neighbors.NearestCentroid(shrink_threshold=0.1),
        neighbors.KNeighborsClassifier(3),
        neighbors.KNeighborsClassifier(4, weights="distance", metric="manhattan"),
        neighbors.KNeighborsClassifier(3, algorithm="brute", metric="chebyshev"),
        neighbors.RadiusNeighborsClassifier(9.0),
        neighbors.RadiusNeighborsClassifier(1.0, weights="distance", outlier_label="most_frequent"),
        neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=30, random_state=0),
        gaussian_process.GaussianProcessClassifier(kernels.RBF(1.0), optimizer=None),
        gaussian_process.GaussianProcessClassifier(kernels.RBF(1.0), optimizer=None, multi_class="one_vs_one"),
        gaussian_process.GaussianProcessClassifier(2.0 * kernels.Matern(1.0, nu=1.5), optimizer=None),
        calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=3),
        calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), method="isotonic", cv=3),
        calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), method="isotonic", ensemble=False),
        calibration.CalibratedClassifierCV(TREE, cv=3),
        multiclass.OneVsRestClassifier(LOGISTIC),
        multiclass.OneVsRestClassifier(svm.SVC()),
        multiclass.OneVsRestClassifier(TREE),
        multiclass.OneVsRestClassifier(linear_model.Ridge()),
        multiclass.OneVsOneClassifier(LOGISTIC),
        multiclass.OneVsOneClassifier(TREE),
        multiclass.OutputCodeClassifier(LOGISTIC, code_size=3, random_state=0),
        multiclass.OutputCodeClassifier(TREE, random_state=0),
        ensemble.VotingClassifier([("a", LOGISTIC), ("b", TREE)], voting="soft", weights=[2, 1]),
        ensemble.VotingClassifier([("a", LOGISTIC), ("b", TREE), ("c", svm.SVC())], weights=[2, 1, 2]),
        ensemble.VotingClassifier([("a", LOGISTIC), ("b", "drop"), ("c", TREE)]),
        ensemble.StackingClassifier([("a", LOGISTIC), ("b", TREE)], cv=3),
        ensemble.StackingClassifier([("a", svm.SVC()), ("b", TREE)], passthrough=True, cv=3),
        ensemble.StackingClassifier([("a", LOGISTIC), ("b", TREE)], stack_method="predict", cv=3),
        ensemble.BaggingClassifier(svm.LinearSVC(), n_estimators=4, random_state=0),
        ensemble.BaggingClassifier(LOGISTIC, n_estimators=4, max_features=2, max_samples=0.2, random_state=0),
        ensemble.AdaBoostClassifier(LOGISTIC, n_estimators=5, random_state=0),
        dummy.DummyClassifier(),
        dummy.DummyClassifier(strategy="most_frequent"),
        model_selection.GridSearchCV(TREE, {"max_depth": [2, 3]}, cv=3),
        case(pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()), "pipeline"),
    ),
)
def test_a_classifier_is_exact(estimator, labels):
    estimator.fit(X, labels)

    assert_exact(estimator, ASKED)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", cases(TREE, naive_bayes.GaussianNB(), LOGISTIC))
def test_a_temperature_over_probabilities_is_exact(estimator):
    calibrated = calibration.CalibratedClassifierCV(estimator, method="temperature", cv=3)

    assert_exact(calibrated.fit(X, TWO), ASKED)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_of_a_classifier_that_was_fitted_before_is_exact(method):
    fitted = frozen.FrozenEstimator(pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()).fit(X, THREE))

    assert_exact(calibration.CalibratedClassifierCV(fitted, method=method).fit(X, THREE), ASKED)


@pytest.mark.parametrize(
    ("estimator", "keeps"),
    [
        pytest.param(neighbors.KNeighborsRegressor(), True, id="neighbours"),
        pytest.param(svm.SVR(), True, id="support vectors"),
        pytest.param(gaussian_process.GaussianProcessRegressor(alpha=0.1), True, id="process"),
        pytest.param(SHALLOW, False, id="tree"),
        pytest.param(linear_model.Ridge(), False, id="line"),
    ],
)
def test_a_model_says_whether_it_keeps_rows_of_the_training_data(estimator, keeps):
    assert export(estimator.fit(X, Y)).keeps_rows is keeps


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
def test_probabilities_of_support_vectors_are_coupled_as_libsvm_does(labels):
    assert_exact(svm.SVC(probability=True, random_state=0).fit(X, labels), ASKED)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    cases(
        naive_bayes.MultinomialNB(),
        naive_bayes.ComplementNB(),
        naive_bayes.ComplementNB(norm=True),
        naive_bayes.CategoricalNB(),
        naive_bayes.CategoricalNB(min_categories=9),
    ),
)
def test_a_model_of_counts_is_exact(estimator):
    counts = np.floor(np.abs(X) * 2)
    estimator.fit(counts, THREE)

    assert_exact(estimator, np.concatenate([counts, shuffled(counts), counts + 1]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    cases(
        model_selection.FixedThresholdClassifier(LOGISTIC, threshold=0.3),
        model_selection.FixedThresholdClassifier(LOGISTIC, threshold=0.3, pos_label="no"),
        model_selection.FixedThresholdClassifier(svm.SVC(), threshold=0.5, pos_label="no"),
        model_selection.FixedThresholdClassifier(LOGISTIC, response_method="decision_function", threshold=-0.2),
        model_selection.TunedThresholdClassifierCV(LOGISTIC, cv=3, scoring="balanced_accuracy"),
        model_selection.TunedThresholdClassifierCV(TREE, cv=3),
    ),
)
def test_a_threshold_is_exact(estimator):
    pos_label = estimator.get_params().get("pos_label")
    estimator.set_params(**({} if pos_label else {"pos_label": "yes"} if "pos_label" in estimator.get_params() else {}))
    estimator.fit(X, TWO)

    assert_exact(estimator, ASKED)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    cases(
        semi_supervised.LabelPropagation(),
        semi_supervised.LabelSpreading(gamma=5.0),
        semi_supervised.LabelSpreading(kernel="knn"),
        semi_supervised.SelfTrainingClassifier(LOGISTIC),
    ),
)
def test_a_model_of_partly_labelled_rows_is_exact(estimator):
    estimator.fit(X, np.where(np.arange(len(X)) % 3 == 0, -1, (Y > 0).astype(int)))

    assert_exact(estimator, np.concatenate([X, shuffled(X)]))


@pytest.mark.filterwarnings("ignore")
def test_a_network_with_a_logarithmic_link_is_exact():
    network = neural_network.MLPRegressor("poisson", hidden_layer_sizes=(6,), max_iter=20, random_state=0)

    assert_exact(network.fit(X, np.exp(Y / 3)), ASKED)


@pytest.mark.parametrize("out_of_bounds", ["clip", "nan", "raise"])
@pytest.mark.parametrize("increasing", [True, False])
def test_an_isotonic_curve_is_exact(out_of_bounds, increasing):
    curve = isotonic.IsotonicRegression(out_of_bounds=out_of_bounds, increasing=increasing).fit(X[:, 0], Y)

    assert_exact(curve, np.concatenate([X[:, :1], X[:, :1] * 2]))


def test_a_member_that_saw_fewer_classes_is_exact():
    labels = np.where(np.arange(len(X)) == 0, 99, THREE)
    bags = ensemble.BaggingClassifier(TREE, n_estimators=6, max_samples=0.3, random_state=0).fit(X, labels)

    assert_exact(bags, ASKED)


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([True, False], id="booleans"),
        pytest.param([1.0, 2.0], id="numbers"),
        pytest.param(["b", "a"], id="texts"),
    ],
)
def test_labels_keep_their_type(labels):
    values = exported(TREE.fit(X, np.array(labels)[(Y > 0).astype(int)]), X).predict(X).values

    assert {*map(type, values.tolist())} == {type(labels[0])}
