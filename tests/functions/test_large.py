"""Large requests are answered by a process of their own: what becomes of it, and the same answers as without it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import pytest

from functions import predictor
from functions.handling import large, response, router
from functions.handling.asked import Asked
from functions.handling.large import LARGE_BYTES, Elsewhere
from functions.handling.replies import RefusalError
from functions.processes import forked
from functions.telemetry.record import Record
from tests.support.kinds import price, punctual, sealed
from tests.support.parts import MODEL, ROOT, document

ROWS = 1_300_000
SLOW = gzip.compress(b'{"instances": [%s{"bmi":0.5}]}' % (b'{"bmi":0.5},' * (ROWS - 1)), 1)
"""It is sent in no time, and takes its process a second or more: long enough to strike at it."""


FEW_FILES = 5
"""Input, output, errors, and the two ways back to the worker."""


def body_of(rows):
    return orjson.dumps({"instances": np.random.default_rng(0).uniform(-1, 1, rows).round(6).tolist()})


def children(pid):
    """The processes that *pid* forked and that are not reaped."""
    with contextlib.suppress(FileNotFoundError):
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    return []


def lives(pid):
    """Whether *pid* lives; one that nobody reaped does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    return False


def files(pid):
    """How many files and connections *pid* has open."""
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


def highest_file(pid):
    return max(int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir())


