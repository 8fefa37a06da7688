"""Requests of MLServer's codecs, sent as JSON, and its `infer`; prints what each gave as JSON by its name."""

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from mlserver.codecs import (
    Base64Codec,
    DatetimeCodec,
    NumpyCodec,
    NumpyRequestCodec,
    PandasCodec,
    StringCodec,
)
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, MetadataServerResponse

LINES, LATENESS = sys.argv[1:3]
NUMBERS = np.array([[0.5, 0.25], [-0.75, 1.0]])
TIMES = [datetime(1970, 1, 1, 5, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)]
FRAME = pd.DataFrame(
    {
        "age": [3.0, None],
        "colour": ["red", "blue"],
        "floor": [2, 1],
        "late": [False, False],
        "when": [time.isoformat() for time in TIMES],
    }
)


def ask(address, body=None):
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def infer(address, request):
    """The outputs by their names, decoded by MLServer; or the status and message of the error."""
    try:
        answer = InferenceResponse.model_validate_json(ask(f"{address}/infer", request.model_dump_json().encode()))
    except urllib.error.HTTPError as error:
        return [error.code, json.loads(error.read())["error"]]
    return {output.name: cells(output) for output in answer.outputs}


def cells(output):
    return (
        StringCodec.decode_output(output) if output.datatype == "BYTES" else NumpyCodec.decode_output(output).tolist()
    )


def columns(**changes):
    inputs = {
        "age": NumpyCodec.encode_input("age", np.array([3.0, np.nan])),
        "colour": StringCodec.encode_input("colour", ["red", "blue"], use_bytes=False),
        "floor": NumpyCodec.encode_input("floor", np.array([2, 1], np.int16)),
        "late": NumpyCodec.encode_input("late", np.array([False, False])),
        "when": DatetimeCodec.encode_input("when", TIMES, use_bytes=False),
    }
    return InferenceRequest(inputs=[*{**inputs, **changes}.values()])


def batch(address, requests, *arguments):
    """The lines that `mlserver infer` writes of *requests*: outputs, or the message of the error."""
    with tempfile.TemporaryDirectory() as folder:
        read, written = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        read.write_text("".join(f"{request.model_dump_json()}\n" for request in requests))
        command = [Path(sys.executable).with_name("mlserver"), "infer", "-u", address, "-r", "1", "-w", "1"]
        files = ["-i", read, "-o", written]
        subprocess.run([*command, *files, *arguments], check=True, capture_output=True)
        lines = [json.loads(line) for line in written.read_text().splitlines()]
    return [line["outputs"][0]["data"] if "outputs" in line else line["error"]["msg"] for line in lines]


def main():
    lines, lateness = f"{LINES}/v2/models/lines", f"{LATENESS}/v2/models/lateness"
    numbers = [NumpyRequestCodec.encode_request(array) for array in (NUMBERS, NUMBERS[:1])]
    other = NumpyRequestCodec.encode_request(np.zeros((1, 3)))
    address = LINES.removeprefix("http://")
    server = MetadataServerResponse.model_validate_json(ask(f"{LINES}/v2"))
    model = MetadataModelResponse.model_validate_json(ask(lateness))
    answers = {
        "server": server.model_dump(),
        "model": [
            model.name,
            model.versions,
            [each.name for each in model.inputs],
            [each.name for each in model.outputs],
        ],
        "numbers": infer(lines, numbers[0]),
        "frame": infer(lateness, PandasCodec.encode_request(FRAME)),
        "columns": infer(lateness, columns()),
        "base64": infer(
            lateness, columns(colour=Base64Codec.encode_input("colour", [b"red", b"blue"], use_bytes=False))
        ),
        "a frame without a column": infer(lateness, PandasCodec.encode_request(FRAME.drop(columns="late"))),
        "infer": batch(address, [*numbers, other], "-m", "lines", "-b"),
    }
    print(json.dumps(answers))


main()
