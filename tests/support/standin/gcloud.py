"""Stands in for the Google Cloud CLI in tests: a project in a file, as far as deploy.sh looks at one.

In a folder lie state.json (the project, resources in the shapes that gcloud prints), calls.jsonl (every command
line so far) and faults.json (what is to go wrong: see `strike`). Unknown commands end with 1, so that no test passes on
a command that is not played back. It is played in the process of the tests, which is what `gcloud` on PATH asks
(cloud.py): to start Python for each of the thousands of calls would take longer than all the rest.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.support.standin import bigquery

STARTED: dict[int, subprocess.Popen[bytes]] = {}
"""The functions that run, by process id; whoever ends them takes them out."""


class RefusedError(Exception):
    """A message of gcloud on standard error, with exit status 1."""


class EndedError(Exception):
    """Exit status, and what stands on standard error."""


class UnknownError(Exception):
    """The stand-in does not play this."""


def play(folder, arguments, pid, gone: Callable[[], bool]):
    """One call by process *pid*, which may be *gone* before it is answered: exit status, standard output and error."""
    if arguments[:1] == ["bq"]:
        return play_bq(folder, arguments, pid, gone)
    try:
        printed, said, fault = run(folder, arguments, pid, gone)
        strike(folder, fault, "after", pid, gone)
    except RefusedError as error:
        words = [word for word in arguments if not word.startswith("-")]
        return 1, "", f"ERROR: (gcloud.{'.'.join(words[:2])}) {error}\n"
    except UnknownError as error:
        return 1, "", f"the stand-in for gcloud does not know: {error}\n"
    except EndedError as error:
        return error.args[0], "", error.args[1]
    return 0, printed, said


def play_bq(folder, arguments, pid, gone):
    """The same by bq, which complains on standard output, and ends with 2 where there is no such thing."""
    try:
        printed, _, fault = run(folder, arguments, pid, gone)
        strike(folder, fault, "after", pid, gone)
    except (bigquery.AbsentError, RefusedError) as error:
        status = 2 if isinstance(error, bigquery.AbsentError) else 1
        return status, textwrap.fill(f"BigQuery error in {arguments[1]} operation: {error}") + "\n", ""
    except UnknownError as error:
        return 1, "", f"the stand-in for bq does not know: {error}\n"
    except EndedError as error:
        return error.args[0], textwrap.fill(error.args[1]) + "\n", ""
    return 0, printed, ""


def run(folder, arguments, pid, gone):
    words = [word for word in arguments if not word.startswith("-")]
    flags = dict(split(word) for word in arguments if word.startswith("-"))
    fault = find_fault(folder, " ".join(arguments), note(folder, arguments))
    strike(folder, fault, "before", pid, gone)
    state = json.loads((folder / "state.json").read_text())
    command, names = find(words)
    printed = command(state, names, flags)
    if printed is None:
        printed = ""
    elif not isinstance(printed, str):
        printed = render(printed, flags, shortened(words))
    said = state.pop("said", "") + (state.get("warning", "") if command is functions_list else "")
    write(folder / "state.json", state)
    return printed, said, fault


def write(path: Path, content):
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(path)


def split(word):
    name, _, value = word.lstrip("-").partition("=")
    return name, value


def note(folder, arguments):
    """Add the command line to the record; gives its number, from 1."""
    with (folder / "calls.jsonl").open("a+") as file:
        file.seek(0)
        number = len(file.readlines()) + 1
        file.write(json.dumps(arguments) + "\n")
    return number


def find_fault(folder, line, number):
    """The first fault that fits: {"match": regex, "at": number of the call, "times": how often, "do": what}."""
    path = folder / "faults.json"
    faults = json.loads(path.read_text()) if path.exists() else []
    for fault in faults:
        if re.search(fault.get("match", ""), line) and fault.get("at", number) == number and fault.get("times", 1) > 0:
            fault["times"] = fault.get("times", 1) - 1
            write(path, faults)
            if fault["do"] not in {*REFUSALS, *OTHER_FAULTS}:
                raise UnknownError(f"the fault {fault['do']}")
            return fault["do"]
    return None


REFUSALS = {
    "busy": "ABORTED: HTTPError 409: unable to queue the operation",
    "too-many": "HTTPError 429: Quota exceeded for quota metric 'Write requests'",
    "policy": "Resource in projects [p] is the subject of a conflict: There were concurrent policy changes. "
    "Please retry the whole read-modify-write with exponential backoff.",
    "in-progress": "An operation on function stream in region us-central1 in project p is already in progress. "
    "Please try again later.",
    "not-known": "OperationError: code=7, message=Could not build the function due to a missing permission on the "
    "build service account.",
    "disabled": "PERMISSION_DENIED: Cloud Run Admin API has not been used in project 7 before or it is disabled. "
    "If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
}
"""Refusals that pass by themselves, by the name of the fault, as public reports of them have it."""

OTHER_FAULTS = {
    *("early", "fail", "lost", "meanwhile", "refuse", "slow", "stolen"),
    *("interrupt-before", "interrupt-after", "kill-before", "kill-after"),
}
"""The other faults that `strike` knows."""


def strike(folder, fault, when, pid, gone):
    """fail, refuse, early: exit 1 with nothing done · interrupt-before, interrupt-after: Ctrl-C · kill-…: SIGKILL to the group ·
    meanwhile: done, and another run moves batch · stolen: done, and another run takes over the lease · lost: done, and exit 1 all the same · slow: a while, and nothing is done if the caller does not wait for it."""
    if fault == f"interrupt-{when}":
        os.killpg(os.getpgid(pid), signal.SIGINT)
        raise EndedError(130, "")
    if fault == f"kill-{when}":
        os.killpg(os.getpgid(pid), signal.SIGKILL)
        raise EndedError(137, "")
    if when == "before" and fault == "slow":
        time.sleep(1)
        if gone():
            raise EndedError(130, "")
    elif when == "before" and fault == "fail":
        raise EndedError(1, "ERROR: (gcloud) HTTPError 503: the service is unavailable\n")
    elif when == "before" and fault in REFUSALS:
        raise EndedError(1, f"ERROR: (gcloud) {REFUSALS[fault]}\n")
    elif when == "before" and fault == "early":
        raise EndedError(1, 'ERROR: (gcloud) NOT_FOUND: Cannot find metric(s) that match type = "x".\n')
    elif when == "before" and fault == "refuse":
        raise EndedError(1, "ERROR: (gcloud) HTTPError 403: permission denied on the resource (or it may not exist)\n")
    elif when == "after" and fault in {"meanwhile", "stolen"}:
        another_run(folder, fault)
    elif when == "after" and fault == "lost":
        raise EndedError(1, "ERROR: (gcloud) connection reset\n")


def another_run(folder, fault):
    state = json.loads((folder / "state.json").read_text())
    if fault == "meanwhile":
        state["services"]["batch"]["traffic"] = [{"revisionName": "batch-00001-abc", "percent": 100}]
    else:
        for path, found in state["written"].items():
            if "/leases/" in path:
                found |= {"generation": "7", "custom_fields": {"id": "x", "holder": "somebody else"}}
    write(folder / "state.json", state)


# --- printing, as gcloud's --flatten and --format do ---


SHORTENED = {"functions list": ["name"], "scheduler jobs list": ["name"]}
"""Fields whose last part alone is printed: the format of a command's own table applies to --format too."""


