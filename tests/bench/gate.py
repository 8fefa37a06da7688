"""How often the gate promotes a version that is no better, and how often one that is; see calibration.py.

python -m tests.bench.gate
"""

from __future__ import annotations

import sys

from tests.bench.calibration import Drawn, gate_tables
from tests.bench.record import Part, Sheet


def measure() -> Part:
    """Counts, not times: a loaded machine does not change them."""
    drawn = Drawn()
    return Part(sheets=tuple(map(Sheet.of, gate_tables(drawn))), remarks=drawn.remarks())


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["gate"]))
