"""Captured log lines as windows of figures: what came in, what was answered, and what of the log cannot be used.

Lines are those that functions/telemetry.py writes, as they stand or as the `jsonPayload` of a LogEntry of a Cloud
Logging sink. They are read once, in any order: what is counted does not depend on it, and of rows those with the
smallest hash of (request_id, row) are kept as the sample (the k smallest hashes of a union are among the k smallest
of its parts; Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007). Only where a retry straddles the edge
of two slots does the first line that is read decide in which one its row counts.

Time is cut into slots, SLOTS to a window; slots older than two windows are dropped on the way. Kept are
    8 bytes for each row and each request, so that none counts twice (twice that while they are merged)
    for each slot, function and version: counts; the sample, at most MOST_CELLS numbers a version in all
    24 bytes for each label
    16 bytes for each request whose row lines have not all come yet, normally none but the last, OPEN_MOST at most

Errors, by who must act:
    CaptureError    the operator: a source is absent or unreadable
"""

from __future__ import annotations

import gc
import hashlib
import math
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

SLOTS = 24
"""Of a window: the hours of a day."""
_NEVER = -(1 << 62)  # a slot before all others
MOST_SAMPLED = 20_000
"""Rows of a window that are kept whole; of so many, a distance is known to 0.01 standard deviations."""
MOST_CELLS = 8_000_000
LONGEST_LINE_BYTES = 1 << 20
"""Cloud Logging takes entries of 256 KB at most."""
OPEN_MOST = 1_000_000
CLOCK_SKEW_SECONDS = 300
"""How far ahead of now a time may lie: clocks of one platform differ by less."""
MOST_VERSIONS = 64
"""Different versions that are looked up; more in one log are garbage."""
ENDINGS = tuple(f"{kind}{packed}" for kind in (".json", ".jsonl", ".ndjson", ".log") for packed in ("", ".gz"))
"""Of the names of objects that hold lines."""
FUNCTIONS = ("batch", "stream")
BOUNDS_SECONDS = np.geomspace(1e-5, 1e4, 466)
"""Edges of the bins that latencies are counted in, 4.6 % apart: what a percentile can be wrong by."""

_CHUNK_BYTES = 1 << 20
_BATCH_LINES = 16_384
_PARTS = ("total", "queue", "parse", "predict", "render")
_NUMBERS = {int, float}

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]
Matrix = NDArray[np.float64]
Record = tuple[dict[str, Any], Any, int]
"""A captured object, its time as written, and its line from 1."""


class CaptureError(Exception):
    """A source is absent, no file, or cannot be read; the message names it."""


@dataclass(frozen=True)
class Layout:
    """Which features a version has, their training range, and where the bins of each and of the prediction meet."""

    features: tuple[str, ...]
    minimum: Matrix
    maximum: Matrix
    edges: tuple[Matrix, ...]


@dataclass
class Part:
    """Rows of one version in one slot; arrays have a place for each feature, and a last one for the prediction."""

    layout: Layout
    rows: int = 0
    by_function: dict[str, tuple[int, Counts]] = field(default_factory=dict)
    counts: list[Counts] = field(default_factory=list)
    outside: Counts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    keys: list[Keys] = field(default_factory=list)
    values: list[Matrix] = field(default_factory=list)
    held: int = 0

    def __post_init__(self) -> None:
        self.counts = [np.zeros(2 * len(edges) + 1, dtype=np.int64) for edges in self.layout.edges]
        self.outside = np.zeros(len(self.layout.edges), dtype=np.int64)

    def add(self, function: str, keys: Keys, values: Matrix, most: int) -> None:
        """Count rows of shape (n_rows, n_features + 1), NaN where a feature is absent."""
        self.rows += len(keys)
        there = ~np.isnan(values)
        rows, present = self.by_function.get(function, (0, np.zeros(values.shape[1], dtype=np.int64)))
        self.by_function[function] = rows + len(keys), present + there.sum(axis=0)
        for place, edges in enumerate(self.layout.edges):
            cells = values[there[:, place], place]
            at = np.searchsorted(edges, cells, "left") + np.searchsorted(edges, cells, "right")
            self.counts[place] += np.bincount(at, minlength=2 * len(edges) + 1)
        features = values[:, :-1]
        self.outside[:-1] += ((features < self.layout.minimum) | (features > self.layout.maximum)).sum(axis=0)
        self.keys.append(keys)
        self.values.append(values)
        self.held += len(keys)
        if self.held > 2 * most:
            self.keep(most)

    def keep(self, most: int) -> None:
        """Of the sample keep the *most* rows with the smallest hashes, in their order."""
        keys, values = np.concatenate(self.keys), np.concatenate(self.values)
        order = np.argsort(keys, kind="stable")[:most]
        self.keys, self.values, self.held = [keys[order]], [values[order]], len(order)


