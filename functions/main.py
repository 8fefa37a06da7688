"""The entry points `batch` and `stream`; settings and model are read at import."""

from __future__ import annotations

import gc
import os

# numpy would start threads for a BLAS that is not used here, in the process that is about to fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Imports allocate much and free little: without passes of the garbage collector, google.cloud.storage is imported in
# half the time. Objects made by then, numpy's too where the model needs it, are frozen below, so no later pass visits
# them, here or in the forked worker.
gc.disable()

import sys
from functools import partial

import functions_framework.aio
import starlette.requests
from starlette.responses import Response

from . import settings
from .bucket import fetch
from .handling import long_addresses
from .handling.answering import Endpoint
from .loader import Loader
from .telemetry import log

try:
    _settings = settings.read(os.environ)
except settings.SettingsError as error:
    sys.exit(str(error))

long_addresses.clip()

# Loaded here, before the port opens and before the framework forks: the first request finds the model in memory.
_loader = Loader(
    partial(fetch, _settings.bucket),
    model=_settings.model,
    alias=_settings.alias,
    version=_settings.version,
    refresh_seconds=_settings.refresh_seconds,
    report=log.event,
)
_loader.load()

gc.freeze()
gc.enable()

_batch = Endpoint("batch", one=False, loader=_loader, settings=_settings)
_stream = Endpoint("stream", one=True, loader=_loader, settings=_settings)


@functions_framework.aio.http
async def batch(request: starlette.requests.Request) -> Response:
    """Predictions for many instances."""
    return await _batch.respond(request)


@functions_framework.aio.http
async def stream(request: starlette.requests.Request) -> Response:
    """The prediction for one instance."""
    return await _stream.respond(request)
