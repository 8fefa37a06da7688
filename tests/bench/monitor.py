"""How often the monitor finds drift where there is none, and where there is; see calibration.py.

python -m tests.bench.monitor
"""

from __future__ import annotations

import sys

from tests.bench.calibration import Drawn, monitor_tables
from tests.bench.record import Part, Sheet


def measure() -> Part:
    """Counts, not times: a loaded machine does not change them."""
    drawn = Drawn()
    return Part(sheets=tuple(map(Sheet.of, monitor_tables(drawn))), remarks=drawn.remarks())


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["monitor"]))
