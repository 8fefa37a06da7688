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

# Make .venv once for the present requirements; a stamp, written last, says which those are, and what stands in it.
ensure_venv() {
  mkdir -p "$root/.local"
  exec 8>"$root/.local/venv.lock"
  local wanted
  wanted=$("$python" - "$root" <<'PY'
import fcntl, hashlib, os, pathlib, sys, time
for _ in range(10):  # another run that only looks has it for a moment
    try:
        fcntl.flock(8, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except BlockingIOError:
        time.sleep(0.1)
else:
    print("another run is installing .venv; this one waits for it …", file=sys.stderr, flush=True)
    fcntl.flock(8, fcntl.LOCK_EX)
root = pathlib.Path(sys.argv[1])
requirements = b"".join((root / name).read_bytes() for name in ("functions/requirements.txt", "requirements.txt"))
digest = hashlib.sha256(sys.version.encode() + requirements).hexdigest()
try:
    stamp, *packages = (root / ".venv/stamp").read_text().splitlines()
    there = os.listdir(root / ".venv/lib" / "python{}.{}".format(*sys.version_info) / "site-packages")
except (OSError, ValueError):
    stamp, packages, there = "", [], []
print(digest if stamp == digest and set(packages) <= set(there) else f"{digest} anew")
PY
) || fail "$python could not say what .venv needs (see above)"
  if [[ $wanted == *anew ]] || ! [[ -x $venv_python ]]; then
    [[ ! -L $root/.venv ]] || fail '.venv is a link to an environment made for something else; remove the link'
    say 'installing requirements into .venv (once; it takes a minute or more) …'
    going_on 'making .venv' "$python" -m venv --clear "$root/.venv" || fail '.venv could not be made (see above)'
    going_on 'installing' install_requirements || fail 'the requirements could not be installed (see above)'
    going_on 'importing them' check_installed || fail 'the requirements do not work in .venv (see above)'
    {
      printf '%s\n' "${wanted% anew}"
      (cd "$root"/.venv/lib/python*/site-packages && printf '%s\n' [!_]*) | grep -v '^pip-'
    } >"$root/.venv/stamp"
  fi
  exec 8>&-
}

# Each pip.conf and PIP_… is left out, since some lead the installation elsewhere (target, prefix, user, python) or to
# nothing (dry-run); only the way to the packages is taken over from them.
install_requirements() {
  local setting settings=()
  while IFS= read -r -d '' setting; do settings+=("$setting"); done < <(
    "$venv_python" -m pip config list | "$venv_python" -I -c '
import ast, sys
names = ("index-url extra-index-url find-links no-index proxy cert client-cert trusted-host timeout default-timeout retries "
         "use-feature use-deprecated keyring-provider cache-dir no-cache-dir")
taken = {}
for line in sys.stdin:
    key, _, value = line.rstrip("\n").partition("=")
    section, _, name = key.rpartition(".")
    if section in {"global", "install", ":env:"} and name in names.split():
        text = str(ast.literal_eval(value))
        taken[section, name] = " ".join(text.split()) if "\n" in text else text
for section in ("global", "install", ":env:"):
    for (owner, name), value in taken.items():
        if owner == section:
            print("PIP_" + name.upper().replace("-", "_") + "=" + value, end="\0")'
  )
  local name others=()
  while IFS= read -r name; do others+=(-u "$name"); done < <(compgen -e PIP_)
  # The lock is complete. Resolved again, a requirement with an extra would take a newer release, which has no hash.
  env "${others[@]}" "${settings[@]}" PIP_CONFIG_FILE=/dev/null "$venv_python" -m pip install -qq --disable-pip-version-check \
    --require-virtualenv --no-compile --no-deps --requirement "$root/requirements.txt" && compile_installed
}

# pip would compile with one processor, and the packages' own tests too. A file that cannot be compiled is left as it is.
compile_installed() {
  "$venv_python" -I -c '
import compileall, re, sysconfig
tests = re.compile("/site-packages/.*/tests/")
compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, rx=tests, workers=0)'
}

# Every requirement stands in .venv in its version, needs nothing that is not there, and can be imported where all else
# rests on it.
check_installed() {
  "$venv_python" -I - "$root/requirements.txt" "$root/functions/requirements.txt" <<'PY' || return
import importlib, pathlib, sys
from importlib.metadata import distributions
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

MODULES = {
    "numpy": "numpy", "scikit-learn": "sklearn", "pyarrow": "pyarrow", "functions-framework": "functions_framework",
    "google-cloud-storage": "google.cloud.storage", "orjson": "orjson", "pytest": "pytest",
}
paths = [path for path in sys.path if path.startswith(sys.prefix)]
versions = {canonicalize_name(d.metadata["Name"]): d.version for d in distributions(path=paths)}
wrong = []
for path in sys.argv[1:]:
    for line in pathlib.Path(path).read_text().splitlines():
        text = line.split("#")[0].rstrip("\\ ").strip()
        if not text or text.startswith("-"):
            continue
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        name = canonicalize_name(wanted.name)
        version = versions.get(name)
        if version is None or version not in wanted.specifier:
            wrong.append(f"not in .venv: {text} (there is {version})")
        elif name in MODULES:
            try:
                importlib.import_module(MODULES[name])
            except Exception as error:
                wrong.append(f"{name} {version} cannot be imported: {type(error).__name__}: {error}")
for text in wrong[:5]:
    print(text, file=sys.stderr)
sys.exit(bool(wrong))
PY
  local unmet
  unmet=$("$venv_python" -I -m pip check) || {
    say "$unmet"
    return 1
  }
}

# The lock belongs to the open file: it goes when the last process that inherited it does, however that ends.
lock() {
  "$python" -c 'import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX | (fcntl.LOCK_NB * (len(sys.argv) > 2)))' \
    "$@" 2>/dev/null
}
