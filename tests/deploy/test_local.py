"""./deploy.sh on this machine: what `local` starts, prints and leaves behind, and what is refused before it starts."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from model.infra_validation.processes import is_open
from tests.support.cloud import copy_repository
from tests.support.parts import ROOT, free_port, until

pytestmark = pytest.mark.process

READY = "Ctrl-C stops everything."


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The repository's files in a folder with blanks in its name, with the environment that is made already."""
    folder = copy_repository(tmp_path / "a folder with 'blanks'")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


class Run:
    """`deploy.sh local` as a terminal runs it: leader of a session of its own."""

    def __init__(self, project: Path, *arguments: str, **environ: str) -> None:
        self.batch_port, self.stream_port = free_port(), free_port()
        self.output = project.parent / f"output-{self.batch_port}"
        ports = {"BATCH_PORT": str(self.batch_port), "STREAM_PORT": str(self.stream_port)}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [project / "deploy.sh", "local", *arguments],
                cwd=project,
                env={**os.environ, **ports, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.output.read_text()

    def ready(self) -> Run:
        until(lambda: READY in self.text() or self.process.poll() is not None, seconds=60)
        assert self.process.poll() is None, self.text()
        return self

    def members(self) -> dict[int, str]:
        """Command lines by process id of all processes that live in the session."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def ended(self) -> int:
        """The exit status, once everything is gone that was started."""
        status = self.process.wait(30)
        until(lambda: not self.members())
        until(lambda: not is_open(self.batch_port))  # another test's server may have it for a moment
        until(lambda: not is_open(self.stream_port))
        return status


@pytest.fixture
def local(project: Path) -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def local(*arguments: str, **environ: str) -> Run:
        started.append(Run(project, *arguments, **environ))
        return started[-1]

    yield local
    for run in started:
        for member in run.members():
            os.kill(member, signal.SIGKILL)
        run.process.wait()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves in .local once it has trained; it was ended as one ends it."""
    folder = copy_repository(tmp_path_factory.mktemp("trained") / "checkout")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    run = Run(folder)
    try:
        run.ready().process.terminate()
        assert run.ended() == 143
    finally:
        for member in run.members():
            os.kill(member, signal.SIGKILL)
    return folder / ".local"


@pytest.fixture
def again(project: Path, trained: Path, local: Callable[..., Run]) -> Callable[..., Run]:
    """`local` in a checkout whose last run has trained."""
    shutil.copytree(trained, project / ".local")
    return local


def versions(project: Path) -> list[str]:
    """The versions of the reference model that the embedded bucket holds."""
    return sorted(path.name for path in project.glob(".local/bucket/models/linear-regression/versions/*"))


def deploy(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "deploy.sh", *arguments],
        cwd="/",
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_local_serves_what_it_prints_until_ctrl_c(local, project):
    run = local().ready()

    lines = run.text().splitlines()
    calls = {line[2:]: lines[number + 1] for number, line in enumerate(lines) if line.startswith("$ ")}
    assert len(calls) == 3
    assert {call: subprocess.check_output(["bash", "-c", f"{call} -s"], text=True) for call in calls} == calls
    assert f"batch   http://127.0.0.1:{run.batch_port}" in lines
    assert f"stream  http://127.0.0.1:{run.stream_port}" in lines
    assert '"message":"serving linear-regression version 1' in (project / ".local" / "batch.log").read_text()
    assert '"function":"stream"' in (project / ".local" / "stream.log").read_text()

    os.killpg(run.process.pid, signal.SIGINT)
    assert run.ended() == 130


def test_the_printed_calls_fit_the_model_whatever_it_is(local, project):
    (project / "own.csv").write_text(
        "it's,rooms,price\n" + "".join(f"{n % 9},{n % 7},{2 * (n % 9) + 3 * (n % 7)}\n" for n in range(400))
    )
    config = project / "model" / "config.toml"
    text = (
        config.read_text().replace("sklearn:diabetes", str(project / "own.csv")).replace("disease_progression", "price")
    )
    features = """[{ name = "it's" }, { name = "rooms" }]"""
    config.write_text(
        text.replace('[{ name = "bmi" }]', features)
        .replace("min_holdout_rows = 50", "min_holdout_rows = 5")
        .replace("max_r2 = 0.98", "max_r2 = 1.0")
        .replace("repeats = 5 ", "repeats = 1 ")
    )

    run = local().ready()

    lines = run.text().splitlines()
    calls = {line[2:]: lines[number + 1] for number, line in enumerate(lines) if line.startswith("$ ")}
    assert len(calls) == 3
    assert all('"prediction' in answer for answer in calls.values()), run.text()
    assert {call: subprocess.check_output(["bash", "-c", f"{call} -s"], text=True) for call in calls} == calls


def test_the_printed_exports_lead_a_second_terminal_to_the_same_bucket(again):
    run = again().ready()
    line = next(line for line in run.text().splitlines() if ": . " in line)
    source = line.split(": ", 1)[1]

    listed = subprocess.check_output(["bash", "-c", f"{source} && python -m model versions --json"], cwd="/")

    assert [(entry["version"], entry["aliases"]) for entry in json.loads(listed)] == [(1, ["production"])]


def test_what_was_published_outlives_the_run_and_is_trained_again_only_when_something_changed(again, project):
    first = again().ready()
    assert "training …" not in first.text()
    for member in first.members():
        os.kill(member, signal.SIGKILL)
    first.ended()

    second = again().ready()

    assert "nothing changed since the last training" in second.text()
    assert [line for line in second.text().splitlines() if line.startswith('{"pred')] == [
        line for line in first.text().splitlines() if line.startswith('{"pred')
    ]
    assert versions(project) == ["1"]
    second.process.terminate()
    second.ended()
    config = project / "model" / "config.toml"
    config.write_text(config.read_text().replace("seed = 7", "seed = 8"))

    third = again().ready()

    assert "production stays as it was" in third.text()
    assert '"model":{"name":"linear-regression","version":1}' in third.text()
    assert versions(project) == ["1", "2"]
    third.process.terminate()
    third.ended()

    fresh = again("--fresh").ready()

    assert "training" in fresh.text()
    assert versions(project) == ["1"]


def test_two_runs_side_by_side_keep_apart(again, project):
    first = again().ready()
    second = again().ready()

    assert f". {shell(project / '.local' / 'env')}" in first.text()
    assert f". {shell(project / '.local' / str(second.batch_port) / 'env')}" in second.text()
    os.killpg(first.process.pid, signal.SIGINT)
    assert first.ended() == 130
    assert is_open(second.batch_port)


def shell(path: Path) -> str:
    return subprocess.check_output(["bash", "-c", 'printf %q "$1"', "-", path], text=True)


def test_a_terminated_run_leaves_nothing_behind(again):
    run = again().ready()

    run.process.terminate()

    assert run.ended() == 143


def test_a_run_interrupted_while_it_starts_leaves_nothing_behind(local, project):
    run = local()
    until(lambda: "training" in run.text(), seconds=60)

    os.killpg(run.process.pid, signal.SIGINT)

    assert run.ended() == 130


def test_a_killed_run_leaves_nothing_behind_and_the_next_one_starts(again):
    run = again().ready()

    run.process.kill()

    assert run.ended() == -signal.SIGKILL
    again().ready()


def test_a_run_on_the_ports_of_another_that_still_trains_is_told_at_once(local, project):
    run = local()
    until(lambda: "training" in run.text(), seconds=60)

    ended = deploy(project, "local", BATCH_PORT=str(run.batch_port), STREAM_PORT=str(run.stream_port))

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"deploy.sh: BATCH_PORT: port {run.batch_port} is taken")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["nope.csv"], "--data: nope.csv does not exist", id="no-file"),
        pytest.param(["gone/flats.csv"], "--data: gone/flats.csv does not exist", id="no-file-but-a-configuration"),
        pytest.param(
            ["other/flats.csv"],
            "--data other/flats.csv: ./flats.toml stands already and is of fla*.csv; edit or remove it, "
            "or give the file another name",
            id="another-file",
        ),
        pytest.param(
            ["flats.csv", "--target", "rooms"],
            "--target rooms: ./flats.toml stands already and its target is price; edit or remove it, "
            "or leave --target out",
            id="another-target",
        ),
        pytest.param(
            ["new.csv"],
            "new.csv has no configuration yet: name the column to predict with --target",
            id="no-configuration",
        ),
    ],
)
@pytest.mark.parametrize("target", ['"price"', '{ name = "price", kind = "number" }'], ids=["text", "table"])
def test_data_that_the_configuration_does_not_serve_are_refused_before_anything_starts(
    project, local, arguments, message, target
):
    for name in ("flats.csv", "other/flats.csv", "new.csv"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("rooms,price\n1,2\n")
    (project / "flats.toml").write_text(f'[data]\nsource = "fla*.csv"\ntarget = {target}\n')

    run = local("--data", *arguments)

    assert (run.ended(), run.text()) == (2, f"deploy.sh: {message} (./deploy.sh help)\n")
    assert not (project / ".local").exists()


def test_a_run_that_waits_for_the_installation_of_another_says_so_once(project, local):
    (project / ".local").mkdir()
    (project / "model" / "config.toml").write_text("[data]\n")  # so that it ends once it goes on
    with (project / ".local" / "venv.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = local()
        until(lambda: "another run" in run.text())

    assert run.ended() == 1
    assert run.text().count("another run is installing .venv; this one waits for it …\n") == 1


def test_a_terminal_that_names_another_model_does_not_rename_that_of_the_data(local, project):
    (project / "Flats 2.csv").write_text("rooms,price\n" + "".join(f"{n % 5},{n}\n" for n in range(12)))

    run = local("--data", "Flats 2.csv", "--target", "price", MODEL_NAME="linear-regression")
    assert run.ended() == 1  # there are too few rows to train on

    assert "the model is named after its data, flats-2; MODEL_NAME=linear-regression is left aside" in run.text()
    assert f"for a local run: `. {shell(project / '.local' / 'env')}`" in run.text()
    assert not (project / ".local" / "bucket" / "models" / "linear-regression").exists()


def test_a_run_killed_while_it_trains_leaves_nothing_behind(local):
    run = local()
    until(lambda: "training" in run.text(), seconds=60)

    run.process.kill()

    assert run.ended() == -signal.SIGKILL


@pytest.mark.parametrize("victim", ["--target batch", "--target stream", "fake-gcs-server"])
def test_when_one_process_dies_the_others_end(again, victim):
    run = again().ready()

    os.kill(min(pid for pid, line in run.members().items() if victim in line), signal.SIGKILL)

    assert run.ended() == 1
    assert "deploy.sh: one of the processes has died; stopping the others (see the logs)" in run.text()


def test_what_stops_the_training_is_shown(local, project):
    config = project / "model" / "config.toml"
    config.write_text(config.read_text().replace("folds = 5", "folds = 1"))

    run = local()

    assert run.ended() == 1
    assert f"{config}: training.folds: input should be greater than or equal to 2, got 1\n" in run.text()


def test_a_taken_port_is_said_before_anything_starts(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        ended = deploy(project, "local", BATCH_PORT=port, STREAM_PORT=str(free_port()))

    message = f"port {port} is taken (another program, or another run of this); choose one with BATCH_PORT=…"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"deploy.sh: BATCH_PORT: {message}\n")
    assert not (project / ".local").exists()


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        pytest.param([], {}, "a verb is missing", id="no-verb"),
        pytest.param(["serve"], {}, "there is no verb 'serve'", id="unknown-verb"),
        pytest.param(
            ["local", "now"], {}, "local takes --data FILE, --target NAME and --fresh, got: now", id="argument"
        ),
        pytest.param(["local", "--data"], {}, "--data needs a value", id="no-file"),
        pytest.param(["local", "--target", "price"], {}, "--target needs --data FILE", id="target-alone"),
        pytest.param(["local"], {"BATCH_PORT": "x"}, "BATCH_PORT must be a port from 1 to 65535, got 'x'", id="word"),
        pytest.param(["local"], {"STREAM_PORT": "0"}, "STREAM_PORT must be a port from 1 to 65535, got '0'", id="zero"),
        pytest.param(
            ["local"], {"BATCH_PORT": "65536"}, "BATCH_PORT must be a port from 1 to 65535, got '65536'", id="too-high"
        ),
        pytest.param(
            ["local"],
            {"BATCH_PORT": "a[$(id >&2)]"},
            "BATCH_PORT must be a port from 1 to 65535, got 'a[$(id >&2)]'",
            id="hostile",
        ),
        pytest.param(
            ["local"],
            {"BATCH_PORT": "8082", "STREAM_PORT": "08082"},
            "BATCH_PORT and STREAM_PORT must differ, both are 8082",
            id="same",
        ),
    ],
)
def test_wrong_usage_is_said_and_exits_with_two(project, arguments, environ, message):
    ended = deploy(project, *arguments, **environ)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"deploy.sh: {message} (./deploy.sh help)\n")


