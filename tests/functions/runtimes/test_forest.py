"""Every way through a forest reaches the leaves that a plain walk reaches, and adds them up to the same bits."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.artifact import ArtifactError
from functions.runtimes.graph.forest import read_forest
from functions.runtimes.graph.operators import OPERATORS
from functions.runtimes.graph.reach import Leaves
from functions.runtimes.graph.step import Step
from tests.support.parts import ROOT

COLUMNS = 3
SETS = 4
CATEGORIES = 6


def grown(source, leaves):
    """Features of a random tree in breadth-first order, -1 at its leaves."""
    features = [int(source.integers(COLUMNS))] if leaves > 1 else [-1]
    splits = 1 if leaves > 1 else 0
    open_nodes = 2 * splits
    while open_nodes:
        remaining = leaves - 1 - splits
        grows = remaining > 0 and (open_nodes == 1 or source.random() < 0.5)
        features.append(int(source.integers(COLUMNS)) if grows else -1)
        splits += grows
        open_nodes += 1 if grows else -1
    return features


def forest(seed, *, trees, leaves, width, gaps, categories, single=False):
    """Parameters of the operator trees."""
    source = np.random.default_rng(seed)
    features = [grown(source, int(source.integers(1, leaves + 1))) for _ in range(trees)]
    feature = np.concatenate(features)
    splits = int((feature >= 0).sum())
    parameters = {
        "sizes": np.array([len(tree) for tree in features], np.int32),
        "feature": feature.astype(np.int16),
        "threshold": source.integers(0, 6, splits).astype(np.float32 if single else float),
        "value": source.normal(size=(len(feature) - splits, width)),
        "start": source.normal(size=width),
    }
    if gaps:
        parameters["missing_right"] = source.integers(0, 2, splits).astype(np.uint8)
    if categories:
        parameters["category"] = source.integers(-1, SETS, splits).astype(np.int32)
        parameters["categories_right"] = source.integers(0, 2, (SETS, CATEGORIES + 2)).astype(np.uint8)
    return parameters


def rows(seed, count, *, gaps):
    source = np.random.default_rng(seed)
    x = source.integers(0, 7, (count, COLUMNS)).astype(float) + source.choice([0, 1e-9, -1e-9, 300], (count, COLUMNS))
    if gaps:
        x[source.random(x.shape) < 0.2] = np.nan
    return x


def walked(parameters, x):
    """Values of each row by a plain walk, tree by tree."""
    answers = []
    for row in x:
        total, node, split, leaf = parameters["start"].copy(), 0, 0, 0
        for size in parameters["sizes"]:
            tree = parameters["feature"][node : node + size]
            total += parameters["value"][leaf + reached(parameters, tree, split, row)]
            node, split, leaf = node + size, split + int((tree >= 0).sum()), leaf + int((tree < 0).sum())
        answers.append(total)
    return np.array(answers)


def reached(parameters, tree, first_split, row):
    """The number of the leaf among the tree's leaves."""
    place = 0
    while tree[place] >= 0:
        rank = int((tree[:place] >= 0).sum())
        place = 2 * rank + 1 + goes_right(parameters, first_split + rank, row[tree[place]])
    return int((tree[:place] < 0).sum())


def goes_right(parameters, split, value):
    chosen = parameters["category"][split] if "category" in parameters else -1
    if chosen >= 0:
        place = CATEGORIES + 1 if np.isnan(value) else int(value) if 0 <= value < CATEGORIES else CATEGORIES
        return int(parameters["categories_right"][chosen, place])
    if np.isnan(value):
        return int("missing_right" in parameters and parameters["missing_right"][split])
    return int(value > parameters["threshold"][split])


def operation(name, parameters, *, single=False):
    return OPERATORS[name](Step("step 1", (COLUMNS,), COLUMNS, {"single": single}, parameters))


