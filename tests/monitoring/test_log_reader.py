"""Captured log lines become windows of figures; what cannot be used is left out, counted, and named with its place."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from dataclasses import asdict, replace
from datetime import timedelta

import numpy as np
import orjson
import pytest

from model.data import sources
from model.errors import SourceError
from model.monitoring import log_reader as reader
from model.monitoring.captured import Unusable
from model.monitoring.labels import keyed
from model.monitoring.windows import Layout
from tests.support.captured import NOW, entry, lines, request, row, traffic
from tests.support.parts import MODEL

HOUR = timedelta(hours=1)
LAYOUT = Layout(
    ("a", "b"), np.array([-4.0, 0.0]), np.array([4.0, 1.0]), (np.array([0.0]), np.array([0.25, 0.5]), np.array([0.0]))
)


def read(*texts, known=(1,), redacted=(), **options):
    """Read each text as one source; the bucket holds the versions that are known."""
    return reader.read(
        [(f"source-{number}", pieces(text)) for number, text in enumerate(texts)],
        model=MODEL,
        layout_of=lambda version: replace(LAYOUT, redacted=redacted) if version in known else None,
        **{"window_seconds": 86_400.0, "now": NOW.timestamp() + 3600, **options},
    )


def pieces(text, size=1 << 16):
    return [text[place : place + size] for place in range(0, len(text), size)]


def some(rows=100, seed=1, **options):
    """Requests with rows of both features."""
    a, b = np.random.default_rng(seed).uniform(size=(2, rows))
    return list(traffic({"a": a * 8 - 4, "b": b}, a + b, **options))


def figures(found, version=1):
    """Everything that a reader of the log sees, comparable by value."""
    window = found.window(version)
    return {
        **asdict(found.log),
        "window": {
            name: np.asarray(cells).tolist() for name, cells in vars(window).items() if name not in {"counts", "slots"}
        },
        "counts": [cells.tolist() for cells in window.counts],
        "slots": {slot: part.rows for slot, part in window.slots.items()},
        "traffic": sorted(
            (part.function, part.version, part.slot, part.answered, part.latency.tolist())
            for part in found.requests_by_slot()
        ),
    }


GOOD = row("r", 0, {"a": 1.0, "b": 0.5})


# Broken input


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        pytest.param(b'{"kind": "row", "requ', "not-json", "must be one JSON object, found {", id="cut-short"),
        pytest.param(b"\x89PNG\r\x1a\x00\xff", "not-json", "must be one JSON object, found \\x89PNG?", id="binary"),
        pytest.param(b"[1, 2]", "not-json", "must be a JSON object, found [1, 2]", id="array"),
        pytest.param(lines([{**GOOD, "prediction": 1}])[:-3] + b"NaN}", "not-json", "unexpected", id="nan"),
        pytest.param(b'{"a": 1e999}', "not-json", "infinity", id="infinite"),
        pytest.param({**GOOD, "row": "0"}, "malformed", 'row must be a whole number from 0, found "0"', id="row-text"),
        pytest.param({**GOOD, "row": -1}, "malformed", "row must be a whole number from 0, found -1", id="row-below"),
        pytest.param(
            {**GOOD, "row": True}, "malformed", "row must be a whole number from 0, found true", id="row-bool"
        ),
        pytest.param({**GOOD, "request_id": 7}, "malformed", "request_id must be text, found 7", id="id"),
        pytest.param({**GOOD, "version": None}, "malformed", "version must be a whole number from 1", id="no-version"),
        pytest.param({**GOOD, "version": "1"}, "malformed", "version must be a whole number from 1, or", id="version"),
        pytest.param(
            {**GOOD, "features": [1.0]}, "malformed", "features must be an object, found [1.0]", id="array-of"
        ),
        pytest.param(row("r", 0, {"a": "1"}), "malformed", 'features.a must be a number, found "1"', id="cell-text"),
        pytest.param(
            {**GOOD, "prediction": "x"}, "malformed", 'prediction must be a number, found "x"', id="prediction"
        ),
        pytest.param(
            {**GOOD, "function": "x"}, "malformed", 'function must be batch or stream, found "x"', id="function"
        ),
        pytest.param({**GOOD, "time": "2026-11-20T11:00:00"}, "bad-time", "found a time without a zone", id="naive"),
        pytest.param({**GOOD, "time": "yesterday"}, "bad-time", 'with a zone, found "yesterday"', id="no-time"),
        pytest.param({**GOOD, "time": 1700000000}, "bad-time", "with a zone, found 1700000000", id="number"),
        pytest.param(
            {**GOOD, "time": "2027-11-20T11:00:00Z"}, "bad-time", "not lie in the future, found 2027", id="future"
        ),
        pytest.param(
            {**GOOD, "time": "0001-01-01T00:00:00Z"}, "bad-time", "not lie before 1970, found 0001", id="zero"
        ),
        pytest.param({**GOOD, "version": 9}, "unknown-version", "the bucket holds no version 9", id="unknown-version"),
        pytest.param(
            {**request("q"), "status": "200"}, "malformed", "status must be a whole number from 100", id="status"
        ),
        pytest.param(request("q", captured=-1), "malformed", "captured must be a whole number from 0", id="captured"),
        pytest.param(request("q", latency_seconds={}), "malformed", "latency_seconds must be an object", id="latency"),
        pytest.param(
            request("q", latency_seconds={"total": -1}), "malformed", "latency_seconds.total must be", id="negative"
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out_and_named(line, code, told):
    good = some(20)

    found = read(lines([*good[:5], line, *good[5:]]))

    assert found.log.unusable.keys() == {code}
    assert found.log.unusable[code].count == 1
    assert found.log.unusable[code].example.startswith("source-0 line 6: ")
    assert told in found.log.unusable[code].example
    assert (found.log.rows, found.log.requests) == (20, 2)


def test_a_version_beyond_int64_is_left_out():
    assert read(lines([{**GOOD, "version": 2**63}, GOOD])).log.unusable["malformed"].count == 1


def test_a_huge_line_is_passed_over_in_little_memory():
    def endless():
        yield lines([GOOD])
        yield from [b"x" * (1 << 20)] * 40
        yield b"\n" + lines([row("s", 0, {"a": 1.0, "b": 0.5})])

    tracemalloc.start()
    found = reader.read(
        [("s", endless())], model=MODEL, layout_of=lambda _: LAYOUT, window_seconds=86_400.0, now=NOW.timestamp() + 1
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (found.log.rows, found.log.lines) == (2, 3)
    assert found.log.unusable["not-json"] == Unusable(
        1, "s line 2: must be a line of at most 1 MiB, found a longer one"
    )
    assert peak < 20 << 20


@pytest.mark.parametrize("text", [pytest.param(b"", id="empty"), pytest.param(b"\n\r\n\n", id="blank-lines")])
def test_of_nothing_there_is_nothing(text):
    found = read(text)

    assert (found.log.lines, found.log.rows, found.period.until, found.rows, found.log.unusable) == (0, 0, None, {}, {})


def test_lines_of_other_kinds_and_of_other_models_are_counted_apart():
    found = read(lines([{"message": "starting"}, entry({**GOOD, "kind": "event"}), {**GOOD, "model": "houses"}, GOOD]))

    assert (found.log.other_lines, found.log.other_models, found.log.rows, found.log.unusable) == (2, 1, 1, {})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("", "FOLDER must be a file, found a directory: name the files in it (FOLDER/*)", id="directory"),
        pytest.param("/none", "FOLDER/none does not exist", id="absent"),
    ],
)
def test_a_source_that_is_no_file_is_named(tmp_path, name, message):
    with pytest.raises(SourceError) as caught:
        list(sources.pieces(f"{tmp_path}{name}"))

    assert str(caught.value) == message.replace("FOLDER", str(tmp_path))


def test_lines_that_pack_a_hundredfold_are_all_read():
    a = np.zeros(20_000)
    text = lines(traffic({"a": a, "b": a}, a, size=1_000))

    found = reader.read(
        [("s", pieces(gzip.compress(text), 1_000))],
        model=MODEL,
        layout_of=lambda _: LAYOUT,
        window_seconds=86_400.0,
        now=NOW.timestamp(),
    )

    assert (found.log.rows, found.log.requests, found.log.unusable) == (20_000, 20, {})


def test_what_is_packed_and_cut_short_ends_with_a_line_that_is_no_json():
    found = read(gzip.compress(lines(some(3_000)))[:-2_000])

    assert 0 < found.log.rows < 3_000
    assert found.log.unusable["not-json"].count == 1


def test_what_only_begins_like_gzip_is_named():
    with pytest.raises(SourceError, match="source-0 cannot be unpacked"):
        read(b"\x1f\x8b" + b"x" * 100)


# Counts


def test_both_shapes_and_packed_lines_count_alike():
    records = some(300)
    plain = lines(records)
    packed = gzip.compress(plain[: len(plain) // 2]) + gzip.compress(plain[len(plain) // 2 :])

    expected = figures(read(plain))

    del expected["bytes"]
    for text in (lines(map(entry, records)), packed, plain.replace(b"\n", b"\r\n"), plain.rstrip(b"\n")):
        found = figures(read(text))
        del found["bytes"]
        assert found == expected
    assert expected["rows"] == 300


def test_nanoseconds_of_cloud_logging_are_read():
    found = read(lines([{**entry(GOOD), "timestamp": "2026-11-20T11:59:59.123456789Z"}]))

    assert found.period.until == NOW.timestamp()


def test_the_order_of_lines_does_not_matter(monkeypatch):
    monkeypatch.setattr("model.monitoring.captured.MOST_SAMPLED", 50)
    records = [*some(2_000, hours=60), *some(200, seed=2, name="other", function="stream", size=1)]
    again = [record for record in records if record.get("request_id") == "r-100"]
    shuffled = [*records, *again]
    random.Random(1).shuffle(shuffled)

    first, second = (figures(read(lines(order))) for order in ([*records, *again], shuffled))

    assert len(first["window"]["sample"]) == 50
    assert {**first, "bytes": 0} == {**second, "bytes": 0}


def test_windows_end_with_the_hour_of_the_newest_line_or_where_they_are_told_to():
    records = [row(f"r{hours}", 0, {"a": 1.0, "b": 0.5}, NOW - hours * HOUR) for hours in (0, 1, 23, 24, 47, 48, 80)]
    newest = read(lines(records))
    told = read(lines(records), until=NOW.timestamp())

    assert (newest.period.until, told.period.until) == (NOW.timestamp() + 3600, NOW.timestamp())
    assert [newest.window(1, back=back).rows for back in (0, 1)] == [3, 2]
    assert [told.window(1, back=back).rows for back in (0, 1)] == [3, 2]
    assert (newest.log.older, newest.log.after) == (2, 0)
    assert (told.log.older, told.log.after) == (1, 1)


def test_a_row_counts_once_however_often_it_comes():
    records = some(100)

    found = read(lines(records), lines(map(entry, records)))

    assert (found.log.rows, found.log.duplicates) == (100, 100)
    assert (found.log.requests, found.log.duplicated_requests) == (10, 10)
    assert found.window(1).rows == 100


def test_a_retry_is_a_request_more_and_no_row_more():
    retried = [{**record, "time": record["time"].replace(".", ".9")} for record in some(10)]

    found = read(lines([*some(10), *retried]))

    assert (found.log.requests, found.log.rows, found.log.duplicates) == (2, 10, 10)


def test_cells_and_values_outside_are_counted_between_and_at_the_edges():
    cells = [-1.0, 0.0, 0.25, 0.3, 0.5, 0.5, 2.0]
    records = [row("r", number, {"a": 9.0, "b": cell}) for number, cell in enumerate(cells)]

    window = read(lines(records)).window(1)

    assert [counts.tolist() for counts in window.counts] == [[0, 0, 7], [2, 1, 1, 2, 1], [0, 7, 0]]
    assert window.outside.tolist() == [7, 2, 0]


def test_values_are_compared_in_the_width_of_their_training_column():
    """The double 0.1 and 0.7 stand for a float32 column's least and largest value, and for its edge."""
    least, edge, largest = (float(np.float32(value)) for value in (0.1, 0.3, 0.7))
    narrow = Layout(
        ("a", "b"),
        np.array([least, 0.0]),
        np.array([largest, 1.0]),
        (np.array([edge]), np.array([0.5]), np.array([0.0])),
        widths=("float32", "float64"),
    )
    records = [row("r", n, {"a": a, "b": 0.3}) for n, a in enumerate([0.1, 0.3, 0.7, 0.09, 1e300])]

    found = reader.read(
        [("s", [lines(records)])],
        model=MODEL,
        layout_of=lambda _: narrow,
        window_seconds=86_400.0,
        now=NOW.timestamp() + 3600,
    )

    assert found.window(1).outside.tolist() == [2, 0, 0]
    assert found.window(1).counts[0].tolist() == [2, 1, 2]


