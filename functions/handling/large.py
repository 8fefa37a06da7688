"""Requests that would hold the event loop for long are answered by a process of their own; see forked.

A request goes there where its body is large, or where it would take long by what the last ones of its format took: a
model of many trees, and a table of texts, take longer a byte than numbers for a line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ..exchange import Content
from ..processes.cores import cores
from ..processes.divided import Divided
from ..processes.forked import POSSIBLE, Child, LostError, Message
from ..telemetry import log
from . import coding
from .asked import Asked
from .replies import Reply, process_lost
from .response import IN_GZIP, LEAST_GZIP_BYTES

if TYPE_CHECKING:
    from ..predictor import Predictor

LARGE_BYTES = 2 << 20
"""A body of so many bytes always goes: its numbers take a line 35 ms and more. A process takes 10 to 40 ms of CPU time,
the more memory it uses (2026-11), so a smaller body is answered sooner without, and holds the others up no longer."""

HOLD_SECONDS = 0.05
"""Longest time that a request should hold the event loop."""

LATER = (
    *("numpy", "encodings.utf_8_sig"),
    *(f"..protocols.{name}" for name in ("instances", "frames", "bigquery", "delimited", "json_lines", "npy")),
    *("..protocols.parts.keys", "..protocols.parts.leading", "..protocols.parts.misdirected", "..leniency", "..beside"),
)
"""What a child could be the first to import: its parent imports it before. So no lock of an import that another thread
has under way can keep a child waiting."""


class Elsewhere:
    """The processes of large requests: as many at once as there are processors to use, the others wait in order."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(cores())
        self._pace: dict[str, float] = {}
        self._lives: set[asyncio.Task[None]] = set()
        self._ready = False

    async def reply(self, asked: Asked, receive: Receive) -> Reply:
        """The reply to *asked*, given by a process of its own where it would hold the event loop for long.

        The record is filled in as if it was given here.

        Args:
            receive: Gives the next message of ASGI; the body was read.

        Raises:
            RefusalError: The process ended before its reply, as one does for which memory is wanting.
            ClientDisconnect: The caller hung up; the process is ended, or was never begun.
        """
        opened = asked.opened(LARGE_BYTES - 1)
        asked = opened or asked
        name, size = asked.format, len(asked.sent)
        if not POSSIBLE or (opened and size * self._pace.get(name, 0.0) < HOLD_SECONDS):
            began = time.thread_time()
            reply = asked.reply()
            self._note(name, size, time.thread_time() - began)
            return reply
        self._make_ready()
        try:
            head, body = await self._message(partial(_told, asked), receive)
        except LostError as error:
            log.event("ERROR", f"the process of a large request ended {error}", request_id=asked.record.request_id)
            raise process_lost(str(error)) from None
        except OSError as error:
            log.event("ERROR", f"no process can be had for a large request ({error}); it is answered by this one")
            return asked.reply()
        told = orjson.loads(head)
        if "content-encoding" not in asked.headers:  # else its size is not known here
            self._note(name, size, told["seconds"])
        asked.record.take(told["record"])
        content = Content(told["media_type"], body, _pairs(told["more"]))
        return Reply(told["status"], content, _pairs(told["headers"]))

    async def _message(self, work: Callable[[], Message], receive: Receive) -> Message:
        message: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        life = asyncio.create_task(self._live(work, message))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        gone = asyncio.create_task(_hung_up(receive))
        gone.add_done_callback(lambda _: message.cancel())
        try:
            return await message
        except asyncio.CancelledError:
            if gone.done() and not gone.cancelled():
                raise ClientDisconnect from None
            raise
        finally:
            message.cancel()
            gone.cancel()

    def _note(self, name: str, size: int, seconds: float) -> None:
        """Half of what is known of a format is what its last request took; the first one imports, and says nothing."""
        if name in self._pace:
            last = seconds / max(1, size)
            self._pace[name] = (self._pace[name] + last) / 2 if self._pace[name] else last
        else:
            self._pace[name] = 0.0

    def _make_ready(self) -> None:
        if not self._ready:
            for name in LATER:
                import_module(name, __package__)
            self._ready = True

    async def _live(self, work: Callable[[], Message], message: asyncio.Future[Message]) -> None:
        """Wait for a place, then for the end of the process: it has its place for as long as it has memory."""
        async with self._slots:
            if message.done():  # the caller hung up meanwhile
                return
            try:
                child = Child(work)
            except OSError as error:
                message.set_exception(error)
                return
            child.message.add_done_callback(partial(_pass_on, message))
            message.add_done_callback(lambda _: child.stop())
            await child.ended


def _pass_on(message: asyncio.Future[Message], found: asyncio.Future[Message]) -> None:
    if message.done():
        return
    if error := found.exception():
        message.set_exception(error)
    else:
        message.set_result(found.result())


def _told(asked: Asked) -> Message:
    """The message of a child: its reply, in gzip where the caller takes it, and what became of the record."""
    began = time.thread_time()
    model = cast("Predictor", Divided(asked.model, cores()))
    status, content, headers = asked._replace(model=model).reply()
    body = content.body
    if len(body) >= LEAST_GZIP_BYTES and coding.takes_gzip(asked.headers):
        body, headers = coding.deflate(body), (*headers, *IN_GZIP)
    told = {
        "status": status,
        "headers": headers,
        "media_type": content.media_type,
        "more": content.headers,
        "record": asked.record.told(),
        "seconds": time.thread_time() - began,
    }
    return log.render(told), body


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _pairs(listed: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in listed)
