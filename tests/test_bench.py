"""The benchmark without its measurements: its arguments, its record, its table, and the ways it takes turns."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
from rich.console import Console

from model.infra_validation.processes import Process
from tests.bench import command, environments, peers, picture, record, serving, shown, warm
from tests.bench.cold import by_package
from tests.bench.draws import DrawnLine, DrawnTable, drawn
from tests.bench.exactness import difference
from tests.bench.record import Line, Noise, Part, Sheet
from tests.bench.turns import Budget, in_turns
from tests.bench.worlds import OURS, world
from tests.support.parts import ROOT

PART = Part(
    (Line("cold start", "s", [2.0, 3.0, 40.0], {"empty": [1.0, 2.0, 10.0], "absent": "not installed"}),),
    (Sheet(("package", "ms"), (("numpy", "70.0"),)),),
    Noise("an empty function", [1.0, 2.0, 1.5]),
    ("nothing else",),
)


def test_a_part_that_there_is_not_is_refused_with_the_list(tmp_path, capsys):
    assert command.main(["cold", "hot"], folder=tmp_path) == 2

    assert capsys.readouterr().err == (
        "bench: there is no part 'hot'; the parts are cold, warm, batch, graph, peers, monitor, gate\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_the_command_refuses_it_before_anything_is_installed():
    ended = subprocess.run(["./deploy.sh", "bench", "hot"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr == (
        "deploy.sh: bench: there is no part 'hot'; the parts are cold, warm, batch, graph, peers, monitor, gate "
        "(./deploy.sh help)\n"
    )


def test_the_ratio_is_the_median_of_the_rounds_ratios():
    (line,) = PART.lines

    assert (line.ratio("empty"), line.ratio("absent"), line.ratio("other")) == (2.0, None, None)


def test_a_part_takes_the_place_of_its_last_run_and_leaves_others(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.bench.cold.measure", lambda: PART)
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"cold": {"old": True}, "warm": {"lines": []}}))

    assert command.main(["cold"], folder=tmp_path) == 0

    kept = json.loads(path.read_text())
    assert kept.keys() == {"cold", "warm"}
    assert kept["warm"] == {"lines": []}
    assert kept["cold"]["lines"] == [
        {
            "measured": "cold start",
            "unit": "s",
            "ours": {"median": 3.0, "rounds": 3, "samples": [2.0, 3.0, 40.0]},
            "others": {
                "empty": {"median": 2.0, "samples": [1.0, 2.0, 10.0], "ratio": 2.0, "middle": [1.75, 3.0]},
                "absent": {"missing": "not installed"},
            },
        }
    ]
    assert kept["cold"]["noise"] == {"reference": "an empty function", "rounds": 3, "spread": pytest.approx(2 / 3)}
    assert "cold start : empty" in (tmp_path / "bench.svg").read_text()


def test_a_record_that_is_cut_off_is_begun_anew(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text('{"cold": {')

    assert record.merge(path, "gate", {"lines": []}) == {"gate": {"lines": []}}


def test_a_record_of_nothing_has_no_picture(tmp_path):
    picture.draw({"gate": {"lines": []}}, tmp_path / "bench.svg")

    assert not (tmp_path / "bench.svg").exists()


def test_a_part_without_ratios_is_drawn_as_its_tables(tmp_path):
    sheet = {"columns": ["rows", "the gate"], "rows": [["50", "2.4 %"]], "caption": ""}

    picture.draw({"gate": {"lines": [], "sheets": [sheet]}}, tmp_path / "bench.svg")

    drawn = (tmp_path / "bench.svg").read_text()
    assert "<!-- rows  the gate -->" in drawn
    assert "<!-- 50    2.4 % -->" in drawn


def test_the_table_says_ratios_words_and_how_noisy_the_machine_was():
    console = Console(record=True, width=120, highlight=False)

    shown.show(console, PART)

    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert lines == [
        "measured ours empty ratio absent ratio rounds",
        "cold start 3 s 2 s 2.00 (1.75-3.00) not installed 3",
        shown.RATIO,
        "",
        "package ms",
        "numpy 70.0",
        "nothing else",
        "the machine was noisy: trust ratios, not times: an empty function differed by 67% of its median over 3 rounds",
    ]


def test_a_figure_of_few_rounds_says_so():
    console = Console(record=True, width=120, highlight=False)

    shown.show(console, Part((Line("cold start", "s", [2.0, 3.0], {"empty": [1.0, 2.0]}),)))

    assert "cold start 2.5 s 1.5 s 1.75 2, few" in " ".join(console.export_text().split())


def test_two_rounds_do_not_say_that_the_machine_was_quiet():
    noise = Noise("an empty function", [1.0, 1.0])

    assert noise.sentence() == "how noisy the machine was is not known: an empty function was measured 2 times"
    assert noise.document() == {"reference": "an empty function", "rounds": 2, "spread": None}


def test_a_part_that_fails_says_so_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    def fail():
        raise RuntimeError("batch answered 503: [no model]")

    monkeypatch.setattr("tests.bench.cold.measure", fail)
    monkeypatch.setattr("tests.bench.warm.measure", lambda: PART)

    assert command.main(["cold", "warm"], folder=tmp_path) == 1

    log = tmp_path / "bench-cold.log"
    said = capsys.readouterr()
    assert f"cold failed: RuntimeError: batch answered 503: [no model] (see {log})" in said.out
    assert "in fail" in log.read_text()
    assert json.loads((tmp_path / "bench.json").read_text()).keys() == {"warm"}
    assert said.err == ""


def test_a_part_draws_no_new_line_once_its_time_is_over():
    now = [0.0]

    def draw(seed):
        now[0] += 4.0
        return np.array([[100, seed, 0], [200, 3, 2 * seed]])

    names = ("normal", "skewed", "bent")
    table = DrawnTable(("family",), ("first", "second"), tuple(DrawnLine((name,), draw) for name in names), form=".1f")
    other = DrawnTable(("rows",), ("first",), tuple(DrawnLine((rows,), draw) for rows in ("50", "80")))

    with ThreadPoolExecutor(1) as pool:
        whole = drawn([table], 2, Budget(100.0, clock=lambda: now[0]), pool, 1)
        now[0] = 0.0
        cut = drawn([table], 2, Budget(15.0, clock=lambda: now[0]), pool, 1)
        now[0] = 0.0
        short = drawn([table, other], 1, Budget(10.0, clock=lambda: now[0]), pool, 1)

    shares = ("1.5 % (0.0 %)", "1.5 % (1.5 %)")
    assert whole.sheets[0].columns == ("family", "draws", "first", "second")
    assert whole.sheets[0].rows == tuple((name, "200", *shares) for name in names)
    assert whole.remarks == ()
    once = ("100", "1.0 % (0.0 %)", "1.5 % (1.0 %)")
    assert cut.sheets[0].rows == (("normal", "200", *shares), ("skewed", *once), ("bent", *once))
    assert cut.remarks == ("the time was over before 2 of 3 lines had all of their 2 draws: see `draws`",)
    assert [sheet.rows for sheet in short.sheets] == [tuple((name, *once) for name in names), ()]
    assert short.remarks == ("left out, since the time was over: rows 50; rows 80",)


@pytest.mark.parametrize(("terminal", "shown_"), [(True, "\r\x1b[2Kround 1: a"), (False, "")])
def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch, capsys, terminal, shown_):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)

    in_turns({"a": lambda: 1}, 1)

    assert capsys.readouterr().err == shown_


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        pytest.param(0.01234, "s", "12.3 ms", id="milliseconds"),
        pytest.param(2.5, "s", "2.5 s", id="seconds"),
        pytest.param(12345.6, "/s", "12,346/s", id="rate"),
        pytest.param(60.2, "MB", "60.2 MB", id="size"),
    ],
)
def test_a_figure_has_three_digits_and_its_unit(value, unit, text):
    assert shown.figure(value, unit) == text


def test_works_take_turns_forth_and_back():
    order = []

    in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)

    assert order == ["b", "a", "a", "b", "b", "a"]


def test_slow_works_are_done_as_often_as_is_least():
    assert in_turns({"a": lambda: 1}, 9, most_seconds=0, least=2) == {"a": [1, 1]}


def test_no_round_begins_that_would_end_too_late(monkeypatch):
    seconds = iter([0.0, 1.0, 4.0, 9.0])  # the begin, and after one, two and three rounds
    monkeypatch.setattr("tests.bench.turns.time.perf_counter", lambda: next(seconds))

    assert in_turns({"a": lambda: 1}, 9, most_seconds=11, least=1) == {"a": [1, 1, 1]}


def test_a_work_that_fails_is_left_out_and_the_others_take_their_turns():
    broken, failed = iter([1]), {}

    found = in_turns({"a": lambda: 1, "b": lambda: next(broken)}, 3, failed=failed)

    assert found == {"a": [1, 1, 1]}
    assert [(name, type(error)) for name, error in failed.items()] == [("b", StopIteration)]


def test_the_goals_are_met_or_missed_by_the_medians_of_the_rounds_ratios():
    figures = {
        "ours": [(0.2, 9_000.0), (0.4, 10_000.0), (0.2, 11_000.0)],
        "Flask, gunicorn, joblib": [(0.8, 1_800.0), (1.6, 2_000.0), (0.7, 2_000.0)],
        "vetiver": [(1.1, 2_000.0), (2.2, 2_000.0), (9.0, 2_200.0)],
        "LitServe": [(1.0, 2_500.0), (2.0, 2_500.0), (1.0, 2_500.0)],
    }

    sheet = peers.goals(figures)

    assert sheet.rows == (
        ("ours", "0.20 s", "1", "", "10,000", "1", "", "3", ""),
        ("Flask, gunicorn, joblib", "0.80 s", "4.0", "4", "2,000", "5.0", "5", "3", "reached"),
        ("vetiver", "2.20 s", "5.5", "6", "2,000", "5.0", "5", "3", "missed: start"),
        ("LitServe", "1.00 s", "5.0", "6", "2,500", "4.0", "5", "3", "missed: start, requests"),
    )


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param([1.0, 2.0], "0", id="equal"),
        pytest.param([1.0, 2.0 + 2e-12], "1e-12", id="rounding"),
        pytest.param([[1.0], [2.2]], "wrong: 0.1", id="wrong"),
        pytest.param([1.0, None], "wrong: nan", id="none"),
        pytest.param([1.0], "wrong: 1 answers for 2 rows", id="short"),
    ],
)
def test_the_answers_of_a_server_are_held_against_the_estimators(answers, said):
    assert difference(answers, np.array([1.0, 2.0])) == said


def test_an_answer_of_another_status_ends_the_load():
    async def refuse(reader, writer):
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def asked():
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            await warm.load(server.sockets[0].getsockname()[1], warm.post(b"{}"), 5.0, connections=1)

    with pytest.raises(RuntimeError, match=r"^an answer began with b'HTTP/1.1 503 Service"):
        asyncio.run(asked())


@pytest.mark.process
def test_a_server_that_ends_says_so_at_once(tmp_path):
    def start(port):
        command = [sys.executable, "-c", "raise SystemExit('no module named served')"]
        log = tmp_path / "server.log"
        return Process("ended", command, port=port, environ={}, log=log, ends_with_parent=False)

    server = serving.Server(start, "/", list, list, prepared_seconds=0.0)

    with (
        pytest.raises(RuntimeError, match=r"^it ended, and said last: no module named served$"),
        serving.running(server, [[1.0]]),
    ):
        pass


def test_import_times_are_added_up_by_package():
    trace = "import time: 1500 | 9000 | numpy\nimport time: 500 | 600 |   numpy.linalg\nimport time: 300 | 300 | columns.schema\n{}"

    assert by_package(trace) == (("numpy", "2.0", "2"), ("the functions' own", "0.3", "1"))


@pytest.mark.process
def test_a_measurement_that_is_interrupted_leaves_no_server_behind():
    measurement = ExitStack()
    server = measurement.enter_context(world()).start(OURS)

    measurement.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert server.process.poll() is not None


@pytest.mark.process
def test_a_server_that_is_interrupted_while_it_starts_is_left_to_nobody(monkeypatch):
    started = []

    def interrupt(server):
        started.append(server.process)
        raise KeyboardInterrupt

    with world() as here:
        monkeypatch.setattr(Process, "until_open", interrupt)
        with pytest.raises(KeyboardInterrupt):
            here.start(OURS)

    assert [process.poll() is None for process in started] == [False]


def test_an_interruption_ends_the_benchmark(tmp_path, monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("tests.bench.cold.measure", interrupt)

    assert command.main(["cold", "gate"], folder=tmp_path) == 130

    assert "cold was interrupted" in capsys.readouterr().out
    assert [*tmp_path.iterdir()] == []


@pytest.mark.process
def test_an_environment_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "odd.txt").write_text("--no-index\nthere-is-no-such-package==1.0\n")

    with pytest.raises(environments.MissingPeerError, match=r"^odd could not be installed: .*there-is-no-such-package"):
        environments.python_of("odd", folder=tmp_path / "peers", lists=tmp_path)


def test_the_peer_reads_estimators_with_the_versions_that_wrote_them():
    names = ("numpy", "pandas", "scikit-learn", "functions-framework", "google-cloud-storage")

    def pins(path):
        return {line.split(" ")[0] for line in path.read_text().splitlines() if line.startswith(names)}

    theirs = pins(environments.LISTS / "onnx.txt")
    ours = pins(ROOT / "requirements.txt") | pins(ROOT / "functions" / "requirements.txt")
    assert len(theirs) == len(names)
    assert theirs <= ours