def shortened(words):
    return next((fields for command, fields in SHORTENED.items() if " ".join(words).startswith(command)), [])


def render(records, flags, shortened=()):
    for path in [flags["flatten"]] if "flatten" in flags else []:
        for step in range(path.count("[]")):
            key = path.split("[]")[: step + 1]
            records = [flat for record in records for flat in flattened(record, "".join(key).lstrip("."))]
    wanted = flags.get("format", "")
    if wanted == "none":
        return ""
    if wanted == "json":
        return json.dumps(records, indent=2) + "\n"
    found = re.fullmatch(r"value(?:\[separator=[\"'](.*?)[\"']\])?\((.*)\)", wanted)
    if not found:
        raise UnknownError(f"--format={wanted}")
    separator = found[1] or "\t"
    fields = re.findall(r"(?:[^,()]|\([^()]*\))+", found[2])
    return "".join(
        separator.join(shown(value(record, f"{field}.basename()" if field in shortened else field)) for field in fields)
        + "\n"
        for record in records
    )


def flattened(record, path):
    """One record an item; where there is no list, one record of nothing."""
    items = value(record, path)
    return [replaced(record, path, item) for item in items] if isinstance(items, list) else [None]


def replaced(record, path, item):
    made = dict(record)
    head, _, rest = path.partition(".")
    made[head] = replaced(record.get(head) or {}, rest, item) if rest else item
    return made


