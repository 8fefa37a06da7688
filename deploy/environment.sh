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
    check_installed
    echo "$wanted" >"$root/.venv/stamp"
  fi
  exec 8>&-
}

# Every requirement stands in .venv, in its version: a setting of pip may have led the installation elsewhere.
check_installed() {
  "$venv_python" -I - "$root/requirements.txt" "$root/functions/requirements.txt" <<'PY' || fail 'the requirements were not installed into .venv (see above); does a pip.conf say target or prefix? (pip config list)'
import pathlib, sys
from importlib.metadata import distributions
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

paths = [path for path in sys.path if path.startswith(sys.prefix)]
versions = {canonicalize_name(d.metadata["Name"]): d.version for d in distributions(path=paths)}
missing = []
for path in sys.argv[1:]:
    for line in pathlib.Path(path).read_text().splitlines():
        text = line.split("#")[0].rstrip("\\ ").strip()
        if not text or text.startswith("-"):
            continue
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        version = versions.get(canonicalize_name(wanted.name))
        if version is None or version not in wanted.specifier:
            missing.append(f"{text} (there is {version})")
for text in missing[:5]:
    print(f"not in .venv: {text}", file=sys.stderr)
sys.exit(bool(missing))
PY
}

# The lock belongs to the open file: it goes when the last process that inherited it does, however that ends.
lock() {
  "$python" -c 'import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX | (fcntl.LOCK_NB * (len(sys.argv) > 2)))' \
    "$@" 2>/dev/null
}