def test_null_is_a_missing_cell_and_true_is_1():
    cells = [{"a": None, "b": True}, {"a": 2, "b": False}, {"a": 3.0, "b": None}]

    found = read(lines([request("r", instances=3, captured=3), *(row("r", n, each) for n, each in enumerate(cells))]))

    window = found.window(1)
    assert (found.log.rows, found.log.unusable, window.missing.tolist()) == (3, {}, [1, 1, 0])
    assert np.nansum(window.sample, axis=0).tolist() == [5.0, 1.0, 0.0]


def test_a_feature_is_missing_from_the_rows_that_lack_it_unless_its_version_redacts_it():
    records = [
        row("r", number, {"b": 0.5} if number else {"a": 1.0, "b": 0.5}, function="batch") for number in range(4)
    ]
    records += [row("s", number, {"b": 0.5}, function="stream") for number in range(5)]

    window = read(lines(records)).window(1)
    redacted = read(lines(records), redacted=(True, False)).window(1)

    assert [of.present.tolist() for of in (window, redacted)] == [[1, 9, 9], [1, 9, 9]]
    assert [of.missing.tolist() for of in (window, redacted)] == [[8, 0, 0], [0, 0, 0]]
    assert [of.redacted.tolist() for of in (window, redacted)] == [[False] * 3, [True, False, False]]
    assert np.isnan(window.sample[:, 0]).sum() == 8