@dataclass
class Traffic:
    """Requests of one function and version in one slot; *micros* sums microseconds by part of the latency."""

    statuses: Counter[int] = field(default_factory=Counter)
    latency: Counts = field(default_factory=lambda: np.zeros(len(BOUNDS_SECONDS) - 1, dtype=np.int64))
    micros: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    cold: int = 0
    probes: int = 0


@dataclass(frozen=True)
class Labels:
    """What became true of captured predictions: *keys* as `keys_of` gives them, sorted; NaN where labels conflict."""

    keys: Keys
    values: Matrix

    @classmethod
    def of(cls, ids: Sequence[str], rows: Sequence[int], values: Sequence[float]) -> tuple[Labels, int, int]:
        """The labels of (id, row) pairs; and how many repeat another one, and how many contradict another one."""
        keys, actual = keys_of(ids, rows), np.array(values, dtype=np.float64)
        different, place, times = np.unique(keys, return_inverse=True, return_counts=True)
        least, most = np.full(len(different), np.inf), np.full(len(different), -np.inf)
        np.minimum.at(least, place, actual)
        np.maximum.at(most, place, actual)
        agree = least == most
        repeated, conflicting = int((times[agree] - 1).sum()), int(times[~agree].sum())
        return cls(different, np.where(agree, least, np.nan)), repeated, conflicting


@dataclass
class Captured:
    """What was read.

    Args:
        slot_seconds, last: A slot's length, and the last slot of this window, counted from *origin*.
        parts: Rows by version and slot.
        traffic: Requests by function, version and slot.
        unusable: Lines and rows that could not be used by code: how many, and the first with its place.
        joined: By version, actual and predicted values where a label met its row.
        matched: Labels that met a row.
    """

    slot_seconds: float
    origin: float
    most: int = field(default_factory=lambda: MOST_SAMPLED)
    last: int | None = None
    lines: int = 0
    bytes: int = 0
    rows: int = 0
    requests: int = 0
    duplicates: int = 0
    duplicated_requests: int = 0
    other_lines: int = 0
    other_models: int = 0
    after: int = 0
    older: int = 0
    without_request: int = 0
    incomplete: int | None = 0
    parts: dict[tuple[int, int], Part] = field(default_factory=dict)
    traffic: dict[tuple[str, int | None, int], Traffic] = field(default_factory=dict)
    unusable: dict[str, dict[str, Any]] = field(default_factory=dict)
    joined: dict[int, tuple[Matrix, Matrix]] = field(default_factory=dict)
    matched: int = 0

    @property
    def until(self) -> float | None:
        """Where this window ends, in seconds since 1970; None when nothing was read."""
        return None if self.last is None else self.origin + (self.last + 1) * self.slot_seconds

    def window(self, version: int, *, back: int = 0) -> dict[str, Any]:
        """Rows of *version* in this window, or in the one *back* windows before, as monitoring.py takes them."""
        last = (self.last or 0) - back * SLOTS
        parts = {slot: part for (of, slot), part in self.parts.items() if of == version and last - SLOTS < slot <= last}
        layout = next(part.layout for (of, _), part in self.parts.items() if of == version)
        whole = Part(layout)
        for slot in sorted(parts):
            part = parts[slot]
            whole.rows += part.rows
            whole.outside += part.outside
            for place, counts in enumerate(part.counts):
                whole.counts[place] += counts
            for function, (rows, present) in part.by_function.items():
                before, there = whole.by_function.get(function, (0, np.zeros_like(present)))
                whole.by_function[function] = before + rows, there + present
            whole.keys += part.keys
            whole.values += part.values
        width = len(layout.edges)
        if whole.keys:
            whole.keep(self.most)
        present, missing = np.zeros(width, dtype=np.int64), np.zeros(width, dtype=np.int64)
        redacted = np.zeros(width, dtype=np.bool_)
        for rows, there in whole.by_function.values():
            present += there
            redacted |= there == 0
            missing += np.where(there == 0, 0, rows - there)
        first = (self.last or 0) - 2 * SLOTS + 1
        return {
            "rows": whole.rows,
            "counts": whole.counts,
            "sample": whole.values[0] if whole.values else np.empty((0, width)),
            "present": present,
            "missing": missing,
            "redacted": redacted,
            "outside": whole.outside,
            "slots": {slot - first: {"rows": part.rows, "counts": part.counts} for slot, part in parts.items()},
        }

    def requests_by_slot(self) -> list[dict[str, Any]]:
        """Traffic of both windows, as monitoring.py takes it; slots count from 0 at the begin of the one before."""
        first = (self.last or 0) - 2 * SLOTS + 1
        return [
            {"function": function, "version": version, "slot": slot - first, "bounds": BOUNDS_SECONDS, **vars(part)}
            for (function, version, slot), part in self.traffic.items()
        ]

    def log(self) -> dict[str, Any]:
        """What was read and what of it could not be used, for the answer."""
        names = ("lines", "bytes", "rows", "requests", "duplicates", "duplicated_requests", "other_lines")
        more = ("other_models", "after", "older", "without_request")
        return {
            **{name: getattr(self, name) for name in (*names, *more)},
            "incomplete_requests": self.incomplete,
            "unusable": self.unusable,
        }


