"""Counts sound lines in batches: rows once each, requests, missing row lines, and labels that meet their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.data.hashing import Keys, text_hashes
from model.monitoring.captured import Captured, Unusable
from model.monitoring.class_rows import add_answers
from model.monitoring.keys import DistinctKeys, column_keys, column_text, with_rows
from model.monitoring.label_join import BatchRows, LabelJoin
from model.monitoring.labels import KeyedLabels
from model.monitoring.log_shapes import moment_of
from model.monitoring.request_counts import SlotRequests
from model.monitoring.row_values import row_values
from model.monitoring.weights import RequestWeights, Rows, Waiting
from model.monitoring.windows import SLOTS, Counts, Layout, Matrix, SlotRows

MOST_CELLS = 8_000_000
"""Numbers in all samples of a version together."""
OPEN_MOST = 1_000_000
"""Requests whose row lines have not all come yet."""
_NEVER = -(1 << 62)  # a slot before all others


class LogLine(NamedTuple):
    """A captured object, its time as written, and its place in the source."""

    fields: dict[str, Any]
    time: Any
    number: int


def _by_column(batch: BatchRows, lines: Sequence[LogLine]) -> BatchRows:
    """Those rows of *batch*, which came with *lines*, that have a cell of the key column, by it."""
    cells = [column_text(line.fields.get("key")) for line in lines]
    there = np.flatnonzero([bool(cell) for cell in cells])
    kept = [cells[place] for place in there.tolist()]
    return BatchRows(
        column_keys(kept),
        batch.requests[there],
        batch.weights[there],
        batch.predictions[there],
        batch.chances.where(there) if batch.chances else None,
        np.array([moment_of(lines[place].time).timestamp() for place in there.tolist()], np.float64),
    )


class LogCounter:
    """Adds batches of lines, in any order, to *captured*."""

    def __init__(
        self, captured: Captured, layout_of: Callable[[int], Layout | None], labels: KeyedLabels | None
    ) -> None:
        self.source = ""
        self.captured = captured
        self._layout_of = layout_of
        self._layouts: dict[int, Layout | None] = {}
        self._rows_seen, self._requests_seen = DistinctKeys(), DistinctKeys()
        self._open: dict[int, int] | None = {}
        self._waiting = Waiting()
        self._labels = LabelJoin(labels) if labels is not None else None

    def unusable(self, code: str, number: int, message: str, count: int = 1) -> None:
        """Note *count* lines or rows that cannot be used; the first one is kept as the example."""
        example = f"{self.source} line {number}: {message}"
        self.captured.log.unusable.setdefault(code, Unusable(0, example)).count += count

    def add(self, requests: list[LogLine], request_slots: Counts, rows: list[LogLine], row_slots: Counts) -> int:
        """Count lines whose fields are sound, with the slot of each.

        Returns:
            The number of rows that cannot be used since they hold other kinds of values than their version's.
        """
        ids = text_hashes([line.fields["request_id"] for line in rows])
        self._settle(requests, ids)
        self._count_requests(requests, request_slots)
        flawed = self._count_rows(rows, row_slots, ids, self._weights(requests, ids))
        if self._waiting.many:
            self._count_waiting(everything=False)
        if self._waiting.many:
            self._count_waiting(everything=True)
        self._drop_old()
        return flawed

    def finish(self) -> Captured:
        """The figures of all that was added."""
        captured = self.captured
        self._count_waiting(everything=True)
        self._drop_old()
        if self._open is None:
            captured.log.incomplete_requests = None
        else:
            captured.log.incomplete_requests = sum(owed > 0 for owed in self._open.values())
            captured.log.without_request = sum(owed < 0 for owed in self._open.values())
        if self._labels is not None:
            captured.matched, captured.unmatched = self._labels.matched, self._labels.unmatched
            classes = {version: layout.classes for version, layout in self._layouts.items() if layout}
            captured.joined = self._labels.joined(self._waiting.find, classes)
        return captured

    def _settle(self, requests: list[LogLine], row_ids: Keys) -> None:
        """Keep by request how many rows it captured, less the row lines that came; 0 is forgotten."""
        if self._open is None:
            return
        keys = np.concatenate([text_hashes([line.fields["request_id"] for line in requests]), row_ids])
        captured = [line.fields.get("captured", 0) for line in requests]
        owed = np.concatenate([np.array(captured, dtype=np.int64), np.full(len(row_ids), -1, dtype=np.int64)])
        distinct, place = np.unique(keys, return_inverse=True)
        sums = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(sums, place, owed)
        unsettled = np.flatnonzero(sums) if not self._open else np.arange(len(distinct))
        for key, change in zip(distinct[unsettled].tolist(), sums[unsettled].tolist(), strict=True):
            now_owed = change + self._open.pop(key, 0)
            if now_owed:
                self._open[key] = now_owed
        if len(self._open) > OPEN_MOST:
            self._open = None  # rows and requests come from different ends: nobody can tell

    def _weights(self, requests: list[LogLine], row_ids: Keys) -> RequestWeights:
        """Weights of the requests in this batch; those whose rows are not all in it are kept for the other rows."""
        fields = [line.fields for line in requests]
        ids = text_hashes([request["request_id"] for request in fields])
        captured = np.array([request.get("captured", 0) for request in fields], dtype=np.float64)
        instances = np.array([request.get("instances", 0) for request in fields], dtype=np.float64)
        weights = np.maximum(1.0, instances / np.maximum(1.0, captured))
        ordered = np.sort(row_ids)
        rows_here = np.searchsorted(ordered, ids, "right") - np.searchsorted(ordered, ids, "left")
        kept = rows_here < captured
        if kept.any():
            self._waiting.add_requests(RequestWeights(ids[kept], weights[kept]).sorted())
        return RequestWeights(ids[captured > 0], weights[captured > 0]).sorted()

    def _count_requests(self, lines: list[LogLine], slots: Counts) -> None:
        if not lines:
            return
        log = self.captured.log
        first = self._requests_seen.add(text_hashes([f"{line.fields['request_id']}\n{line.time}" for line in lines]))
        old = self._is_old(slots)
        log.duplicated_requests += int((~first).sum())
        log.requests += int(first.sum())
        log.older += int((first & old).sum())
        groups: dict[tuple[str, int | None, int], list[dict[str, Any]]] = {}
        for place in np.flatnonzero(first & ~old).tolist():
            fields = lines[place].fields
            groups.setdefault((fields["function"], fields.get("version"), int(slots[place])), []).append(fields)
        for key, requests in groups.items():
            self.captured.requests.setdefault(key, SlotRequests(*key)).add(requests)

    def _count_rows(self, lines: list[LogLine], slots: Counts, ids: Keys, weights: RequestWeights) -> int:
        if not lines:
            return 0
        captured, rows = self.captured, [line.fields for line in lines]
        keys = with_rows(ids, [row["row"] for row in rows])
        versions = np.array([row["version"] for row in rows], dtype=np.int64)
        first = np.zeros(len(lines), dtype=np.bool_)
        known = self._of_known_versions(lines, versions)
        first[known] = self._rows_seen.add(keys[known])
        old = self._is_old(slots)
        captured.log.duplicates += int((known & ~first).sum())
        captured.log.rows += int(first.sum())
        captured.log.older += int((first & old).sum())
        row_weights = weights.find(ids)
        usable = first if self._labels is not None else first & ~old
        flawed = 0
        for version in np.unique(versions[usable]).tolist():
            layout = self._layouts[version]
            assert layout is not None  # noqa: S101 - the version is known
            own = np.flatnonzero(usable & (versions == version))
            fields = [rows[place] for place in own.tolist()]
            values, flaws = row_values(fields, layout)
            chances = add_answers(fields, layout, values, flaws)
            if flaws:
                first_flaw = min(flaws)
                number = lines[int(own[first_flaw])].number
                self.unusable("malformed", number, flaws[first_flaw], len(flaws))
                captured.log.rows -= len(flaws)
                captured.log.older -= int(old[own[list(flaws)]].sum())
                flawed += len(flaws)
                sound = np.delete(np.arange(len(own)), list(flaws))
                own, values, chances = own[sound], values[sound], chances.where(sound) if chances else None
            if self._labels is not None:
                predictions = values[:, len(layout.features)]
                batch = BatchRows(keys[own], ids[own], row_weights[own], predictions, chances)
                if self._labels.by_column:
                    batch = _by_column(batch, [lines[place] for place in own.tolist()])
                self._labels.add(version, batch)
            new = ~old[own]
            own, values = own[new], values[new]
            block = Rows(ids[own], keys[own], slots[own], values)
            block_weights = row_weights[own]
            known_weights = ~np.isnan(block_weights)
            self._add(version, block.where(known_weights), block_weights[known_weights])
            if not known_weights.all():
                self._waiting.add_rows(version, block.where(~known_weights))
        return flawed

    def _count_waiting(self, *, everything: bool) -> None:
        """Count rows whose request has come since; with *everything* the others too, as one instance each."""
        for version, rows, weights in self._waiting.take(everything=everything):
            unknown = np.isnan(weights)
            self.captured.log.rows_without_request += int(unknown.sum())
            self._add(version, rows, np.where(unknown, 1.0, weights))

    def _add(self, version: int, rows: Rows, weights: Matrix) -> None:
        captured, layout = self.captured, self._layouts[version]
        assert layout is not None  # noqa: S101 - the version is known
        captured.most = min(captured.most, MOST_CELLS // (2 * SLOTS * rows.values.shape[1]))
        for slot in np.unique(rows.slots).tolist():
            inside = rows.slots == slot
            part = captured.rows.setdefault((version, slot), SlotRows(layout))
            part.add(rows.keys[inside], weights[inside], rows.values[inside], captured.most)

    def _of_known_versions(self, lines: Sequence[LogLine], versions: Counts) -> NDArray[np.bool_]:
        known = np.ones(len(lines), dtype=np.bool_)
        for version in np.unique(versions).tolist():
            if version not in self._layouts:
                self._layouts[version] = self._layout_of(version)
            if self._layouts[version] is None:
                own = versions == version
                known &= ~own
                first = lines[int(np.argmax(own))]
                message = f"the bucket holds no version {version}"
                self.unusable("unknown-version", first.number, message, int(own.sum()))
        return known

    def _is_old(self, slots: Counts) -> NDArray[np.bool_]:
        last = _NEVER if self.captured.last is None else self.captured.last
        return np.asarray(slots <= last - 2 * SLOTS)

    def _drop_old(self) -> None:
        captured = self.captured
        if captured.last is None:
            return
        oldest = captured.last - 2 * SLOTS + 1
        for row_key in [key for key in captured.rows if key[1] < oldest]:
            captured.log.older += captured.rows.pop(row_key).rows
        for request_key in [key for key in captured.requests if key[2] < oldest]:
            gone = captured.requests.pop(request_key)
            captured.log.older += gone.statuses.total() + gone.probes
