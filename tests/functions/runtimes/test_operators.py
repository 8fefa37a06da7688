"""Each operator against numpy, scipy or scikit-learn; and none takes a step that is not as its contract says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from scipy.interpolate import BSpline
from sklearn.gaussian_process import GaussianProcessClassifier, kernels
from sklearn.metrics import pairwise
from sklearn.multiclass import _ovr_decision_function
from sklearn.tree import DecisionTreeRegressor

from functions.artifact import ArtifactError
from functions.columns.schema import PayloadError
from functions.columns.table import Table
from functions.runtimes.graph.operators import OPERATORS
from functions.runtimes.graph.step import CELLS, Step

SOURCE = np.random.default_rng(0)
X = SOURCE.normal(size=(7, 3))
ROWS = SOURCE.normal(size=(5, 3))
SHARES = np.abs(X) / np.abs(X).sum(axis=1, keepdims=True)
GAPS = np.where(SOURCE.random(X.shape) < 0.3, np.nan, X)
TEXTS = np.array(["a", "b", None, "c", "a", float("nan"), "b"], object)
ONE = np.ones((7, 1))
KNOTS = np.array([[-5.0, -4, -3, -2, 0, 2, 3, 4, 5]] * 3)
PROCESS = GaussianProcessClassifier(kernels.RBF(1.0), optimizer=None).fit(ROWS, [0, 1, 0, 1, 1])
INNER = PROCESS.base_estimator_
TREE = DecisionTreeRegressor(max_depth=2, random_state=0).fit(X, X[:, 0] * X[:, 1])


def floats(*values):
    return np.array(values, float)


def integers(*values):
    return np.array(values, np.int32)


def run(name, inputs, **parameters):
    """The operator's value of *inputs*; arrays among *parameters* are its arrays."""
    widths = tuple(CELLS if part.ndim == 1 else part.shape[1] for part in inputs if not isinstance(part, Table))
    arrays = {key: value for key, value in parameters.items() if _is_array(value)}
    attributes = {key: value for key, value in parameters.items() if key not in arrays}
    step = Step(f"step 1, {name}", widths, 3, attributes, arrays)
    operation = OPERATORS[name](step)
    value = operation.run(inputs)
    assert operation.width == (CELLS if value.ndim == 1 else value.shape[1])
    return value


def _is_array(value):
    return isinstance(value, np.ndarray) or (isinstance(value, list) and isinstance(value[0], np.ndarray))


def tree_parameters(tree):
    """The nodes of a scikit-learn tree of depth 2, breadth first, by hand."""
    order = [0]
    for node in order:
        if tree.children_left[node] >= 0:
            order += [tree.children_left[node], tree.children_right[node]]
    leaf = tree.children_left[order] < 0
    return {
        "sizes": integers(len(order)),
        "feature": np.where(leaf, -1, tree.feature[order]).astype(np.int16),
        "threshold": tree.threshold[order][~leaf],
    }, tree.value[order][leaf][:, :, 0]


NODES, LEAVES = tree_parameters(TREE.tree_)


def spline(x, knots, degree):
    count = len(knots) - degree - 1
    return np.column_stack([BSpline(knots, np.eye(count)[i], degree)(x) for i in range(count)])


def case(operator, expected, *inputs, id=None, **parameters):  # noqa: A002
    return pytest.param(operator, inputs, parameters, expected, id=id or operator)


def kernel_case(function, expected, **parameters):
    return case("kernel", expected, X, id=f"kernel {function}", function=function, rows=ROWS, **parameters)