def value(record, path):
    function = ""
    if path.endswith(")"):
        path, function = re.fullmatch(r"(.*)\.(\w+\(.*\))", path).groups()
    for name, index in re.findall(r"([\w-]+(?: [\w-]+)*)|\[(\d+)\]", path):
        if index:
            record = record[int(index)] if isinstance(record, list) and len(record) > int(index) else None
        else:
            record = record.get(name) if isinstance(record, dict) else None
    if function == "basename()":
        return record.rsplit("/", 1)[-1] if record else record
    if segment := re.fullmatch(r"segment\((\d+)\)", function):
        parts = (record or "").split("/")
        return parts[int(segment[1])] if int(segment[1]) < len(parts) else ""
    if function.startswith("date("):
        return record[:19].replace("T", " ") if record else record
    if function:
        raise UnknownError(function)
    return record


def shown(found):
    if found is None:
        return ""
    if isinstance(found, list):
        return ";".join(map(str, found))
    return str(found)


# --- commands: (state, names, flags) to what is printed: records, text or nothing ---


def auth_list(state, names, flags):
    return [{"account": state["account"], "status": "ACTIVE"}] if state["account"] else []


def auth_print_identity_token(state, names, flags):
    if state.get("tokenless"):
        raise RefusedError(
            "There was a problem refreshing your current auth tokens: no identity token for this account."
        )
    if "audiences" in flags and not (state.get("impersonated") or state["account"]).endswith("gserviceaccount.com"):
        raise RefusedError("Invalid account type for `--audiences`. Requires valid service account.")
    return state["token"] + "\n"


def auth_print_access_token(state, names, flags):
    return state["token"] + "-for-apis\n"


def config_get(state, names, flags):
    if names == ["auth/impersonate_service_account"]:
        return state.get("impersonated", "") + "\n"
    return state["configured_project"] + "\n"


def projects_describe(state, names, flags):
    if names not in ([state["project"]], [state["number"]]):
        raise RefusedError(
            f"[{state['account']}] does not have permission to access projects instance (or it may not exist)"
        )
    return [{"projectId": state["project"], "lifecycleState": "ACTIVE"}]


def services_list(state, names, flags):
    return [{"config": {"name": name}} for name in state["apis"]]


def services_enable(state, names, flags):
    state["apis"] += [name for name in names if name not in state["apis"]]


def buckets_list(state, names, flags):
    return list(state["buckets"].values())


def buckets_create(state, names, flags):
    name = names[0].removeprefix("gs://")
    if name in state["buckets"] or name in state.get("foreign_buckets", []):
        raise RefusedError("HTTPError 409: the requested bucket name is not available.")
    state["buckets"][name] = {
        "name": name,
        "location": flags["location"].upper(),
        "public_access_prevention": "inherited",
    }
    set_bucket(state["buckets"][name], flags)
    if state.get("emulator"):
        body = json.dumps({"name": name, "versioning": {"enabled": True}}).encode()
        address = f"{state['emulator']}/storage/v1/b?project=test"
        try:
            urlopen(Request(address, body, {"Content-Type": "application/json"})).close()
        except HTTPError as error:
            if error.code != 409:
                raise


def buckets_update(state, names, flags):
    set_bucket(there(state["buckets"], names[0].removeprefix("gs://")), flags)


