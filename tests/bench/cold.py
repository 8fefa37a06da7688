"""Cold start: process start to first answer, and peak memory, of the function with a line; where its imports' time goes.

    python -m tests.bench.cold

Beside an empty async function, and the usual function that imports scikit-learn and unpickles its model from the same
bucket.
"""

from __future__ import annotations

import sys
from collections import Counter

from sklearn.linear_model import LinearRegression

from tests.bench.record import Line, Noise, Part, Sheet
from tests.bench.turns import in_turns
from tests.bench.worlds import EMPTY, OURS, USUAL, World, cold_start, world
from tests.support.parts import ROOT

STARTS = 15
BODY = {"instances": [[0.5]]}


def measure() -> Part:
    with world() as here:
        here.pickle("model.joblib", LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]))
        sources = {
            "ours": OURS,
            "empty async function": here.source("empty", EMPTY),
            "scikit-learn + joblib": here.source("usual", USUAL),
        }

        def work(source):
            return lambda: cold_start(lambda: here.start(source, MODEL_OBJECT="model.joblib"), BODY)

        works = {name: work(source) for name, source in sources.items()}
        in_turns(works, 1)  # fills the caches, and compiles
        starts = in_turns(works, STARTS, most_seconds=200)
        imports = tuple(import_times(here, function) for function in ("batch", "stream"))
    lines = []
    for place, (measured, unit) in enumerate((("cold start", "s"), ("memory", "MB"))):
        samples = {name: [start[place] for start in found] for name, found in starts.items()}
        lines.append(Line(measured, unit, samples.pop("ours"), samples))
    empty = [seconds for seconds, _ in starts["empty async function"]]
    return Part(tuple(lines), imports, Noise("the empty function's start", empty))


def import_times(here: World, function: str, most: int = 12) -> Sheet:
    """Milliseconds that *function* spends in each package until its first answer, without what it imports."""
    server = here.start(OURS, function, PYTHONPROFILEIMPORTTIME="1")
    server.post({"instances": [0.5]})
    server.stop()
    return Sheet((f"package ({function})", "import, ms", "modules"), by_package(server.log())[:most])


def by_package(trace: str) -> tuple[tuple[str, str, str], ...]:
    """Package, its own milliseconds and number of modules, the slowest first, from a trace of Python's import times."""
    own = {path.stem for path in (ROOT / "functions").iterdir()}
    spent, modules = Counter(), Counter()
    for line in trace.splitlines():
        head, _, rest = line.partition("import time:")
        cells = rest.split("|")
        if head or len(cells) != 3 or not cells[0].strip().isdigit():
            continue
        package = ".".join(cells[2].strip().split(".")[: 2 if cells[2].strip().startswith("google.") else 1])
        package = "the functions' own" if package in own else package
        spent[package] += int(cells[0])
        modules[package] += 1
    return tuple((package, f"{micros / 1e3:.1f}", str(modules[package])) for package, micros in spent.most_common())


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["cold"]))