CASES = [
    case("matrix", X[:, [2, 0]], Table(X), columns=integers(2, 0)),
    case("cells", X[:, 1], Table(X), column=1),
    case("as_cells", X[:, 1], X, column=1),
    case("number", floats(1, np.nan, 0)[:, None], np.array([1, None, False], object)),
    case("fill", np.array(["a", "b", "z", "c", "a", "z", "b"], object), TEXTS, value=["z"]),
    case("absent", floats(0, 0, 1, 0, 0, 1, 0)[:, None], TEXTS),
    case(
        "lookup",
        floats(1, 2, 9, 0, 1, 9, 2)[:, None],
        TEXTS,
        keys=["a", "b"],
        table=floats(1, 2, 9, 0)[:, None],
        missing=2,
        unknown=3,
    ),
    case("finite", X, X, missing=False, single=False),
    case("elementwise", np.exp(X), X, function="exp"),
    case("elementwise", special.expit(X * 30), X * 30, id="expit", function="expit"),
    case("elementwise", special.logit(SHARES), SHARES, id="logit", function="logit"),
    case("elementwise", stats.norm.cdf(X), X, id="normal_share", function="normal_share"),
    case("elementwise", stats.norm.ppf(SHARES), SHARES, id="normal_quantile", function="normal_quantile"),
    case("elementwise", X.astype(np.float32).astype(float), X, id="float32", function="float32"),
    case("rowwise", special.softmax(X, axis=1), X, function="softmax"),
    case("rowwise", special.softmax(X, axis=1), X, id="posterior", function="posterior"),
    case("rowwise", X / np.linalg.norm(X, axis=1, keepdims=True), X, id="l2", function="l2"),
    case("rowwise", np.full((7, 3), 1 / 3), X * 0, id="share of nothing", function="share_or_even"),
    case("reduced", X.argmax(axis=1)[:, None].astype(float), X, function="argmax"),
    case("with_constant", X - floats(1, 2, 3), X, function="subtract", values=floats(1, 2, 3)),
    case("pairwise", X * X, X, X, function="multiply"),
    case(
        "power_transform",
        np.column_stack([stats.yeojohnson(X[:, j], p) for j, p in enumerate([0, 1.5, 2])]),
        X,
        method="yeo_johnson",
        powers=floats(0, 1.5, 2),
    ),
    case(
        "power_transform",
        np.column_stack([special.boxcox(SHARES[:, j], p) for j, p in enumerate([0, 0.5, -2])]),
        SHARES,
        id="box_cox",
        method="box_cox",
        powers=floats(0, 0.5, -2),
    ),
    case("impute", np.where(np.isnan(GAPS), floats(1, 2, 3), GAPS), GAPS, values=floats(1, 2, 3)),
    case("blank", np.where(X[0, 0] == X, np.nan, X), X, value=float(X[0, 0])),
    case("blank", np.where(np.abs(X - 0.5) <= 0.4, np.nan, X), X, value=0.5, within=0.4),
    case("choose", np.where(X > 0, X, -X), (X > 0).astype(float), X, -X),
    case("constant", np.tile(floats(1, 2), (7, 1)), Table(X), values=floats(1, 2)),
    case("concatenate", np.hstack([X, ONE]), X, ONE),
    case("take", X[:, [1, 1]], X, columns=integers(1, 1)),
    case("pick", ROWS[[2, 0, 4]], floats(2, 0, 99)[:, None], table=ROWS),
    case("linear", X @ ROWS.T + floats(1, 2, 3, 4, 5), X, weights=ROWS.T.copy(), bias=floats(1, 2, 3, 4, 5)),
    case("product", X @ ROWS.T + floats(1, 2, 3, 4, 5), X, weights=ROWS.T.copy(), bias=floats(1, 2, 3, 4, 5)),
    case(
        "polynomial",
        np.column_stack([X[:, 0] ** 0, X[:, 0] ** 2 * X[:, 2]]),
        X,
        powers=np.array([[0, 0, 0], [2, 0, 1]], np.int32),
    ),
    case("one_hot", floats([1, 0, 0, 1, 0], [0, 1, 0, 0, 0]), floats([0, 1], [1, 7]), sizes=integers(2, 3)),
    case(
        "bins",
        np.column_stack([np.digitize(X[:, j], [-0.5, 0.5]) for j in range(3)]).astype(float),
        X,
        edges=np.array([[-0.5, 0.5, np.inf]] * 3),
    ),
    case(
        "interpolate",
        np.interp(X[:, :1], [-1, 0, 1], [5, 6, 9]),
        X[:, :1],
        x=floats(-1, 0, 1)[:, None],
        y=floats(5, 6, 9)[:, None],
        outside="hold",
    ),
    case(
        "quantiles",
        np.interp(X[:, :1], [-1, 0, 1], [0, 0.5, 1]),
        X[:, :1],
        quantiles=floats(-1, 0, 1)[:, None],
        references=floats(0, 0.5, 1),
        ends=0.0,
    ),
    case(
        "spline",
        np.hstack([spline(np.clip(X[:, j], -2, 2.5), KNOTS[j], 3) for j in range(3)]),
        np.clip(X, -2, 2.5),
        degree=3,
        knots=KNOTS,
        outside="continue",
    ),
    case("trees", TREE.predict(X)[:, None] + 1, X, **NODES, value=LEAVES, start=floats(1), single=True),
    case(
        "leaves", np.array([[LEAVES[:, 0].tolist().index(v)] for v in TREE.predict(X)], float), X, **NODES, single=True
    ),
    kernel_case("squared_distance", pairwise.euclidean_distances(X, ROWS, squared=True)),
    kernel_case("manhattan_distance", pairwise.manhattan_distances(X, ROWS)),
    kernel_case("rbf", pairwise.rbf_kernel(X, ROWS, gamma=0.7), gamma=0.7),
    kernel_case("laplacian", pairwise.laplacian_kernel(X, ROWS, gamma=0.7), gamma=0.7),
    kernel_case("matern12", kernels.Matern(nu=0.5)(X, ROWS)),
    kernel_case("matern32", kernels.Matern(nu=1.5)(X, ROWS)),
    kernel_case("matern52", kernels.Matern(nu=2.5)(X, ROWS)),
    kernel_case("dot", X @ ROWS.T),
    kernel_case("cosine", pairwise.cosine_similarity(X, ROWS)),
    kernel_case("polynomial", pairwise.polynomial_kernel(X, ROWS, 2, 0.5, 1.0), gamma=0.5, offset=1.0, degree=2.0),
    kernel_case("sigmoid", pairwise.sigmoid_kernel(X, ROWS, 0.5, 1.0), gamma=0.5, offset=1.0),
    case(
        "kernel",
        pairwise.chi2_kernel(SHARES, np.abs(ROWS), gamma=0.7),
        SHARES,
        id="kernel chi2",
        function="chi2",
        gamma=0.7,
        rows=np.abs(ROWS),
    ),
    case(
        "kernel",
        pairwise.additive_chi2_kernel(SHARES, np.abs(ROWS)),
        SHARES,
        id="kernel additive_chi2",
        function="additive_chi2",
        rows=np.abs(ROWS),
    ),
    case("rational_quadratic", kernels.RationalQuadratic(2.0, 0.5)(X, ROWS), X, rows=ROWS, length=2.0, mixture=0.5),
    case("periodic", kernels.ExpSineSquared(2.0, 3.0)(X, ROWS), X, rows=ROWS, length=2.0, period=3.0),
    case(
        "gaussians",
        np.column_stack([stats.multivariate_normal(m, np.eye(3)).logpdf(X) for m in ROWS[:2]]),
        X,
        means=ROWS[:2],
        rotations=[np.eye(3)] * 2,
        add=np.full(2, -1.5 * np.log(2 * np.pi)),
        factor=0.5,
    ),
    case(
        "independent_gaussians",
        np.column_stack([stats.norm(m, 2.0).logpdf(X).sum(axis=1) for m in ROWS[:2]]),
        X,
        means=ROWS[:2],
        variances=np.full((2, 3), 4.0),
        add=np.full(2, -1.5 * np.log(2 * np.pi) - 3 * np.log(2.0)),
    ),
    case(
        "category_tables",
        floats([11, 22], [13, 24]),
        floats([0], [1]),
        sizes=integers(2),
        table=floats([1, 2], [3, 4]),
        add=floats(10, 20),
    ),
    case(
        "laplace_probability",
        PROCESS.predict_proba(X)[:, 1:],
        INNER.kernel_(X, INNER.X_train_),
        (INNER.kernel_(X, INNER.X_train_) @ (INNER.y_train_ - INNER.pi_))[:, None],
        root=INNER.W_sr_,
        factor=INNER.L_,
        diagonal=1.0,
    ),
    case(
        "nearest", pairwise.pairwise_distances_argmin(X, ROWS)[:, None].astype(float), X, rows=ROWS, metric="euclidean"
    ),
    case(
        "neighbours",
        np.array([[ROWS[d.argmin(), 0]] for d in pairwise.euclidean_distances(X, ROWS)]),
        X,
        rows=ROWS,
        metric="euclidean",
        values=ROWS[:, :1].copy(),
        count=1,
        by_distance=False,
    ),
    case(
        "nearest",
        pairwise.cosine_distances(X, ROWS).argmin(axis=1)[:, None].astype(float),
        X,
        rows=ROWS,
        metric="cosine",
    ),
    case(
        "nearest",
        pairwise.haversine_distances(X[:, :2], ROWS[:, :2]).argmin(axis=1)[:, None].astype(float),
        X[:, :2].copy(),
        rows=ROWS[:, :2].copy(),
        metric="haversine",
    ),
    case(
        "within_radius",
        np.full((7, 1), 1.0),
        X,
        rows=ROWS,
        metric="chebyshev",
        values=np.ones((5, 1)),
        radius=9.0,
        by_distance=True,
    ),
    case(
        "impute_neighbours",
        floats([5, 1], [2, 2]),
        floats([np.nan, 1], [2, 2]),
        rows=floats([5, 1.1], [9, 4], [np.nan, 1]),
        means=floats(0, 0),
        count=1,
        by_distance=False,
    ),
    case("combine", (X * 2 + X * 3) / 5, X, X, weights=floats(2, 3), divisor=5.0),
    case("weighted_median", np.median(X, axis=1)[:, None], X, weights=floats(1, 1, 1)),
    case("vote", floats([1, 5], [6, 0]), floats([0, 1, 1], [0, 0, 0]), classes=2, weights=floats(1, 2, 3)),
    case("boosted_votes", floats([1 / 3, -1 / 3]), floats([0, 1]), classes=2, weights=floats(2, 1)),
    case("one_versus_one", _ovr_decision_function((X > 0).astype(int), X, 3), X, (X > 0).astype(float), classes=3),
    case("pair_votes", floats([2, 0, 1]), floats([1, 1, -1]), classes=3),
    case("pair_probabilities", floats([0.5, 0.5]), floats([0.0]), classes=2, slopes=floats(1), offsets=floats(0)),
]