def set_bucket(bucket, flags):
    if "uniform-bucket-level-access" in flags:
        bucket["uniform_bucket_level_access"] = True
    if "public-access-prevention" in flags:
        bucket["public_access_prevention"] = "enforced"
    if "versioning" in flags:
        bucket["versioning_enabled"] = True
    if "lifecycle-file" in flags:
        bucket["lifecycle_config"] = json.loads(Path(flags["lifecycle-file"]).read_text())


def storage_rm(state, names, flags):
    bucket, _, name = names[0].removeprefix("gs://").partition("/")
    if name:
        found = objects_describe(state, names, flags, missing="The following URLs matched no objects or files:\n{}")[0]
        must_match(found, flags)
        del state["objects"][bucket][name], state["written"][f"{bucket}/{name}"]
        if not state["objects"][bucket]:
            del state["objects"][bucket]
        return
    there(state["buckets"], names[0].removeprefix("gs://"))
    del state["buckets"][names[0].removeprefix("gs://")]


def accounts_list(state, names, flags):
    return [{"email": email} for email in state["accounts"]]


def accounts_create(state, names, flags):
    email = f"{names[0]}@{state['project']}.iam.gserviceaccount.com"
    if email in state["accounts"]:
        raise RefusedError(
            f"Resource in projects [{state['project']}] is the subject of a conflict: {email} already exists"
        )
    state["accounts"].append(email)


def accounts_delete(state, names, flags):
    if names[0] not in state["accounts"]:
        raise RefusedError(f"NOT_FOUND: Unknown service account {names[0]}")
    state["accounts"].remove(names[0])
    state["policies"].pop(f"iam service-accounts {names[0]}", None)
    there, gone = f"serviceAccount:{names[0]}", f"deleted:serviceAccount:{names[0]}?uid=1234567890"
    for bindings in state["policies"].values():  # they keep the identity, which an account of the same name has not
        for binding in bindings:
            binding["members"] = [gone if member == there else member for member in binding["members"]]


def policy(kind):
    def bindings(state, names):
        name = names[0]
        known = {
            "projects": [state["project"]],
            "storage buckets": [f"gs://{bucket}" for bucket in state["buckets"]],
            "iam service-accounts": state["accounts"],
            "run services": state["services"],
        }
        if name not in known[kind]:
            raise RefusedError(f"NOT_FOUND: {name} was not found")
        return state["policies"].get(f"{kind} {name}", [])

    def get(state, names, flags):
        return [{"bindings": bindings(state, names), "etag": "x"}]

    def add(state, names, flags):
        found = bindings(state, names)
        member = flags["member"]
        known = [*state["accounts"], *(account.split(":")[1] for account in state["accounts_of_google"])]
        if member.startswith("serviceAccount:") and member.split(":", 1)[1] not in known:
            raise RefusedError(f"INVALID_ARGUMENT: Service account {member} does not exist.")
        wanted = {"role": flags["role"], "members": [member]}
        if flags["condition"] != "None":
            expression, title = re.fullmatch("expression=(.*),title=(.*)", flags["condition"]).groups()
            wanted["condition"] = {"expression": expression, "title": title}
        for binding in found:
            if binding["role"] == wanted["role"] and binding.get("condition") == wanted.get("condition"):
                if member not in binding["members"]:
                    binding["members"].append(member)
                return
        found.append(wanted)
        state["policies"][f"{kind} {names[0]}"] = found

    def remove(state, names, flags):
        for binding in bindings(state, names):
            if binding["role"] == flags["role"] and flags["member"] in binding["members"]:
                binding["members"].remove(flags["member"])
                return
        raise RefusedError("Policy binding with the specified principal, role, and condition not found!")

    return get, add, remove


def functions_list(state, names, flags):
    if "warning" in state:  # `run` says it
        return []
    records = (
        []
        if "regions" in flags
        else [{"name": name, "labels": {"made-by": "deploy-sh"}} for name in state["elsewhere"]]
    )
    if flags.get("regions", state["region"]) != state["region"]:
        return records
    for name, function in state["functions"].items():
        if function["state"] == "DEPLOYING":  # its deployment ends while one looks
            function["rounds"] = function.get("rounds", 1) - 1
            if function["rounds"] < 0:
                function["state"] = "ACTIVE"
        records.append(
            {**function, "name": f"projects/{state['project']}/locations/{state['region']}/functions/{name}"}
        )
    return records


