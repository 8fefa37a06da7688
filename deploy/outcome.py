"""The outcome of a retraining, for the log: a severity on one line and an entry, a JSON object, on the next.

Usage: outcome.py FOLDER MODEL REGION MONITOR_STATUS RETRAIN_STATUS REPORT_URI

FOLDER holds monitor.json and retrain.json, what the two verbs printed; either may be absent, empty or cut off. The
statuses are their exit statuses, -1 for a monitor that was not asked. Only the standard library, so that also what
went wrong before there was an environment is said.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

REFUSED = 3
MOST_CHARACTERS = 4000
"""Characters kept of a finding or a reason; an entry of Cloud Logging may have 256 KB."""


def outcome(
    monitor: dict[str, Any],
    retrain: dict[str, Any],
    *,
    monitor_status: int,
    retrain_status: int,
    model: str,
    region: str,
    report: str,
) -> tuple[str, dict[str, Any]]:
    """Gives the severity, and the entry whose `status` and `outcome` deploy/monitoring counts."""
    if monitor_status < 0:
        status = "not asked"
    elif monitor_status in {0, REFUSED}:
        status = str(monitor.get("status") or ("alert" if monitor_status else "ok"))
    else:
        status = "failed"
    ended = {0: "done", REFUSED: "rejected"}.get(retrain_status, "failed")
    # It prints its decision last: with one, it had come to its end when this script was stopped.
    ended = {"promoted": "done", "nothing to do": "done", "rejected": "rejected"}.get(
        str(retrain.get("decision")), ended
    )
    if ended == "failed":
        severity = "ERROR"
    elif ended == "rejected" or status in {"alert", "failed"}:
        severity = "WARNING"
    else:
        severity = "INFO"
    version = retrain.get("version")
    decision = short(retrain.get("decision") or ended)
    entry = {
        "message": f"retraining of {model}: {ended}; monitor: {status}",
        "kind": "retraining",
        "model": model,
        "region": region,
        "status": status,
        "worst_finding": short(worst(monitor.get("findings"))),
        "outcome": ended,
        "decision": decision,
        "reason": short(retrain.get("reason")),
        "version": version if isinstance(version, int) else None,
        "report": report or None,
    }
    return severity, entry


def worst(findings: Any) -> Any:
    """The first that is an alert, else the first that is a warning, else the first."""
    if not isinstance(findings, list) or not findings:
        return None
    for wanted in ("alert", "warn"):
        for finding in findings:
            if isinstance(finding, dict) and wanted in {finding.get("status"), finding.get("severity")}:
                return finding
    return findings[0]


def short(value: Any) -> Any:
    """The value, or the beginning of its text where that is long."""
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"


def read(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def main(arguments: list[str]) -> None:
    folder, model, region, monitor_status, retrain_status, report = arguments
    severity, entry = outcome(
        read(Path(folder) / "monitor.json"),
        read(Path(folder) / "retrain.json"),
        monitor_status=int(monitor_status),
        retrain_status=int(retrain_status),
        model=model,
        region=region,
        report=report,
    )
    print(f"{severity}\n{json.dumps(entry, ensure_ascii=False)}")


if __name__ == "__main__":
    main(sys.argv[1:])