@pytest.mark.parametrize("member", ["row", "features", "time", "request_id"])
def test_a_line_nested_too_deeply_to_be_written_again_is_left_out(member):
    deep = orjson.loads("[" * 300 + "]" * 300)
    record = {**GOOD, member: {"a": deep} if member == "features" else deep}
    text = json.dumps(record).encode() + b"\n" + lines([GOOD])

    found = read(text)

    assert (found.log.rows, sum(flaw.count for flaw in found.log.unusable.values())) == (1, 1)


def test_a_redacted_request_as_a_function_wrote_it():
    """Two instances of which one feature is kept back, one cell outside its range."""
    text = (
        b'{"severity":"INFO","message":"POST /batch 200","time":"2026-11-20T11:20:31.518204Z","httpRequest":'
        b'{"requestMethod":"POST","requestUrl":"/batch","status":200,"latency":"0.000914s","userAgent":"curl/8.5.0",'
        b'"remoteIp":"127.0.0.1"},"kind":"request","function":"batch","model":"linear-regression","version":1,'
        b'"protocol":"json","status":200,"instances":2,"captured":2,"out_of_range":1,"out_of_range_by_feature":{"b":1},'
        b'"request_id":"4f1a8d0f7f0b4c47a0b8ad4f6ab1f1a3","cold":true,"latency_seconds":{"total":0.000914,'
        b'"queue":0.000102,"parse":0.000211,"predict":0.000043,"render":0.000067}}\n'
        b'{"kind":"row","severity":"DEBUG","time":"2026-11-20T11:20:31.518204Z","request_id":'
        b'"4f1a8d0f7f0b4c47a0b8ad4f6ab1f1a3","row":0,"function":"batch","model":"linear-regression","version":1,'
        b'"features":{"b":0.5},"prediction":152.1}\n'
        b'{"kind":"row","severity":"DEBUG","time":"2026-11-20T11:20:31.518204Z","request_id":'
        b'"4f1a8d0f7f0b4c47a0b8ad4f6ab1f1a3","row":1,"function":"batch","model":"linear-regression","version":1,'
        b'"features":{"b":1.5},"prediction":98.0}\n'
    )
    found = read(text, redacted=(True, False))

    window = found.window(1)
    assert (found.log.rows, found.log.requests, found.log.incomplete_requests, found.log.unusable) == (2, 1, 0, {})
    assert (window.redacted.tolist(), window.outside.tolist()) == ([True, False, False], [0, 1, 0])
    (part,) = found.requests_by_slot()
    assert (part.answered, part.cold, part.micros["parse"]) == (1, 1, 211)


