"""One row and 10,000 rows of a graph beside scikit-learn's own predict, model by model, as a table.

    python -m tests.bench.graph_speed [ROWS [NAME]]

Both run in this process, in turns; each figure is the best of several rounds. 100,000 as ROWS takes some minutes. With NAME
only the models whose name holds it. OMP_NUM_THREADS=1 compares one thread with one where the machine is shared.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from sklearn import compose, ensemble, impute, linear_model, neighbors, neural_network, pipeline, preprocessing, svm

from functions.runtimes import load
from model.training.export import export
from tests.support.exact import table

TRAINED = 5000
NUMBERS = [f"n{place}" for place in range(8)]
LEVELS = ["colour", "shop"]


def frame(rows, seed):
    source = np.random.default_rng(seed)
    columns = {name: source.normal(size=rows) for name in NUMBERS}
    columns["n0"] = np.where(source.random(rows) < 0.1, np.nan, columns["n0"])
    columns["colour"] = source.choice(["red", "green", "blue", "grey"], rows).astype(object)
    columns["shop"] = source.choice([f"shop {place}" for place in range(30)], rows).astype(object)
    return pd.DataFrame(columns)


def target(rows):
    return (rows["n1"] * 2 + np.sin(rows["n2"] * 3) + rows["n3"] * rows["n4"] + rows["colour"].str.len()).to_numpy(
        float
    )


def encoded(last, *, codes=False):
    """A pipeline over the whole table."""
    levels = (
        preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        if codes
        else preprocessing.OneHotEncoder(handle_unknown="ignore")
    )
    numbers = "passthrough" if codes else pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    return pipeline.make_pipeline(compose.ColumnTransformer([("c", levels, LEVELS), ("n", numbers, NUMBERS)]), last)


def models():
    """Name, unfitted estimator, and whether it takes the whole table."""
    yield "forest, 100 trees", ensemble.RandomForestRegressor(100, min_samples_leaf=3, random_state=0), False
    yield "extra trees, 100", ensemble.ExtraTreesRegressor(100, min_samples_leaf=3, random_state=0), False
    yield "boosting, 200 of depth 3", ensemble.GradientBoostingRegressor(n_estimators=200, random_state=0), False
    yield (
        "histogram boosting, levels and gaps",
        encoded(ensemble.HistGradientBoostingRegressor(max_iter=100, categorical_features=[0, 1]), codes=True),
        True,
    )
    yield "perceptron, 100", neural_network.MLPRegressor(max_iter=20, random_state=0), False
    yield "support vectors", svm.SVR(), False
    yield "neighbours", neighbors.KNeighborsRegressor(), False
    yield "one-hot and ridge", encoded(linear_model.Ridge()), True
    yield "one-hot and forest", encoded(ensemble.RandomForestRegressor(50, max_depth=10, random_state=0)), True


def best(work, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    warnings.simplefilter("ignore")
    training, asked = frame(TRAINED, 0), frame(count, 1)
    print(f"| model | artefact, kB | one row, ms | scikit-learn | ratio | {count} rows, ms | scikit-learn | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    for name, estimator, whole in models():
        if part not in name:
            continue
        rows, asking = (training, asked) if whole else (training[NUMBERS[1:]].to_numpy(), asked[NUMBERS[1:]].to_numpy())
        estimator.fit(rows, target(training))
        made = export(estimator, list(training.columns) if whole else None)
        runtime = load(made.document, made.arrays)
        one, ours_one, ours_all = asking[:1], table(asking[:1]), table(asking)
        figures = [
            (best(lambda: runtime.predict(ours_one), 200), best(lambda: estimator.predict(one), 30)),  # noqa: B023
            (best(lambda: runtime.predict(ours_all), 3), best(lambda: estimator.predict(asking), 3)),  # noqa: B023
        ]
        cells = [f"{ours * 1e3:.3g} | {theirs * 1e3:.3g} | {ours / theirs:.2f}" for ours, theirs in figures]
        print(f"| {name} | {len(made.arrays) / 1e3:.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
