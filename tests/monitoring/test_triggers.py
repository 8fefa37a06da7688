"""`retrain` decides and says why, trains, gates and promotes; what the gate refuses leaves production as it was."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from functions import artifact
from model.cli.main import main
from model.config import MonitoringConfig, RetrainingConfig
from model.monitoring.live_error import HeldOut, Interval, Live
from model.monitoring.triggers import ALERTS, Reason, decide, live_error, watched, why
from tests.support.parts import ALIAS, put
from tests.support.verdicts import WIDE, moved, verdict_on
from tests.support.windows import window
from tests.support.worlds import configure, world, write_rows

LIMITS = RetrainingConfig(max_age_days=30.0, new_rows=0.1)


def decided(**changes):
    usual = {"age_days": 29.9, "rows": 100, "new_rows": 0, "shifts": (), "shift_limit": 0.1}
    return decide(LIMITS, **{**usual, **changes})


# The decision


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        pytest.param({}, "", id="nothing"),
        pytest.param({"age_days": 30.0}, "production is 30.0 days old", id="age"),
        pytest.param({"age_days": -0.5}, "", id="clocks-differ-a-little"),
        pytest.param(
            {"age_days": -400.0},
            "production was made 400.0 days from now: a clock is wrong, so its age is not known",
            id="from-the-future",
        ),
        pytest.param({"rows": 110, "new_rows": 10}, "10 of 110 rows are new", id="new-rows"),
        pytest.param({"rows": 110, "new_rows": 9}, "", id="a-few-new-rows"),
        pytest.param({"new_rows": 100}, "100 of 100 rows are new", id="all-rows-are-new"),
        pytest.param({"shifts": ["bmi: index 0.4"]}, "bmi: index 0.4", id="shift"),
    ],
)
def test_each_reason_is_due_at_its_threshold_and_says_so(changes, due):
    assert why(decided(**changes)) == due


def live(value, half, rows=500):
    return Live(rows, {"rmse": Interval(value, value - half, value + half)})


HELD_OUT = HeldOut(Interval(9.0, 8.0, 10.0), 50)


@pytest.mark.parametrize(
    ("given", "due"),
    [
        pytest.param(live(12.0, 1.0), True, id="higher"),
        pytest.param(live(9.8, 0.1), False, id="hardly-higher"),
        pytest.param(live(12.0, 4.0), False, id="by-chance"),
        pytest.param(live(6.0, 1.0), False, id="better"),
        pytest.param(Live(500, {"rmse": Interval()}), True, id="beyond-float64"),
        pytest.param(live(99.0, 1.0, rows=20), False, id="few-labels"),
    ],
)
def test_a_live_error_that_is_higher_is_a_reason(given, due):
    assert live_error(given, HELD_OUT, MonitoringConfig(), known=0).due is due


def test_a_live_error_beyond_all_numbers_says_on_how_many_rows():
    reason = live_error(Live(500, {"rmse": Interval()}), HELD_OUT, MonitoringConfig(), known=0)

    assert reason.found == "beyond float64 on 500 labelled rows"


def test_a_live_error_that_cannot_be_known_says_on_how_many_rows():
    reason = live_error(Live(0, {"rmse": Interval()}), HELD_OUT, MonitoringConfig(), known=7)

    wanted = "not known: 0 labelled rows, 7 that it was trained on left out; 200 are needed to judge the error"
    assert (reason.due, reason.found) == (False, wanted)


def test_an_error_of_which_the_monitor_warns_is_a_reason_and_other_warnings_are_none():
    warns = verdict_on(window(WIDE, moved(0)), live={1: Live(500, {"rmse": Interval(12.0, 11.5, 12.5)})})
    drifts = verdict_on(window(WIDE, moved(0.2)), window(WIDE, moved(0, rows=2_000)))

    assert [(verdict.status, watched(verdict).due) for verdict in (warns, drifts)] == [("warn", True), ("warn", False)]


# The verb


@pytest.fixture
def run(bucket, capsys, quick, tmp_path):
    """Run a verb here, over the rows that `write` wrote; gives exit code, output, and what was said."""

    def run(*arguments):
        code = main([*arguments, "--config", str(tmp_path / "config.toml")])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def write(tmp_path):
    """Write rows (and a configuration that reads them); gives the path."""
    configure(tmp_path / "config.toml", tmp_path / "rows.csv")

    def write(columns, name="rows.csv"):
        return str(write_rows(tmp_path / name, columns))

    return write


def joined(*parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.fixture
def produced(run, write):
    """Production is version 1, trained on the rows of today."""
    write(world())
    assert run("retrain")[0] == 0


def test_the_first_retrain_trains_and_promotes(run, write, registry):
    write(world())

    code, output, _ = run("retrain", "--json", "--by", "schedule")

    decision = json.loads(output)
    assert (code, decision["decision"], decision["version"], decision["production"]) == (0, "promoted", 1, None)
    assert [reason["found"] for reason in decision["reasons"]] == ["production has not been set yet"]
    entry = registry.alias("production")[0].history[0]
    assert (entry["by"], entry["reason"]) == ("schedule", "retrain: production")


def test_without_a_reason_nothing_is_done_and_each_reason_is_listed(run, produced, registry):
    code, output, _ = run("retrain")

    assert code == 0
    assert output.splitlines() == [
        "reason                  due  value  from  found",
        "age in days             no   0      30    production is 0.0 days old",
        "new rows by known ones  no   0      0.1   0 of 400 rows are new",
        "features that shifted   no   0      1     none by 0.3 and more than chance",
        "",
        "nothing to do",
    ]
    assert registry.newest() == 1


def test_a_moved_world_is_trained_anew_and_promoted(run, write, produced, registry):
    write(joined(world(), world(800, seed=2, slope=2.6)))

    code, output, _ = run("retrain", "--json")

    decision = json.loads(output)
    assert (code, decision["decision"]) == (0, "promoted")
    assert registry.alias("production")[0].version == 2
    assert registry.alias("production")[0].history[0]["reason"] == "retrain: new rows by known ones 2"


def test_a_challenger_that_is_not_better_leaves_production_and_exits_with_three(run, write, produced, registry):
    before = registry.alias("production")
    write(joined(world(), world(100, seed=2)))

    code, output, said = run("retrain")

    assert code == 3
    assert "100 of 500 rows are new" in output
    assert "confidence of being better               NO" in output
    assert said == "version 2 is published, unblessed: production stays as it was\n"
    assert registry.alias("production") == before


def test_a_rejection_in_json_has_the_gate(run, write, produced):
    code, output, _ = run("retrain", "--force", "--json")

    decision = json.loads(output)
    assert (code, decision["decision"], decision["version"]) == (3, "rejected", 2)
    assert decision["reasons"][0]["found"] == "--force was given"
    assert "confidence of being better" in [check["check"] for check in decision["gate"] if not check["passed"]]


def test_a_poisoned_data_set_is_kept_out(run, write, produced, registry):
    poison = world(400, seed=3)
    write(joined(world(), poison | {"y": -5 * poison["y"] + 40}))

    assert run("retrain")[0] == 3
    assert registry.alias("production")[0].version == 1


def test_broken_data_is_said_and_nothing_is_trained(run, write, produced, registry):
    write(joined(world(), {"a": [np.nan], "b": [1.0], "y": [1.0]}))

    code, _, said = run("retrain")

    assert (code, "not-finite" in said or "empty-cell" in said) == (3, True)
    assert registry.newest() == 1


def test_a_shift_of_the_data_is_a_reason(run, write, produced):
    write(world(shift=3.0))

    decision = json.loads(run("retrain", "--json")[1])

    assert [reason["due"] for reason in decision["reasons"]] == [False, True, True]
    assert decision["reasons"][2]["found"].startswith("a: 2.9 standard deviations from production's")


def test_labelled_rows_on_which_production_errs_are_a_reason(run, write, produced):
    labels = write(world(300, seed=5, slope=6.0), "labels.csv")

    code, output, _ = run("retrain", "--labelled-rows", labels, "--json")

    reason = json.loads(output)["reasons"][3]
    assert (code, reason["reason"], reason["due"]) == (3, "live rmse", True)  # no row of it was learnt from
    assert "on 300 labelled rows, " in reason["found"]


def test_labelled_rows_that_production_was_trained_on_do_not_count(run, write, produced):
    labels = write(joined(world(), world(60, seed=6)), "labels.csv")

    reason = json.loads(run("retrain", "--labelled-rows", labels, "--json")[1])["reasons"][3]

    held = json.loads(run("show", "1", "--json")[1])["data"]["holdout_rows"]
    assert reason["due"] is False
    assert f"on {held + 60} labelled rows, {400 - held} that it was trained on left out" in reason["found"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a,b,y\n1,x,2\n", 'b must be a number, got "x" (row 0)', id="text"),
        pytest.param("a,b\n1,2\n", "y must be there once, got 0; there are a, b", id="no-target"),
        pytest.param("a,b,y\n", "must hold labelled rows, found none", id="no-rows"),
    ],
)
def test_labelled_rows_that_cannot_be_used_are_named(run, write, produced, tmp_path, text, told):
    labels = tmp_path / "labels.csv"
    labels.write_text(text)

    code, _, said = run("retrain", "--labelled-rows", str(labels))

    assert (code, said) == (3, f"{labels}{'' if told.startswith('must hold') else ':'} {told}\n")


def test_a_model_that_writes_into_its_input_changes_nothing_but_itself(run, write, registry, tmp_path):
    """LinearRegression(copy_X=False) centres the rows that it is given, in place."""
    config = tmp_path / "config.toml"
    write(world(shift=50.0))
    config.write_text(
        config.read_text().replace('LinearRegression" }', 'LinearRegression", grid = { copy_X = [false] } }')
    )

    run("retrain")

    assert registry.manifest(1).features[0].minimum > 40


def test_production_that_does_not_verify_is_a_reason(run, write, produced, bucket):
    damaged = json.loads(bucket.blob(ALIAS).download_as_bytes())
    damaged["manifest"]["linear"]["intercept"] = 7
    put(bucket, ALIAS, artifact.canonical(damaged))

    code, output, _ = run("retrain", "--json")

    assert code == 3  # it cannot be beaten either: a person must roll back or force
    assert json.loads(output)["reasons"][0]["reason"] == "production"


def test_of_two_retrains_at_once_one_promotes_and_the_other_has_nothing_to_do(model, write, run, registry, tmp_path):
    write(world())

    with ThreadPoolExecutor(2) as pool:
        ended = list(
            pool.map(lambda _: model("retrain", "--json", "--config", str(tmp_path / "config.toml")), range(2))
        )

    assert [process.returncode for process in ended] == [0, 0], [process.stderr for process in ended]
    decisions = [json.loads(process.stdout)["decision"] for process in ended]
    assert sorted(decisions) == ["nothing to do", "promoted"]
    assert len(registry.alias("production")[0].history) == 1


def test_a_retrain_that_was_overtaken_decides_again(run, write, produced, registry, monkeypatch):
    """Somebody promotes between the gate's comparison and this promotion."""
    write(joined(world(), world(800, seed=2, slope=2.6)))
    publish = type(registry).publish
    overtaken = []

    def overtake(self, document, **rest):
        manifest = publish(self, document, **rest)
        if not overtaken:
            overtaken.append(publish(self, document, **rest).version)
            self.promote(overtaken[0], alias="production", by="somebody", reason="faster")
        return manifest

    monkeypatch.setattr(type(registry), "publish", overtake)

    code, output, said = run("retrain", "--json")

    assert (code, json.loads(output)["decision"], json.loads(output)["production"]) == (0, "nothing to do", 3)
    assert said.splitlines()[-1] == (
        "linear-regression version 2 was compared with version 1, and production holds version 3 now: deciding again"
    )
    assert registry.alias("production")[0].history[0]["by"] == "somebody"


