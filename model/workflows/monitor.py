"""What `monitor` puts together: captured lines, the versions that answered, labels that came; and the plots of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from functions.artifact import Document
from model.config import Config
from model.data import drift as divergence
from model.data.sources import pieces
from model.evaluation.metrics import scores
from model.monitoring import ground_truth as labels
from model.monitoring import log_reader as traffic
from model.monitoring import log_source as lines
from model.monitoring import verdict as monitoring
from model.monitoring.windows import SLOTS, Layout
from model.registry import registry
from model.reports.figure import attempt
from model.reports.monitoring_page import Figures, worst_columns
from model.reports.monitoring_plots import over_time, serving_histogram
from model.workflows.dataset import Production


@dataclass(frozen=True)
class Request:
    """What is to be looked at: *sources* and *labels* as a command line names them.

    Args:
        window_hours: Length of the window, and of the one before it that it is compared with.
        until: Where the window ends, in seconds since 1970; None for the newest line.
    """

    sources: Sequence[str]
    labels: str | None = None
    window_hours: float = 24.0
    until: float | None = None


@dataclass(frozen=True)
class Observed:
    """What `monitor --json` prints; and by version both windows, and the manifests, which plots are made of."""

    document: dict[str, Any]
    windows: dict[int, list[dict[str, Any]]]
    manifests: dict[int, Document]


def observe(
    request: Request,
    settings: Config,
    production: Production,
    store: registry.Registry,
    *,
    reading: Callable[[Sequence[str]], AbstractContextManager[Callable[[int], None]]],
) -> Observed:
    """Read the sources, join the labels, and judge.

    Args:
        reading: Takes the sources, and gives what is told how many bytes were read.

    Raises:
        SourceError, SourceError: A source, or the file of labels, cannot be read.
    """
    manifests: dict[int, Document] = {}

    there = store.numbers()

    def layout_of(version: int) -> Layout | None:
        if version not in there:  # a log may name any number of others
            return None
        manifest = store.manifest(version)
        manifests[version] = manifest.document
        return Layout(
            tuple(feature.name for feature in manifest.features),
            np.array([feature.minimum for feature in manifest.features]),
            np.array([feature.maximum for feature in manifest.features]),
            tuple(map(divergence.edges, divergence.columns(manifest.document))),
            tuple(feature.redact for feature in manifest.features),
        )

    known, told = _labels(request.labels, settings, store)
    sources = _sources(request, store)
    with reading(request.sources) as done:
        found = traffic.read(
            sources,
            model=production.model,
            layout_of=layout_of,
            window_seconds=request.window_hours * 3600,
            now=time.time(),
            until=request.until,
            labels=known,
            done=done,
        )
    if told is not None and known is not None:
        told |= {"matched": found.matched, "unmatched": len(known.keys) - found.matched}
    confidence, seed = settings.gate.confidence, settings.training.seed
    live = {
        version: {
            "rows": len(actual),
            "metrics": {
                name: score.document()
                for name, score in scores(actual, predicted, confidence=confidence, seed=seed).items()
            },
        }
        for version, (actual, predicted) in found.joined.items()
    }
    windows = {version: [found.window(version), found.window(version, back=1)] for version, _ in found.parts}
    document = monitoring.judge(
        model=production.model,
        production=production.promoted.version if production.promoted else None,
        manifests=manifests,
        windows=windows,
        traffic=found.requests_by_slot(),
        log=found.log(),
        period={"slot_seconds": found.slot_seconds, "slots": SLOTS, "until": found.until},
        live=live,
        labels=told,
        limits=monitoring.Limits(**settings.monitoring.model_dump()),
    )
    return Observed(document, windows, manifests)


def figures(observed: Observed, *, say: Callable[[str], None]) -> Figures:
    """SVG of the distributions by version and column, and over time; *say* takes a line for each left out."""
    drawn: dict[int, dict[int, str]] = {}
    for number, entry in enumerate(observed.document["versions"]):
        version = entry["version"]
        columns = divergence.columns(observed.manifests[version])
        shown = [*entry["features"], *([entry["prediction"]] if entry["prediction"] else [])]
        named = {}
        for place in worst_columns(shown):
            values = observed.windows[version][0]["sample"][:, place]
            before = observed.windows[version][1]["sample"][:, place]
            svg = attempt(
                say,
                f"{shown[place].get('name', 'the prediction')}, version {version}",
                serving_histogram,
                f"{number}-{place}",
                divergence.fiftieths(columns[place]),
                values[~np.isnan(values)],
                before[~np.isnan(before)],
                within=(columns[place]["minimum"], columns[place]["maximum"]) if "minimum" in columns[place] else None,
            )
            if svg:
                named[place] = svg
        drawn[version] = named
    return Figures(
        columns=drawn,
        series=over_time(
            observed.document["series"],
            hours=observed.document["window"]["hours"],
            warn=observed.document["limits"]["warn"],
            say=say,
        ),
    )


def _sources(request: Request, store: registry.Registry) -> list[tuple[str, Iterator[bytes]]]:
    """Names and bytes of all sources; one that is not there is said before any is read.

    Of a prefix in a bucket what was last written before both windows is passed over: it can hold no line of them. Not
    so with labels, which may be of older rows.
    """
    until = datetime.now(UTC) if request.until is None else datetime.fromtimestamp(request.until, UTC)
    since = None if request.labels else until - timedelta(hours=2 * request.window_hours)
    found: list[tuple[str, Iterator[bytes]]] = []
    for source in request.sources:
        if source.startswith("gs://"):
            found += store.bucket.objects(source, lines.ENDINGS, since=since)
        else:
            found.append(("standard input" if source == "-" else source, pieces(source)))
    return found


def _labels(
    source: str | None, settings: Config, store: registry.Registry
) -> tuple[traffic.Labels | None, dict[str, Any] | None]:
    """The labels to join, and what is said of them."""
    if not source:
        return None, None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(source)
        if source.startswith("gs://"):
            path = Path(folder) / f"labels{path.suffix}"
            store.bucket.download(source, path)
        read = labels.read(source, path, settings.data.target)
    made, repeated, conflicting = traffic.Labels.of(read.ids, read.rows, read.values)
    return made, {
        "source": source,
        "labels": len(read.ids) + read.unusable,
        "unusable": read.unusable,
        "repeated": repeated,
        "conflicting": conflicting,
        "example": read.example,
    }
