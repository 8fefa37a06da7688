# Python, and .venv with the pinned requirements.
# shellcheck shell=bash

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

# The lock belongs to the open file: it goes when the last process that inherited it does, however that ends.
lock() {
  "$python" -c 'import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX | (fcntl.LOCK_NB * (len(sys.argv) > 2)))' \
    "$@" 2>/dev/null
}