class _Distinct:
    """A set of 64-bit keys in sorted arrays, each at least twice as long as the next: 8 bytes a key."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def first(self, keys: Keys) -> NDArray[np.bool_]:
        """Which of *keys* are new, and first among themselves; they are members from then on."""
        ordered, places = np.unique(keys, return_index=True)
        new = np.ones(len(ordered), dtype=np.bool_)
        for run in self._runs:
            at = np.searchsorted(run, ordered)
            new &= run[np.minimum(at, len(run) - 1)] != ordered
        fresh = ordered[new]
        if len(fresh):
            self._runs.append(fresh)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            merged = np.concatenate([self._runs.pop(), self._runs.pop()])
            merged.sort(kind="stable")  # finds the two runs and merges them
            self._runs.append(merged)
        mask = np.zeros(len(keys), dtype=np.bool_)
        mask[places[new]] = True
        return mask


def keys_of(ids: Sequence[str], rows: Sequence[int] | Counts) -> Keys:
    """64 bits for each (request_id, row): BLAKE2b of the id, mixed with the row as in SplitMix64.

    Two of n pairs meet by chance with probability n² / 2^65: of ten million rows once in 370,000 logs.
    """
    return _mixed(_hashes(ids), np.asarray(rows, dtype=np.int64).astype(np.uint64))


def files(path: str) -> Iterator[bytes]:
    """Pieces of the file at *path*, or of standard input for `-`.

    Raises:
        CaptureError: It is absent or a directory; or, while it is read, that it cannot be.
    """
    if path == "-":
        return _pieces(sys.stdin.buffer)
    if Path(path).is_dir():
        raise CaptureError(f"{path} must be a file, found a directory: name the files in it ({path.rstrip('/')}/*)")
    if not Path(path).exists():
        raise CaptureError(f"{Path(path).absolute()} does not exist")
    return _opened(path)


def read(
    sources: Iterable[tuple[str, Iterable[bytes]]],
    *,
    model: str,
    layout_of: Callable[[int], Layout | None],
    window_seconds: float,
    now: float,
    until: float | None = None,
    labels: Labels | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Captured:
    """Read all lines of all *sources*, each a name and its bytes in pieces (gzip or plain).

    Args:
        layout_of: What the bucket says of a version; None when it holds none. Asked once a version.
        window_seconds: Length of a window.
        now: The present, in seconds since 1970: times well after it are errors.
        until: Where this window ends; by default with the slot of the newest line. Later lines are left out.
        done: Told how many bytes were read.

    Raises:
        CaptureError: A source cannot be read.
    """
    reader = _Reader(model, layout_of, slot_seconds=window_seconds / SLOTS, now=now, until=until, labels=labels)
    collecting = gc.isenabled()
    gc.disable()  # millions of objects, none of which refers to another: looking for cycles takes a third of the time
    try:
        for name, pieces in sources:
            reader.source = name
            for line_number, block in _blocks(_unpacked(name, pieces, done), reader.too_long):
                reader.take(line_number, block)
            reader.flush()
    finally:
        if collecting:
            gc.enable()
    return reader.finish()


class _Reader:
    """Takes lines, and counts them in batches."""

    def __init__(
        self,
        model: str,
        layout_of: Callable[[int], Layout | None],
        *,
        slot_seconds: float,
        now: float,
        until: float | None,
        labels: Labels | None,
    ) -> None:
        self.source = ""
        self._model, self._layout_of = model, layout_of
        self._newest = now + CLOCK_SKEW_SECONDS
        self._until = until
        self._found = Captured(slot_seconds, origin=until or 0.0)
        if until is not None:
            self._found.last = -1
        self._layouts: dict[int, Layout | None] = {}
        self._rows: list[Record] = []
        self._requests: list[Record] = []
        self._seen, self._asked = _Distinct(), _Distinct()
        self._open: dict[int, int] | None = {}
        self._labels = labels
        self._predicted = np.full(len(labels.keys) if labels else 0, np.nan)
        self._of_version = np.zeros(len(self._predicted), dtype=np.int64)

    def take(self, first: int, lines: Sequence[bytes]) -> None:
        """Sort *lines*, the first of which has number *first*, into rows and requests."""
        loads, rows, requests, found = orjson.loads, self._rows, self._requests, self._found
        found.bytes += sum(map(len, lines))
        found.lines += len(lines) - lines.count(b"") - lines.count(b"\r")
        for number, line in enumerate(lines, first):
            try:
                record = loads(line)
            except orjson.JSONDecodeError as error:
                if line and line != b"\r":
                    self.unusable("not-json", number, f"must be one JSON object, found {_shown(line)}: {error}")
                continue
            if type(record) is not dict:
                self.unusable("not-json", number, f"must be a JSON object, found {_shown(line)}")
                continue
            kind, time = record.get("kind"), record.get("time")
            if kind is None and type(payload := record.get("jsonPayload")) is dict:
                kind, time, record = payload.get("kind"), record.get("timestamp"), payload
            if kind == "row":
                rows.append((record, time, number))
            elif kind == "request":
                requests.append((record, time, number))
            else:
                found.other_lines += 1
        if len(rows) + len(requests) >= _BATCH_LINES:
            self.flush()

    def too_long(self, number: int) -> None:
        self._found.lines += 1
        self.unusable(
            "not-json", number, f"must be a line of at most {LONGEST_LINE_BYTES >> 20} MiB, found a longer one"
        )

    def unusable(self, code: str, number: int, told: str, count: int = 1) -> None:
        entry = self._found.unusable.setdefault(code, {"count": 0, "example": f"{self.source} line {number}: {told}"})
        entry["count"] += count

    def flush(self) -> None:
        """Count what was taken."""
        requests, rows = self._requests, self._rows
        if requests or rows:
            requests, request_slots = self._placed(self._sound(requests, _request_flaw, _request_is_sound))
            rows, row_slots = self._placed(self._sound(rows, _row_flaw, _row_is_sound))
            hashes = _hashes([record[0]["request_id"] for record in rows])
            self._balance(requests, rows, hashes)
            self._count_requests(requests, request_slots)
            self._count_rows(rows, row_slots, hashes)
            self._drop_old()
        self._requests, self._rows = [], []

    def finish(self) -> Captured:
        found = self._found
        if self._open is None:
            found.incomplete = None
        else:
            found.incomplete = sum(rest > 0 for rest in self._open.values())
            found.without_request = sum(rest < 0 for rest in self._open.values())
        if self._labels is not None:
            met = ~np.isnan(self._predicted)
            found.matched = int(met.sum())
            usable = met & ~np.isnan(self._labels.values)
            for version in np.unique(self._of_version[usable]).tolist():
                own = usable & (self._of_version == version)
                found.joined[version] = self._labels.values[own], self._predicted[own]
        return found

    def _sound(
        self,
        records: list[Record],
        flaw: Callable[[dict[str, Any]], str],
        all_sound: Callable[[Sequence[dict[str, Any]]], bool],
    ) -> list[Record]:
        """Those of our model whose fields are as they must be."""
        if not all(record[0].get("model") == self._model for record in records):
            ours = [record for record in records if record[0].get("model") == self._model]
            self._found.other_models += len(records) - len(ours)
            records = ours
        if all_sound([record[0] for record in records]):
            return records
        sound = []
        for record in records:
            told = flaw(record[0])
            if told:
                self.unusable("malformed", record[2], told)
            else:
                sound.append(record)
        return sound

    def _placed(self, records: list[Record]) -> tuple[list[Record], Counts]:
        """Those with a usable time that is not after the window, and their slots."""
        times = np.empty(len(records))
        known: dict[Any, float] = {}
        for place, record in enumerate(records):
            text = record[1]
            try:
                times[place] = known[text]
            except (KeyError, TypeError):
                times[place] = self._seconds(text, record[2])
                known = {} if math.isnan(times[place]) else {text: times[place]}
        usable = ~np.isnan(times)
        if self._until is not None:
            late = usable & (times >= self._until)
            self._found.after += int(late.sum())
            usable &= ~late
        if not usable.all():
            records = [record for record, good in zip(records, usable, strict=True) if good]
            times = times[usable]
        slots = np.floor((times - self._found.origin) / self._found.slot_seconds).astype(np.int64)
        if len(slots) and self._until is None:
            newest = int(slots.max())
            self._found.last = newest if self._found.last is None else max(newest, self._found.last)
        return records, slots

    def _seconds(self, text: object, number: int) -> float:
        try:
            time = datetime.fromisoformat(text) if type(text) is str else None
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            told = "a time without a zone" if time else _shown(orjson.dumps(text, default=str))
            self.unusable("bad-time", number, f"time must be ISO 8601 with a zone, found {told}")
            return math.nan
        seconds = time.timestamp()
        if not 0 <= seconds <= self._newest:
            wanted = "in the future" if seconds > 0 else "before 1970"
            self.unusable("bad-time", number, f"time must not lie {wanted}, found {_shown(str(text).encode())}")
            return math.nan
        return seconds

    def _balance(self, requests: list[Record], rows: list[Record], hashes: Keys) -> None:
        """What requests captured less the row lines that came, by request; 0 is forgotten."""
        if self._open is None:
            return
        keys = np.concatenate([_hashes([record[0]["request_id"] for record in requests]), hashes])
        captured = [record[0].get("captured", 0) for record in requests]
        owed = np.concatenate([np.array(captured, dtype=np.int64), np.full(len(rows), -1, dtype=np.int64)])
        different, place = np.unique(keys, return_inverse=True)
        sums = np.zeros(len(different), dtype=np.int64)
        np.add.at(sums, place, owed)
        unsettled = np.flatnonzero(sums) if not self._open else np.arange(len(different))
        for key, rest in zip(different[unsettled].tolist(), sums[unsettled].tolist(), strict=True):
            rest += self._open.pop(key, 0)  # noqa: PLW2901 - what is owed now
            if rest:
                self._open[key] = rest
        if len(self._open) > OPEN_MOST:
            self._open = None  # rows and requests come from different ends: nobody can tell

    def _count_requests(self, records: list[Record], slots: Counts) -> None:
        if not records:
            return
        found = self._found
        hashes = _hashes([f"{record[0]['request_id']}\n{record[1]}" for record in records])
        first = self._asked.first(hashes)
        found.duplicated_requests += int((~first).sum())
        found.requests += int(first.sum())
        found.older += int((first & self._is_old(slots)).sum())
        kept = first & ~self._is_old(slots)
        groups: dict[tuple[str, int | None, int], list[dict[str, Any]]] = {}
        for place in np.flatnonzero(kept).tolist():
            record = records[place][0]
            groups.setdefault((record["function"], record.get("version"), int(slots[place])), []).append(record)
        for key, entries in groups.items():
            _count_traffic(found.traffic.setdefault(key, Traffic()), entries)

    def _count_rows(self, records: list[Record], slots: Counts, hashes: Keys) -> None:
        if not records:
            return
        found = self._found
        objects = [record[0] for record in records]
        keys = _mixed(hashes, np.array([entry["row"] for entry in objects], dtype=np.int64).astype(np.uint64))
        versions = np.array([entry["version"] for entry in objects], dtype=np.int64)
        known = np.ones(len(records), dtype=np.bool_)
        for version in np.unique(versions).tolist():
            if self._layout(version) is None:
                own = versions == version
                known &= ~own
                first = records[int(np.argmax(own))]
                self.unusable("unknown-version", first[2], f"the bucket holds no version {version}", int(own.sum()))
        first_time = np.zeros(len(records), dtype=np.bool_)
        first_time[known] = self._seen.first(keys[known])
        found.duplicates += int((known & ~first_time).sum())
        found.rows += int(first_time.sum())
        self._join(keys, versions, objects, first_time)
        old = self._is_old(slots)
        found.older += int((first_time & old).sum())
        functions = np.array([FUNCTIONS.index(entry["function"]) for entry in objects], dtype=np.int64)
        usable = first_time & ~old
        for version in np.unique(versions[usable]).tolist():
            layout = self._layouts[version]
            assert layout is not None  # noqa: S101 - known says so
            own = np.flatnonzero(usable & (versions == version))
            values = _values([objects[place] for place in own.tolist()], layout)
            found.most = min(found.most, MOST_CELLS // (2 * SLOTS * values.shape[1]))
            codes = slots[own] * len(FUNCTIONS) + functions[own]
            for code in np.unique(codes).tolist():
                slot, function = divmod(code, len(FUNCTIONS))
                inside = codes == code
                part = found.parts.setdefault((version, slot), Part(layout))
                part.add(FUNCTIONS[function], keys[own][inside], values[inside], found.most)

    def _join(self, keys: Keys, versions: Counts, objects: Sequence[dict[str, Any]], usable: NDArray[np.bool_]) -> None:
        """Write down the predictions of rows that have a label."""
        if self._labels is None or not len(self._labels.keys):
            return
        at = np.minimum(np.searchsorted(self._labels.keys, keys), len(self._labels.keys) - 1)
        for place in np.flatnonzero(usable & (self._labels.keys[at] == keys)).tolist():
            self._predicted[at[place]] = objects[place]["prediction"]
            self._of_version[at[place]] = versions[place]

    def _layout(self, version: int) -> Layout | None:
        if version not in self._layouts:
            self._layouts[version] = self._layout_of(version) if len(self._layouts) < MOST_VERSIONS else None
        return self._layouts[version]

    def _is_old(self, slots: Counts) -> NDArray[np.bool_]:
        last = _NEVER if self._found.last is None else self._found.last
        return np.asarray(slots <= last - 2 * SLOTS)

    def _drop_old(self) -> None:
        found = self._found
        if found.last is None:
            return
        oldest = found.last - 2 * SLOTS + 1
        for key in [key for key in found.parts if key[1] < oldest]:
            found.older += found.parts.pop(key).rows
        for asked in [asked for asked in found.traffic if asked[2] < oldest]:
            gone = found.traffic.pop(asked)
            found.older += gone.statuses.total() + gone.probes


def _count_traffic(traffic: Traffic, entries: Sequence[dict[str, Any]]) -> None:
    """Requests that were answered without a prediction (probes, metadata) count apart: they would dilute the rest."""
    micros: dict[str, list[float]] = {name: [] for name in _PARTS}
    for entry in entries:
        status = entry["status"]
        if status < 400 and not entry.get("instances"):  # noqa: PLR2004 - RFC 9110
            traffic.probes += 1
            continue
        traffic.statuses[status] += 1
        traffic.cold += entry.get("cold") is True
        if status < 400:  # noqa: PLR2004 - RFC 9110
            traffic.answered += 1
            for name, seconds in entry["latency_seconds"].items():
                if name in micros:
                    micros[name].append(seconds)
    for name, seconds in micros.items():
        if seconds:
            traffic.micros[name] += int(np.rint(np.array(seconds) * 1e6).astype(np.int64).sum())
    totals = np.clip(np.array(micros["total"]), BOUNDS_SECONDS[0], BOUNDS_SECONDS[-1])
    places = np.clip(np.searchsorted(BOUNDS_SECONDS, totals, "right") - 1, 0, len(BOUNDS_SECONDS) - 2)
    traffic.latency += np.bincount(places, minlength=len(BOUNDS_SECONDS) - 1)


def _values(objects: Sequence[dict[str, Any]], layout: Layout) -> Matrix:
    """Features and prediction; shape (n_rows, n_features + 1), NaN where a feature is absent."""
    features = [entry["features"] for entry in objects]
    values = np.empty((len(objects), len(layout.features) + 1))
    values[:, -1] = [entry["prediction"] for entry in objects]
    try:
        cells: list[Any] = list(map(itemgetter(*layout.features), features))
    except KeyError:
        cells = [[row.get(name) for name in layout.features] for row in features]
    values[:, :-1] = np.array(cells, dtype=np.float64).reshape(len(objects), -1)
    return values


def _row_is_sound(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether all are as they must be; False may also mean that one must be looked at."""
    names = ("request_id", "row", "version", "features", "prediction", "function")
    try:
        columns = [list(map(itemgetter(name), rows)) for name in names]
        ids, places, versions, features, predictions, functions = columns
        return (
            set(map(type, ids)) <= {str}
            and set(map(type, places)) | set(map(type, versions)) <= {int}
            and set(map(type, predictions)) <= _NUMBERS
            and set(map(type, chain.from_iterable(map(dict.values, features)))) <= _NUMBERS
            and set(functions) <= set(FUNCTIONS)
            and 0 <= min(places, default=0) <= max(places, default=0) < 1 << 62
            and 1 <= min(versions, default=1) <= max(versions, default=1) < 1 << 62
        )
    except (KeyError, TypeError):
        return False


