# The checks of this repository, and its benchmark.
# shellcheck shell=bash

verb_test() {
  check_python
  ensure_venv
  cd "$root"
  unset PYTHONDONTWRITEBYTECODE # each worker, and each process that a test starts, would compile everything anew
  local processors
  processors=$(getconf _NPROCESSORS_ONLN)
  if [[ ${1:-} == fast && $# == 1 ]]; then
    lint_beside pytest "$venv_python" -m pytest --fast --numprocesses "$processors" --dist worksteal
    return
  fi
  # One more than processors, since tests wait for the processes that they start.
  local all=("$venv_python" -m pytest --numprocesses $((processors + 1)) --dist worksteal)
  if [[ ${1:-} == coverage && $# == 1 ]]; then
    step 'pytest with coverage' "${all[@]}" --cov --cov-report=term:skip-covered
    return
  fi
  if [[ ${1:-} == all && $# == 1 ]]; then
    all+=(--all)
  elif (($# > 0)); then
    "$venv_python" -m pytest "$@"
    return
  fi
  if [[ -n ${CI:-} ]]; then ensure_browser; fi
  step 'pip check' "$venv_python" -m pip check # since nothing resolves the lock when it is installed
  lint_beside pytest "${all[@]}"
}

# Runs a step, and the linters beside it: mypy alone keeps one processor busy for as long as the others have nothing to
# do. Their lines come when the step has ended. Both are run to their end, whatever the other finds.
lint_beside() {
  local said linters failed=
  said=$(mktemp)
  set -m # a group of their own, to be ended together
  lint >"$said" 2>&1 </dev/null &
  linters=$!
  set +m
  # shellcheck disable=SC2064 # as they are now
  trap "kill -- -$linters 2>/dev/null || true; rm -f '$said'" EXIT
  (step "$@") || failed=1
  wait "$linters" || failed=1
  cat "$said" >&2
  [[ -z $failed ]] || exit 1
}

lint() {
  step shellcheck "$root/.venv/bin/shellcheck" --external-sources deploy.sh .ci/run
  step 'ruff check' "$venv_python" -m ruff check
  step 'ruff format' "$venv_python" -m ruff format --check
  step mypy "$venv_python" -m mypy
}

step() {
  local name=$1
  shift
  say "— $name"
  "$@" || fail "$name found something (see above)"
}

# The model card is looked at in a browser. A machine that only runs checks gets one from Debian's packages; on a
# person's machine nothing is installed, and those tests are skipped without one.
ensure_browser() {
  command -v chromium >/dev/null && return
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 0
  say 'installing Chromium …'
  apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium >/dev/null || say 'Chromium could not be installed'
}

verb_bench() {
  local part
  for part in "$@"; do
    case $part in
      cold | warm | batch | graph | peers | monitor | gate) ;;
      -h | --help | help) verb_help && return ;;
      *) usage_error "bench: there is no part '$part'; the parts are cold, warm, batch, graph, peers, monitor, gate" ;;
    esac
  done
  check_python
  ensure_venv
  PYTHONPATH=$root "$venv_python" -m tests.bench "$@"
}
