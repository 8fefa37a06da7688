"""The process: signals, standard output, exit codes. The code of an error stands on its class in model/errors.py."""

from __future__ import annotations

# Imports allocate much and free little: without the collector's passes over it all, during and at the end, each verb
# takes a sixth less. Objects made by the imports are frozen when they are done.
import gc

gc.disable()

import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from model.errors import ModelError, OperatorError


def _absent(missing: ModuleNotFoundError) -> str:
    return f"{missing.name} is not there for this Python; do `. .local/env` first, which ./deploy.sh local writes"


_INTERRUPTED, _TERMINATED = 130, 143

try:
    from model.cli.arguments import parsed
    from model.cli.terminal import say
    from model.cli.verbs import MODULES
except ModuleNotFoundError as missing_module:
    sys.exit(_absent(missing_module))

gc.freeze()
gc.enable()


def start() -> int:
    """Run as a process: signals, warnings and standard output as a program needs them; returns the exit code."""
    warnings.filterwarnings("default")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # child processes and temporary files are removed
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    if sys.stdout is None:  # it was closed before this process began
        sys.stdout = io.StringIO()
    given = parsed(arguments)
    try:
        code = _function(given.verb)(given)
        sys.stdout.flush()
    except ModelError as error:
        say(error)
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return _INTERRUPTED
    except OSError as error:  # nearly always of standard output; a reader that closed its pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            say(f"{error.filename or 'no output'}: {error.strerror}")
        return OperatorError.exit_code
    return code


def _function(verb: str) -> Callable[[Any], int]:
    """The function of *verb*; its module, and with it all that the verb needs, is imported now."""
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that import older ones
        try:
            module = import_module(f"model.cli.verbs.{MODULES[verb]}")
        except ModuleNotFoundError as missing:
            sys.exit(_absent(missing))
    gc.freeze()
    gc.enable()
    function: Callable[[Any], int] = getattr(module, f"run_{verb}")
    return function
