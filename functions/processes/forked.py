"""Work in a process that is forked for it: nothing is copied to it, and all of its memory is given back at its end.

The child has the parent's memory as it stands: model, modules, a body. It sends one message through a pipe and leaves.
It takes no lock, writes no line of the log, and should import nothing, since another thread of the parent may hold a
lock of an import for good in the child. It lives no longer than its parent, and holds none of its sockets open.

Errors:
    LostError   the child ended without its message
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import mmap
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

POSSIBLE = sys.platform == "linux"
"""On macOS a process with an event loop is not safe to fork, and no child can ask to end with its parent."""

Message = tuple[bytes, bytes]
"""A head and a body; a parent gets the body as a memoryview."""

_SIZE_BYTES = 8
_PART_BYTES = 1 << 16
_STANDARD_FILES = 3
"""Input, output and errors. The descriptors are counted, since `sys.stderr` need be no file: under LOG_EXECUTION_ID it
is not."""

_PR_SET_PDEATHSIG = 1
_FIRST_TO_GO = "1000"
_libc = ctypes.CDLL(None) if POSSIBLE else None


class LostError(Exception):
    """The child ended without its message; the text says how."""


class Child:
    """A process that does *work* and sends the message that it returns; made in a coroutine's thread.

    The body comes in memory that both share: through a pipe, 20 MB would be copied twice, for 30 ms of the event loop.

    Attributes:
        message: Done when the message is there, or with a LostError, or with an OSError where it cannot be read.
        ended: Done when the process is gone.

    Raises:
        OSError: No pipe, no memory or no process can be had.
    """

    def __init__(self, work: Callable[[], Message]) -> None:
        self._loop = asyncio.get_running_loop()
        self.message: asyncio.Future[Message] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._head = bytearray()
        self._memory = os.memfd_create("answer")
        try:
            self._pid, self._pipe = _fork(work, self._memory)
        except OSError:
            os.close(self._memory)
            raise
        self._loop.add_reader(self._pipe, self._read)

    def stop(self) -> None:
        """End the process at once, if its message is not there."""
        if not self.message.done():
            os.kill(self._pid, signal.SIGKILL)

    def _read(self) -> None:
        try:
            part = os.read(self._pipe, _PART_BYTES)
        except BlockingIOError:
            return
        if not part:
            self._end()
            return
        self._head += part
        if len(self._head) >= _SIZE_BYTES and not self.message.done():
            size = int.from_bytes(self._head[:_SIZE_BYTES])
            if size and len(self._head) == _SIZE_BYTES + size:
                try:
                    body = self._body()
                except OSError as error:  # such as no file being left; the parent can do the work itself
                    self.message.set_exception(error)
                else:
                    self.message.set_result((bytes(self._head[_SIZE_BYTES:]), body))

    def _body(self) -> bytes:
        size = os.fstat(self._memory).st_size
        return cast("bytes", memoryview(mmap.mmap(self._memory, size, prot=mmap.PROT_READ))) if size else b""

    def _end(self) -> None:
        """The pipe is closed, which is almost the last thing that a process does."""
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        os.close(self._memory)
        _, status = os.waitpid(self._pid, 0)
        if not self.ended.done():  # or nobody waits for it any more
            self.ended.set_result(None)
        if not self.message.done():
            self.message.set_exception(LostError(_how(status, self._head[_SIZE_BYTES:].decode())))
            self.message.exception()  # nobody may wait for it any more


def _how(status: int, error: str) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"with exit code {code} ({error or 'without a word'})"
    with contextlib.suppress(ValueError):
        return f"by signal {-code} ({signal.Signals(-code).name})"
    return f"by signal {-code}"


def _fork(work: Callable[[], Message], memory: int) -> tuple[int, int]:
    """Process id, and the end of the pipe to read, which does not block."""
    ours, childs = os.pipe()
    try:
        parent = os.getpid()
        # A signal between the fork and the reset of the handlers would wake the parent's event loop.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if not pid:
                os.close(ours)  # where files are wanting, one is free now to list them
                _live(work, childs, memory, parent, held)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(childs)
    os.set_blocking(ours, False)
    return pid, ours


def _live(work: Callable[[], Message], pipe: int, memory: int, parent: int, mask: set[int | signal.Signals]) -> None:
    """The whole life of a child; does not return."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        # Of a terminal, or of a supervisor to all at once: the parent decides about its requests, no child outlives it.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        leave_with(parent)
        sheltered(pipe, memory)
        with contextlib.suppress(OSError):  # where memory is wanting, the child goes, and not the function
            Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
        gc.disable()  # rows are no garbage, and a pass over a million of them takes longer than to make them
        head, body = work()
        _write(memory, body)
        _write(pipe, len(head).to_bytes(_SIZE_BYTES) + head)
        code = 0
    except Exception as error:  # noqa: BLE001 - the parent tells its operator
        _write(pipe, bytes(_SIZE_BYTES) + type(error).__name__.encode())
    finally:
        os._exit(code)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def leave_with(parent: int) -> None:
    """Have this process killed when *parent*, from which it was forked, ends."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def sheltered(*kept: int) -> None:
    """Close all files but *kept* and the standard ones: a connection that the parent closes is closed."""
    for name in [path.name for path in Path("/proc/self/fd").iterdir()]:
        if int(name) >= _STANDARD_FILES and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
