# The settings of a deployment, from the environment or else from .env, and the values that each may have.
# shellcheck shell=bash

# Name, default (- for none), pattern, and what the pattern means. The defaults are argued in the README.
settings() {
  cat <<'TABLE'
PROJECT_ID              -                 ([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{6,20}  the id of a project, 6 to 30 lower-case letters, digits or '-', or its number
REGION                  us-central1       [a-z]+-[a-z]+[0-9]{1,2}           a region, like us-central1
MODEL_BUCKET            -                 [a-z0-9][a-z0-9._-]{1,61}[a-z0-9] the name of a bucket
MODEL_NAME              linear-regression [a-z0-9][a-z0-9._-]{0,62}         lower-case letters, digits, '.', '_' or '-'
FUNCTION_PREFIX         -                 [a-z]([a-z0-9-]{0,18}[a-z0-9])?   1 to 20 lower-case letters, digits or '-', from a letter on
MODEL_CONFIG            -                 [A-Za-z0-9._/-]+                  a path, without blanks
MODEL_REFRESH_SECONDS   60                [1-9][0-9]{0,3}                   whole seconds from 1
KEEP_NONCURRENT_DAYS    30                [1-9][0-9]{0,3}                   whole days from 1
ALLOW_UNAUTHENTICATED   0                 [01]                              0 or 1
CORS_ORIGINS            -                 \*|https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(,https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?)*  origins like https://example.org, separated by commas, or *
CAPTURE                 on                on|off                            on or off
CAPTURE_SINK            bucket            bucket|bigquery|off               bucket, bigquery or off
CAPTURE_BUCKET          -                 [a-z0-9][a-z0-9._-]{1,61}[a-z0-9] the name of a bucket
CAPTURE_DATASET         -                 [A-Za-z0-9_]{1,100}               the name of a dataset, letters, digits or '_'
KEEP_CAPTURED_DAYS      90                [1-9][0-9]{0,3}                   whole days from 1
LABELS                  -                 (gs://)?[A-Za-z0-9._/][A-Za-z0-9._/-]*  a path or gs:// address, without blanks
MONITORING              on                on|off                            on or off
ALERT_EMAIL             -                 [A-Za-z0-9][A-Za-z0-9._%+-]*@([A-Za-z0-9-]+\.)+[A-Za-z]{2,} an address like somebody@example.com
ALERT_SILENCE           off               on|off                            on or off
BATCH_MEMORY            2Gi               [1-9][0-9]{0,4}(Mi|Gi)            a size like 512Mi or 2Gi
BATCH_CPU               1                 [12468]                           1, 2, 4, 6 or 8
BATCH_CONCURRENCY       8                 [1-9][0-9]{0,2}|1000              a whole number from 1 to 1000
BATCH_TIMEOUT_SECONDS   120               [1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600  whole seconds from 1 to 3600
BATCH_MIN_INSTANCES     0                 0|[1-9][0-9]{0,2}                        a whole number from 0 to 999
BATCH_MAX_INSTANCES     10                [1-9][0-9]{0,2}                   a whole number from 1 to 999
BATCH_CAPTURE_ROWS      20                [1-9][0-9]{0,4}                     a whole number from 1 to 99999
BATCH_MAX_BODY_BYTES    33554432          [1-9][0-9]{0,7}                   whole bytes from 1 to 33554432
STREAM_MEMORY           256Mi             [1-9][0-9]{0,4}(Mi|Gi)            a size like 256Mi or 1Gi
STREAM_CPU              1                 [12468]                           1, 2, 4, 6 or 8
STREAM_CONCURRENCY      80                [1-9][0-9]{0,2}|1000              a whole number from 1 to 1000
STREAM_TIMEOUT_SECONDS  10                [1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600  whole seconds from 1 to 3600
STREAM_MIN_INSTANCES    0                 0|[1-9][0-9]{0,2}                        a whole number from 0 to 999
STREAM_MAX_INSTANCES    20                [1-9][0-9]{0,2}                   a whole number from 1 to 999
STREAM_MAX_BODY_BYTES   65536             [1-9][0-9]{0,7}                   whole bytes from 1 to 33554432
TABLE
}

# Set every setting as a variable of its name; what is unknown or malformed is named before anything else happens. A
# name in the environment that only looks like a setting is none of our business, but where settings are deployed (STRICT).
read_settings() {
  local strict=$1 name default pattern meaning value origin
  local -A written=() known=([BATCH_PORT]=1 [STREAM_PORT]=1) origins=()
  read_env_file
  while read -r name default pattern meaning; do
    known[$name]=1
    origin=''
    if [[ -n ${!name:-} ]]; then
      value=${!name}
    elif [[ -n ${written[$name]:-} ]]; then
      value=${written[$name]}
      origin=' (in .env)'
    else
      value=${default#-}
    fi
    if [[ -n $value && ! $value =~ ^($pattern)$ ]]; then
      settings_error "$name must be $meaning, got $(shown "$value")$origin"
    fi
    printf -v "$name" %s "$value"
    origins[$name]=$origin
    unset "written[$name]"
  done < <(settings)
  for name in "${!written[@]}"; do
    settings_error "$name, in .env, is no setting of a deployment; the README has a table of those there are"
  done
  while [[ -n $strict ]] && read -r name; do
    if [[ $name =~ ^(BATCH|STREAM|MODEL|CAPTURE)_ && -z ${known[$name]:-} ]]; then
      settings_error "$name, in the environment, is no setting of a deployment; unset it, or see the README for those there are"
    fi
  done < <(compgen -e)
  check_settings
}

# For a verb of this machine: refuse a value of setting $1, in the environment, that its pattern does not take.
check_setting() {
  local name default pattern meaning
  while read -r name default pattern meaning; do
    [[ $name != "$1" || -z ${!name:-} || ${!name} =~ ^($pattern)$ ]] || settings_error "$name must be $meaning, got $(shown "${!name}")"
  done < <(settings)
}

# Lines NAME=VALUE into `written`. The file is read, not run.
read_env_file() {
  [[ -e $root/.env ]] || return 0
  [[ -f $root/.env && -r $root/.env ]] || settings_error '.env must be a file that can be read'
  local line number=0
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] ||
      settings_error ".env, line $number: must be NAME=VALUE, without blanks around ="
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    value=${value%"${value##*[![:space:]]}"}
    [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
    [[ -z ${written[$name]+x} ]] || settings_error ".env, line $number: $name stands there twice"
    written[$name]=$value
  done <"$root/.env"
}

# Rules that one pattern cannot express.
check_settings() {
  local kind least most body
  for kind in BATCH STREAM; do
    least=${kind}_MIN_INSTANCES most=${kind}_MAX_INSTANCES body=${kind}_MAX_BODY_BYTES
    ((${!least} <= ${!most})) || settings_error "$least must be at most $most (${!most}), got ${!least}${origins[$least]}"
    ((${!body} <= 33554432)) || settings_error "$body must be at most 33554432, which is what the platform takes, got ${!body}${origins[$body]}"
  done
  [[ $FUNCTION_PREFIX != model ]] ||
    settings_error "FUNCTION_PREFIX must not be model, which begins the names that are used without one, got 'model'${origins[FUNCTION_PREFIX]}"
  if [[ -n $FUNCTION_PREFIX && $MONITORING == on ]]; then
    ((${#FUNCTION_PREFIX} + ${#MODEL_NAME} + ${#REGION} <= 85)) ||
      settings_error 'FUNCTION_PREFIX, MODEL_NAME and REGION must have at most 85 characters together, since metrics are named after them'
  fi
  find_config
  [[ -z ${STORAGE_EMULATOR_HOST:-} ]] ||
    settings_error 'STORAGE_EMULATOR_HOST is set (by .local/env?), which leads away from the real bucket; use another terminal'
}

# MODEL_CONFIG as a whole path: one in the environment is meant from here, one in .env from the checkout.
find_config() {
  [[ -n $MODEL_CONFIG ]] || return 0
  if [[ $MODEL_CONFIG != /* && -z ${origins[MODEL_CONFIG]} && -f $MODEL_CONFIG ]]; then MODEL_CONFIG=$PWD/$MODEL_CONFIG; fi
  if [[ $MODEL_CONFIG != /* ]]; then MODEL_CONFIG=$root/$MODEL_CONFIG; fi
  [[ -f $MODEL_CONFIG ]] || settings_error "MODEL_CONFIG must be a file, there is none at $MODEL_CONFIG${origins[MODEL_CONFIG]}"
  MODEL_CONFIG=$(realpath -- "$MODEL_CONFIG") || exit
}

# A build has a checkout of its own, and finds there only what is in this one.
need_config_in_checkout() {
  [[ -z $MODEL_CONFIG || $MODEL_CONFIG == "$root"/* ]] ||
    settings_error "MODEL_CONFIG must be in the checkout, $root, since a build has no other files, got $(shown "$MODEL_CONFIG")"
}

# A value for a message: on one line and short, whatever it is.
shown() {
  local text="'${1:0:80}'"
  [[ $text =~ ^[[:print:]]*$ ]] || printf -v text %q "${1:0:80}"
  printf %s "$text"
}