def test_probes_are_no_traffic_and_failures_have_no_latency():
    records = [request("a", instances=0), request("b", status=503, version=None, instances=0), request("c")]

    parts = {part.version: part for part in read(lines(records)).requests_by_slot()}

    assert (parts[1].probes, parts[1].answered, dict(parts[1].statuses)) == (1, 1, {200: 1})
    assert (parts[None].answered, dict(parts[None].statuses)) == (0, {503: 1})


def test_requests_with_fewer_rows_than_they_captured_are_counted():
    records = some(30)
    lost = [record for record in records if (record.get("request_id"), record.get("row")) != ("r-10", 3)]
    orphaned = [record for record in records if record["kind"] == "row" or record["request_id"] != "r-20"]

    assert (read(lines(lost)).log.incomplete_requests, read(lines(lost)).log.without_request) == (1, 0)
    assert (read(lines(orphaned)).log.incomplete_requests, read(lines(orphaned)).log.without_request) == (0, 1)
    assert read(lines(reversed(records))).log.incomplete_requests == 0


def test_when_too_many_requests_are_open_nobody_can_tell(monkeypatch):
    monkeypatch.setattr("model.monitoring.log_counter.OPEN_MOST", 2)

    assert read(lines(record for record in some(50) if record["kind"] == "request")).log.incomplete_requests is None


