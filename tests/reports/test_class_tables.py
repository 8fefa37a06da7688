"""Tables of a classifier's card: shares, scores and the confusion matrix, bounded where classes are many."""

from __future__ import annotations

import numpy as np
import pytest

from model.reports.class_plots import Curve, curve_style, reliability_diagram, roc_curves, wilson
from model.reports.class_tables import MOST_CLASSES, class_tables, confusion_matrix
from model.reports.task_words import commonest, compared, headlines, loss_of


def score(value):
    return {"value": value, "low": None, "high": None}


def tables(labels, training, actual, predicted, probabilities=None, **metrics):
    places = [np.array(part, dtype=np.intp) for part in (training, actual, predicted)]
    confusion = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(confusion, (places[1], places[2]), 1)
    document = {"classes": labels, "confusion": confusion.tolist(), "metrics": metrics}
    return class_tables(
        document, training=places[0], actual=places[1], predicted=places[2], probabilities=probabilities
    )


def test_each_class_has_its_shares_and_metrics_under_its_own_spelling():
    found = tables(
        [False, True],
        training=[0, 0, 0, 1],
        actual=[0, 1, 1, 1],
        predicted=[0, 0, 1, 1],
        **{"recall:true": score(2 / 3), "accuracy": score(0.75)},
    )

    assert [(row["label"], row["training"], row["actual"], row["predicted"], row["bars"]) for row in found["rows"]] == [
        ("false", 0.75, 0.25, 0.5, [100.0, 66.67]),
        ("true", 0.25, 0.75, 0.5, [33.33, 66.67]),
    ]
    assert [row["metrics"] for row in found["rows"]] == [{}, {"recall": score(2 / 3)}]
    assert [row["score"] for row in found["rows"]] == [None, None]


def test_the_score_of_a_class_is_the_probability_that_its_own_rows_were_given():
    chances = np.column_stack([np.linspace(0, 1, 11), 1 - np.linspace(0, 1, 11)])

    found = tables(["a", "b"], [0, 1], [0] * 11, [0] * 11, chances)

    assert found["rows"][0]["score"] == pytest.approx({"low": 0.1, "middle": 0.5, "high": 0.9})
    assert found["rows"][1]["score"] is None


def test_rows_of_the_confusion_matrix_are_actual_classes_and_the_diagonal_is_right():
    found = confusion_matrix([[8, 2], [0, 0]], ["late", "on time"], [0, 1])

    late, on_time = found["rows"]
    assert (late["label"], late["total"], [cell["count"] for cell in late["cells"]]) == ("late", 10, [8, 2])
    assert [(cell["right"], cell["tone"]) for cell in late["cells"]] == [(True, 36.0), (False, 9.0)]
    assert [cell["tone"] for cell in on_time["cells"]] == [0, 0]


def test_rarer_classes_are_added_up():
    """Class number c has c + 1 rows, half of them called class 0."""
    rows = np.repeat(np.arange(30), np.arange(1, 31))
    called = np.where(np.arange(len(rows)) % 2, rows, 0)

    found = tables(list(range(30)), rows, rows, called)

    matrix = found["confusion"]
    assert [row["label"] for row in found["rows"]] == [str(label) for label in range(10, 30)]
    assert matrix["labels"] == [*(str(label) for label in range(10, 30)), "all others"]
    assert found["others"] == 30 - MOST_CLASSES
    assert sum(cell["count"] for row in matrix["rows"] for cell in row["cells"]) == len(rows)
    assert matrix["rows"][-1]["total"] == sum(range(1, 11))
    assert matrix["rows"][-1]["cells"][-1]["count"] == sum(range(1, 11))
    assert matrix["rows"][-2]["cells"][-1]["count"] == (called[rows == 29] == 0).sum()


@pytest.mark.parametrize(
    ("share", "rows", "ends"),
    [
        pytest.param(0.5, 100, (0.4038, 0.5962), id="half-of-a-hundred"),
        pytest.param(0.0, 10, (0.0, 0.2775), id="none-of-ten"),
        pytest.param(1.0, 10, (0.7225, 1.0), id="all-of-ten"),
    ],
)
def test_intervals_of_observed_shares_are_wilson_s(share, rows, ends):
    """Known from Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion (2001), and by hand."""
    assert wilson(share, rows) == pytest.approx(ends, abs=1e-4)


def test_curves_of_six_classes_can_be_told_apart():
    assert len({curve_style(number) for number in range(6)}) == 6


def test_plots_hold_no_word_of_the_data():
    bins = [{"low": 0.1, "high": 0.4, "rows": 9, "predicted": 0.3, "observed": 0.2}]
    points = np.array([[0.0, 0.0], [0.2, 0.8], [1.0, 1.0]])

    assert 'aria-label="Observed share against mean probability in 1 bins of 9 rows' in reliability_diagram(bins)
    assert "of 2 classes, each against the rest" in roc_curves([Curve(points, (0.2, 0.8)), Curve(points)])


@pytest.mark.parametrize(
    ("metrics", "captions"),
    [
        pytest.param(["rmse", "r2"], ["R² on held-out rows", "rmse, in units of the target"], id="numbers"),
        pytest.param(["log_loss", "accuracy", "roc_auc"], ["ROC AUC on held-out rows", "log loss, in nats"], id="classes"),
        pytest.param(
            ["accuracy", "balanced_accuracy"], ["balanced accuracy on held-out rows", "accuracy"], id="labels-alone"
        ),
    ],
)  # fmt: skip
def test_two_figures_stand_first_by_the_task(metrics, captions):
    document = {"metrics": {name: score(0.5) for name in metrics}}

    assert [caption for _, caption in headlines(document)] == captions


def test_the_loss_of_a_comparison_is_named_as_it_was_measured():
    means = {"challenger": 1.0, "production": 2.0}

    assert compared({"comparison": {"production": 1, "rmse": means}})["saved"] == "squared error"
    by_labels = compared({"comparison": {"production": 1, "loss": "error_rate", "error_rate": means}})
    assert (by_labels["saved"], by_labels["measured"], by_labels["means"]) == ("error rate", "error rate", means)


def test_the_loss_of_entries_is_the_one_they_hold():
    assert loss_of([{"column": "a", "error_rate": 0.1}]) == "error_rate"
    assert loss_of([]) == "rmse"


def test_the_commonest_keep_their_order():
    assert commonest([1, 9, 3, 9], 3) == [1, 2, 3]


def test_a_label_is_cut_to_what_a_page_has_room_for():
    long = "x" * 10_000

    found = tables([long, "y"], [0, 1], [0, 1], [0, 1], **{f"recall:{long}": score(0.5)})

    assert found["rows"][0]["label"] == found["confusion"]["labels"][0] == "x" * 60 + "…"
    assert found["rows"][0]["metrics"] == {"recall": score(0.5)}
