"""Publishing from Python: the bucket from the environment, lines for a person on standard error."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Collection
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from functions import artifact
from functions.artifact import Manifest
from model import config as configuration
from model.config import Config
from model.errors import ConfigError
from model.registry.registry import Registry
from model.training.frames import time_parts
from model.workflows.dataset import Production
from model.workflows.labelled import Labelled, labelled
from model.workflows.progress import Talk
from model.workflows.publish import Given, publish

__all__ = ["publish_here", "settings_for", "time_parts", "user"]

_ALIAS = "production"


def publish_here(
    pipeline: Any,
    x: Any,
    y: Any,
    *,
    name: str,
    training: tuple[Any, Any] | None,
    target: str | None,
    redact: Collection[str],
    bucket: str | None,
    config: Path | str | None,
) -> Manifest:
    """See model.publish."""
    where = bucket or os.environ.get("MODEL_BUCKET")
    if not where:
        raise ConfigError("bucket must name the bucket, or MODEL_BUCKET be set (for a local run: `. .local/env`)")
    if not artifact.is_name(name):
        raise ConfigError(f"name must be lower-case letters, digits, '.', '_' or '-', got {name!r}")
    columns = getattr(pipeline, "feature_names_in_", None)
    names = None if columns is None else list(columns)
    holdout = labelled(x, y, target=target, columns=names)
    trained = labelled(*training, target=holdout.target, columns=names, what="training") if training else None
    store = Registry(where, name)
    return publish(
        store,
        Given(pipeline, user(), {"scikit-learn": package_version("scikit-learn")}, name),
        holdout,
        trained,
        settings_for(holdout, None if config is None else configuration.read(Path(config))),
        production=Production(name, _ALIAS, store.alias(_ALIAS)[0]),
        redact=redact,
        talk=Talk(say=lambda text: print(text, file=sys.stderr)),
    )


def settings_for(rows: Labelled, settings: Config | None) -> Config:
    """The configuration of *settings*, or the one that is built in, for the columns of *rows*."""
    base = settings.model_dump(exclude={"data"}, exclude_unset=True) if settings else {}
    data: dict[str, Any] = {"source": "published", "target": rows.target}
    if settings:
        data |= {"missing": settings.data.missing, "key": settings.data.key}
    return Config.model_validate({**base, "data": data})


def user() -> str:
    """Who runs this, and where."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # no entry in the password file
        return f"{os.getuid()}@{socket.gethostname()}"
