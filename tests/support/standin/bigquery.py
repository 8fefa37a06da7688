"""BigQuery in the stand-in's project, as far as deploy.sh asks `bq` of it: data sets, connections, remote functions."""

from __future__ import annotations

import json
import re


class AbsentError(Exception):
    """There is no such thing."""


STATEMENT = re.compile(
    r"CREATE OR REPLACE FUNCTION `(?P<project>[^`]+)`\.`(?P<dataset>\w+)`\.`(?P<name>\w+)`\((?P<arguments>.*)"
    r"\) RETURNS (?P<returns>\w+)\nREMOTE WITH CONNECTION `[^`]+`\.`(?P<location>[^`]+)`\.`(?P<connection>[^`]+)`\n"
    r"OPTIONS \(endpoint = '(?P<endpoint>[^']+)', max_batching_rows = (?P<rows>\d+)"
    r"(?:, user_defined_context = \[\('(?P<key>\w+)', '(?P<value>(?:[^'\\]|\\.)*)'\)\])?\);",
    re.DOTALL,
)


def dataset(state, name):
    project, _, name = name.rpartition(":")
    if project != state["project"] or name not in state["bigquery"]["datasets"]:
        raise AbsentError(f"Not found: Dataset {project}:{name}")
    return state["bigquery"]["datasets"][name]


def connection(state, names, flags):
    key = f"{flags['location']}/{names[0]}"
    if key not in state["bigquery"]["connections"]:
        raise AbsentError(f"Not found: Connection projects/{state['number']}/locations/{key}")
    return key


def show(state, names, flags):
    if "connection" in flags:
        return json.dumps(state["bigquery"]["connections"][connection(state, names, flags)])
    if "routine" in flags:
        place, _, name = names[0].rpartition(".")
        routines = dataset(state, place)["routines"]
        if name not in routines:
            raise AbsentError(f"Not found: Routine {names[0]}")
        return json.dumps(routines[name])
    found = dataset(state, names[0])
    return json.dumps({"id": names[0], "location": found["location"]})


def ls(state, names, flags):
    routines = dataset(state, names[0])["routines"]
    return json.dumps([{"routineReference": one["routineReference"]} for one in routines.values()])


def mk(state, names, flags):
    key = f"{flags['location']}/{names[0]}"
    state["made"] = state.get("made", 0) + 1
    account = f"bqcx-{state['number']}-{state['made']}@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
    state["bigquery"]["connections"][key] = {
        "name": f"projects/{state['number']}/locations/{flags['location']}/connections/{names[0]}",
        "description": flags["description"],
        "cloudResource": {"serviceAccountId": account},
    }
    state["accounts_of_google"].append(f"serviceAccount:{account}")
    return f"Connection {state['number']}.{flags['location']}.{names[0]} successfully created\n"


def update(state, names, flags):
    state["bigquery"]["connections"][connection(state, names, flags)]["description"] = flags["description"]


def rm(state, names, flags):
    if "connection" in flags:
        del state["bigquery"]["connections"][connection(state, names, flags)]
        return
    place, _, name = names[0].rpartition(".")
    dataset(state, place)["routines"].pop(name, None)


def query(state, names, flags):
    found = STATEMENT.fullmatch(names[0])
    if not found:
        raise AbsentError(f"Syntax error: {names[0]}")
    connection(state, [found["connection"]], {"location": found["location"]})
    place = dataset(state, f"{found['project']}:{found['dataset']}")
    assert place["location"].lower() == flags["location"] == found["location"]
    lines = re.findall(r"^  `(\w+)` (\w+),?(?: -- .*)?$", found["arguments"], re.MULTILINE)
    context = {found["key"]: re.sub(r"\\(.)", r"\1", found["value"])} if found["key"] else {}
    location = f"projects/{state['number']}/locations/{found['location']}"
    place["routines"][found["name"]] = {
        "routineReference": {
            "projectId": found["project"],
            "datasetId": found["dataset"],
            "routineId": found["name"],
        },
        "routineType": "SCALAR_FUNCTION",
        "arguments": [{"name": name, "dataType": {"typeKind": kind}} for name, kind in lines],
        "returnType": {"typeKind": found["returns"]},
        "remoteFunctionOptions": {
            "endpoint": found["endpoint"],
            "connection": f"{location}/connections/{found['connection']}",
            "maxBatchingRows": found["rows"],
            **({"userDefinedContext": context} if context else {}),
        },
    }
    return f"Created {found['project']}.{found['dataset']}.{found['name']}\n"


COMMANDS = {
    "bq show": show,
    "bq ls": ls,
    "bq mk": mk,
    "bq update": update,
    "bq rm": rm,
    "bq query": query,
}