def _row_flaw(row: dict[str, Any]) -> str:
    """What of *row* is not as it must be; "" if all is."""
    told = _flaw(row, "function", "request_id", "row", "prediction")
    if told or row.get("version") is None:
        return told or _expected("version", "a whole number from 1", None)
    told = _flaw(row, "version")
    features = row.get("features")
    if told or type(features) is not dict:
        return told or _expected("features", "an object", features)
    for name, value in features.items():
        if type(value) not in _NUMBERS:
            return _expected(f"features.{name}", "a number", value)
    return ""


def _request_is_sound(requests: Sequence[dict[str, Any]]) -> bool:
    """As of rows."""
    try:
        columns = [list(map(itemgetter(name), requests)) for name in ("request_id", "function", "status", "version")]
        ids, functions, statuses, versions = columns
        numbers = [request.get(name, 0) for request in requests for name in ("captured", "instances")]
        latencies = list(map(itemgetter("latency_seconds"), requests))
        seconds = list(chain.from_iterable(map(dict.values, latencies)))
        known = [version for version in versions if version is not None]
        return (
            set(map(type, ids)) <= {str}
            and set(functions) <= set(FUNCTIONS)
            and set(map(type, chain(statuses, known, numbers))) <= {int}
            and set(map(type, seconds)) <= _NUMBERS
            and all("total" in latency for latency in latencies)
            and 100 <= min(statuses, default=200) <= max(statuses, default=200) <= 599  # noqa: PLR2004 - RFC 9110
            and 1 <= min(known, default=1) <= max(known, default=1) < 1 << 62
            and 0 <= min(numbers, default=0) <= max(numbers, default=0) < 1 << 62
            and 0 <= min(seconds, default=0) <= max(seconds, default=0) < 1e6  # noqa: PLR2004 - eleven days
        )
    except (KeyError, TypeError):
        return False