@pytest.mark.slow
def test_memory_grows_by_some_bytes_a_row_only(monkeypatch):
    monkeypatch.setattr(reader, "_BATCH_LINES", 1_000)
    a = np.zeros(1_000)
    template = lines(traffic({"a": a, "b": a}, a, size=100, name="NAME"))

    def peak(rows):
        blocks = (template.replace(b"NAME", b"%d" % block) for block in range(rows // 1_000))
        tracemalloc.start()
        found = reader.read(
            [("s", blocks)], model=MODEL, layout_of=lambda _: LAYOUT, window_seconds=86_400.0, now=NOW.timestamp() + 1
        )
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found.log.rows == rows
        return top

    peak(1_000)  # what is loaded once
    few, many = peak(5_000), peak(20_000)

    assert many - few < 15_000 * 60


# Weights of rows


def capped(rows=20, instances=2_000, name="capped"):
    """A request that captured a hundredth of its instances."""
    lines_of_it = [row(name, n, {"a": 1.0, "b": 0.3}, prediction=float(n)) for n in range(rows)]
    return [request(name, instances=instances, captured=rows), *lines_of_it]


@pytest.mark.parametrize("turned", [False, True])
def test_a_row_stands_for_the_instances_by_captured_rows_of_its_request(turned, monkeypatch):
    """Also where it came before its request, and in another batch of lines."""
    monkeypatch.setattr(reader, "_BATCH_LINES", 7)
    text = lines([*some(30, hours=12), *capped()][:: -1 if turned else 1])

    found = reader.read(
        [("s", pieces(text, 500))],
        model=MODEL,
        layout_of=lambda _: LAYOUT,
        window_seconds=86_400.0,
        now=NOW.timestamp() + 3600,
    )

    window = found.window(1)
    assert (window.rows, window.weight, found.log.rows_without_request) == (50, 2_030.0, 0)
    assert sorted(set(window.weights.tolist())) == [1.0, 100.0]
    assert (window.counts[1].sum(), window.counts[1][2] >= 2_000, window.effective_rows(-1)) == (
        2_030.0,
        True,
        pytest.approx(2_030**2 / (30 + 20 * 100**2)),
    )


def test_rows_whose_request_did_not_come_count_as_one_instance_each_and_are_counted():
    found = read(lines([*some(30, hours=12), *capped()[1:]]))

    assert (found.window(1).weight, found.log.rows_without_request) == (50.0, 20)


def test_when_too_many_rows_wait_the_others_count_as_one_instance(monkeypatch):
    monkeypatch.setattr("model.monitoring.weights.MOST_WAITING", 10)
    monkeypatch.setattr(reader, "_BATCH_LINES", 1)

    found = read(lines(capped()[1:]), lines(capped()[:1]))

    assert (found.window(1).rows, found.window(1).weight, found.log.rows_without_request) == (20, 20.0, 20)


def test_the_sample_respects_the_weights_and_its_mean_is_that_of_the_instances(monkeypatch):
    monkeypatch.setattr("model.monitoring.captured.MOST_SAMPLED", 200)
    heavy = [record for n in range(40) for record in capped(10, 1_000, f"heavy-{n}")]
    light = some(4_000, hours=20)

    window = read(lines([*heavy, *light])).window(1)

    assert len(window.sample) == len(window.weights) == 200
    assert window.weights.sum() == pytest.approx(44_000, rel=0.1)
    assert np.average(window.sample[:, 0] == 1.0, weights=window.weights) == pytest.approx(40 / 44, abs=0.03)


# Labels


def joined(records, labels):
    made = keyed(*map(list, zip(*labels, strict=True)))
    return read(lines(records), labels=made), made.repeated, made.conflicting


def test_labels_meet_their_rows_whenever_those_came():
    records = [row(f"r{n}", n % 2, {"a": 1.0, "b": 0.5}, NOW - n * 10 * HOUR, prediction=float(n)) for n in range(10)]

    found, repeated, conflicting = joined(records, [(f"r{n}", n % 2, 100.0 + n) for n in range(10)])

    actual, predicted = found.joined[1].actual, found.joined[1].predicted
    assert sorted((actual - 100).tolist()) == sorted(predicted.tolist()) == list(map(float, range(10)))
    assert (found.matched, repeated, conflicting) == (10, 0, 0)


def test_labels_that_repeat_count_once_and_those_that_conflict_do_not_count():
    records = [row("r", n, {"a": 1.0, "b": 0.5}, prediction=float(n)) for n in range(3)]
    labels = [("r", 0, 5.0), ("r", 0, 5.0), ("r", 1, 6.0), ("r", 1, 7.0), ("r", 2, 8.0), ("nobody", 0, 9.0)]

    found, repeated, conflicting = joined([*records, *records], labels)

    actual, predicted = found.joined[1].actual, found.joined[1].predicted
    assert (actual.tolist(), predicted.tolist()) in (([5.0, 8.0], [0.0, 2.0]), ([8.0, 5.0], [2.0, 0.0]))
    assert (found.matched, found.unmatched, repeated, conflicting) == (3, 1, 1, 2)


KEYED = [
    {**row(f"r{n}", 0, {"a": 1.0, "b": 0.5}, NOW - n * HOUR, prediction=float(n)), "key": key}
    for n, key in enumerate([7, "a ", True, 2.5, None, "x" * 256 + "…", 7, "7"])
]
"""Rows with a cell of the key column; of those of 7 the first is the last that came."""


@pytest.mark.parametrize("turned", [pytest.param(False, id="newest-first"), pytest.param(True, id="oldest-first")])
def test_labels_by_the_key_column_meet_the_last_row_of_their_key(turned):
    keys = ["7", "a", "true", "2.5", "x" * 300, "nobody"]
    labels = keyed(keys, [0] * 6, [100.0, 101, 102, 103, 105, 106], by_column=True)

    found = read(*(lines([record]) for record in (KEYED[::-1] if turned else KEYED)), labels=labels)

    pairs = zip(found.joined[1].actual.tolist(), found.joined[1].predicted.tolist(), strict=True)
    assert sorted(pairs) == [(100.0, 0.0), (101.0, 1.0), (102.0, 2.0), (103.0, 3.0), (105.0, 5.0)]
    assert (found.matched, found.unmatched) == (5, 1)


def test_labels_by_the_key_column_meet_the_last_row_within_one_source_too():
    labels = keyed(["7"], [0], [100.0], by_column=True)

    assert [read(lines(rows), labels=labels).joined[1].predicted.tolist() for rows in (KEYED, KEYED[::-1])] == [
        [0.0]
    ] * 2


def test_labels_of_no_row_join_nothing():
    found, *_ = joined([GOOD], [("other", 0, 1.0)])

    assert (found.matched, found.joined) == (0, {})
