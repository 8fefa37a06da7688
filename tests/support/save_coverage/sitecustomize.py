"""Saves what coverage measured in a uvicorn worker, which ends by raising its signal anew and runs no exit handlers.

Read by every Python process that parts.Server starts while coverage measures, and by no other.
"""

import signal

from coverage import Coverage

_raise_signal = signal.raise_signal


def _save_and_raise(number: int) -> None:
    measured = Coverage.current()
    if measured:
        measured.stop()
        measured.save()
    _raise_signal(number)


signal.raise_signal = _save_and_raise
