"""Changes sound graphs at random, in their documents and in their bytes, and counts the outcomes of loading and asking.

    python -m tests.bench.fuzz_graph [SECONDS]

Every outcome must be an ArtifactError, a PayloadError, or an answer; anything else is printed with its seed. The digest is
made anew after each change, so that the checks behind it are met.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import sys
import time
import tracemalloc
import warnings
from collections import Counter

import numpy as np
from sklearn import (
    ensemble,
    gaussian_process,
    impute,
    linear_model,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
)

from functions.artifact import ArtifactError
from functions.columns.schema import PayloadError
from functions.runtimes import load
from model.training.export import export

VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    7,
    255,
    2**31,
    10**20,
    1e308,
    -0.5,
    float("nan"),
    float("inf"),
    "",
    "rbf",
    [],
    {},
    [0],
]


def models():
    """Sound documents and blocks of several families, and rows that each takes."""
    source = np.random.default_rng(0)
    x = source.normal(size=(80, 3))
    y = x @ [1.0, 2.0, 3.0]
    labels = np.digitize(y, [-1, 1])
    estimators = [
        ensemble.RandomForestRegressor(5, max_depth=5, random_state=0).fit(x, y),
        ensemble.HistGradientBoostingClassifier(max_iter=5, categorical_features=[2]).fit(np.abs(x).round(), labels),
        svm.SVC(probability=True, random_state=0).fit(x, labels),
        neighbors.KNeighborsClassifier(3).fit(x, labels),
        gaussian_process.GaussianProcessClassifier().fit(x, labels),
        neural_network.MLPClassifier((5,), max_iter=20, random_state=0).fit(x, labels),
        pipeline.make_pipeline(
            impute.SimpleImputer(add_indicator=True),
            preprocessing.SplineTransformer(4),
            preprocessing.QuantileTransformer(n_quantiles=10, output_distribution="normal"),
            ensemble.AdaBoostClassifier(n_estimators=3),
        ).fit(x, labels),
        pipeline.make_pipeline(
            preprocessing.KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf"),
            preprocessing.OneHotEncoder(handle_unknown="ignore"),
            linear_model.LogisticRegression(),
        ).fit(x, labels),
    ]
    for estimator in estimators:
        exported = export(estimator)
        yield json.loads(json.dumps(exported.document)), exported.arrays, x[:5]


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places(inner, (*path, name))


def mutant(document, block, source):
    """The document and the block with one to three changes."""
    document, block = copy.deepcopy(document), bytearray(block)
    for _ in range(source.randint(1, 3)):
        if source.random() < 0.5 or not block:
            path = source.choice([path for path in places(document) if path])
            target = document
            for name in path[:-1]:
                target = target[name]
            change = source.random()
            if change < 0.2 and isinstance(target, list):
                target.append(copy.deepcopy(source.choice(target)))
            elif change < 0.3:
                del target[path[-1]]
            else:
                target[path[-1]] = copy.deepcopy(source.choice(VALUES))
        elif source.random() < 0.1:
            del block[source.randrange(len(block)) :]
        else:
            start = source.randrange(len(block))
            new = source.choice([source.randbytes(1), source.randbytes(8), b"\xff" * 8, b"\x00" * 8, b"\xff" * 4])
            block[start : start + len(new)] = new[: len(block) - start]
    arrays = document.get("graph", {}).get("arrays") if isinstance(document.get("graph"), dict) else None
    if isinstance(arrays, dict):
        arrays.update(bytes=len(block), sha256=hashlib.sha256(block).hexdigest())
    return document, bytes(block)


def outcome(document, block, rows):
    try:
        runtime = load(document, block)
    except ArtifactError:
        return "refused when loaded"
    try:
        runtime.predict(rows)
    except PayloadError:
        return "row refused"
    except ValueError as error:
        if "columns, got" in str(error):
            return "row refused"
        raise
    return "answered"


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    warnings.simplefilter("ignore")
    sound = list(models())
    outcomes, slowest, largest, failures = Counter(), 0.0, 0, Counter()
    end = time.monotonic() + seconds
    seed = 0
    while time.monotonic() < end:
        seed += 1
        source = random.Random(seed)
        document, block, rows = source.choice(sound)
        changed = mutant(document, block, source)
        measured = seed % 20 == 0
        if measured:
            tracemalloc.start()
        start = time.perf_counter()
        try:
            outcomes[outcome(*changed, rows)] += 1
        except Exception as error:  # noqa: BLE001  anything else is a finding
            outcomes["failed"] += 1
            where = error.__traceback__
            while where.tb_next:
                where = where.tb_next
            name = f"{type(error).__name__} {where.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{where.tb_lineno}: {str(error)[:90]}"
            failures[name] += 1
            if failures[name] == 1:
                print(f"seed {seed}: {name}")
        slowest = max(slowest, time.perf_counter() - start)
        if measured:
            largest = max(largest, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    print(
        f"{seed} graphs in {seconds:.0f} s: {dict(outcomes)}; slowest {slowest:.3f} s, most memory {largest / 1e3:.0f} kB"
    )


if __name__ == "__main__":
    main()