def _request_flaw(request: dict[str, Any]) -> str:
    told = _flaw(request, "function", "request_id", "status", "version")
    told = told or _flaw({"captured": 0, "instances": 0} | request, "captured", "instances")
    latency = request.get("latency_seconds")
    if told or type(latency) is not dict or "total" not in latency:
        return told or _expected("latency_seconds", "an object with a total", latency)
    for name, value in latency.items():
        if type(value) not in _NUMBERS or not 0 <= value < 1e6:  # noqa: PLR2004 - eleven days
            return _expected(f"latency_seconds.{name}", "a number of seconds", value)
    return ""


_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "function": ("batch or stream", lambda value: type(value) is str and value in FUNCTIONS),
    "request_id": ("text", lambda value: type(value) is str),
    "row": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 1 << 62),
    "captured": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 1 << 62),
    "instances": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 1 << 62),
    "status": ("a whole number from 100 to 599", lambda value: type(value) is int and value in range(100, 600)),
    "version": (
        "a whole number from 1, or null",
        lambda value: value is None or (type(value) is int and 0 < value < 1 << 62),
    ),
    "prediction": ("a number", lambda value: type(value) in _NUMBERS),
}
"""What a field must be, in words and as a check."""


def _flaw(record: dict[str, Any], *names: str) -> str:
    for name in names:
        wanted, holds = _FIELDS[name]
        if not holds(record.get(name)):
            return _expected(name, wanted, record.get(name))
    return ""


