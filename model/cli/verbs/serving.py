"""Verbs that ask a model: smoke, predict."""

from __future__ import annotations

import argparse
import sys

from model.cli.terminal import TALK, say, show_json
from model.cli.verbs.common import DONE, FAILED, REFUSED, registry_of, settings_of
from model.errors import NotFoundError, UsageError
from model.formatting import counted
from model.registry.production import verified_manifest
from model.workflows import smoke


def run_smoke(arguments: argparse.Namespace) -> int:
    """Tokens come by standard input, so that no list of processes shows them."""
    answers = []
    for answer in smoke.smoke(
        registry_of(arguments),
        arguments.function,
        model=arguments.model,
        alias=arguments.alias,
        token=lambda: sys.stdin.readline().strip() if arguments.tokens_stdin else "",
        within_seconds=arguments.within,
    ):
        answers.append(answer)
        for problem in answer.wrong:
            say(f"{answer.function}: {problem}")
        if not answer.wrong and not arguments.json:
            right = f"{answer.right} answers as they must be, from version {answer.version}"
            print(f"{answer.function}: {right}", flush=True)
    if arguments.json:
        show_json([answer.document() for answer in answers])
    return FAILED if any(answer.wrong for answer in answers) else DONE


def run_predict(arguments: argparse.Namespace) -> int:
    from model.workflows.predict import predict  # noqa: PLC0415 - smoke need not wait for it

    if arguments.json and not arguments.output:
        raise UsageError("--json needs --output FILE: the predictions would stand on standard output too")
    settings, store = settings_of(arguments), registry_of(arguments)
    if arguments.version:
        manifest = store.manifest(arguments.version)
    else:
        promoted, _ = store.alias(arguments.alias)
        if promoted is None:
            none = f"{arguments.model} has no alias {arguments.alias} yet; --version takes any version"
            raise NotFoundError(store.absence() or none)
        manifest = verified_manifest(promoted, arguments.model)
    found = predict(
        store.predictor(manifest),
        arguments.file,
        store,
        arguments.output,
        missing=manifest.document["data"].get("missing", settings.data.missing),
        talk=TALK,
    )
    if arguments.json:
        show_json(found.document())
    else:
        aside = f", {counted(found.refused, 'row')} set aside" if found.refused else ""
        where = f" in {found.refused_output}" if found.refused_output else ""
        rows = counted(found.rows - found.refused, "row")
        say(f"{rows} predicted by {found.model} version {found.version}{aside}{where}")
    return REFUSED if found.refused else DONE
