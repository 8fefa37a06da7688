# Child processes of `local`: started in groups of their own, watched, and ended together.
# shellcheck shell=bash

end_with_parent='
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
'

# Start a child in a process group of its own, so that one signal reaches all of it and Ctrl-C reaches us first. Linux
# ends it when this process is killed.
start() {
  local log=$1
  shift
  set -m
  "$venv_python" -ISc "$end_with_parent" "$$" "$@" </dev/null >"$log" 2>&1 &
  set +m
  children+=($!)
}

# Run a child to its end, stoppable at any moment; its exit status.
attempt() {
  local status=0
  start "$@"
  wait "${children[${#children[@]} - 1]}" || status=$?
  unset "children[${#children[@]} - 1]"
  return "$status"
}

# The same, for a child that must not fail.
run() {
  attempt "$@" || fail_with_log "$2 ${*:3} failed" "$1"
}

# Run a command that takes a minute or more. On a terminal one line, $1, shows meanwhile that it goes on; its end removes
# that.
going_on() {
  local text=$1 status=0 ticker=''
  shift
  if [[ -t 2 ]]; then
    tick "$text" 8>&- &
    ticker=$!
    disown "$ticker"
  fi
  "$@" || status=$?
  if [[ -n $ticker ]]; then
    kill "$ticker" 2>/dev/null || true
    printf '\r\033[K' >&2
  fi
  return "$status"
}

# The seconds behind $1, in one line that other output overwrites.
tick() {
  local seconds
  for ((seconds = 0; ; seconds++)); do
    printf '\r%s, %d s \r' "$1" "$seconds" >&2
    sleep 1 && kill -0 $$ 2>/dev/null || return
  done
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
