"""Calls of tritonclient, as its documentation shows them; prints what each gave as JSON by its name."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tensors import COLUMNS, NUMBERS, TYPES

LINES, LATENESS = (address.removeprefix("http://") for address in sys.argv[1:3])


def tensor(name, datatype, array, **form):
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **form)
    return made


def numbers(datatype="FP64", dtype=np.float64, **form):
    return [tensor("x", datatype, NUMBERS.astype(dtype), **form)]


def by_feature(**form):
    return [tensor(name, TYPES[name], array, **form) for name, array in COLUMNS.items()]


def told(call):
    """The result of *call*, or the status and message of the error that it raises."""
    try:
        return call()
    except triton.InferenceServerException as error:
        return [error.status(), error.message()]


def arrays(result, *names):
    """The arrays of *result*: their types, and their cells, bytes as texts."""
    listed = {name: result.as_numpy(name) for name in names}
    return {
        name: [
            str(array.dtype),
            np.vectorize(lambda cell: cell.decode() if isinstance(cell, bytes) else cell)(array).tolist(),
        ]
        for name, array in listed.items()
    }


def main():
    lines, lateness = triton.InferenceServerClient(LINES), triton.InferenceServerClient(LATENESS)
    below = triton.InferenceServerClient(f"{LINES}/batch")
    as_json = triton.InferRequestedOutput("predict", binary_data=False)

    def predict(*inputs, client=lines, **form):
        return lambda: arrays(client.infer("lines", *inputs, **form), "predict")

    answers = {
        "live": lines.is_server_live(),
        "ready": lines.is_server_ready(),
        "model ready": lines.is_model_ready("lines"),
        "version ready": lines.is_model_ready("lines", "1"),
        "another model ready": lines.is_model_ready("other"),
        "another version ready": lines.is_model_ready("lines", "2"),
        "server": lines.get_server_metadata(),
        "model": lateness.get_model_metadata("lateness"),
        "bytes": told(predict(numbers())),
        "json": told(predict(numbers(binary_data=False), outputs=[as_json])),
        "single": told(predict(numbers("FP32", np.float32))),
        "half": told(predict(numbers("FP16", np.float16))),
        "version": told(predict(numbers(), model_version="1")),
        "below the function's name": told(predict(numbers(), client=below)),
        "gzip": told(predict(numbers(), request_compression_algorithm="gzip", response_compression_algorithm="gzip")),
        "deflate": told(predict(numbers(), request_compression_algorithm="deflate")),
        "deflated answer": told(predict(numbers(), response_compression_algorithm="deflate")),
        "id": lines.infer("lines", numbers(), request_id="visit-7").get_response()["id"],
        "extras": told(predict(numbers(), priority=1, timeout=5, parameters={"note": "x"})),
        "long in gzip": lines.infer(
            "lines",
            [tensor("x", "FP64", np.resize(NUMBERS, (200_000, 2)))],
            response_compression_algorithm="gzip",
        )
        .as_numpy("predict")
        .sum(),
        "asynchronous": told(lambda: arrays(lines.async_infer("lines", numbers()).get_result(), "predict")),
        "classes": told(lambda: arrays(lateness.infer("lateness", by_feature()), "predict", "predict_proba")),
        "classes as json": told(
            lambda: arrays(
                lateness.infer("lateness", by_feature(binary_data=False), outputs=[as_json]),
                "predict",
            )
        ),
        "probabilities alone": told(
            lambda: lateness.infer(
                "lateness", by_feature(), outputs=[triton.InferRequestedOutput("predict_proba")]
            ).get_response()
        ),
        "another model": told(predict(numbers(), client=lateness)),
        "another version": told(predict(numbers(), model_version="2")),
        "another output": told(predict(numbers(), outputs=[triton.InferRequestedOutput("y")])),
        "another width": told(predict([tensor("x", "FP64", np.zeros((1, 3)))])),
        "classification": told(predict(numbers(), outputs=[triton.InferRequestedOutput("predict", class_count=2)])),
        "a missing cell": told(predict([tensor("x", "FP64", np.array([[0.5, np.nan]]))])),
    }
    print(json.dumps(answers))


main()