@pytest.mark.parametrize(("operator", "inputs", "parameters", "expected"), CASES)
def test_an_operator_computes_what_its_reference_does(operator, inputs, parameters, expected):
    with np.errstate(all="ignore"):
        value = run(operator, inputs, **parameters)

    if expected.dtype == object:
        assert value.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13)


def test_every_operator_has_a_reference():
    assert {param.values[0] for param in CASES} == OPERATORS.keys()


@pytest.mark.parametrize(("operator", "inputs", "parameters", "expected"), CASES)
def test_a_row_has_the_same_answer_alone(operator, inputs, parameters, expected):
    with np.errstate(all="ignore"):
        alone = run(operator, [_first(part) for part in inputs], **parameters)

    if expected.dtype == object:
        assert alone.tolist() == expected[:1].tolist()
    else:
        np.testing.assert_allclose(alone, expected[:1], rtol=1e-12, atol=1e-13)


def _first(part):
    return part[:1]


@pytest.mark.parametrize(
    ("operator", "inputs", "parameters", "message"),
    [
        pytest.param(
            "lookup", [TEXTS], {"keys": ["a", "b", "c"], "table": np.eye(3)}, "row 2: .*a missing cell", id="missing"
        ),
        pytest.param(
            "lookup",
            [TEXTS],
            {"keys": ["a", "c"], "table": np.eye(3), "missing": 2},
            "row 1: .*a level that training did not see",
            id="unknown",
        ),
        pytest.param("finite", [GAPS], {"missing": False, "single": False}, "a missing number", id="gap"),
        pytest.param(
            "finite",
            [np.full((7, 3), np.inf)],
            {"missing": True, "single": False},
            "row 0: .*an infinite number",
            id="infinity",
        ),
        pytest.param(
            "finite", [X * 1e39], {"missing": True, "single": True}, "an infinite number", id="beyond float32"
        ),
        pytest.param(
            "interpolate",
            [X[:, :1] * 9],
            {"x": floats(-1, 1)[:, None], "y": floats(0, 1)[:, None], "outside": "refuse"},
            "outside the range",
            id="beyond a curve",
        ),
        pytest.param(
            "spline",
            [X * 9],
            {"degree": 3, "knots": KNOTS, "outside": "refuse"},
            "outside the range",
            id="beyond knots",
        ),
        pytest.param(
            "within_radius",
            [X + 99],
            {"rows": ROWS, "metric": "euclidean", "values": np.ones((5, 1)), "radius": 1.0, "by_distance": False},
            "row 0: no training row lies within the radius",
            id="lonely",
        ),
        pytest.param(
            "category_tables",
            [floats([0], [2])],
            {"sizes": integers(2), "table": np.eye(2), "add": floats(0, 0)},
            "row 1: a category that training did not see",
            id="category",
        ),
    ],
)
def test_a_row_that_cannot_be_answered_is_named(operator, inputs, parameters, message):
    with np.errstate(all="ignore"), pytest.raises(PayloadError, match=message):
        run(operator, inputs, **parameters)


