"""What schemathesis cannot take from an OpenAPI document: bodies that are no JSON, and rules that JSON Schema cannot state."""

import json
import struct

import schemathesis
from hypothesis import strategies as st

MOST = 1e100
"""Numbers beyond it may make a prediction beyond float64, which is refused."""


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Bodies that are no JSON are those of the document's examples; it takes them from here alone."""
    content = raw_schema["paths"]["/"]["post"]["requestBody"]["content"]
    json_body = next(iter(content["application/json"]["examples"].values()))["value"]
    bodies = {"text/plain": json.dumps(json_body).encode()}
    for name in ("text/csv", "application/x-ndjson", "application/jsonl"):
        bodies[name] = next(iter(content[name].pop("examples").values()))["value"].encode()
    columns = raw_schema["components"]["schemas"]["Instance"]["anyOf"][0]["minItems"]
    bodies["application/x-npy"] = npy(columns)
    for name, body in bodies.items():
        schemathesis.openapi.media_type(name, st.just(body))


@schemathesis.hook
def filter_case(context, case):
    """Bytes behind JSON need a header that gives its length, and no document can say so."""
    return case.media_type != "application/octet-stream" and fits(case.body) and fits(case.path_parameters)


def fits(value):
    """Whether *value* keeps the rules that no schema states."""
    if isinstance(value, dict):
        return all(rule(value) for rule in (keyed, in_columns, called, shaped)) and all(map(fits, value.values()))
    if isinstance(value, list):
        return all(map(fits, value))
    return not isinstance(value, int | float) or abs(value) <= MOST


def keyed(body):
    """Keys are as many as instances."""
    keys, instances = body.get("keys"), body.get("instances")
    return not isinstance(keys, list) or not isinstance(instances, list) or len(keys) == len(instances)


def in_columns(body):
    """Columns are of one length."""
    columns = body.get("inputs")
    return not isinstance(columns, dict) or len({len(each) for each in columns.values() if isinstance(each, list)}) <= 1


def called(body):
    """BigQuery's calls are known by the first member, and may have others than those that are known today."""
    return "calls" not in body or body.keys() <= {"calls", "requestId", "caller", "sessionUser", "userDefinedContext"}


def shaped(tensor):
    """The shape of a tensor gives the number of its data; 2.0 is an integer to a schema, and no size."""
    shape, data = tensor.get("shape"), tensor.get("data")
    if (
        not isinstance(shape, list)
        or not isinstance(data, list)
        or not all(isinstance(each, int | float) for each in shape)
    ):
        return True
    return shape in ([len(data)], [len(data), 1]) and float not in map(type, shape)


def npy(columns):
    """A file of numpy's with a row of zeros."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': (1, {columns}), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8 * columns)
