"""A large request: rows a second of one POST, beside JSON decode, matrix product and encode in one process.

python -m tests.bench.batch
"""

from __future__ import annotations

import sys
from urllib.request import Request, urlopen

import numpy as np
import orjson

from tests.bench.record import Line, Noise, Part
from tests.bench.turns import in_turns, seconds_of
from tests.bench.worlds import OURS, world

ROWS = (10_000, 100_000, 1_000_000)
ROUNDS = 7
AGAINST = "decode, multiply, encode"


def measure() -> Part:
    lines = []
    with world() as here:
        server = here.start(OURS)
        for rows in ROWS:
            body = orjson.dumps({"instances": np.random.default_rng(1).uniform(-1, 1, rows).round(6).tolist()})
            works = {
                "ours": lambda body=body: seconds_of(lambda: post(server.port, body)),
                AGAINST: lambda body=body: seconds_of(lambda: in_process(body)),
            }
            in_turns(works, 1)
            found = in_turns(works, ROUNDS)
            rates = {name: [rows / seconds for seconds in samples] for name, samples in found.items()}
            lines.append(Line(f"{rows:,} rows", "/s", rates.pop("ours"), rates))
        server.stop()
    return Part(tuple(lines), noise=Noise("the work in one process", lines[-1].others[AGAINST]))


def post(port: int, body: bytes) -> None:
    request = Request(f"http://127.0.0.1:{port}/", body, {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        answer.read()


def in_process(body: bytes) -> None:
    """The same work with nothing around it."""
    matrix = np.array(orjson.loads(body)["instances"], dtype=np.float64).reshape(-1, 1)
    orjson.dumps({"predictions": matrix @ np.array([2.0]) + 1.0}, option=orjson.OPT_SERIALIZE_NUMPY)


if __name__ == "__main__":
    from tests.bench.command import main

    sys.exit(main(["batch"]))
