"""./deploy.sh bigquery: a remote function with the model's own columns, and what it needs to call `batch`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.bigquery import Call, functions_of, parameters, plan
from tests.support.cloud import APIS, Project
from tests.support.kinds import FEATURES, many_classes, price, punctual
from tests.support.parts import document
from tests.support.processes import sweep

ACCOUNT = "serviceAccount:bqcx-123456789012-1@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
CONNECTION = "us-central1/batch-us-central1"
CALL = Call("my-project", "sales", "us-central1", "batch-us-central1", "https://batch.run.app")
INTERRUPTIONS = 22
"""The last call of the first `bigquery`, which gives the lease back; a test holds that."""


def holding(location: str = "us-central1", **routines: Any) -> dict[str, Any]:
    """BigQuery with the data set `sales`."""
    return {"datasets": {"sales": {"location": location, "routines": routines}}, "connections": {}}


def callers(project: Project, name: str) -> list[str]:
    bindings = project.state["policies"].get(f"run services {name}", [])
    return [member for binding in bindings for member in binding["members"]]


def routines(project: Project) -> dict[str, Any]:
    return project.state["bigquery"]["datasets"]["sales"]["routines"]


# Refusals


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="none"),
        pytest.param(["a-b"], id="dash"),
        pytest.param(["p:sales"], id="project"),
        pytest.param(["sales", "on"], id="word"),
        pytest.param(["sales", "off", "x"], id="more"),
        pytest.param(["sales; rm"], id="shell"),
    ],
)
def test_wrong_usage_ends_with_2(cloud, arguments):
    project = cloud(up=False, model=False)

    ended = project.deploy("bigquery", *arguments)

    assert (ended.returncode, project.calls()) == (2, [])
    assert (
        "bigquery takes the name of a data set: letters, digits and '_'. `off` behind it takes it back. Got: "
        in ended.stderr
    )


def test_without_bq_it_says_where_that_comes_from(cloud):
    project = cloud(bigquery=holding())

    ended = project.deploy("bigquery", "sales", BQ="no-such-bq")

    message = "deploy.sh: no-such-bq is not on this machine; it belongs to the Google Cloud CLI: gcloud components install bq (BQ=…)\n"
    assert (ended.returncode, ended.stderr) == (1, message)


def test_a_data_set_that_is_not_there_gets_the_command_that_makes_it(cloud):
    project = cloud(bigquery=holding())

    ended = project.deploy("bigquery", "orders")

    assert ended.returncode == 1
    assert f"there is no data set orders in {project.id}; make it where the functions are" in ended.stderr
    assert f"\nbq --location=us-central1 mk --dataset {project.id}:orders\n" in ended.stderr
    assert project.state["bigquery"] == holding()


@pytest.mark.parametrize("location", ["EU", "us-east1", "europe-west1"])
def test_a_data_set_too_far_from_the_function_is_refused(cloud, location):
    project = cloud(bigquery=holding(location))

    ended = project.deploy("bigquery", "sales")

    assert ended.returncode == 1
    assert f"the data set sales is in {location}, and batch in us-central1: " in ended.stderr
    assert "BigQuery calls a function from us-central1 or us only" in ended.stderr
    assert project.state["bigquery"] == holding(location)


def test_a_look_that_is_refused_is_no_absence(cloud):
    project = cloud(bigquery=holding())
    project.fault({"match": "^bq show", "do": "refuse", "times": 9})

    ended = project.deploy("bigquery", "sales", DEPLOY_PAUSE_SECONDS="0")

    assert ended.returncode == 1
    assert "permission denied on the resource" in ended.stderr
    assert f"could not look at BigQuery of {project.id} as owner@example.com" in ended.stderr
    assert project.state["bigquery"] == holding()


def test_what_somebody_else_made_is_left_alone(cloud):
    theirs = {"routineReference": {"routineId": "linear_regression"}, "remoteFunctionOptions": {}}
    project = cloud(bigquery=holding(linear_regression=theirs))

    ended = project.deploy("bigquery", "sales")

    assert ended.returncode == 1
    assert "sales.linear_regression was not made by this script, and is left alone" in ended.stderr
    assert project.state["bigquery"] == holding(linear_regression=theirs)


def test_a_connection_of_somebody_else_is_left_alone(cloud):
    theirs = {"name": "x", "cloudResource": {"serviceAccountId": "a@b.c"}}
    project = cloud(bigquery={**holding(), "connections": {CONNECTION: theirs}})

    ended = project.deploy("bigquery", "sales")

    message = "the connection batch-us-central1 in us-central1 was not made by this script, and is left alone"
    assert (ended.returncode, message in ended.stderr) == (1, True)
    assert project.state["bigquery"]["connections"] == {CONNECTION: theirs}


# It converges


def test_a_data_set_gets_the_function_its_connection_and_the_right_to_call_batch_alone(cloud):
    project = cloud(bigquery=holding())

    ended = project.deploy("bigquery", "sales")

    assert ended.returncode == 0, ended.stderr
    state = project.state
    assert {"bigquery.googleapis.com", "bigqueryconnection.googleapis.com"} <= set(state["apis"])
    (routine,) = routines(project).values()
    assert routine["arguments"] == [{"name": "bmi", "dataType": {"typeKind": "FLOAT64"}}]
    assert routine["returnType"] == {"typeKind": "FLOAT64"}
    assert routine["remoteFunctionOptions"] == {
        "endpoint": f"{state['front']}/batch",
        "connection": "projects/123456789012/locations/us-central1/connections/batch-us-central1",
        "maxBatchingRows": "10000",
    }
    assert (callers(project, "batch"), callers(project, "stream")) == ([ACCOUNT], [])
    assert f"\n  `{project.id}`.`sales`.`linear_regression`(`bmi`) AS `linear_regression`\nFROM UNNEST(" in ended.stdout
    assert project.lease() is None

    before = len(project.calls())
    again = project.deploy("bigquery", "sales")

    assert (again.returncode, project.changes(before)) == (0, [])
    assert "everything is as it should be: nothing was changed" in again.stderr
    assert again.stdout == ended.stdout


def test_a_data_set_of_the_multi_region_around_the_function_will_do(cloud):
    project = cloud(bigquery=holding("US"))

    ended = project.deploy("bigquery", "sales")

    assert ended.returncode == 0, ended.stderr
    assert list(project.state["bigquery"]["connections"]) == ["us/batch-us-central1"]


def test_a_promotion_of_other_columns_is_followed(cloud):
    project = cloud(bigquery=holding())
    project.deploy("bigquery", "sales")
    state = project.state
    routine = state["bigquery"]["datasets"]["sales"]["routines"]["linear_regression"]
    routine["arguments"].append({"name": "age", "dataType": {"typeKind": "FLOAT64"}})
    gone = {
        **routine,
        "routineReference": {**routine["routineReference"], "routineId": "linear_regression_probability_late"},
    }
    theirs = {
        "routineReference": {"routineId": "theirs"},
        "remoteFunctionOptions": {"connection": "projects/1/locations/us/connections/x"},
    }
    state["bigquery"]["datasets"]["sales"]["routines"] |= {"linear_regression_probability_late": gone, "theirs": theirs}
    project.change(**state)

    ended = project.deploy("bigquery", "sales")

    assert ended.returncode == 0, ended.stderr
    assert "SQL: correcting sales.linear_regression\n" in ended.stderr
    assert "SQL: removing sales.linear_regression_probability_late\n" in ended.stderr
    assert list(routines(project)) == ["linear_regression", "theirs"]
    assert len(routines(project)["linear_regression"]["arguments"]) == 1


def test_a_dry_run_prints_the_statement_and_changes_nothing(cloud):
    project = cloud(
        bigquery=holding(), apis=[f"{api}.googleapis.com" for api in [*APIS, "bigquery", "bigqueryconnection"]]
    )
    untouched = project.state

    ended = project.deploy("--dry-run", "bigquery", "sales")

    assert ended.returncode == 0, ended.stderr
    assert "would run: bq mk --headless --project_id=" in ended.stderr
    assert "\nCREATE OR REPLACE FUNCTION `" in ended.stderr
    assert project.state == untouched


def test_a_dry_run_without_the_apis_says_what_it_cannot_see(cloud):
    project = cloud(bigquery=holding())
    untouched = project.state

    ended = project.deploy("--dry-run", "bigquery", "sales")

    assert (ended.returncode, ended.stdout) == (0, "")
    assert "would run: gcloud services enable bigquery.googleapis.com bigqueryconnection.googleapis.com" in ended.stderr
    assert ended.stderr.endswith("the rest can be seen once these APIs are on\n")
    assert project.state == untouched


def test_off_takes_back_what_the_verb_made(cloud):
    project = cloud(bigquery=holding())
    project.deploy("bigquery", "sales")
    state = project.state
    state["bigquery"]["datasets"]["more"] = {"location": "us-central1", "routines": {}}
    project.change(**state)
    assert project.deploy("bigquery", "more").returncode == 0

    first = project.deploy("bigquery", "sales", "off")
    between = project.state["bigquery"]
    last = project.deploy("bigquery", "more", "off")
    again = project.deploy("bigquery", "more", "off")

    assert (first.returncode, last.returncode, again.returncode) == (0, 0, 0), first.stderr + last.stderr
    assert between["datasets"]["sales"]["routines"] == {}
    assert list(between["datasets"]["more"]["routines"]) == ["linear_regression"]
    assert between["connections"][CONNECTION]["description"] == "made by deploy.sh; data sets: more"
    assert project.state["bigquery"]["connections"] == {}
    assert callers(project, "batch") == []
    assert again.stderr.endswith("nothing of this is in more\n")


def test_status_names_the_data_sets_and_down_removes_all_of_it(cloud):
    project = cloud(bigquery=holding())
    assert "SQL      none; ./deploy.sh bigquery DATASET makes it\n" in project.deploy("status").stdout
    project.deploy("bigquery", "sales")

    status = project.deploy("status")
    blind = project.deploy("status", BQ="no-such-bq")
    ended = project.deploy("down", "--yes")

    assert "SQL      in sales, by the connection batch-us-central1\n" in status.stdout
    assert "SQL      not to be seen; no-such-bq is not on this machine\n" in blind.stdout
    assert ended.returncode == 0, ended.stderr
    assert "  connection batch-us-central1, with its SQL functions in sales\n" in ended.stderr
    assert project.state["bigquery"] == holding()


def test_down_without_bq_says_what_it_keeps(cloud):
    project = cloud(bigquery=holding())
    project.deploy("bigquery", "sales")

    ended = project.deploy("down", "--yes", BQ="no-such-bq")

    assert ended.returncode == 0, ended.stderr
    assert (
        "and keeps what ./deploy.sh bigquery made, if it made anything: no-such-bq is not on this machine"
        in ended.stderr
    )


@pytest.mark.parametrize("number", sweep(range(1, INTERRUPTIONS + 1), every=10))
def test_a_run_interrupted_after_any_call_is_completed_by_the_next_and_found_by_down(cloud, number):
    project = cloud(bigquery=holding())
    start = len(project.calls())
    project.fault({"at": start + number, "do": "interrupt-after"})

    ended = project.deploy("bigquery", "sales")
    project.fault()
    interrupted = project.state["bigquery"]
    again = project.deploy("bigquery", "sales")

    assert (ended.returncode, again.returncode) == (0 if number == INTERRUPTIONS else 130, 0), again.stderr
    assert not interrupted["datasets"]["sales"]["routines"] or interrupted["connections"]
    assert (list(routines(project)), callers(project, "batch")) == (["linear_regression"], [ACCOUNT])
    assert project.deploy("down", "--yes").returncode == 0
    assert project.state["bigquery"] == holding()


# The statements


def hostile(*names: str) -> dict[str, Any]:
    return {**document(features=[{**document()["features"][0], "name": name} for name in names]), "golden": []}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["bmi", "BMI", "bmi_2"], ["bmi", "BMI_2", "bmi_2_2"], id="case"),
        pytest.param(["2x", "", "a b", "a-b"], ["_2x", "_", "a_b", "a_b_2"], id="not-letters"),
        pytest.param(["café", "高さ", "重さ"], ["cafe", "_", "__2"], id="not-ascii"),
        pytest.param(["`", "');\n--", "select"], ["_", "______", "select"], id="syntax"),
        pytest.param(["x" * 300, "x" * 299], ["x" * 128, "x" * 128 + "_2"], id="long"),
    ],
)
def test_a_column_that_can_be_no_parameter_gets_a_plain_name_and_stands_beside_it(names, expected):
    found = parameters(hostile(*names)["features"])
    statement = plan({"manifest": hostile(*names)}, "m", CALL)[2]

    assert [parameter.name for parameter in found] == expected
    for name, plain in zip(names, expected, strict=True):
        shown = f"`{plain}` FLOAT64" if name == plain else f"-- {json.dumps(name)}\n"
        assert shown in statement
    assert statement.count("\n") == len(names) + 3  # no name breaks out of its line


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        pytest.param({"name": "x"}, "FLOAT64", id="number"),
        pytest.param({"name": "x", "kind": "boolean"}, "BOOL", id="boolean"),
        pytest.param({"name": "x", "kind": "time"}, "TIMESTAMP", id="time"),
        pytest.param({"name": "x", "kind": "category", "levels": ["a"]}, "STRING", id="texts"),
        pytest.param({"name": "x", "kind": "category", "levels": [1, 2]}, "INT64", id="whole"),
        pytest.param({"name": "x", "kind": "category", "levels": [1, 2.5]}, "FLOAT64", id="numbers"),
        pytest.param({"name": "x", "kind": "category", "levels": [True, False]}, "BOOL", id="booleans"),
        pytest.param({"name": "x", "kind": "category", "levels": [1, "a"]}, "JSON", id="mixed"),
        pytest.param({"name": "x", "kind": "category", "levels": [True, 1]}, "JSON", id="one-and-true"),
        pytest.param({"name": "x", "kind": "category", "redact": True}, "STRING", id="hidden"),
    ],
)
def test_a_column_has_the_type_of_its_values(feature, expected):
    assert [parameter.type for parameter in parameters([feature])] == [expected]


def test_a_classifier_gets_a_function_for_the_label_and_one_for_each_probability():
    fields = plan({"manifest": punctual()[0]}, "punctual", CALL)

    assert fields[0::3][:3] == ["punctual", "punctual_probability_late", "punctual_probability_on_time"]
    assert fields[2] == (
        "CREATE OR REPLACE FUNCTION `my-project`.`sales`.`punctual`(\n"
        "  `age` FLOAT64,\n  `colour` STRING,\n  `floor` INT64,\n  `late` BOOL,\n  `when` TIMESTAMP\n"
        ") RETURNS STRING\n"
        "REMOTE WITH CONNECTION `my-project`.`us-central1`.`batch-us-central1`\n"
        "OPTIONS (endpoint = 'https://batch.run.app', max_batching_rows = 10000);"
    )
    assert fields[8].endswith("user_defined_context = [('output', 'probability:on time')]);")


@pytest.mark.parametrize(
    ("classes", "names", "outputs"),
    [
        pytest.param([True, False], ["m_probability_true", "m_probability_false"], ["true", "false"], id="booleans"),
        pytest.param([1, 2.5], ["m_probability_1", "m_probability_2_5"], ["1", "2.5"], id="numbers"),
        pytest.param(
            ["A b", "a-b", "'"],
            ["m_probability_A_b", "m_probability_a_b_2", "m_probability_class"],
            ["A b", "a-b", "'"],
            id="texts",
        ),
    ],
)
def test_labels_are_asked_for_as_the_function_spells_them(classes, names, outputs):
    _, *found = functions_of({"classes": classes, "probabilities": True}, "m")

    assert [one.name for one in found] == names
    assert [one.output for one in found] == [f"probability:{output}" for output in outputs]


@pytest.mark.parametrize(
    ("manifest", "number"),
    [
        pytest.param(many_classes()[0], 13, id="few"),
        pytest.param(many_classes(None)[0], 1, id="no-probabilities"),
        pytest.param({"classes": list(range(21)), "probabilities": True}, 1, id="many"),
    ],
)
def test_probabilities_are_for_models_of_few_classes_that_give_them(manifest, number):
    assert len(functions_of(manifest, "m")) == number


def test_the_query_asks_for_golden_rows_in_literals_of_their_types():
    assert plan({"manifest": price()[0]}, "2-price", CALL)[-1] == (
        "SELECT\n  *,\n"
        "  `my-project`.`sales`.`_2_price`(`age`, `colour`, `floor`, `late`, `when`) AS `_2_price`\n"
        "FROM UNNEST(ARRAY<STRUCT<`age` FLOAT64, `colour` STRING, `floor` INT64, `late` BOOL, `when` TIMESTAMP>>[\n"
        "  (3.0, 'red', 2, TRUE, TIMESTAMP '1970-01-01T05:00:00Z'),\n"
        "  (NULL, NULL, 1, FALSE, TIMESTAMP '1970-01-01')\n]);"
    )


def test_the_query_shows_no_value_where_a_column_is_redacted():
    features = [{**FEATURES[0], "redact": True}, *FEATURES[1:]]

    query = plan({"manifest": price(features=features)[0]}, "price", CALL)[-1]

    assert query.endswith("\nFROM `my-project`.`sales`.`your_table`;")


def test_a_wide_row_is_sent_in_smaller_batches():
    features = [{"name": f"x{place}", "kind": "category", "levels": ["y" * 160]} for place in range(100)]

    assert "max_batching_rows = 419)" in plan({"manifest": {"features": features, "golden": []}}, "m", CALL)[2]