def functions_deploy(state, names, flags):
    (name,) = names
    fresh = name not in state["functions"]
    variables = dict(pair.split("=", 1) for pair in flags["set-env-vars"].removeprefix("^|^").split("|"))
    email = flags["service-account"]
    if email not in state["accounts"]:
        raise RefusedError(f"status=[400], service account {email} does not exist")
    state["functions"][name] = {
        "state": "ACTIVE",
        "environment": "GEN_2",
        "labels": dict([flags["update-labels"].split("=")]),
        "buildConfig": {"runtime": flags["runtime"], "entryPoint": flags["entry-point"]},
        "serviceConfig": {
            "uri": f"{state['front']}/{name}",
            "availableMemory": flags["memory"],
            "availableCpu": flags["cpu"],
            "maxInstanceRequestConcurrency": int(flags["concurrency"]),
            "timeoutSeconds": int(flags["timeout"].removesuffix("s")),
            **({"minInstanceCount": int(flags["min-instances"])} if flags["min-instances"] != "0" else {}),
            "maxInstanceCount": int(flags["max-instances"]),
            "serviceAccountEmail": email,
            "environmentVariables": variables,
        },
    }
    service = state["services"].setdefault(
        name, {"revisions": {}, "traffic": [{"latestRevision": True, "percent": 100}]}
    )
    revision = f"{name}-{len(service['revisions']) + 1:05d}-abc"
    waiting = state["next_backends"].get(name)
    backend = waiting.pop(0) if waiting else state["backends"].get(name)
    service["revisions"][revision] = {
        "backend": backend or started(state, flags["entry-point"], flags["source"], variables)
    }
    service["latest"] = revision
    service.pop("ready", None)
    service["env"] = [{"name": key, "value": text} for key, text in sorted(variables.items())]
    if fresh and "no-allow-unauthenticated" not in flags:
        raise RefusedError("would have asked whether to allow unauthenticated invocations")