def until(condition, seconds=60):
    """The first value of *condition* that counts as true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.001)
    return value


def worker(server):
    return until(lambda: children(server.process.pid))[0]


def large_one(server):
    """The process of the large request that is under way."""
    return until(lambda: children(worker(server)))[0]


def under_way(server, pool):
    """A large request under way: its answer to come, and its process, stopped."""
    answer = pool.submit(server.post, SLOW, content_encoding="gzip")
    child = large_one(server)
    until(lambda: files(child) <= FEW_FILES)
    os.kill(child, signal.SIGSTOP)
    return answer, child


@contextlib.contextmanager
def connected(server, body):
    """A caller who sends *body*, and hangs up in the end."""
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + body)
        yield


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as made:
        yield made


@pytest.fixture
def batch_alone(production, serve):
    production()
    return serve("batch")


# Whatever happens to the process


def test_a_request_whose_process_is_killed_gets_a_503_and_the_log_names_the_signal(batch_alone, pool):
    answer, child = under_way(batch_alone, pool)

    os.kill(child, signal.SIGKILL)

    assert answer.result(60).status == 503
    assert answer.result().headers["retry-after"] == "1"
    assert answer.result().json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the process that answered this request ended by signal 9 (SIGKILL);"
        " send the instances in parts, or ask again",
    }
    event, line = batch_alone.lines("ERROR")
    assert event["message"] == "the process of a large request ended by signal 9 (SIGKILL)"
    assert (line["status"], line["request_id"], line["instances"]) == (503, event["request_id"], 0)
    assert batch_alone.post({"instances": [0.5]}).json()["predictions"] == [2.0]
    assert children(worker(batch_alone)) == []


def test_the_process_of_a_caller_who_hung_up_is_ended(batch_alone):
    with connected(batch_alone, SLOW):
        child = large_one(batch_alone)
        os.kill(child, signal.SIGSTOP)

    until(lambda: not lives(child))
    (line,) = until(lambda: [line for line in batch_alone.lines("WARNING") if line.get("kind") == "request"])
    assert (line["status"], line["instances"]) == (499, 0)
    assert batch_alone.get("/[0.5]").status == 200


def test_a_caller_who_hangs_up_in_the_queue_is_left_out(batch_alone, pool):
    answers = [pool.submit(batch_alone.post, SLOW, content_encoding="gzip") for _ in range(large.cores())]
    before = until(lambda: [*found] if len(found := children(worker(batch_alone))) == len(answers) else [])
    for child in before:
        os.kill(child, signal.SIGSTOP)

    with connected(batch_alone, SLOW):
        batch_alone.get("/healthz")

    until(lambda: any(line.get("status") == 499 for line in batch_alone.lines()))
    assert children(worker(batch_alone)) == before
    for child in before:
        os.kill(child, signal.SIGCONT)
    assert [answer.result(60).status for answer in answers] == [200] * len(answers)


@pytest.mark.parametrize(
    ("number", "tell"),
    [
        pytest.param(signal.SIGTERM, os.kill, id="platform"),
        pytest.param(signal.SIGTERM, os.killpg, id="supervisor-of-all-processes"),
        pytest.param(signal.SIGINT, os.killpg, id="terminal"),
    ],
)
def test_a_worker_that_is_told_to_stop_answers_a_large_request_first(batch_alone, pool, number, tell):
    answer, child = under_way(batch_alone, pool)

    tell(batch_alone.process.pid, number)
    os.kill(child, signal.SIGCONT)

    assert (answer.result(60).status, len(answer.result().json()["predictions"])) == (200, ROWS)
    until(lambda: not lives(child))


def test_no_process_survives_a_worker_that_is_killed(batch_alone, pool):
    answer, child = under_way(batch_alone, pool)

    os.kill(worker(batch_alone), signal.SIGKILL)

    until(lambda: not lives(child))
    with pytest.raises((OSError, http.client.HTTPException)):
        answer.result(60)


def test_small_requests_are_answered_while_a_large_one_is_under_way(batch_alone, pool):
    answer, child = under_way(batch_alone, pool)

    small = [batch_alone.get("/healthz").status, batch_alone.get("/[0.5]").json()["predictions"]]

    assert (small, answer.done()) == ([200, [2.0]], False)
    os.kill(child, signal.SIGCONT)
    assert answer.result(60).json()["predictions"] == [2.0] * ROWS


def test_the_process_holds_no_connection_open_that_the_worker_closes(batch_alone, pool):
    with socket.create_connection(("127.0.0.1", batch_alone.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(4096)
        answer, child = under_way(batch_alone, pool)

        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        rest = b"".join(iter(lambda: connection.recv(4096), b""))

    os.kill(child, signal.SIGCONT)
    assert rest.endswith(b'{"status":"ok"}')
    assert answer.result(60).status == 200


def test_only_as_many_are_under_way_as_there_are_processors(batch_alone, pool):
    at_once = large.cores()
    answers = [pool.submit(batch_alone.post, body_of(260_000)) for _ in range(4)]
    most = 0
    while not all(answer.done() for answer in answers):
        most = max(most, len(children(worker(batch_alone))))

    assert [answer.result().status for answer in answers] == [200] * 4
    assert 0 < most <= at_once


def test_a_large_request_is_answered_where_lines_carry_an_execution_id(production, serve):
    """As every deployed function has it: the framework puts a stream that is no file in the place of `sys.stderr`."""
    production()
    server = serve("batch", LOG_EXECUTION_ID="true")

    answer = server.post(body_of(200_000), x_request_id="large")

    assert (answer.status, len(answer.json()["predictions"])) == (200, 200_000)
    line = next(line for line in server.lines() if line.get("kind") == "request")
    assert line["logging.googleapis.com/labels"]["execution_id"]


def test_a_large_request_is_answered_where_hardly_a_file_is_left(batch_alone):
    """None for its process, then one more at a time; without a process, the worker itself answers."""
    body = body_of(200_000)
    batch_alone.post(body)
    until(lambda: not children(worker(batch_alone)))
    connection = http.client.HTTPConnection("127.0.0.1", batch_alone.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        statuses = []
        for more in range(6):
            limit = (highest_file(worker(batch_alone)) + 1 + more, 4096)
            resource.prlimit(worker(batch_alone), resource.RLIMIT_NOFILE, limit)
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            until(lambda: not children(worker(batch_alone)))

    assert statuses == [200] * 6


@pytest.mark.parametrize("more_bytes", [pytest.param(5 << 20, id="to-parse"), pytest.param(20 << 20, id="to-predict")])
def test_where_memory_is_wanting_a_large_request_gets_a_503(batch_alone, more_bytes):
    body = body_of(400_000)
    batch_alone.post(body)
    until(lambda: not children(worker(batch_alone)))
    pages = int(Path(f"/proc/{worker(batch_alone)}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more_bytes
    resource.prlimit(worker(batch_alone), resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    answer = batch_alone.post(body)

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"].endswith("send the instances in parts, or ask again")
    assert batch_alone.get("/[0.5]").status == 200


def test_nothing_is_left_of_large_requests(batch_alone):
    body = body_of(260_000)
    batch_alone.post(body)
    until(lambda: not children(worker(batch_alone)))
    before = files(worker(batch_alone))

    assert {batch_alone.post(body).status for _ in range(5)} == {200}

    until(lambda: not children(worker(batch_alone)))
    until(lambda: files(worker(batch_alone)) <= before, 10)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        pytest.param(b"[" * (2 << 20), 400, "not JSON: depth limit exceeded", id="deep"),
        pytest.param(b"\x00" * (2 << 20), 400, "not JSON: unexpected character", id="zeros"),
        pytest.param(b'{"instances": [0.5' + b" " * (2 << 20), 400, "not JSON: unexpected end of data", id="cut-off"),
        pytest.param(
            b'{"instances": [%s"x"]}' % (b"0.5," * 150_000 + b" " * (2 << 20)),
            400,
            "row 150000: 'bmi' must be a number, got \"x\"",
            id="a-text-at-the-end",
        ),
        pytest.param(
            b'{"instances": [%s{"bmi":1,"bmi":2}]}' % (b"0.5," * 150_000 + b" " * (2 << 20)),
            400,
            'row 150000: feature "bmi" came twice',
            id="a-name-twice",
        ),
        pytest.param(b'{"instances": [%s1]}' % (b"1," * 1_500_000), 413, "the body must hold at most", id="too-many"),
        pytest.param(
            b'{"instances": [1e308%s]}' % (b" " * (2 << 20)), 400, "row 0: the prediction", id="beyond-float64"
        ),
    ],
)
def test_a_hostile_large_body_is_refused_as_a_small_one_is(batch, body, status, detail):
    answer = batch.post(body)

    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].startswith(detail)


def test_a_small_body_that_becomes_a_large_one_out_of_gzip_is_answered(batch):
    answer = batch.post(
        gzip.compress(b'{"instances": [%s1]}' % (b"0.5,           " * 160_000)), content_encoding="gzip"
    )

    assert (answer.status, len(answer.json()["predictions"])) == (200, 160_001)


# Passes of the garbage collector


@pytest.fixture
def passes():
    """The passes of the garbage collector so far; it is on."""
    gc.enable()
    seen = []
    gc.callbacks.append(note := lambda phase, info: seen.append((phase, info)))
    yield seen
    gc.callbacks.remove(note)
    gc.enable()


@pytest.mark.parametrize("cell", [pytest.param([[0.5]], id="answered"), pytest.param([["x"]], id="refused")])
def test_the_collector_rests_while_rows_are_answered_and_is_on_again_behind_them(passes, cell):
    request = asked(line(), orjson.dumps({"instances": [[0.5]] * 20_000 + cell}))
    gc.collect()
    passes.clear()

    request.reply()

    assert (passes, gc.isenabled()) == ([], True)


def test_a_collector_that_is_off_stays_off(passes):
    gc.disable()

    asked(line(), body_of(100)).reply()

    assert not gc.isenabled()


# The same as without


async def _nothing_more():
    await asyncio.Event().wait()


def asked(made, body, *, headers=None, model=None):
    """A request for the model of the manifest *made*, and the record that it fills in."""
    given = {"content-type": "application/json", "x-request-id": "visit-1", **(headers or {})}
    record = Record("batch", MODEL, given, most_rows=20)
    record.serve(1, made.features, made.classes)
    route = router.route("", "POST")
    answerer = model or predictor.load(made)
    protocol = router.protocol_of(route, given)
    return Asked(
        body, given, route, router.by_members(protocol, body), answerer, record, one=False, most_bytes=32 << 20
    )


def line():
    return sealed((document(), b""))


def both(make):
    """Reply and log members of the request that *make* makes, answered by a process of its own and by this one."""
    found = []
    for elsewhere in (True, False):
        request = make()
        if elsewhere:
            reply = asyncio.run(answered(request))
        else:
            reply = request.reply()
            if len(reply.content.body) >= response.LEAST_GZIP_BYTES:
                reply = asyncio.run(response.compressed(reply, request.headers))
        finished = request.record.finish(reply.status)
        parts = finished.request.pop("latency_seconds")
        logged = orjson.dumps(finished[1:])
        found.append((reply.status, reply.headers, *reply.content[::2], bytes(reply.content.body), logged, [*parts]))
    return found


async def answered(request):
    return await Elsewhere().reply(request, _nothing_more)


NAMES = ["age", "colour", "floor", "late", "when"]
ROWS_OF_KINDS = [[3.0, "red", 2, True, "1970-01-01T05:00:00Z"], [None, None, 1, False, "1970-01-01"]] * 60
ODD = [[1.5, "green", 1, False, "1970-01-01"], [640.0, "blue", 2, True, "1999-01-01"]]
GOOD = [*ROWS_OF_KINDS, *ODD]
JSON = orjson.dumps({"instances": GOOD})
SPLIT = orjson.dumps({"dataframe_split": {"columns": NAMES, "data": GOOD}})
CSV = b"age,colour,floor,late,when\n" + b"1.5,red,2,true,1970-01-01\n" * 100


@pytest.mark.process
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(JSON, {}, id="instances"),
        pytest.param(JSON, {"accept-encoding": "gzip"}, id="answer-in-gzip"),
        pytest.param(gzip.compress(JSON), {"content-encoding": "gzip"}, id="gzip"),
        pytest.param(b"no gzip" * 99, {"content-encoding": "gzip"}, id="no-gzip"),
        pytest.param(orjson.dumps({"instances": [*GOOD, ["x"]]}), {}, id="refused"),
        pytest.param(orjson.dumps({"calls": [*GOOD, ["x"] * 5], "requestId": "q-1"}), {}, id="a-row-left-out"),
        pytest.param(SPLIT, {}, id="frames"),
        pytest.param(b"\n".join(map(orjson.dumps, GOOD)), {"content-type": "application/x-ndjson"}, id="json-lines"),
        pytest.param(CSV, {"content-type": "text/csv", "accept": "text/csv"}, id="csv"),
    ],
)
@pytest.mark.parametrize("made", [pytest.param(price, id="regression"), pytest.param(punctual, id="classifier")])
def test_reply_and_record_are_the_same_from_a_process_of_its_own(monkeypatch, made, body, headers):
    monkeypatch.setattr(large, "LARGE_BYTES", 100)

    elsewhere, here = both(lambda: asked(sealed(made()), body, headers=headers))

    assert elsewhere == here


@pytest.mark.process
def test_an_error_of_the_function_in_the_process_is_an_error_with_its_stack_trace(monkeypatch):
    request = asked(line(), body_of(260_000), model=predictor.load(line())._replace(runtime=None))

    reply = asyncio.run(answered(request))

    assert (reply.status, orjson.loads(bytes(reply.content.body))["title"]) == (500, "Internal Server Error")
    assert "AttributeError" in request.record.finish(500).request["stack_trace"]


@pytest.mark.process
def test_an_error_beside_the_reply_is_named_as_the_end_of_the_process(monkeypatch, capfd):
    def none(_):
        raise MemoryError

    monkeypatch.setattr(large, "_told", none)

    with pytest.raises(RefusalError) as caught:
        asyncio.run(answered(asked(line(), body_of(260_000))))

    assert (caught.value.status, "ended with exit code 1 (MemoryError)" in str(caught.value)) == (503, True)
    assert "the process of a large request ended with exit code 1 (MemoryError)" in capfd.readouterr().out


@pytest.mark.process
def test_where_no_process_can_be_had_the_request_is_answered_by_this_one(monkeypatch, capfd):
    def none(_):
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(large, "Child", none)

    reply = asyncio.run(answered(asked(line(), body_of(260_000))))

    assert reply.status == 200
    assert "no process can be had for a large request (no more processes)" in capfd.readouterr().out


@pytest.mark.process
def test_where_the_answer_of_a_process_cannot_be_read_the_request_is_answered_by_this_one(monkeypatch, capfd):
    def none(*_, **__):
        raise OSError("no more files")

    monkeypatch.setattr(forked.mmap, "mmap", none)

    reply = asyncio.run(answered(asked(line(), body_of(260_000))))

    assert reply.status == 200
    assert "no process can be had for a large request (no more files)" in capfd.readouterr().out


@pytest.mark.process
def test_a_slow_format_goes_to_a_process_of_its_own_with_smaller_bodies_too(monkeypatch):
    made = line()
    body = body_of(2000)
    forked = []
    monkeypatch.setattr(large, "Child", lambda work: forked.append(work) or (_ for _ in ()).throw(OSError("not now")))
    clock = iter(range(100))
    monkeypatch.setattr(large.time, "thread_time", lambda: next(clock) * 1.0)  # a second a request

    async def forks():
        elsewhere = Elsewhere()
        return [(await elsewhere.reply(asked(made, body), _nothing_more), len(forked))[1] for _ in range(3)]

    assert (asyncio.run(forks()), len(body) < LARGE_BYTES) == ([0, 0, 1], True)


ALONE = """
import sys
from tests.functions import test_large as test

