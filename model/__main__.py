"""Starts `python -m model VERB`; everything else is in cli/."""

from __future__ import annotations

import sys

from model.cli.main import start

if __name__ == "__main__":
    sys.exit(start())