# Rows that were tried already


def test_rows_that_the_gate_refused_are_not_trained_on_again_until_some_are_new(run, write, produced, registry):
    write(joined(world(), world(100, seed=2)))
    assert run("retrain")[0] == 3

    code, output, _ = run("retrain", "--json")

    decision = json.loads(output)
    assert (code, decision["decision"], registry.newest()) == (0, "nothing to do", 2)
    assert decision["reasons"][-1] == {
        "reason": "rows tried already",
        "due": False,
        "value": 2,
        "threshold": None,
        "found": "version 2 was trained on exactly these rows and refused against version 1: new rows may change the"
        " answer; --force trains all the same, as after a change of config.toml",
    }
    write(joined(world(), world(101, seed=2)))
    assert run("retrain")[0] == 3
    assert registry.newest() == 3


def test_force_trains_on_rows_that_the_gate_refused(run, write, produced, registry):
    write(joined(world(), world(100, seed=2)))
    run("retrain")

    assert json.loads(run("retrain", "--force", "--json")[1])["decision"] == "rejected"
    assert registry.newest() == 3


def test_an_alert_alone_does_not_train_on_the_rows_of_production(run, write, produced, registry, monkeypatch):
    alert = Reason(ALERTS, due=True, value=1, threshold=1, found="input-skew: bmi: 0.7")
    monkeypatch.setattr("model.workflows.retrain._alerts", lambda *_: [alert])

    decision = json.loads(run("retrain", "--json")[1])

    assert (decision["decision"], registry.newest()) == ("nothing to do", 1)
    assert decision["reasons"][-1]["found"].startswith("production was trained on exactly these rows: new rows may")


def test_erased_rows_of_production_stop_no_retraining(run, write, produced, registry, bucket):
    for blob in bucket.list_blobs(prefix="data/"):
        blob.delete()
    labelled = write(world(1500, seed=5, slope=6.0), "labelled.csv")

    code, output, _ = run("retrain", "--json", "--labelled-rows", labelled)

    reasons = json.loads(output)["reasons"]
    assert (code, reasons[1]["due"], reasons[1]["value"]) == (3, False, None)
    assert reasons[1]["found"] == "not known: the rows that production was trained on are not in the bucket any more"
    assert (reasons[3]["reason"], reasons[3]["due"]) == ("live rmse", True)


def test_captured_lines_that_cannot_be_read_are_no_reason_to_do_nothing(run, produced, tmp_path):
    (tmp_path / "captured.jsonl").write_text("no line of ours\n" * 50)

    code, _, said = run("retrain", "--captured", str(tmp_path / "captured.jsonl"))

    assert code == 1
    assert said.splitlines()[-1].startswith(f"{tmp_path / 'captured.jsonl'}: 50 of 50 lines cannot be used; line 1: ")