def _expected(name: str, wanted: str, found: object) -> str:
    return f"{name} must be {wanted}, found {_shown(orjson.dumps(found))}"


def _hashes(ids: Sequence[str]) -> Keys:
    """64 bits of BLAKE2b for each text; the same text twice in a row is hashed once."""
    digests = bytearray()
    last, digest = None, b""
    for text in ids:
        if text != last:
            last = text
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        digests += digest
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)


def _mixed(hashes: Keys, rows: Keys) -> Keys:
    """Each hash with its row, so that every bit of both moves half of the bits (Steele, Lea and Flood, 2014)."""
    keys = hashes + rows * np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ (keys >> np.uint64(31)))


def _opened(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            yield from _pieces(file)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror or error}") from error


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_CHUNK_BYTES):
        yield piece


def _unpacked(name: str, pieces: Iterable[bytes], done: Callable[[int], None]) -> Iterator[bytes]:
    """*pieces* as they are, or unpacked when they begin as gzip does; never more than some MiB at once."""
    unpacker = None
    for place, piece in enumerate(pieces):
        done(len(piece))
        if place == 0 and piece[:2] == b"\x1f\x8b":
            unpacker = zlib.decompressobj(wbits=31)
        if unpacker is None:
            yield piece
            continue
        rest = piece
        try:
            while rest:
                yield unpacker.decompress(rest, _CHUNK_BYTES)
                rest = unpacker.unconsumed_tail
                if unpacker.eof and unpacker.unused_data:  # gzip files may follow each other in one
                    rest, unpacker = unpacker.unused_data, zlib.decompressobj(wbits=31)
        except zlib.error as error:
            raise CaptureError(f"{name} cannot be unpacked: {error}") from error
    if unpacker is not None:
        yield unpacker.flush()


def _blocks(pieces: Iterable[bytes], too_long: Callable[[int], None]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Whole lines, some at a time, each time with the number of the first. One that is too long is passed over."""
    number, rest, skipping = 1, b"", False
    for piece in pieces:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        if lines and skipping:
            lines[0], skipping = b"", False
        if lines:
            if len(lines[0]) > LONGEST_LINE_BYTES:
                too_long(number)
                lines[0] = b""
            yield number, lines
            number += len(lines)
        if skipping:
            rest = b""
        elif len(rest) > LONGEST_LINE_BYTES:
            too_long(number)
            rest, skipping = b"", True
    if rest:
        yield number, [rest]


def _shown(text: bytes) -> str:
    brief = text[:60].decode("utf-8", "backslashreplace")
    plain = "".join(character if character.isprintable() else "?" for character in brief)
    return plain + ("…" if len(text) > 60 else "")  # noqa: PLR2004 - what fits a line
