"""Everything that is wrong with the rows of a source, by themselves and against production; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.config import Config
from model.data.findings import Finding, as_document
from model.errors import ConfigError, RegistryError
from model.registry.registry import Registry
from model.workflows import dataset
from model.workflows.dataset import Production
from model.workflows.progress import Talk


@dataclass(frozen=True)
class Validation:
    """The findings on the rows of *source*.

    Args:
        rows: Those that can be trained on; rows without a target are left out.
        version: The production version that the rows were compared with; None if there was none, and *obstacle* says
            why.
        model: The model whose production was asked for.
        problem: A key of the configuration that does not go with the classes of the target; "" if there is none.
    """

    source: str
    rows: int
    holdout_rows: int
    findings: Sequence[Finding]
    version: int | None
    obstacle: str
    rows_without_target: int = 0
    model: str = ""
    problem: str = ""

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors

    def document(self) -> dict[str, Any]:
        """The JSON of `validate`."""
        return {
            "source": self.source,
            "rows": self.rows,
            "rows_without_target": self.rows_without_target,
            "holdout_rows": self.holdout_rows,
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [as_document(finding) for finding in self.findings],
            "compared_with": {"version": self.version, "reason": self.obstacle or None},
        }


def validate(
    settings: Config,
    source: str,
    store: Registry | None,
    *,
    folder: Path,
    model: str,
    alias: str,
    compared: bool,
    talk: Talk,
) -> Validation:
    """Read *source* and look for flaws; where *compared*, also against the version that *alias* of *model* holds.

    Args:
        folder: The configuration's; see `train.candidates`.
    """
    with talk.step("reading"):
        given = dataset.read(settings, source, store, task=_task(settings, folder))
    document, obstacle = None, "MODEL_BUCKET is not set"
    if store and compared:
        try:
            document, obstacle = Production(model, alias, store.alias(alias)[0]).comparable(settings)
        except RegistryError as error:
            obstacle = str(error)
    with talk.step("validating"):
        findings = dataset.findings(given, document)
        problem = _problem(given, findings)
    return Validation(
        source=source,
        rows=len(given.rows.y),
        holdout_rows=int(given.sides.held.sum()),
        findings=findings,
        version=document["version"] if document else None,
        obstacle=obstacle,
        rows_without_target=given.rows.without_target,
        model=model,
        problem=problem,
    )


def _problem(given: dataset.Inputs, findings: Sequence[Finding]) -> str:
    """The key for two classes at which training would stop; "" also where the target itself is broken."""
    training = given.settings.training
    target = {finding.severity for finding in findings if finding.where == given.rows.target}
    if "error" in target or (training.positive is None and training.threshold is None):
        return ""
    from model.workflows.two_classes import check_keys  # noqa: PLC0415 - most configurations name none of the keys

    try:
        check_keys(given.rows, given.settings)
    except ConfigError as error:
        return str(error)
    return ""


def _task(settings: Config, folder: Path) -> str | None:
    """The task that the configuration decides, by its candidates where it names no task."""
    if settings.training.task or not settings.training.candidates:
        return settings.training.task
    from model.workflows.train import candidates, task_of  # noqa: PLC0415 - most configurations name a task

    return task_of(settings, candidates(settings, folder))