def test_a_polynomial_that_would_keep_a_process_busy_is_refused():
    with pytest.raises(ArtifactError, match="powers ask for 3780000 multiplications a row, more than 2097152"):
        run("polynomial", [X], powers=np.full((20_000, 3), 63, np.int32))


@pytest.mark.parametrize(("operator", "inputs", "parameters", "expected"), CASES)
def test_an_operator_without_its_parameters_or_inputs_is_refused(operator, inputs, parameters, expected):
    widths = tuple(CELLS if part.ndim == 1 else part.shape[1] for part in inputs if not isinstance(part, Table))
    wrong = [
        Step("step", (*widths, 3, CELLS), 3, {}, {}),
        Step("step", tuple(CELLS if width != CELLS else 3 for width in widths), 0, {}, {}),
        Step("step", widths, 3, {"unknown": 1}, {}),
    ]

    for step in wrong:
        with pytest.raises(ArtifactError):
            OPERATORS[operator](step)


small = st.integers(-2, 5)
anything = st.none() | st.booleans() | small | st.floats() | st.sampled_from(["rbf", "hold", "euclidean", "add", "sum"])
numbers = st.lists(st.floats(-2, 5) | st.just(np.nan), min_size=1, max_size=6)


@st.composite
def mutants(draw):
    """A step of CASES with one parameter changed."""
    operator, inputs, parameters, _ = draw(st.sampled_from([param.values for param in CASES]))
    changed = dict(parameters)
    if changed:
        name = draw(st.sampled_from(sorted(changed)))
        value = changed[name]
        if isinstance(value, np.ndarray) and value.size and draw(st.booleans()):
            copy = value.copy()
            copy.flat[draw(st.integers(0, value.size - 1))] = draw(small)
            changed[name] = copy
        elif isinstance(value, np.ndarray):
            changed[name] = np.array(draw(numbers)).astype(draw(st.sampled_from(["f8", "f4"])))
        else:
            changed[name] = draw(anything)
    return operator, inputs, changed


