"""Runs parts of the benchmark: `./deploy.sh bench [PART…]`, or `python -m tests.bench [PART…]`.

Each part prints a table, and a line that says how noisy the machine was. All are kept in .local/bench.json, a part in
place of its last run, and drawn in .local/bench.svg. A part that fails says so, and the others go on; the exit status
is 1 then.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from rich.console import Console

from tests.bench import picture, progress, record, shown
from tests.support.parts import ROOT

PARTS = {
    "cold": "process start to first answer, and memory",
    "warm": "requests a second of one instance each",
    "batch": "rows a second of one large request",
    "graph": "models beside scikit-learn and onnxruntime",
    "peers": "one table through the servers that people use",
    "monitor": "how often the monitor finds drift, and how often it is wrong",
    "gate": "how often the gate promotes a better model, and how often it is wrong",
}


def main(names: Sequence[str], *, folder: Path = ROOT / ".local") -> int:
    """Run the parts *names*, all without one; returns the exit status."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"bench: there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    failed = False
    console = Console(highlight=False, width=110, soft_wrap=not sys.stdout.isatty())
    for name in names or PARTS:
        console.print(f"\n[bold]{name}[/bold]: {PARTS[name]}")
        began = time.perf_counter()
        try:
            part = import_module(f"tests.bench.{name}").measure()
        except KeyboardInterrupt:
            progress.say("")
            console.print(f"{name} was interrupted; nothing of it is kept")
            return 130
        except Exception as error:  # noqa: BLE001 - the other parts go on
            progress.say("")
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / f"bench-{name}.log"
            log.write_text(traceback.format_exc())
            console.print(f"{name} failed: {type(error).__name__}: {str(error)[:300]} (see {log})", markup=False)
            failed = True
            continue
        progress.say("")
        seconds = time.perf_counter() - began
        shown.show(console, part)
        console.print(f"{name} took {seconds:.0f} s")
        run = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(seconds, 1)}
        machine = {
            "processors": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
            "system": platform.platform(),
        }
        whole = record.merge(folder / "bench.json", name, {**run, "machine": machine, **part.document()})
        picture.draw(whole, folder / "bench.svg")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
