"""The verb publish, which looks at its arguments before it waits for scikit-learn."""

from __future__ import annotations

import argparse

from model.cli.verbs.common import registry_of, settings_of
from model.data.reading import column_names
from model.errors import UsageError


def run_publish(arguments: argparse.Namespace) -> int:
    if not arguments.data:
        raise UsageError("--data must name rows that the pipeline was not fitted to: they judge it")
    settings, store = settings_of(arguments), registry_of(arguments)
    target = arguments.target or settings.data.target
    for source in filter(None, (arguments.data, arguments.training)):
        if not source.startswith("gs://"):
            _check_target(source, target)
    from model.cli.verbs.training import publish_pipeline  # noqa: PLC0415 - scikit-learn takes a second

    return publish_pipeline(arguments, settings, store, target)


def _check_target(source: str, target: str) -> None:
    names = column_names(source)
    if target not in names:
        raise UsageError(f"{source} has no column {target!r}, the target; it has {', '.join(names)[:300]}")
