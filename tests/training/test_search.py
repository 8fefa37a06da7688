"""Which trial is best: every row is scored by a pipeline that has not seen it, and the simplest good one is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model.training.candidates import Trial
from model.training.search import Result, choose
from tests.support.trials import X, Y, refusal, searched, trial

# The search


def test_fewer_rows_than_folds_are_refused():
    message = refusal(searched, [trial()], X[:4], Y[:4], folds=5, seed=7)

    assert message == "5 folds need at least 5 different training rows, got 4"


def test_fewer_different_rows_than_folds_are_refused():
    message = refusal(searched, [trial()], X, Y, folds=5, seed=7, groups=np.arange(60) % 4)

    assert message == "5 folds need at least 5 different training rows, got 4"


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        pytest.param(
            trial("Ridge", alpha=-1.0), "sklearn.linear_model.Ridge alpha=-1.0: The 'alpha' parameter of ", id="range"
        ),
        pytest.param(
            trial("Ridge", solver="lbfgs", scale=True),
            "sklearn.linear_model.Ridge scale solver=lbfgs: 'lbfgs' solver can be used only when positive=True",
            id="contradiction",
        ),
        pytest.param(
            trial("PoissonRegressor"),
            "sklearn.linear_model.PoissonRegressor: Some value(s) of y are out of the valid range",
            id="target",
        ),
        pytest.param(
            Trial("sklearn.neighbors.KNeighborsRegressor", scale=False, parameters={"n_neighbors": 500}),
            "sklearn.neighbors.KNeighborsRegressor n_neighbors=500: Expected n_neighbors <= n_samples_fit",
            id="only-when-it-predicts",
        ),
    ],
)
def test_a_trial_that_cannot_be_fitted_is_named_with_its_parameters(chosen, start):
    message = refusal(searched, [trial(), chosen], X, Y, folds=5, seed=7)

    assert message.startswith(start)
    assert len(message.splitlines()) == 1


def test_a_trial_that_diverges_is_named():
    message = refusal(searched, [trial("SGDRegressor")], X * 1e300, Y, folds=5, seed=7)

    assert message.startswith("sklearn.linear_model.SGDRegressor: Floating-point under-/overflow occurred")


ANGLES = Trial("sklearn.neighbors.KNeighborsRegressor", scale=False, parameters={"metric": "canberra"})
NO_METRIC = (
    "step 'regressor': KNeighborsRegressor: metric='canberra'; "
    "expected euclidean, manhattan, chebyshev, minkowski, cosine or haversine"
)


def test_when_no_candidate_can_be_served_the_first_fold_says_so():
    told = []

    message = refusal(searched, [ANGLES, ANGLES], X, Y, folds=5, seed=7, done=lambda: told.append(1))

    line = f"{ANGLES}: {NO_METRIC}"
    assert message.splitlines() == ["none of training.candidates can be served:", line, line]
    assert told == [1, 1]


def test_a_candidate_that_cannot_be_served_is_scored_and_says_why():
    plain, angles = searched([trial(), ANGLES], X, Y, folds=5, seed=7)

    assert (plain.unserved, angles.unserved) == ("", NO_METRIC)
    assert angles.loss > plain.loss


def test_results_come_in_the_order_of_the_trials():
    order = [trial("Ridge", alpha=1e6), trial(), trial("Ridge", alpha=100.0)]

    assert [result.trial for result in searched(order, X, Y, folds=5, seed=7)] == order


def test_a_result_is_mean_spread_and_standard_error_over_the_folds_of_all_repeats():
    (result,) = searched([trial()], X, Y, folds=5, repeats=3, seed=7)
    (first,) = searched([trial()], X, Y, folds=5, repeats=1, seed=7)

    assert result.loss != first.loss
    assert result.se == pytest.approx(result.std / np.sqrt(5))
    assert first.se == pytest.approx(first.std / np.sqrt(5))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "by_hand"),
    [
        pytest.param(trial(), LinearRegression(), id="plain"),
        pytest.param(
            trial("Ridge", scale=True, alpha=20.0), make_pipeline(StandardScaler(), Ridge(alpha=20.0)), id="scaled"
        ),
    ],
)
def test_each_row_is_scored_once_a_repeat_by_a_pipeline_that_has_not_seen_it(chosen, by_hand):
    """With as many folds as rows the folds are known: leave one out, whatever the seed. The scaler is left out too."""
    errors = [
        root_mean_squared_error(Y[[row]], by_hand.fit(np.delete(X, row, 0), np.delete(Y, row)).predict(X[[row]]))
        for row in range(60)
    ]

    (result,) = searched([chosen], X, Y, folds=60, repeats=2, seed=7)

    assert result == Result(
        chosen,
        metric="rmse",
        loss=pytest.approx(np.mean(errors)),
        std=pytest.approx(np.std([*errors, *errors], ddof=1)),
        se=pytest.approx(np.std([*errors, *errors], ddof=1) / np.sqrt(60)),
    )


def test_duplicates_of_a_row_stand_in_one_fold():
    """A nearest neighbour meets its own copy if it can, and is then never wrong."""
    nearest = Trial("sklearn.neighbors.KNeighborsRegressor", scale=True, parameters={"n_neighbors": 1})
    noise = np.random.default_rng(3).normal(size=60)
    twice, target, group = np.vstack([X, X]), np.tile(noise, 2), np.tile(np.arange(60), 2)

    apart = searched([trial(), nearest], twice, target, folds=5, seed=7)[1].loss
    together = searched([trial(), nearest], twice, target, folds=5, seed=7, groups=group)[1].loss

    assert apart < 0.6 * together
    assert together > noise.std()


def test_the_order_of_the_rows_does_not_matter():
    order = np.random.default_rng(5).permutation(60)
    names = np.arange(60)

    (one,) = searched([trial()], X, Y, folds=5, repeats=2, seed=7, groups=names)
    (other,) = searched([trial()], X[order], Y[order], folds=5, repeats=2, seed=7, groups=names[order])

    assert other.loss == pytest.approx(one.loss, rel=1e-12)


def test_what_fits_warn_of_is_told_once():
    (result,) = searched([trial("SGDRegressor", scale=True, max_iter=1)], X, Y, folds=5, repeats=2, seed=7)

    (text,) = result.warned
    assert text.startswith("ConvergenceWarning: Maximum number of iteration reached before convergence.")


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(trial(), id="least-squares"),
        pytest.param(trial("SGDRegressor", scale=True), id="sgd"),
        pytest.param(trial("Lasso", selection="random", alpha=0.01), id="lasso"),
    ],
)
def test_the_same_seed_gives_the_same_results(chosen):
    first = searched([chosen], X, Y, folds=5, seed=7)

    assert searched([chosen], X, Y, folds=5, seed=7) == first


def test_another_seed_makes_other_folds():
    first = searched([trial()], X, Y, folds=5, seed=7)

    assert searched([trial()], X, Y, folds=5, seed=8) != first


def test_every_trial_meets_the_same_folds():
    alone = searched([trial()], X, Y, folds=5, seed=7)

    among = searched([trial("SGDRegressor", scale=True), trial(), trial("Ridge")], X, Y, folds=5, seed=7)

    assert [result for result in among if result.trial == trial()] == alone


def test_progress_is_told_after_each_fit():
    told = []

    searched([trial(), trial("Ridge")], X, Y, folds=5, repeats=3, seed=7, done=lambda: told.append(1))

    assert len(told) == 2 * 5 * 3


def test_as_many_rows_as_folds_are_enough():
    results = searched([trial()], X[:5], Y[:5], folds=5, seed=7)

    assert [result.trial for result in results] == [trial()]


def test_no_trials_have_no_results():
    assert searched([], X, Y, folds=5, seed=7) == []


# The choice


def scored(name, rmse, se=1.0, unserved=""):
    return Result(trial(name), "rmse", rmse, 2 * se, se, unserved)


@pytest.mark.parametrize(
    ("results", "chosen"),
    [
        pytest.param([("a", 10.0), ("b", 9.5)], "a", id="simpler-within-one-standard-error"),
        pytest.param([("a", 10.5), ("b", 9.5)], "a", id="simpler-at-one-standard-error"),
        pytest.param([("a", 10.51), ("b", 9.5)], "b", id="simpler-and-worse"),
        pytest.param([("a", 9.5), ("b", 10.0)], "a", id="simpler-and-better"),
        pytest.param([("a", 12.0), ("b", 10.2), ("c", 10.0)], "b", id="first-that-is-good-enough"),
        pytest.param([("a", 10.0, 9.0), ("b", 5.0, 0.1)], "b", id="the-error-is-that-of-the-best"),
        pytest.param([("a", 10.0), ("b", 1.0, 0.1, "no")], "a", id="the-best-cannot-be-served"),
        pytest.param([("a", 10.0, 1.0, "no"), ("b", 10.0)], "b", id="the-simplest-cannot-be-served"),
        pytest.param([("a", 10.0, 0.0), ("b", 10.0, 0.0)], "a", id="equal"),
        pytest.param([("a", 10.0)], "a", id="one"),
    ],
)
def test_the_simplest_within_one_standard_error_of_the_best_is_chosen(results, chosen):
    ranked = choose([scored(*result) for result in results])

    assert [result.trial for result in ranked if result.chosen] == [trial(chosen)]
    assert [result.loss for result in ranked] == sorted(result[1] for result in results)


def test_what_was_tried_goes_into_the_manifest_as_a_table():
    result = Result(ANGLES, "rmse", 2.0, 0.4, 0.2, NO_METRIC, ("UserWarning: x",))

    assert result.document() == {
        "estimator": "sklearn.neighbors.KNeighborsRegressor",
        "scale": False,
        "parameters": {"metric": "canberra"},
        "rmse": 2.0,
        "rmse_std": 0.4,
        "rmse_se": 0.2,
        "unserved": NO_METRIC,
        "warned": ["UserWarning: x"],
        "chosen": False,
    }


def test_folds_by_time_are_fitted_to_earlier_rows_only(monkeypatch):
    fit, seen = LinearRegression.fit, []

    def recording(self, x, y):
        seen.append(sorted(x[:, 0].tolist()))
        return fit(self, x, y)

    monkeypatch.setattr(LinearRegression, "fit", recording)
    times = np.random.default_rng(0).permutation(60).astype(float)

    (result,) = searched([trial()], np.column_stack([times, X[:, 0]]), Y, folds=5, repeats=3, seed=7, times=times)

    assert seen == [list(map(float, range(count))) for count in (10, 20, 30, 40, 50)]
    assert result.loss > 0


def test_too_few_times_for_the_folds_are_refused():
    message = refusal(searched, [trial()], X, Y, folds=5, seed=7, times=np.arange(60) % 3.0)

    assert message == "5 folds forward in time need more than 5 different times, got 3"
