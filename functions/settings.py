"""The settings of the functions: environment variables, read in this one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .artifact import is_name


class SettingsError(ValueError):
    """A variable is missing or malformed; the message names it, the expected form and the value."""


class Settings(NamedTuple):
    """The settings of one process; the defaults are those of a deployed function."""

    bucket: str
    model: str = "linear-regression"
    alias: str = "production"
    version: int | None = None
    refresh_seconds: float = 60.0
    max_body_bytes: int = 32 * 1024 * 1024
    capture: bool = True
    capture_rows: int = 20
    project: str = ""
    log_execution_id: bool = False
    predict_route: str = ""
    health_route: str = ""
    cors_origins: tuple[str, ...] = ()


_DEFAULTS = Settings._field_defaults


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: MODEL_BUCKET is missing, or a value is malformed.
    """
    bucket = environ.get("MODEL_BUCKET", "")
    if not bucket:
        raise SettingsError("MODEL_BUCKET must name the bucket that holds the model, it is not set")
    return Settings(
        bucket=bucket,
        model=_name(environ, "MODEL_NAME", _DEFAULTS["model"]),
        alias=_name(environ, "MODEL_ALIAS", _DEFAULTS["alias"]),
        version=_whole(environ, "MODEL_VERSION", least=1) if environ.get("MODEL_VERSION") else None,
        refresh_seconds=_seconds(environ, "MODEL_REFRESH_SECONDS", _DEFAULTS["refresh_seconds"]),
        max_body_bytes=_whole(environ, "MAX_BODY_BYTES", least=1, default=_DEFAULTS["max_body_bytes"]),
        capture=_switch(environ, "CAPTURE", default=_DEFAULTS["capture"]),
        capture_rows=_whole(environ, "CAPTURE_ROWS", least=1, default=_DEFAULTS["capture_rows"]),
        project=environ.get("GOOGLE_CLOUD_PROJECT", ""),
        log_execution_id=environ.get("LOG_EXECUTION_ID", "").lower() in {"true", "1"},
        predict_route=_path(environ, "AIP_PREDICT_ROUTE"),
        health_route=_path(environ, "AIP_HEALTH_ROUTE"),
        cors_origins=_origins(environ, "CORS_ORIGINS"),
    )


def _name(environ: Mapping[str, str], variable: str, default: str) -> str:
    value = environ.get(variable) or default
    if not is_name(value):
        raise SettingsError(f"{variable} must be lower-case letters, digits, '.', '_' or '-', got {value!r}")
    return value


def _path(environ: Mapping[str, str], variable: str) -> str:
    value = environ.get(variable, "")
    if value and (not value.startswith("/") or value == "/"):
        raise SettingsError(f"{variable} must be a path like /predict, got {value!r}")
    return value


def _origins(environ: Mapping[str, str], variable: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in environ.get(variable, "").split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
            expected = "origins like https://example.org, separated by commas, or *"
            raise SettingsError(f"{variable} must be {expected}, got {origin!r}")
    return origins


def _whole(environ: Mapping[str, str], variable: str, *, least: int, default: int = 0) -> int:
    text = environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):  # noqa: PLR2004 - 64 bits
        raise SettingsError(f"{variable} must be a whole number from {least}, got {text!r}")
    return int(text)


def _switch(environ: Mapping[str, str], variable: str, *, default: bool) -> bool:
    text = environ.get(variable) or ("on" if default else "off")
    if text not in {"on", "off"}:
        raise SettingsError(f"{variable} must be on or off, got {text!r}")
    return text == "on"


def _seconds(environ: Mapping[str, str], variable: str, default: float) -> float:
    text = environ.get(variable) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise SettingsError(f"{variable} must be a number of seconds from 0 (0 = never), got {text!r}")
    return float(text)