CASES = [
    pytest.param({"trees": 30, "leaves": 9, "width": 1}, id="shallow"),
    pytest.param({"trees": 4, "leaves": 9, "width": 1}, id="few trees"),
    pytest.param({"trees": 6, "leaves": 300, "width": 2}, id="deep"),
    pytest.param({"trees": 1, "leaves": 1, "width": 1}, id="one leaf"),
    pytest.param({"trees": 40, "leaves": 127, "width": 3}, id="some larger than a mask"),
    pytest.param({"trees": 150, "leaves": 64, "width": 1}, id="as many leaves as a mask has bits, two groups"),
]


@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "categories"])
@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
@pytest.mark.parametrize("shape", CASES)
def test_few_rows_many_rows_and_one_row_take_the_plain_walk(shape, gaps, categories):
    parameters = forest(1, **shape, gaps=gaps, categories=categories)
    x = rows(2, 1600, gaps=gaps)
    expected = walked(parameters, x[:40])
    run = operation("trees", parameters).run

    first = operation("trees", parameters).run([x[:5]])
    many, few = run([x]), run([x[:40]])
    single = np.concatenate([run([x[place : place + 1]]) for place in range(40)])

    assert first.tobytes() == expected[:5].tobytes()
    assert few.tobytes() == expected.tobytes()
    assert many[:40].tobytes() == expected.tobytes()
    assert many.tobytes() == run([x[:250]]).tobytes() + run([x[250:]]).tobytes()
    assert single.tobytes() == expected.tobytes()