def started(state, name, source, variables):
    """Start what was uploaded, with the environment that was given and the emulator's address; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": state["folder"],
        "STORAGE_EMULATOR_HOST": state["emulator"],
        **variables,
    }
    command = [state["python"], "-m", "functions_framework", "--source", f"{source}/main.py", "--target", name]
    with Path(state["folder"], f"{name}.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    STARTED[process.pid] = process
    state["processes"].append(process.pid)
    return f"http://127.0.0.1:{port}"


def functions_delete(state, names, flags):
    there(state["functions"], names[0])
    del state["functions"][names[0]], state["services"][names[0]]
    state["policies"].pop(f"run services {names[0]}", None)


def functions_call(state, names, flags):
    uri = there(state["functions"], names[0])["serviceConfig"]["uri"]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {state['token']}"}
    try:
        with urlopen(Request(uri, flags["data"].encode(), headers), timeout=20) as answer:
            return answer.read().decode() + "\n"
    except HTTPError as error:
        raise RefusedError(f"HTTPError {error.code}: {error.read().decode()}") from None


def run_services_list(state, names, flags):
    records = []
    for name, service in state["services"].items():
        traffic = []
        for target in service["traffic"]:
            seen = {"revisionName": service["latest"], **target}
            if "tag" in target:
                seen["url"] = f"{state['front']}/{target['tag']}---{name}"
            traffic.append(seen)
        records.append(
            {
                "metadata": {"name": name},
                "spec": {"template": {"spec": {"containers": [{"env": service["env"]}]}}},
                "status": {
                    "url": f"{state['front']}/{name}",
                    "latestReadyRevisionName": service.get("ready", service["latest"]),
                    "latestCreatedRevisionName": service["latest"],
                    "traffic": traffic,
                },
            }
        )
    return records


def run_revisions_list(state, names, flags):
    return [
        {"metadata": {"name": revision, "creationTimestamp": f"2026-11-24T0{number}:00:00.000000Z"}}
        for service in state["services"].values()
        for number, revision in enumerate(service["revisions"], 1)
    ]


def update_traffic(state, names, flags):
    service = there(state["services"], names[0])
    split = [target for target in service["traffic"] if "tag" not in target]
    marks = [target for target in service["traffic"] if "tag" in target]
    if "to-revisions" in flags:
        parts = [part.split("=") for part in flags["to-revisions"].split(",")]
        if sum(int(percent) for _, percent in parts) != 100:
            raise RefusedError("the percentages must add up to 100")
        split = [{"revisionName": revision, "percent": int(percent)} for revision, percent in parts]
    if "set-tags" in flags:
        marks = [
            {"revisionName": revision, "tag": tag}
            for tag, revision in (part.split("=") for part in flags["set-tags"].split(","))
        ]
    if "clear-tags" in flags:
        marks = []
    for target in split + marks:
        if target.get("revisionName", service["latest"]) not in service["revisions"]:
            raise RefusedError(f"Revision {target['revisionName']} does not exist")
    service["traffic"] = split + marks


def triggers_list(state, names, flags):
    return list(state["triggers"].values())


def triggers_create(state, names, flags):
    name = flags["name"]
    if not state["connected"]:
        raise RefusedError("FAILED_PRECONDITION: Repository mapping does not exist. Please connect the repository")
    if name in state["triggers"]:
        raise RefusedError(f"ALREADY_EXISTS: trigger {name}")
    state["triggers"][name] = {
        "name": name,
        "github": {
            "owner": flags["repo-owner"],
            "name": flags["repo-name"],
            "push": {"branch": flags["branch-pattern"]},
        },
        "serviceAccount": flags["service-account"],
        "substitutions": dict([flags["substitutions"].removeprefix("^;^").split("=", 1)]),
    }


def triggers_delete(state, names, flags):
    there(state["triggers"], names[0])
    del state["triggers"][names[0]]


def logging_read(state, names, flags):
    return state.get("log", [])[: int(flags["limit"])]


def objects_list(state, names, flags):
    return [{"name": name} for name in state["objects"].get(names[0].split("/")[2], [])]


def storage_ls(state, names, flags):
    heads = {name.partition("/")[0] + ("/" if "/" in name else "") for name in state["objects"].get(names[0][5:], [])}
    return "".join(f"{names[0]}/{head}\n" for head in sorted(heads))


def storage_cat(state, names, flags):
    bucket, _, name = names[0].removeprefix("gs://").partition("/")
    try:
        with urlopen(
            f"{state['emulator']}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media", timeout=20
        ) as answer:
            return answer.read().decode()
    except HTTPError:
        raise RefusedError(f"The following URLs matched no objects or files:\n{names[0]}") from None


def storage_cp(state, names, flags):
    bucket, _, name = names[1].removeprefix("gs://").partition("/")
    if bucket not in state["buckets"]:
        raise RefusedError(f"gs://{bucket} not found: 404.")
    objects, written = state["objects"].setdefault(bucket, {}), state.setdefault("written", {})
    path = f"{bucket}/{name}"
    must_match(written.get(path, {"generation": "5"}) if name in objects else {"generation": "0"}, flags)
    generation = state["generations"] = state.get("generations", 1795659608599163) + 1
    made = flags.get("custom-metadata", "").removeprefix("^;^")
    written[path] = {
        "generation": str(generation),
        "metageneration": 1,
        "custom_fields": dict(part.split("=", 1) for part in made.split(";") if part),
    }
    with Path(names[0]).open() as file:
        objects[name] = file.read()
    state["said"] = f"Created: {names[1]}#{generation}\n" if "print-created-message" in flags else ""


def must_match(found, flags):
    for name in ("generation", "metageneration"):
        if flags.get(f"if-{name}-match", str(found.get(name, ""))) != str(found.get(name, "")):
            raise RefusedError("HTTPError 412: At least one of the pre-conditions you specified did not hold.")


def objects_describe(state, names, flags, missing="{} not found: 404."):
    bucket, _, name = names[0].removeprefix("gs://").partition("/")
    if name not in state["objects"].get(bucket, {}):
        raise RefusedError(missing.format(names[0]))
    return [state["written"][f"{bucket}/{name}"]]


def objects_update(state, names, flags):
    found = objects_describe(state, names, flags)[0]
    must_match(found, flags)
    found["metageneration"] += 1
    found["custom_fields"] |= dict([flags["update-custom-metadata"].split("=", 1)])


def version(state, names, flags):
    return [{"Google Cloud SDK": state.get("version", "528.0.0"), "core": "2025.06.20"}]


def sinks_create(state, names, flags):
    writer = "serviceAccount:service-7@gcp-sa-logging.iam.gserviceaccount.com"
    state["accounts_of_google"] = [writer]
    state["sinks"][names[0]] = {"name": names[0], "writerIdentity": writer}
    sinks_update(state, names, flags)


def sinks_update(state, names, flags):
    sink = there(state["sinks"], names[0])
    sink |= {"destination": names[1], "filter": flags["log-filter"]}
    if "use-partitioned-tables" in flags:
        sink["bigqueryOptions"] = {"usePartitionedTables": True}
    if "no-disabled" in flags:
        sink.pop("disabled", None)


def datasets_list(state, names, flags):
    return [{"id": f"{state['project']}:{name}"} for name in state["datasets"]]


def logging_write(state, names, flags):
    state["entries"].append({"log": names[0], "severity": flags["severity"], "jsonPayload": json.loads(names[1])})


def listed(kind):
    def records(state, names, flags):
        return list(state[kind].values())

    return records


def deleted(kind):
    def delete(state, names, flags):
        there(state[kind], names[0])
        del state[kind][names[0]]

    return delete


def configured(kind, flag, collection=""):
    """Commands that make, or replace, what a JSON file says; the server names it where the caller does not."""

    def put(state, names, flags, fresh):
        with Path(flags[flag]).open() as file:
            made = json.load(file)
        if fresh and not names:
            state["made"] = state.get("made", 0) + 1
            names = [f"projects/{state['project']}/{collection}/{state['made']}"]
        if collection == "dashboards":
            if not fresh and made.get("etag") != state[kind][names[0]]["etag"]:
                raise RefusedError("FAILED_PRECONDITION: etag mismatch")
            made["etag"] = str(len(names[0]) + len(str(made)))
        if not fresh:
            there(state[kind], names[0])
        state[kind][names[0]] = {**made, "name": names[0]}

    return (
        lambda state, names, flags: put(state, names, flags, fresh=True),
        lambda state, names, flags: put(state, names, flags, fresh=False),
    )


def channels_create(state, names, flags):
    state["made"] = state.get("made", 0) + 1
    name = f"projects/{state['project']}/notificationChannels/{state['made']}"
    labels, user_labels = (dict([flags[flag].split("=", 1)]) for flag in ("channel-labels", "user-labels"))
    made = {"name": name, "labels": labels, "userLabels": user_labels, "displayName": flags["display-name"]}
    state["channels"][name] = made


def channels_delete(state, names, flags):
    if any(names[0] in policy["notificationChannels"] for policy in state["alerts"].values()):
        raise RefusedError("FAILED_PRECONDITION: the channel is used by an alert policy")
    deleted("channels")(state, names, flags)


def jobs_create(state, names, flags):
    state["jobs"][names[0]] = {
        "name": f"projects/{state['project']}/locations/{flags['location']}/jobs/{names[0]}",
        "state": "ENABLED",
        "schedule": flags["schedule"],
        "timeZone": flags["time-zone"],
        "httpTarget": {
            "uri": flags["uri"],
            "oauthToken": {"serviceAccountEmail": flags["oauth-service-account-email"]},
        },
    }


def jobs_resume(state, names, flags):
    there(state["jobs"], names[0])["state"] = "ENABLED"


def roles_list(state, names, flags):
    return [{"name": name, **role} for name, role in state["roles"].items()]


def roles_create(state, names, flags):
    name = f"projects/{state['project']}/roles/{names[0]}"
    if name in state["roles"]:
        raise RefusedError(f"ALREADY_EXISTS: a role named {names[0]} already exists")
    state["roles"][name] = {"permissions": flags["permissions"]}


def roles_undelete(state, names, flags):
    there(state["roles"], f"projects/{state['project']}/roles/{names[0]}").pop("deleted")


def triggers_create_manual(state, names, flags):
    state["triggers"][flags["name"]] = {
        "name": flags["name"],
        "sourceToBuild": {"uri": flags["repo"], "ref": f"refs/heads/{flags['branch']}"},
        "serviceAccount": flags["service-account"],
        "substitutions": dict(part.split("=", 1) for part in flags["substitutions"].removeprefix("^;^").split(";")),
    }


def there(resources, name):
    if name not in resources:
        raise RefusedError(f"NOT_FOUND: {name} was not found")
    return resources[name]


COMMANDS = {
    "auth list": auth_list,
    "auth print-identity-token": auth_print_identity_token,
    "auth print-access-token": auth_print_access_token,
    "config get": config_get,
    "projects describe": projects_describe,
    "services list": services_list,
    "services enable": services_enable,
    "storage buckets list": buckets_list,
    "storage buckets create": buckets_create,
    "storage buckets update": buckets_update,
    "storage rm": storage_rm,
    "iam service-accounts list": accounts_list,
    "iam service-accounts create": accounts_create,
    "iam service-accounts delete": accounts_delete,
    "functions list": functions_list,
    "functions deploy": functions_deploy,
    "functions delete": functions_delete,
    "functions call": functions_call,
    "run services list": run_services_list,
    "run revisions list": run_revisions_list,
    "run services update-traffic": update_traffic,
    "builds triggers list": triggers_list,
    "builds triggers create github": triggers_create,
    "builds triggers delete": triggers_delete,
    "logging read": logging_read,
    "storage objects list": objects_list,
    "storage cp": storage_cp,
    "storage ls": storage_ls,
    "storage cat": storage_cat,
    "storage objects describe": objects_describe,
    "storage objects update": objects_update,
    "version": version,
    "logging sinks list": listed("sinks"),
    "logging sinks create": sinks_create,
    "logging sinks update": sinks_update,
    "logging sinks delete": deleted("sinks"),
    "logging write": logging_write,
    "alpha bq datasets list": datasets_list,
    "logging metrics list": listed("metrics"),
    "logging metrics delete": deleted("metrics"),
    "monitoring dashboards list": listed("dashboards"),
    "monitoring dashboards delete": deleted("dashboards"),
    "alpha monitoring policies list": listed("alerts"),
    "alpha monitoring policies delete": deleted("alerts"),
    "beta monitoring channels list": listed("channels"),
    "beta monitoring channels create": channels_create,
    "beta monitoring channels delete": channels_delete,
    "scheduler jobs list": listed("jobs"),
    "scheduler jobs create http": jobs_create,
    "scheduler jobs update http": jobs_create,
    "scheduler jobs resume": jobs_resume,
    "scheduler jobs delete": deleted("jobs"),
    "iam roles list": roles_list,
    "iam roles create": roles_create,
    "iam roles undelete": roles_undelete,
    "builds triggers create manual": triggers_create_manual,
    **bigquery.COMMANDS,
}
for _command, _put in (
    ("logging metrics", configured("metrics", "config-from-file")),
    ("monitoring dashboards", configured("dashboards", "config-from-file", "dashboards")),
    ("alpha monitoring policies", configured("alerts", "policy-from-file", "alertPolicies")),
):
    COMMANDS[f"{_command} create"], COMMANDS[f"{_command} update"] = _put
for _kind in ("projects", "storage buckets", "iam service-accounts", "run services"):
    _get, _add, _remove = policy(_kind)
    COMMANDS[f"{_kind} get-iam-policy"] = _get
    COMMANDS[f"{_kind} add-iam-policy-binding"] = _add
    COMMANDS[f"{_kind} remove-iam-policy-binding"] = _remove


def find(words):
    for length in (4, 3, 2, 1):
        command = COMMANDS.get(" ".join(words[:length]))
        if command and len(words) >= length:
            return command, words[length:]
    raise UnknownError(f"gcloud {' '.join(words)}")
