"""Lines are read in every shape in which they arrive; a source of which nearly nothing can be read is named."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import orjson
import pytest

from model.monitoring import log_reader as reader
from model.monitoring.windows import Layout
from tests.support.captured import NOW, entry, lines, request, row, traffic
from tests.support.parts import MODEL

LAYOUT = Layout(("a",), np.array([-4.0]), np.array([4.0]), (np.array([0.0]), np.array([0.0])))
CELLS = [0.5, -0.5, 3.0, 200.0]
RECORDS = [{"message": "serving", "severity": "INFO", "time": NOW.isoformat()}, *traffic({"a": CELLS}, CELLS, size=2)]


def read(text, size=1 << 16):
    return reader.read(
        [("source", [text[at : at + size] for at in range(0, len(text), size)])],
        model=MODEL,
        layout_of=lambda _: LAYOUT,
        window_seconds=86_400.0,
        now=NOW.timestamp() + 3600,
    )


def floats(value):
    """The same with every number a float, as a protobuf Struct has it."""
    match value:
        case dict():
            return {name: floats(cell) for name, cell in value.items()}
        case bool() | str() | None:
            return value
        case _:
            return float(value)


def bigquery(record):
    time = record["timestamp"].replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")
    return floats({**record, "timestamp": time})


def docker(record, size=1 << 20):
    """Docker's json-file: a line as text, and in pieces where it is long."""
    text = json.dumps(record) + "\n"
    return [
        {"log": text[at : at + size], "stream": "stdout", "time": NOW.isoformat()} for at in range(0, len(text), size)
    ]


ENTRIES = [entry(record) for record in RECORDS]
TEXTS = [{"textPayload": json.dumps(record), "timestamp": record["time"], "severity": "DEFAULT"} for record in RECORDS]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lines(ENTRIES), id="entries"),
        pytest.param(lines(TEXTS), id="text-payloads"),
        pytest.param(lines(map(floats, ENTRIES)), id="floats"),
        pytest.param(lines(map(bigquery, ENTRIES)), id="bigquery"),
        pytest.param(lines(part for record in RECORDS for part in docker(record)), id="docker"),
        pytest.param(lines(part for record in RECORDS for part in docker(record, 100)), id="docker-in-pieces"),
        pytest.param(b"\xef\xbb\xbf" + lines(ENTRIES), id="byte-order-mark"),
        pytest.param(lines(ENTRIES).replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(json.dumps(ENTRIES, indent=2).encode(), id="array-indented"),
        pytest.param(json.dumps(ENTRIES).encode(), id="array-on-one-line"),
        pytest.param(b"\xef\xbb\xbf\r\n" + json.dumps(ENTRIES, indent=2).encode(), id="array-behind-a-mark"),
        pytest.param(b"".join(json.dumps(record, indent=1).encode() + b"\n" for record in ENTRIES), id="indented"),
        pytest.param(json.dumps(ENTRIES[:3]).encode() + b"\n" + json.dumps(ENTRIES[3:]).encode(), id="two-arrays"),
    ],
)
@pytest.mark.parametrize("size", [7, 1 << 16])
def test_the_same_rows_are_read_from_every_shape(text, size):
    plain, found = read(lines(RECORDS)), read(text, size)

    window, expected = found.window(1), plain.window(1)
    assert (found.log.rows, found.log.requests, found.log.unusable, found.unread) == (4, 2, {}, [])
    assert found.log.other_lines >= plain.log.other_lines == 1
    assert window.sample.tolist() == expected.sample.tolist()
    assert (found.period, window.outside.tolist()) == (plain.period, expected.outside.tolist())


@pytest.mark.slow
def test_an_array_is_read_in_the_memory_of_some_entries():
    filler = orjson.dumps({"message": "x" * 1_000})

    def endless():
        yield b"["
        for _ in range(40):
            yield b",".join([filler] * 1_000) + b",\n"
        yield lines([entry(row("r", 0, {"a": 1.0}))]) + b"]"

    tracemalloc.start()
    found = reader.read(
        [("s", endless())], model=MODEL, layout_of=lambda _: LAYOUT, window_seconds=86_400.0, now=NOW.timestamp() + 1
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (found.log.rows, found.log.lines) == (1, 40_001)
    assert peak < 20 << 20


def test_an_array_that_is_cut_short_keeps_what_came_before_the_cut():
    found = read(json.dumps(ENTRIES, indent=2).encode()[:-300])

    assert found.log.rows == 3
    assert found.log.unusable["not-json"].count == 1
    assert found.unread == []


def test_the_line_of_a_bad_element_is_that_of_the_file():
    text = json.dumps([*ENTRIES[:2], {**row("x", 0, {"a": "one"})}, *ENTRIES[2:]], indent=2).encode()
    line = text[: text.index(b'"one"')].count(b"\n{") + text[: text.index(b'"kind": "row"')].count(b"\n")

    example = read(text).log.unusable["malformed"].example

    assert example.startswith("source line ")
    assert abs(int(example.split()[2].rstrip(":")) - line) < 60


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            b"\x89PNG\r\n" * 50, "source: 50 of 50 lines cannot be used; line 1: must be one JSON object", id="binary"
        ),
        pytest.param(
            lines([{"ts": 1, "msg": "hello"}] * 20),
            'source: 20 of 20 lines cannot be used; line 1: {"ts":1,"msg":"hello"}',
            id="foreign",
        ),
        pytest.param(
            lines({**row(f"r{n}", 0, {"a": 1.0}), "prediction": {}} for n in range(20)),
            "source: 20 of 20 lines cannot be used; line 1: prediction must be a number",
            id="malformed",
        ),
        pytest.param(
            lines(
                part
                for n in range(20)
                for part in (request(f"r{n}"), {**row(f"r{n}", 0, {"a": 1.0}), "prediction": None})
            ),
            "source: 20 of 20 rows cannot be used; line 2: prediction must be a number",
            id="rows-alone",
        ),
    ],
)
def test_a_source_of_which_nearly_nothing_can_be_read_says_so(text, reason):
    (unread,) = read(text).unread

    assert unread.startswith(reason)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(lines([{"message": "serving"}] * 20), id="a-quiet-function"),
        pytest.param(lines([*RECORDS] * 3) + b"{cut", id="one-cut-short"),
        pytest.param(lines({**record, "model": "houses"} for record in RECORDS), id="another-model"),
    ],
)
def test_a_source_that_was_read_and_holds_little_is_not_named(text):
    assert read(text).unread == []
