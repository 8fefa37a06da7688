#!/usr/bin/env bash
# Usage: ./deploy.sh [--dry-run] VERB
#
# On this machine
#   local [--data FILE [--target NAME]] [--fresh]
#                   Train, publish, promote and serve both functions on this machine, against an embedded bucket;
#                   print three calls with their answers, and stay until Ctrl-C. Versions stay in .local/bucket,
#                   and training waits for a change of data, configuration or code; --fresh forgets them. With
#                   --data the configuration is FILE's, in this folder, written where there is none. Logs: .local/
#   test [fast|all|coverage|ARGS…]
#                   Run every check: shellcheck, ruff, mypy, pytest. fast runs the linters and the tests that start no
#                   process; all interrupts first releases, releases and removals at every point, not at a few;
#                   coverage runs pytest alone, and half as long again, and says which lines no test reaches. ARGS go to
#                   pytest, and then only pytest runs.
#   bench [cold|warm|batch|graph|peers|monitor|gate]
#                   Measure beside what else one could do, a part or all, each in minutes: cold start and memory, requests/s,
#                   rows/s of a large request, models beside scikit-learn and onnxruntime; and how often the monitor and
#                   the gate are wrong. Results: .local/bench.json, .local/bench.svg
#   lock            Pin anew what functions/requirements.in and pyproject.toml ask for; other verbs install that.
#   help            Print this text.
#
# On Google Cloud, with the account and project of gcloud
#   up [--canary N] Make the project serve what this checkout holds, changing only what differs: APIs, buckets, service
#                   accounts, a first model, both functions, where predictions are captured, alerts. A release is asked for
#                   its predictions before traffic moves to it. With --canary it gets N percent, and traffic or rollback
#                   end that.
#   traffic N       Give the release under way N percent of the traffic of both functions; 100 finishes it.
#   rollback        Put back the code that both functions served before. For the model: model rollback.
#   invoke [--http] batch|stream INSTANCES
#                   Ask a function through gcloud; with --http by HTTPS, GET and POST, with an identity token.
#   open [batch|stream]
#                   Have a private function at an address of this machine, which passes your own token on: its page in a
#                   browser, or calls without a token. PORT=… chooses the port. Until Ctrl-C.
#   model ARGS…     python -m model ARGS… on the project's bucket.
#   status          URLs, revisions, traffic, model, its history and the last errors.
#   logs [batch|stream]
#                   The last log lines, newest first.
#   grant MEMBER    Let user:…, group:…, serviceAccount:… or domain:… call both functions.
#   revoke MEMBER   Take that back.
#   bigquery DATASET [off]
#                   Let SQL ask the model: make a remote function with the model's own columns in a data set of BigQuery, and
#                   what it needs to call batch; print a query. Again after a promotion of other columns. off takes it back.
#   trigger OWNER/REPO BRANCH
#                   Let Cloud Build run cloudbuild.yaml (test, then up) on each push to BRANCH at GitHub.
#   schedule [CRON|off]
#                   Retrain on a schedule, like '0 3 * * 1' (UTC); off ends that; without either, say what is scheduled.
#   retrain         What the schedule starts: look at the captured predictions, train again, promote what is better, and
#                   leave a report in the bucket and an entry in the log.
#   down [--with-bucket] [--yes]
#                   Remove what up, bigquery, trigger and schedule made; keeps the buckets, and with them every model and every
#                   captured prediction, unless told otherwise. Asks first.
#
#   --dry-run       Print what would change in the project, and change nothing.
#
# Settings, from the environment:
#   BATCH_PORT      where `local` serves batch (8081)
#   STREAM_PORT     where `local` serves stream (8082)
#   MODEL_CONFIG    the configuration (model/config.toml)
#   PYTHON          the Python to make .venv with, 3.11 or newer (python3)
#   GCLOUD, BQ      the Google Cloud CLI and its part for BigQuery (gcloud, bq)
#   CORS_ORIGINS, MODEL_REFRESH_SECONDS, …  reach the functions of `local` as they are: see the README
# and for Google Cloud from the environment, or else from lines NAME=VALUE in .env:
#   PROJECT_ID, REGION, MODEL_BUCKET, MODEL_NAME, BATCH_MEMORY, …   the table in deploy/README.md has them all
#
# Exit status: 0 done · 1 something failed · 2 wrong usage or settings · 3 the gate said no ·
# 130, 143 stopped by Ctrl-C, by a signal
set -euo pipefail
export LC_ALL=C.UTF-8 # so that [a-z] is a to z, and lower case is what it is for Google

