"""`python -m tests.bench [PART…]`; see command.py."""

from __future__ import annotations

import sys

from tests.bench.command import main

sys.exit(main(sys.argv[1:]))
