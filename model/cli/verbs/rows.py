"""Verbs about rows: init, validate."""

from __future__ import annotations

import argparse
import shlex

from model.cli import tables
from model.cli.terminal import TALK, say, show, show_json
from model.cli.verbs.common import DONE, REFUSED, settings_of, store_of
from model.errors import ConfigError
from model.formatting import PROGRAM
from model.workflows import init, validate


def run_init(arguments: argparse.Namespace) -> int:
    written = init.init(arguments.source, arguments.target, arguments.output, store_of(arguments, arguments.source))
    if arguments.json:
        show_json(written.document())
        return DONE
    kinds = ", ".join(f"{name} ({kind})" for name, kind in written.kinds.items())
    print(f"{written.path}: {written.rows} rows of {written.source}, features {kinds}")
    for name, reason in written.left_out.items():
        say(f"left out '{name}': {reason}")
    for doubt in written.doubts:
        say(doubt)
    config = f"--config {shlex.quote(str(written.path))}"
    say(f"look it through, then `{PROGRAM} validate {config} --model {written.model}`")
    ready = "" if arguments.bucket else "once MODEL_BUCKET is set (for a local run: `. .local/env`), "
    say(f"{ready}`{PROGRAM} train {config} --model {written.model}` trains model {written.model}")
    return DONE


def run_validate(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    source = arguments.data or settings.data.source
    store = store_of(arguments, source)
    report = validate.validate(
        settings,
        source,
        store,
        folder=arguments.config.parent,
        model=arguments.model,
        alias=arguments.alias,
        compared=bool(arguments.bucket),
        talk=TALK,
    )
    if arguments.json:
        show_json(report.document())
    else:
        show(*tables.validation(report))
    if report.problem:
        say(report.problem)
    if report.errors:
        return REFUSED
    return ConfigError.exit_code if report.problem else DONE
