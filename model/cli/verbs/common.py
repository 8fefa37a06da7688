"""What verbs share: exit codes, the bucket and the configuration that the arguments name."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from functions import artifact
from model.cli.terminal import say
from model.errors import ConfigError, OperatorError, RefusedError
from model.registry import credentials
from model.registry.registry import Registry
from model.workflows.promotion import Mover

if TYPE_CHECKING:
    from model.config import Config

DONE, FAILED, REFUSED = 0, OperatorError.exit_code, RefusedError.exit_code


def settings_of(arguments: argparse.Namespace) -> Config:
    """The configuration; a key that no longer counts is named."""
    from model import config  # noqa: PLC0415 - most verbs read none

    settings = config.read(arguments.config)
    for remark in settings.remarks:
        say(f"{arguments.config}: {remark}")
    return settings


def store_of(arguments: argparse.Namespace, source: str) -> Registry | None:
    """The bucket that is set, or for a *source* in one that bucket; None where neither is."""
    if arguments.bucket:
        return registry_of(arguments)
    if source.startswith("gs://"):
        return Registry(source.removeprefix("gs://").partition("/")[0] or "none", arguments.model)
    return None


def registry_of(arguments: argparse.Namespace) -> Registry:
    if not arguments.bucket:
        raise ConfigError("MODEL_BUCKET must name the bucket (for a local run: `. .local/env`), it is not set")
    for option in ("model", "alias"):
        name = getattr(arguments, option, "x")
        if not artifact.is_name(name):
            raise ConfigError(f"--{option} must be lower-case letters, digits, '.', '_' or '-', got {name!r}")
    account = os.environ.get("MODEL_CREDENTIALS", "")
    if account not in {"", "gcloud"}:
        raise ConfigError(f"MODEL_CREDENTIALS must be gcloud, or not set, got {account!r}")
    token = credentials.of_gcloud(os.environ.get("GCLOUD") or "gcloud") if account else None
    return Registry(arguments.bucket, arguments.model, credentials=token)


def mover_of(arguments: argparse.Namespace) -> Mover:
    return Mover(arguments.alias, arguments.by, arguments.reason)


def write_page(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}") from error
