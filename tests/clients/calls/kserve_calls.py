"""Calls of KServe's InferenceRESTClient; prints what each gave as JSON by its name."""

import asyncio
import json
import sys

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tensors import COLUMNS, NUMBERS, TYPES

LINES, LATENESS = sys.argv[1:3]


def tensor(name, datatype, array, **form):
    made = InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **form)
    return made


async def told(call):
    """The result of *call*, or the status and message of the error that it raises."""
    try:
        result = await call
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, error.response.json()["error"]]
    return result if isinstance(result, dict | bool) else {output.name: cells(output) for output in result.outputs}


def cells(output):
    """The cells of *output*, bytes as texts."""
    return [cell.decode() if isinstance(cell, bytes) else cell for cell in output.as_numpy().ravel().tolist()]


async def main():
    v1 = InferenceRESTClient(RESTConfig(protocol="v1"))
    v2 = InferenceRESTClient(RESTConfig(protocol="v2"))

    def numbers(*, as_bytes, address=LINES, model="lines", **members):
        request = InferRequest(model, [tensor("x", "FP64", NUMBERS, binary_data=as_bytes)], **members)
        return told(v2.infer(address, request, model_name=model))

    def columns(*, as_bytes, **members):
        inputs = [tensor(name, TYPES[name], array, binary_data=as_bytes) for name, array in COLUMNS.items()]
        return told(v2.infer(LATENESS, InferRequest("lateness", inputs, **members), model_name="lateness"))

    nested = InferInput("x", [2, 2], "FP64", data=NUMBERS.tolist())
    request = InferRequest("lines", [nested], request_id="visit-7")
    echoed = await v2.infer(LINES, request, model_name="lines")
    instances = {"instances": NUMBERS.tolist()}
    rows = [[3, "red", 2, False, "1970-01-01T05:00:00Z"], [None, "blue", 1, False, "1970-01-01"]]
    answers = {
        "v1 live": await told(v1.is_server_live(LINES)),
        "v1 model ready": await told(v1.is_model_ready(LINES, "lines")),
        "v1 another model ready": await told(v1.is_model_ready(LINES, "other")),
        "v1": await told(v1.infer(LINES, instances, model_name="lines")),
        "v1 below the function's name": await told(v1.infer(f"{LINES}/batch", instances, model_name="lines")),
        "v1 inputs": await told(v1.infer(LINES, {"inputs": NUMBERS.tolist()}, model_name="lines")),
        "v1 classes": await told(v1.infer(LATENESS, {"instances": rows}, model_name="lateness")),
        "v1 a bad cell": await told(v1.infer(LINES, {"instances": [[0.5, "x"]]}, model_name="lines")),
        "v2 live": await told(v2.is_server_live(LINES)),
        "v2 ready": await told(v2.is_server_ready(LINES)),
        "v2 model ready": await told(v2.is_model_ready(LINES, "lines")),
        "v2 another model ready": await told(v2.is_model_ready(LINES, "other")),
        "v2 bytes": await numbers(as_bytes=True),
        "v2 json": await numbers(as_bytes=False),
        "v2 nested": [echoed.id, echoed.model_name, echoed.model_version, cells(echoed.outputs[0])],
        "v2 below the function's name": await numbers(as_bytes=True, address=f"{LINES}/batch"),
        "v2 bytes back": await numbers(as_bytes=True, parameters={"binary_data_output": True}),
        "v2 classes": await columns(as_bytes=True, parameters={"binary_data_output": True}),
        "v2 labels alone": await columns(
            as_bytes=False, request_outputs=[RequestedOutput("predict", {"binary_data": True})]
        ),
        "v2 another model": await numbers(as_bytes=True, model="other"),
        "v2 another output": await numbers(as_bytes=False, request_outputs=[RequestedOutput("y")]),
    }
    print(json.dumps(answers))


asyncio.run(main())