made = test.sealed(test.punctual())
model = test.predictor.load(made)
for name in [name for name in sys.modules if name.startswith("functions.")]:
    if name.rpartition(".")[2] in {"keys", "leading", "leniency"}:
        del sys.modules[name]
test.large.Elsewhere()._make_ready()
good = test.GOOD * 3
parts = [
    ({"instances": good, "parameters": {"top": 1}, "keys": list(range(len(good)))}, {"accept-encoding": "gzip"}),
    ({"instances": good}, {"accept": "text/csv"}),
    ({"instances": good}, {"accept": "application/jsonl"}),
    ({"instances": good}, {"accept": "application/x-npy"}),
    ({"instances": [*good, ["x"]]}, {}),
    ({"calls": [*good, ["x"] * 5]}, {}),
    ({"dataframe_split": {"columns": test.NAMES, "data": good}}, {}),
    ({"instances": [{"colour": "red", "colour": "blue"}]}, {}),
]
asked = [test.asked(made, test.orjson.dumps(body), model=model, headers=headers) for body, headers in parts]
asked += [
    test.asked(made, test.CSV, model=model, headers={"content-type": "text/csv"}),
    test.asked(made, test.CSV[:-3] + b"x,x,x,x", model=model, headers={"content-type": "text/csv"}),
    test.asked(made, test.gzip.compress(test.JSON), model=model, headers={"content-encoding": "gzip"}),
    test.asked(made, b"[1]", model=model, headers={"content-type": "application/jsonl"}),
    test.asked(made, b"x", model=model, headers={"content-type": "application/x-npy"}),
]
before = set(sys.modules)
for each in asked:
    test.large._told(each)
assert set(sys.modules) == before, set(sys.modules) - before
"""


@pytest.mark.process
def test_a_process_of_its_own_imports_nothing():
    subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, check=True)
