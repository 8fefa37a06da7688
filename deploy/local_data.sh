# Which configuration, and which name of a model, `local` takes for the data it is given.
# shellcheck shell=bash

# The data are there, and a configuration that stands already is one of these data and this target.
check_data() {
  local data=$1 target=$2 problem
  [[ -n $data ]] || return 0
  problem=$("$python" - "$data" "$(configuration_of "$data")" "$target" <<'PY'
import glob, os, sys, tomllib
data, config, target = sys.argv[1:]
def files(source):
    if "://" in source or source.startswith("sklearn:"):
        return {source}
    return {os.path.realpath(path) for path in ([source] if os.path.exists(source) else glob.glob(source))}
wanted = files(data)
if not wanted:
    sys.exit(print(f"--data: {data} does not exist"))
shown = os.path.relpath(config)
if not os.path.lexists(config):
    if not target:
        print(f"{data} has no configuration yet: name the column to predict with --target")
    sys.exit()
try:
    with open(config, encoding="utf-8-sig") as file:
        section = tomllib.loads(file.read())["data"]
    source, named = section["source"], section.get("target")
    placed = source if "://" in source or source.startswith("sklearn:") else os.path.join(os.path.dirname(config), source)
    standing = files(placed)
except (OSError, ValueError, KeyError, TypeError, AttributeError):
    sys.exit()  # training says what is wrong
if isinstance(named, dict):
    named = named.get("name")
if not wanted <= standing:
    print(f"--data {data}: ./{shown} stands already and is of {source}; edit or remove it, or give the file another name")
elif target and target != named:
    print(f"--target {target}: ./{shown} stands already and its target is {named}; edit or remove it, or leave --target out")
PY
) || fail "$data could not be looked at (see above)"
  [[ -z $problem ]] || usage_error "$problem"
}

# The place of the configuration of a file: in this folder, named after it.
configuration_of() {
  printf '%s/%s.toml' "$PWD" "$(name_of_data "$1")"
}

name_of_data() {
  local name
  name=$(basename -- "$1")
  name=${name%.gz}
  printf '%s' "${name%.*}"
}

# The configuration and the model's name: those of the terminal, or of the data that is given.
configure() {
  local data=$1 target=$2 folder=$3 name said status=0
  export PYTHONPATH=$root
  if [[ -n $data ]]; then
    name=$(name_of_data "$data")
    MODEL_CONFIG=$(configuration_of "$data")
    export MODEL_CONFIG
    if [[ ! -e $MODEL_CONFIG ]]; then
      { said=$("$venv_python" -m model init "$data" --target "$target" --output "$MODEL_CONFIG" 2>&1 >&3) || status=$?; } 3>&1
      # This run's exports are not in .local/env where it has a folder of its own.
      [[ -z $said ]] || say "${said//'. .local/env'/". $(printf %q "$folder/env")"}"
      ((status == 0)) || exit "$status"
    fi
    name=$(model_name "$name")
    # A terminal that read .local/env names another model, which this one must not be published as.
    [[ ${MODEL_NAME:-$name} == "$name" ]] ||
      say "the model is named after its data, $name; MODEL_NAME=$MODEL_NAME is left aside"
    export MODEL_NAME=$name
  fi
  export MODEL_NAME=${MODEL_NAME:-linear-regression}
}

# A name for a model, out of a file's: lower case, digits and dashes.
model_name() {
  local name
  name=$(printf '%s' "${1,,}" | LC_ALL=C tr -c 'a-z0-9' - | tr -s - | cut -c 1-63)
  name=${name#-} name=${name%-}
  printf '%s' "${name:-data}"
}
