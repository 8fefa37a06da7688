"""A Google Cloud project on this machine, for tests of deploy.sh.

The control plane is tests/support/standin/gcloud.py, which scripts in the place of gcloud and bq on PATH ask; the bucket's objects are in the emulator;
what callers reach is a front end in this process that asks for a token and leads to real functions, as the traffic says.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage

from model.registry.registry import Registry
from tests.support import forks
from tests.support.parts import MODEL, ROOT, Emulator, document
from tests.support.standin import gcloud

OWNER = "owner@example.com"
WRITER = "serviceAccount:service-7@gcp-sa-logging.iam.gserviceaccount.com"
"""As whom Cloud Logging writes to a sink."""

APIS = [
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "iam",
    "iamcredentials",
    "logging",
    "run",
    "storage",
]


def copy_repository(folder: Path, root: Path = ROOT) -> Path:
    """The parts of the repository that deploy.sh needs, but for its environment."""
    for name in ("functions", "model", "deploy"):
        shutil.copytree(root / name, folder / name)  # compiled files too: each start would compile anew
    for name in ("deploy.sh", "requirements.txt"):
        shutil.copy(root / name, folder)
    return folder


class Project:
    """A checkout, a project, and what stands between. *backends* are addresses of functions that a deployment gives."""

    def __init__(self, folder: Path, emulator: Emulator, *, like: Project | None = None, **state: Any) -> None:
        self.id = like.id if like else f"project-{uuid.uuid4().hex[:8]}"
        self.bucket = f"{self.id}-models"
        self.standin = folder / "standin"
        self.standin.mkdir(parents=True)
        self.checkout = copy_repository(folder / "a checkout with 'blanks'", like.checkout if like else ROOT)
        self._front = Front(self.standin)
        self._control = Control(self.standin)
        self._write(
            {
                "folder": str(self.standin),
                "project": self.id,
                "number": "123456789012",
                "configured_project": self.id,
                "account": OWNER,
                "token": "secret-token-of-the-account",
                "region": "us-central1",
                "front": self._front.url,
                "emulator": emulator.url,
                "python": sys.executable,
                "apis": [],
                "buckets": {},
                "accounts": [],
                "policies": {},
                "functions": {},
                "services": {},
                "triggers": {},
                **{
                    kind: {}
                    for kind in ("alerts", "channels", "dashboards", "jobs", "metrics", "objects", "roles", "sinks")
                },
                "accounts_of_google": [],
                "datasets": [],
                "bigquery": {"datasets": {}, "connections": {}},
                "entries": [],
                "connected": True,
                "backends": {},
                "next_backends": {},
                "processes": [],
                "elsewhere": [],
                **state,
            }
        )
        if like:
            text = json.dumps(like.state).replace(like.state["front"], self._front.url)
            self._write({**json.loads(text), "folder": str(self.standin), **state})
        self._make_commands(folder, emulator)
        self.environ = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHON": str(Path(sys.executable).resolve()),
            "DEPLOY_PAUSE_SECONDS": "0.01",
            "MONITORING": "off",  # a dozen commands more, which tests of watching ask for
            "DEPLOY_WITHIN_SECONDS": "10",
            **{name: text for name, text in os.environ.items() if name.startswith(("LANG", "LC_"))},
        }

    def _make_commands(self, folder: Path, emulator: Emulator) -> None:
        """gcloud, and the environment's Python, which finds the emulator and has no credentials but gcloud's."""
        environment = self.checkout / ".venv" / "bin"
        environment.mkdir(parents=True)
        made = Path(sys.executable).parent.parent  # by deploy.sh: its stamp says what stands in its lib
        shutil.copy(made / "stamp", environment.parent)
        (environment.parent / "lib").symlink_to(made / "lib")
        scripts = {
            folder / "bin" / "gcloud": ASK.replace("PORT", str(self._control.server_address[1])),
            folder / "bin" / "bq": 'set -- bq "$@"\n' + ASK.replace("PORT", str(self._control.server_address[1])),
            environment / "python": PYTHON.format(
                emulator=emulator.url, python=sys.executable, forks=shlex.join(forks.python())
            ),
        }
        for path, text in scripts.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!{BASH}\n{text}")
            path.chmod(0o755)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start ./deploy.sh as a terminal does, from elsewhere."""
        return subprocess.Popen(
            [self.checkout / "deploy.sh", *arguments],
            cwd="/",
            env={**self.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def deploy(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run ./deploy.sh to its end."""
        return self.end(self.start(*arguments, **environ), arguments, stdin)

    def end(
        self, process: subprocess.Popen[str], arguments: tuple[str, ...] = (), stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        try:
            out, err = process.communicate(stdin, timeout=110)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def up(self, *arguments: str, **environ: str) -> str:
        """Run `up`, which must succeed; gives what it said."""
        ended = self.deploy("up", *arguments, **environ)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.standin / "state.json").read_text())

    def change(self, **changes: Any) -> None:
        self._write({**self.state, **changes})

    def _write(self, state: dict[str, Any]) -> None:
        (self.standin / "state.json").write_text(json.dumps(state))

    def fault(self, *faults: dict[str, Any]) -> None:
        (self.standin / "faults.json").write_text(json.dumps(faults))

    def calls(self) -> list[list[str]]:
        path = self.standin / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def changes(self, since: int = 0) -> list[str]:
        """The words of the commands that change something, in order."""
        words = [[word for word in call if not word.startswith("-")] for call in self.calls()[since:]]
        reading = {
            "list",
            "describe",
            "get-iam-policy",
            "get",
            "print-identity-token",
            "print-access-token",
            "read",
            "ls",
            "cat",
            "show",
        }
        lease = f"gs://{self.bucket}/leases/"  # there only while a run is
        lines = [" ".join(line) for line in words if not reading & set(line[:4]) and line != ["version"]]
        return [line for line in lines if lease not in line]

    def lease(self) -> dict[str, Any] | None:
        """What the lease says, while there is one."""
        name = "leases/us-central1"
        there = name in self.state["objects"].get(self.bucket, {})
        return self.state["written"][f"{self.bucket}/{name}"]["custom_fields"] if there else None

    def traffic(self, name: str) -> dict[str, int]:
        """Percent by revision."""
        service = self.state["services"].get(name)
        if not service:
            return {}
        shares: dict[str, int] = {}
        for target in service["traffic"]:
            revision = target.get("revisionName", service["latest"])
            shares[revision] = shares.get(revision, 0) + target.get("percent", 0)
        return {revision: percent for revision, percent in shares.items() if percent}

    def tags(self, name: str) -> dict[str, str]:
        traffic = self.state["services"].get(name, {"traffic": []})["traffic"]
        return {target["tag"]: target["revisionName"] for target in traffic if "tag" in target}

    def stub_verbs(self, monitor: tuple[int, str], retrain: tuple[int, str]) -> Path:
        """Have `python -m model monitor` and `retrain` end with a status and print a text; gives the file of their calls."""
        python = self.checkout / ".venv" / "bin" / "python"
        calls = self.standin / "verbs"
        lines = [
            *python.read_text().splitlines()[:1],
            f'case "$3" in monitor|retrain) shift 2; echo "$*" >>\'{calls}\' ;; esac',
            'if [ "$1" = monitor ]; then',
            f'  while [ $# -gt 0 ]; do [ "$1" = --report ] && [ {monitor[0]} != 1 ] && echo \'<p>drift</p>\' >"$2"; shift; done',
            f"  printf %s '{monitor[1]}'; exit {monitor[0]}",
            "fi",
            f"if [ \"$1\" = retrain ]; then printf %s '{retrain[1]}'; exit {retrain[0]}; fi",
            *python.read_text().splitlines()[1:],
        ]
        python.write_text("\n".join(lines) + "\n")
        return calls

    def gcloud(self, *words: str) -> None:
        """Do by hand what a person does at the console."""
        subprocess.run(
            ["gcloud", *words],
            env={**self.environ, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
            check=True,
            capture_output=True,
        )

    def play(self, *words: str) -> None:
        """The same without a process, between two commands of whatever runs."""
        with self._control.turn:
            status, _, said = gcloud.play(self.standin, [*words], os.getpid(), lambda: False)
        assert status == 0, said

    def edit_code(self) -> None:
        """Make the checkout another release."""
        with (self.checkout / "functions" / "main.py").open("a") as file:
            file.write(f"# {uuid.uuid4()}\n")

    def make_bucket(self) -> None:
        """The bucket, behind the back of the control plane."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", self.state["emulator"])
            storage.Client().bucket(self.bucket).create()

    def publish(self, **more: Any) -> None:
        """Have production there already: y = 1 + 2 · bmi; with *more* in its manifest."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", self.state["emulator"])
            self.make_bucket()
            registry = Registry(self.bucket, MODEL)
            made = registry.publish({**document(), **more}, snapshot=b"rows", dataset="by-hand")
            registry.promote(made.version, alias="production", by="test", reason="test")

    def close(self) -> None:
        for pid in self.state["processes"]:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            if process := gcloud.STARTED.pop(pid, None):
                process.wait()
        for server in (self._front, self._control):
            server.shutdown()
            server.server_close()


BASH = shutil.which("bash")

PYTHON = """export STORAGE_EMULATOR_HOST={emulator}
[[ "${{1:-}} ${{2:-}}" != '-m model' || -n ${{PYTHON_ITSELF:-}} ]] || exec {forks} "$@"
exec '{python}' "$@"
"""

ASK = """
[ "${CLOUDSDK_CORE_DISABLE_PROMPTS:-}" = 1 ] || { echo "gcloud would ask, and wait for ever: $*" >&2; exit 1; }
exec 3<>/dev/tcp/127.0.0.1/PORT || exit
printf '%s\\0' "${FORKED_FOR:-$$}" $# "$@" >&3
{ IFS= read -r -d '' status && IFS= read -r -d '' out && IFS= read -r -d '' err; } <&3 || exit 1
printf %s "$out"
printf %s "$err" >&2
exit "$status"
"""
"""Have a `Control` play the command line, without a Python of its own. A call with prompts switched on is refused."""


class Control(socketserver.ThreadingTCPServer):
    """The project that gcloud would reach. One call at a time changes the project."""

    daemon_threads = True

    def __init__(self, standin: Path) -> None:
        self.standin = standin
        self.turn = threading.Lock()
        super().__init__(("127.0.0.1", 0), Call)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Call(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        pid, count = int(self._word()), int(self._word())
        arguments = [self._word() for _ in range(count)]
        with self.server.turn:
            answer = gcloud.play(self.server.standin, arguments, pid, self._gone)
        with suppress(ConnectionError):
            self.wfile.write("".join(f"{part}\0" for part in answer).encode())

    def _word(self) -> str:
        word = b""
        while (byte := self.rfile.read(1)) not in {b"", b"\0"}:
            word += byte
        return os.fsdecode(word)

    def _gone(self) -> bool:
        """Whether the caller has ended and left the connection."""
        with suppress(BlockingIOError):
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        return False


class Front(ThreadingHTTPServer):
    """Google's front end: an address for each service and for each tag, with a token or not at all."""

    daemon_threads = True

    def __init__(self, standin: Path) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", 0), Visitor)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Visitor(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        state = json.loads((self.server.standin / "state.json").read_text())
        host, _, path = self.path.removeprefix("/").partition("/")
        tag, _, name = host.rpartition("---")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        bindings = state["policies"].get(f"run services {name}", [])
        public = any("allUsers" in binding["members"] for binding in bindings)
        if not public and self.headers.get("authorization") != f"Bearer {state['token']}":
            self._answer(403, {"content-type": "text/html"}, b"<h1>Forbidden</h1>")
            return
        service = state["services"].get(name, {"traffic": []})
        targets = [t for t in service["traffic"] if (t.get("tag") == tag if tag else t.get("percent"))]
        if not targets:
            self._answer(404, {"content-type": "text/html"}, b"<h1>Not found</h1>")
            return
        target = random.choices(targets, [t.get("percent", 1) for t in targets])[0]
        backend = service["revisions"][target.get("revisionName", service["latest"])]["backend"]
        connection = http.client.HTTPConnection(backend.removeprefix("http://"), timeout=20)
        try:
            sent = {key: text for key, text in self.headers.items() if key.lower() not in {"host", "authorization"}}
            connection.request(self.command, f"/{path}", body or None, sent)
            answer = connection.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())
        except OSError:
            self._answer(503, {"content-type": "text/plain"}, b"Service Unavailable")
        finally:
            connection.close()

    do_POST = do_GET

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, text in headers.items():
            if key.lower() not in {"content-length", "date", "server", "transfer-encoding", "connection"}:
                self.send_header(key, text)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