@pytest.mark.parametrize(
    ("prelude", "message"),
    [
        pytest.param(
            'sys.version_info = (3, 9, 18, "final", 0)',
            "{python} is Python 3.9.18; 3.11 or newer is needed (PYTHON=…)",
            id="old",
        ),
        pytest.param(
            'sys.modules["ensurepip"] = None',
            "{python} has no venv module; install it (on Debian and Ubuntu: apt-get install python3-venv)",
            id="no-venv",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["local", "test"])
def test_a_python_that_will_not_do_is_said_before_anything_starts(project, tmp_path, verb, prelude, message):
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c 'import sys; {prelude}; exec(sys.argv[1])' \"$2\"\n")
    python.chmod(0o755)
    environ = {"PYTHON": str(python), "BATCH_PORT": str(free_port()), "STREAM_PORT": str(free_port())}

    ended = deploy(project, verb, **environ)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"deploy.sh: {message.format(python=python)}\n"
    assert not (project / ".local").exists()


def test_a_missing_python_is_said(project):
    ended = deploy(project, "local", PYTHON="/nowhere/python3")

    message = "/nowhere/python3 is not on this machine; Python 3.11 or newer is needed (PYTHON=…)"
    assert (ended.returncode, ended.stderr) == (1, f"deploy.sh: {message}\n")


def test_help_names_every_verb_and_the_settings_of_this_machine(project):
    ended = deploy(project, "help")

    assert ended.returncode == 0
    assert ended.stdout.startswith("Usage: ./deploy.sh [--dry-run] VERB\n")
    named = [line.split()[0] for line in ended.stdout.splitlines() if line.startswith("  ") and line[2] != " "]
    assert named == [
        *(
            "local",
            "test",
            "bench",
            "lock",
            "help",
            "up",
            "traffic",
            "rollback",
            "invoke",
            "open",
            "model",
            "status",
            "logs",
        ),
        *("grant", "revoke", "bigquery", "trigger", "schedule", "retrain", "down", "--dry-run"),
        *("BATCH_PORT", "STREAM_PORT", "MODEL_CONFIG", "PYTHON", "GCLOUD,", "CORS_ORIGINS,", "PROJECT_ID,"),
    ]


def wheel_of(folder: Path, requirement: str = "") -> None:
    """Write a wheel with one module into *folder*."""
    own = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{own}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n{requirement}")
        wheel.writestr(
            f"{own}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{own}/RECORD", f"tiny.py,,\n{own}/METADATA,,\n{own}/WHEEL,,\n")


@pytest.fixture(scope="module")
def copying_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real Python, but `-m venv` copies an environment that it made once: to install pip takes seconds."""
    folder = tmp_path_factory.mktemp("python")
    real = Path(sys.executable).resolve()
    subprocess.run([real, "-m", "venv", folder / "made"], check=True)
    script = folder / "python3"
    script.write_text(
        "#!/usr/bin/env bash\n"
        f"if [[ $* == '-m venv --clear '* ]]; then rm -rf \"$4\" && exec cp -a '{folder / 'made'}' \"$4\"; fi\n"
        f"exec '{real}' \"$@\"\n"
    )
    script.chmod(0o755)
    return script


@pytest.fixture
def bare(tmp_path: Path, copying_python: Path) -> Path:
    """A checkout without an environment; beside it lie the wheel that it requires, and the Python to use."""
    (tmp_path / "python3").symlink_to(copying_python)
    folder = copy_repository(tmp_path / "bare")
    (folder / "functions" / "requirements.txt").write_text("")
    (folder / "requirements.txt").write_text("-r functions/requirements.txt\ntiny==1.0\n")
    wheel_of(tmp_path)
    return folder


def install(bare: Path, configuration: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a verb that makes the environment first; there is no pytest in it, so the verb itself fails."""
    (bare.parent / "pip.conf").write_text(configuration)
    python = {"PYTHON": str(bare.parent / "python3"), "PIP_CONFIG_FILE": str(bare.parent / "pip.conf")}
    return deploy(
        bare, "test", "nothing", **{"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(bare.parent)} | python | environ
    )


def install_on_a_terminal(bare: Path) -> str:
    """The same; what a terminal is sent."""
    ours, theirs = pty.openpty()
    settings = {"PYTHON": bare.parent / "python3", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": bare.parent}
    process = subprocess.Popen(
        [bare / "deploy.sh", "test", "nothing"],
        env=os.environ | {name: str(value) for name, value in settings.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
        while part := terminal.read(1 << 12):
            shown += part
    process.wait(110)
    return shown.decode()


def installed(bare: Path) -> list[str]:
    """The modules that stand in the environment, and nowhere else."""
    assert not (bare.parent / "elsewhere").exists()
    return [path.name for path in bare.glob(".venv/lib/python*/site-packages/tiny.py")]


def test_the_environment_is_made_whatever_a_pip_conf_says_of_others(bare):
    elsewhere = bare.parent / "elsewhere"

    ended = install(
        bare,
        f"[global]\nuser = true\nrequire-virtualenv = true\nroot = {elsewhere}\n"
        f"[install]\ntarget = {elsewhere}\nprefix = {elsewhere}\nno-deps = false\n",
    )

    assert "No module named pytest" in ended.stderr
    assert (bare / ".venv" / "stamp").exists()
    assert installed(bare) == ["tiny.py"]
    assert len([*bare.glob(".venv/lib/python*/site-packages/__pycache__/tiny.*.pyc")]) == 1


def test_the_environment_is_made_whatever_the_terminal_says_of_others(bare):
    elsewhere = str(bare.parent / "elsewhere")
    other = bare.parent / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)

    ended = install(
        bare,
        PYTHON=str(other / "bin" / "python3"),
        VIRTUAL_ENV=str(other),
        **dict.fromkeys(["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONUSERBASE"], elsewhere),
        **dict.fromkeys(["PYTHONHOME", "PYTHONPATH"], "/nowhere"),
        **dict.fromkeys(["PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_DRY_RUN"], "1"),
        PIP_PYTHON=str(other / "bin" / "python3"),
    )

    assert "No module named pytest" in ended.stderr
    assert installed(bare) == ["tiny.py"]


def test_the_way_to_the_packages_is_taken_over_from_a_pip_conf_and_nothing_else_is(bare):
    path = bare.parent / "settings" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"[global]\nno-index = true\nfind-links = /nowhere\ntarget = {bare.parent / 'elsewhere'}\n"
        f"[install]\nfind-links =\n    /nowhere\n    {bare.parent}\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}

    ended = subprocess.run(
        [bare / "deploy.sh", "test", "nothing"],
        env=kept | {"XDG_CONFIG_HOME": str(bare.parent / "settings"), "PYTHON": str(bare.parent / "python3")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert "No module named pytest" in ended.stderr
    assert installed(bare) == ["tiny.py"]


def test_the_installation_shows_on_a_terminal_that_it_goes_on_and_is_one_line_in_a_pipe(bare):
    said = install(bare).stderr.splitlines()
    shutil.rmtree(bare / ".venv")

    shown = install_on_a_terminal(bare)

    line = "installing requirements into .venv (once; it takes a minute or more) …"
    assert said[0] == line
    assert "No module named pytest" in said[1]
    assert shown.startswith(f"{line}\r\n\rmaking .venv, 0 s ")
    assert "\rinstalling, 0 s \r" in shown
    assert "No module named pytest" in shown.rpartition("\033[K")[2]


def test_packages_that_do_not_work_together_are_no_environment(bare):
    wheel_of(bare.parent, "Requires-Dist: more\n")

    ended = install(bare)

    assert ended.stderr.splitlines()[-1] == "deploy.sh: the requirements do not work in .venv (see above)"
    assert "tiny 1.0 requires more, which is not installed." in ended.stderr
    assert not (bare / ".venv" / "stamp").exists()


def test_an_environment_that_lost_a_package_is_made_anew(bare):
    install(bare)
    assert "installing" not in install(bare).stderr
    next(bare.glob(".venv/lib/python*/site-packages/tiny.py")).unlink()

    ended = install(bare)

    assert "installing" in ended.stderr
    assert installed(bare) == ["tiny.py"]


def test_an_environment_whose_python_is_gone_is_made_anew(bare):
    install(bare)
    for python in bare.glob(".venv/bin/python*"):
        python.unlink()
        python.symlink_to("/nowhere/python3")

    ended = install(bare)

    assert "installing" in ended.stderr
    assert installed(bare) == ["tiny.py"]