def test_a_forest_is_laid_out_once_many_rows_have_come_and_a_start_does_without():
    parameters = forest(1, trees=40, leaves=300, width=1, gaps=True, categories=True)
    trees = read_forest(Step("step 1", (COLUMNS,), COLUMNS, {}, parameters), COLUMNS)
    leaves, x = Leaves(trees), rows(2, 10, gaps=True)

    first = ends(leaves, x)
    at_first = trees.laid_out
    later = [ends(leaves, x) for _ in range(len(trees.feature) // 1000)]

    assert (at_first, trees.laid_out) == (False, True)
    assert all((each == first).all() for each in later)


def is_tree(features):
    """Whether a walk that takes the nodes one by one, each split opening two places, ends with the last node."""
    places = 1
    for feature in features:
        if not places:
            return False
        places += 1 if feature >= 0 else -1
    return places == 0


@given(st.lists(st.lists(st.sampled_from([-1, 0]), min_size=1, max_size=9), min_size=1, max_size=4))
def test_trees_in_breadth_first_order_are_taken_and_nothing_else(trees):
    feature = np.concatenate(trees).astype(np.int16)
    splits = int((feature >= 0).sum())
    parameters = {
        "sizes": np.array([len(tree) for tree in trees], np.int32),
        "feature": feature,
        "threshold": np.zeros(splits),
    }

    try:
        read_forest(Step("step 1", (1,), 1, {}, parameters), 1)
        taken = True
    except ArtifactError as error:
        assert "a node does not stand behind its parent" in str(error)  # noqa: PT017
        taken = False

    assert taken == all(map(is_tree, trees))


def test_a_start_takes_less_memory_for_trees_than_they_have_bytes():
    depth = 15
    feature = np.concatenate([np.zeros(2**depth - 1, np.int16), np.full(2**depth, -1, np.int16)])
    parameters = {
        "sizes": np.full(8, len(feature), np.int32),
        "feature": np.tile(feature, 8),
        "threshold": np.zeros(8 * (2**depth - 1)),
        "value": np.zeros((8 * 2**depth, 1)),
        "start": np.zeros(1),
    }
    x = rows(2, 8, gaps=False)

    tracemalloc.start()
    try:
        operation("trees", parameters).run([x])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < sum(array.nbytes for array in parameters.values())


@pytest.mark.process
def test_a_start_imports_nothing_that_only_many_rows_need():
    code = "import sys, numpy; from functions.runtimes.graph import load;"
    code += " sys.exit(str({'numpy.typing', 'functions.runtimes.graph.masks'} & {*sys.modules} or ''))"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""


def test_single_rows_never_lay_a_forest_out():
    parameters = forest(1, trees=40, leaves=30, width=1, gaps=True, categories=True)
    trees = read_forest(Step("step 1", (COLUMNS,), COLUMNS, {}, parameters), COLUMNS)
    leaves = Leaves(trees)

    for row in rows(2, 200, gaps=True):
        ends(leaves, row[None])

    assert not trees.laid_out


def ends(leaves, x):
    """The leaves that *x* reaches in all trees."""
    return np.concatenate([reached for _, reached in leaves.reached(x)])


@pytest.mark.parametrize("count", [1, 30, 700])
def test_a_tree_adds_to_its_target_alone(count):
    parameters = forest(3, trees=12, leaves=6, width=1, gaps=False, categories=False)
    parameters["start"] = np.array([1.0, 2.0, 3.0])
    target = np.arange(12) % 3
    x = rows(4, count, gaps=False)
    parts = {column: dict(parameters, start=np.zeros(1)) for column in range(3)}
    value = operation("trees", {**parameters, "target": target.astype(np.int32)}).run([x])

    for column in range(3):
        alone = walked_trees(parts[column], x[:30], target == column, start=float(column + 1))
        assert value[:30, column].tobytes() == alone.tobytes()


def walked_trees(parameters, x, chosen, *, start):
    """Sums over the *chosen* trees alone."""
    answers = []
    for row in x:
        total, node, split, leaf = start, 0, 0, 0
        for size, own in zip(parameters["sizes"], chosen, strict=True):
            tree = parameters["feature"][node : node + size]
            if own:
                total += parameters["value"][leaf + reached(parameters, tree, split, row), 0]
            node, split, leaf = node + size, split + int((tree >= 0).sum()), leaf + int((tree < 0).sum())
        answers.append(total)
    return np.array(answers)


@pytest.mark.parametrize("count", [1, 30, 700])
def test_leaves_are_counted_from_their_own_tree(count):
    parameters = forest(5, trees=9, leaves=20, width=1, gaps=False, categories=False)
    x = rows(6, count, gaps=False)
    places = {name: parameters[name] for name in ("sizes", "feature", "threshold")}
    sizes = parameters["sizes"]
    trees = np.split(parameters["feature"], np.cumsum(sizes)[:-1])
    splits = np.cumsum([0, *(int((tree >= 0).sum()) for tree in trees)])

    leaves = operation("leaves", places).run([x])

    expected = [
        [reached(parameters, tree, split, row) for tree, split in zip(trees, splits, strict=False)] for row in x[:30]
    ]
    assert leaves[:30].tolist() == expected


def test_numbers_are_compared_as_float32_where_the_step_says_so():
    parameters = forest(7, trees=20, leaves=8, width=1, gaps=False, categories=False, single=True)
    x = np.full((5, COLUMNS), 3.0) + np.array([[0.0], [1e-9], [-1e-9], [1e-6], [-1e-6]])

    value = operation("trees", parameters, single=True).run([x])

    assert value.tobytes() == walked(parameters, x.astype(np.float32).astype(float)).tobytes()


@pytest.mark.parametrize("count", [1, 30, 700])
def test_values_of_float32_are_summed_in_float32_in_the_order_of_the_trees(count):
    parameters = forest(3, trees=30, leaves=9, width=1, gaps=False, categories=False)
    parameters |= {name: parameters[name].astype(np.float32) for name in ("start", "value")}
    x = rows(4, count, gaps=False)

    answered = operation("trees", parameters).run([x])

    expected = walked(parameters, x[:30])
    assert expected.dtype == np.float32
    assert answered.dtype == np.float64
    assert answered[:30].tobytes() == expected.astype(float).tobytes()


def test_sets_of_categories_without_a_column_for_the_others_and_one_for_nan_are_refused():
    parameters = forest(1, trees=3, leaves=9, width=1, gaps=False, categories=True)
    parameters["categories_right"] = parameters["categories_right"][:, :1]

    with pytest.raises(ArtifactError, match="categories_right must have 2 columns at least, got 1"):
        operation("trees", parameters)
