"""A line on the terminal that says what is measured now; nothing where nobody looks."""

from __future__ import annotations

import shutil
import sys


def say(text: str) -> None:
    """Show *text* in place of what was shown before; an empty one clears the line."""
    if sys.stderr.isatty():
        most = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[2K{text[:most]}", end="", file=sys.stderr, flush=True)