@settings(deadline=None, derandomize=True, max_examples=200)
@given(mutants())
def test_a_step_with_any_parameter_is_refused_or_answers(mutant):
    operator, inputs, parameters = mutant
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = run(operator, inputs, **parameters)
    except (ArtifactError, PayloadError):
        return
    assert len(value) == (inputs[0].rows if isinstance(inputs[0], Table) else len(inputs[0]))


def test_a_line_has_the_same_bits_alone_and_in_any_batch():
    weights = SOURCE.normal(size=(40, 3))
    x = SOURCE.normal(size=(301, 40))
    for matrix in (x, np.asfortranarray(x)):
        batch = run("linear", [matrix], weights=weights, bias=floats(1, 2, 3))
        for start, stop in ((0, 1), (7, 9), (100, 301)):
            part = run("linear", [matrix[start:stop]], weights=weights, bias=floats(1, 2, 3))
            assert part.tobytes() == batch[start:stop].tobytes()


@pytest.mark.parametrize("count", [1, 5, 200])
@pytest.mark.parametrize("trained", [200, 2_000])
def test_equally_far_rows_are_neighbours_in_their_order(trained, count):
    source = np.random.default_rng(1)
    training, asked = source.integers(0, 4, (trained, 3)).astype(float), source.integers(0, 4, (40, 3)).astype(float)
    values = np.arange(float(trained))[:, None]

    found = run("neighbours", [asked], rows=training, values=values, count=count, by_distance=False, metric="manhattan")

    distances = np.abs(asked[:, None] - training).sum(axis=2)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :count]
    assert found[:, 0].tolist() == pytest.approx(nearest.mean(axis=1), rel=1e-12)
