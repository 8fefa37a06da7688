"""Training again where there is a reason, and promoting the version that passes the gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.artifact import Alias, Document, Manifest, sha256_of
from functions.columns.schema import Level
from model.config import Config
from model.data.findings import Finding
from model.data.rows import Rows
from model.data.snapshots import snapshot
from model.data.split import champion_split, held_out
from model.errors import AbsentError, MovedOnError, NotFoundError, RegistryError, SourceError
from model.evaluation.class_metrics import class_scores
from model.evaluation.metrics import scores
from model.formatting import shortened
from model.monitoring import triggers
from model.monitoring.class_labels import Spellings
from model.monitoring.live_error import Interval, Live, held_out_error
from model.monitoring.triggers import Reason
from model.registry.production import verified_manifest
from model.registry.registry import Moved, Registry
from model.training.candidates import Trial
from model.workflows import dataset, monitor, source_rows
from model.workflows.dataset import Inputs, Production
from model.workflows.evaluate import champion_answers
from model.workflows.judges import classified
from model.workflows.progress import Talk
from model.workflows.promotion import Mover
from model.workflows.train import train

_MOST_TRIED = 20
"""Newest challengers that are looked at for having been trained on the same rows."""

NOTHING, REJECTED, PROMOTED = "nothing to do", "rejected", "promoted"


@dataclass(frozen=True)
class Arrivals:
    """Observations since production was trained.

    Args:
        captured: Captured log lines, with or without labels for them.
        labelled: Rows with their target.
    """

    captured: monitor.MonitorInputs | None = None
    labelled: Rows | None = None


@dataclass(frozen=True)
class Decision:
    """The decision of `retrain` and its grounds.

    Args:
        verdict: NOTHING, REJECTED or PROMOTED; NOTHING also while it is not yet known.
        production: The version that the reasons were compared with; None if there was none.
        manifest: The version that was trained; None where none was.
        moved: The promotion; None where there was none.
    """

    verdict: str = NOTHING
    production: int | None = None
    reasons: Sequence[Reason] = field(default_factory=list)
    manifest: Manifest | None = None
    moved: Moved | None = None

    @property
    def due(self) -> bool:
        """Whether a reason is due, and the rows were not tried in vain already."""
        tried = any(reason.reason == triggers.TRIED for reason in self.reasons)
        return any(reason.due for reason in self.reasons) and not tried

    def document(self) -> dict[str, Any]:
        """The JSON of `retrain`."""
        trained = {"version": self.manifest.version, "gate": self.manifest.document["gate"]} if self.manifest else {}
        return {
            "decision": self.verdict,
            "production": self.production,
            "reason": triggers.why(self.reasons),
            "reasons": [asdict(reason) for reason in self.reasons],
            **trained,
        }


def retrain(
    store: Registry,
    candidates: list[Trial],
    given: Inputs,
    arrivals: Arrivals,
    *,
    model: str,
    mover: Mover,
    force: bool,
    talk: Talk,
    show: Callable[[Decision], None],
) -> Decision:
    """Decide, train and promote; decide again where production moved meanwhile.

    Args:
        force: Train without a reason, and on rows that were tried already.
        show: Takes the decision once its reasons are known, and again once a version is trained.
    """
    while True:
        production = Production(model, mover.alias, store.alias(mover.alias)[0])
        given = dataset.beside(given, production, store)
        with talk.step("validating"):
            findings = dataset.findings(given, production.comparable(given.settings)[0])
        dataset.stop_at_errors(findings)
        promoted = production.promoted
        grounds = [
            *reasons(given, production, store, findings=findings, labelled=arrivals.labelled, now=datetime.now(UTC)),
            *_alerts(given.settings, arrivals.captured, production, store, talk),
        ]
        grounds = [triggers.forced(), *grounds] if force else [*grounds, *_tried(given, grounds, promoted, store)]
        decision = Decision(production=promoted.version if promoted else None, reasons=grounds)
        if other := triggers.other_data(promoted.manifest if promoted else {}, given.rows.dataset):
            talk.say(f"warning: {other}")
        show(decision)
        if not decision.due:
            return decision
        manifest = train(store, candidates, given, production, findings, talk=talk)
        decision = replace(decision, manifest=manifest)
        show(decision)
        if not manifest.document["blessed"]:
            return replace(decision, verdict=REJECTED)
        reason = shortened(mover.reason or f"retrain: {triggers.briefly(decision.reasons)}")
        try:
            moved = store.promote(manifest.version, alias=mover.alias, by=mover.by, reason=reason)
        except MovedOnError as error:
            talk.say(f"{str(error).partition(':')[0]}: deciding again")
            force = False  # somebody else has just trained and promoted
            continue
        return replace(decision, verdict=PROMOTED, moved=moved)


def reasons(
    given: Inputs,
    production: Production,
    store: Registry,
    *,
    findings: Sequence[Finding],
    labelled: Rows | None,
    now: datetime,
) -> list[Reason]:
    """Every reason, due or not; a single one where production cannot be compared with.

    Rows of production that were erased count as unknown.

    Raises:
        RegistryError: The rows that production was trained on cannot be read.
    """
    document, obstacle = production.comparable(given.settings)
    if document is None or production.promoted is None:
        return triggers.without_production(obstacle)
    known = _known(store, document)
    alert = given.settings.monitoring.alert
    found = triggers.decide(
        given.settings.retraining,
        age_days=(now - datetime.fromisoformat(document["created"])).total_seconds() / 86_400,
        rows=len(given.rows.y),
        new_rows=None if known is None else int(np.isin(given.rows.keys, known, invert=True).sum()),
        shifts=[
            f"{finding.where}: {finding.found}"
            for finding in findings
            if finding.code == "shifted" and (finding.limit or 0.0) >= alert
        ],
        shift_limit=alert,
    )
    if labelled is not None:
        found.append(_live_error(given.settings, production.promoted, labelled, known, store))
    return found


def _known(store: Registry, document: Document) -> NDArray[np.uint64] | None:
    """Keys of the rows that the version of *document* was trained on; None where they are not in the bucket now."""
    try:
        return source_rows.snapshot(store, document).keys
    except AbsentError:
        return None


def _tried(given: Inputs, grounds: Sequence[Reason], promoted: Alias | None, store: Registry) -> list[Reason]:
    """A line that names the version which these very rows gave already; none where training may give another.

    Rows of challengers count that the gate refused against this production; where only the monitor's alerts are due,
    production's own rows count too.
    """
    due = {reason.reason for reason in grounds if reason.due}
    if promoted is None or not due:
        return []
    if due == {triggers.ALERTS} and _same_rows(promoted.manifest, given):
        return [triggers.tried(promoted.version, "production was trained on exactly these rows")]
    later = sorted((number for number in store.numbers() if number > promoted.version), reverse=True)
    for number in later[:_MOST_TRIED]:
        try:
            document = store.manifest(number).document
        except (RegistryError, NotFoundError):
            continue
        against = (document.get("comparison") or {}).get("manifest_sha256")
        if not document["blessed"] and against == promoted.manifest_sha256 and _same_rows(document, given):
            words = f"version {number} was trained on exactly these rows and refused against version {promoted.version}"
            return [triggers.tried(number, words)]
    return []


def _same_rows(document: Document, given: Inputs) -> bool:
    """Whether the version of *document* was trained on exactly these rows."""
    kept, rows = document["data"], given.rows
    return bool(kept["rows"] == len(rows.y) and kept.get("sha256") == sha256_of(snapshot(rows)))


def _alerts(
    settings: Config, captured: monitor.MonitorInputs | None, production: Production, store: Registry, talk: Talk
) -> list[Reason]:
    """The monitor's alerts as a reason; none where nothing was captured.

    Raises:
        SourceError: So little could be read that the absence of alerts says nothing.
    """
    if captured is None:
        return []
    observed = monitor.observe(captured, settings, production, store, reading=talk.reading)
    alerts = triggers.watched(observed.verdict)
    if observed.unseen and not alerts.due:
        raise SourceError("\n".join(observed.unseen))
    return [alerts]


def _live_error(
    settings: Config, promoted: Alias, labelled: Rows, known: NDArray[np.uint64] | None, store: Registry
) -> Reason:
    """The error of production on *labelled* rows that it was not trained on, and answers, as a reason."""
    served = store.predictor(verified_manifest(promoted, promoted.manifest["model"]))
    document = served.manifest.document
    split = champion_split(labelled, document)
    kept = held_out(labelled, split) if split else np.zeros(len(labelled.y), dtype=np.bool_)
    rows, unknown = _with_classes_of(labelled, served.manifest.classes)
    answers = champion_answers(served, rows)
    told = ~np.isnan(answers).any(axis=1) & ~np.isnan(rows.y)
    fresh = (kept if known is None else kept | np.isin(labelled.keys, known, invert=True)) & told
    confidence, seed = settings.gate.confidence, settings.training.seed
    classes: Any = served.manifest.classes
    if classes:
        positive = monitor.positive_place(document)
        measured = class_scores(
            rows.y[fresh], classified(answers[fresh]), classes, positive, confidence=confidence, seed=seed
        )
    else:
        measured = scores(rows.y[fresh], answers[fresh, 0], confidence=confidence, seed=seed)
    count = int(fresh.sum())
    live = Live(count, {name: Interval(score.value, score.low, score.high) for name, score in measured.items()})
    reason = triggers.live_error(
        live,
        held_out_error(document, live.measure),
        settings.monitoring,
        known=int((~np.isnan(rows.y)).sum()) - count,
    )
    return replace(reason, found=f"{reason.found}; {unknown}") if unknown else reason


def _with_classes_of(labelled: Rows, classes: Sequence[Level]) -> tuple[Rows, str]:
    """*labelled* with places among *classes*, NaN for a label that is none of them; and those labels in words."""
    if not classes or labelled.classes == tuple(classes):
        return labelled, ""
    spellings = Spellings(classes)
    places, others = [], []
    for label, count in labelled.class_counts.items():
        place = spellings.place(label)
        places.append(np.nan if place is None else float(place))
        others += [] if place is not None else [count]
    table = np.array([*places, np.nan])
    y = table[np.where(np.isnan(labelled.y), len(places), labelled.y).astype(np.intp)]
    words = f"{sum(others)} rows have no class of this version: {spellings.named(rows=False)}" if others else ""
    return replace(labelled, y=y, classes=tuple(classes)), words