# Python and pip work in .venv, whatever this terminal says of others.
unset PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_VIRTUALENV PIP_PYTHON PIP_DRY_RUN
export PIP_USER=0 PYTHONNOUSERSITE=1

root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
python=${PYTHON:-python3}
venv_python=$root/.venv/bin/python
gcloud=${GCLOUD:-gcloud}
bq=${BQ:-bq}
dry_run=''

# shellcheck source=deploy/environment.sh
source "$root/deploy/environment.sh"
# shellcheck source=deploy/processes.sh
source "$root/deploy/processes.sh"
# shellcheck source=deploy/local.sh
source "$root/deploy/local.sh"
# shellcheck source=deploy/local_data.sh
source "$root/deploy/local_data.sh"
# shellcheck source=deploy/checks.sh
source "$root/deploy/checks.sh"
# shellcheck source=deploy/lock.sh
source "$root/deploy/lock.sh"
# shellcheck source=deploy/names.sh
source "$root/deploy/names.sh"
# shellcheck source=deploy/settings.sh
source "$root/deploy/settings.sh"
# shellcheck source=deploy/project.sh
source "$root/deploy/project.sh"
# shellcheck source=deploy/lease.sh
source "$root/deploy/lease.sh"
# shellcheck source=deploy/buckets.sh
source "$root/deploy/buckets.sh"
# shellcheck source=deploy/roles.sh
source "$root/deploy/roles.sh"
# shellcheck source=deploy/model.sh
source "$root/deploy/model.sh"
# shellcheck source=deploy/functions.sh
source "$root/deploy/functions.sh"
# shellcheck source=deploy/traffic.sh
source "$root/deploy/traffic.sh"
# shellcheck source=deploy/smoke.sh
source "$root/deploy/smoke.sh"
# shellcheck source=deploy/release.sh
source "$root/deploy/release.sh"
# shellcheck source=deploy/rollback.sh
source "$root/deploy/rollback.sh"
# shellcheck source=deploy/capture.sh
source "$root/deploy/capture.sh"
# shellcheck source=deploy/watch.sh
source "$root/deploy/watch.sh"
# shellcheck source=deploy/invoke.sh
source "$root/deploy/invoke.sh"
# shellcheck source=deploy/open.sh
source "$root/deploy/open.sh"
# shellcheck source=deploy/status.sh
source "$root/deploy/status.sh"
# shellcheck source=deploy/callers.sh
source "$root/deploy/callers.sh"
# shellcheck source=deploy/bigquery.sh
source "$root/deploy/bigquery.sh"
# shellcheck source=deploy/trigger.sh
source "$root/deploy/trigger.sh"
# shellcheck source=deploy/cron.sh
source "$root/deploy/cron.sh"
# shellcheck source=deploy/schedule.sh
source "$root/deploy/schedule.sh"
# shellcheck source=deploy/retrain.sh
source "$root/deploy/retrain.sh"
# shellcheck source=deploy/down.sh
source "$root/deploy/down.sh"

main() {
  trap 'exit 130' INT
  if [[ ${1:-} == --dry-run ]]; then
    dry_run=yes
    shift
  fi
  local verb=${1:-}
  shift || true
  case $dry_run$verb in
    yeslocal | yestest | yesbench | yeslock | yeshelp) usage_error "--dry-run is for the verbs on Google Cloud, $verb is none" ;;
  esac
  case $verb in
    lock | help)
      (($# == 0)) || usage_error "$verb takes no arguments, got: $*"
      "verb_$verb"
      ;;
    local | test | bench | up | traffic | rollback | invoke | open | model | status | logs | grant | revoke | bigquery | trigger | schedule | retrain | down)
      "verb_$verb" "$@"
      ;;
    -h | --help) verb_help ;;
    '') usage_error 'a verb is missing' ;;
    *) usage_error "there is no verb '$verb'" ;;
  esac
}

verb_help() {
  awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$root/deploy.sh"
}

# A reader of standard error that has gone must not end what is under way.
say() { printf '%s\n' "$*" >&2 || true; }

fail() {
  say "deploy.sh: $*"
  exit 1
}

fail_with_log() {
  tail -n 20 "$2" >&2 || true
  fail "$1 (its log: $2)"
}

usage_error() {
  say "deploy.sh: $* (./deploy.sh help)"
  exit 2
}

settings_error() {
  say "deploy.sh: $*"
  exit 2
}

main "$@"
