# The project and the Google Cloud CLI: who works on it, how it is looked at, how it is changed, which APIs are on.
#
# Look, then act: each `ensure_…` looks first and changes only what differs. A resource that no list names is absent; a
# look-up that fails (403, no network) ends the script.
# shellcheck shell=bash

changes=0 # how many changes were made, or printed

apis=(artifactregistry cloudbuild cloudfunctions cloudresourcemanager iam iamcredentials logging run storage)

declare -A enabled=() # [API]=1

# Read the settings and make sure that there is somebody, and somewhere, to work for.
open_project() {
  read_settings "${1:-}"
  command -v "$gcloud" >/dev/null ||
    fail "$gcloud is not on this machine; install the Google Cloud CLI, https://cloud.google.com/sdk/docs/install (GCLOUD=…)"
  export CLOUDSDK_CORE_DISABLE_PROMPTS=1
  account=$("$gcloud" auth list --filter=status:ACTIVE --format='value(account)' --verbosity=error) || fail 'gcloud does not work (see above)'
  [[ -n $account ]] || fail 'gcloud has no account; sign in: gcloud auth login'
  local impersonated
  impersonated=$("$gcloud" config get auth/impersonate_service_account --verbosity=error) || impersonated=''
  account=${impersonated:-$account} # gcloud acts as it, and so do the model and the smoke test
  if [[ -z $PROJECT_ID ]]; then
    PROJECT_ID=$("$gcloud" config get project) || fail 'gcloud does not work (see above)'
    [[ -n $PROJECT_ID ]] || settings_error 'PROJECT_ID is not set, and gcloud has no project; gcloud config set project …'
  fi
  local found lifecycle
  found=$("$gcloud" projects describe "$PROJECT_ID" --format="value[separator='|'](projectId,lifecycleState)") ||
    fail "project $PROJECT_ID does not exist, or $account may not see it"
  IFS='|' read -r PROJECT_ID lifecycle <<<"$found" # gcloud's project may have been set by its number
  [[ $lifecycle == ACTIVE ]] || fail "project $PROJECT_ID must be active, it is ${lifecycle:-unknown}"
  name_resources
  recall_grants
  [[ $CAPTURE_BUCKET != "$MODEL_BUCKET" ]] ||
    settings_error "CAPTURE_BUCKET must be another bucket than MODEL_BUCKET, since it forgets after days; both are $MODEL_BUCKET"
  model_environment=(PYTHONPATH="$root" MODEL_CREDENTIALS=gcloud GCLOUD="$gcloud" PROJECT_ID="$PROJECT_ID"
    MODEL_BUCKET="$MODEL_BUCKET" MODEL_NAME="$MODEL_NAME" MODEL_BY="$account" MODEL_PROGRAM='./deploy.sh model')
  if [[ -n $MODEL_CONFIG ]]; then model_environment+=(MODEL_CONFIG="$MODEL_CONFIG"); fi
}

# gcloud or, where the first word is bq, BigQuery's CLI, to look: what it prints goes into `seen`. Not to be allowed to look is no sign of absence, and ends the script.
# Nor is a region that did not answer, of which gcloud only warns.
look() {
  local printed said status=0
  persist "$@" || status=1
  seen=$printed
  [[ -z $said ]] || say "$said"
  if [[ $said == *unreachable* ]]; then status=1; fi
  ((status == 0)) || fail "could not look at $(words_of "$@") of $PROJECT_ID as $account (see above)"
}

# The same, tried again as long as a refusal passes by itself: its output into `printed`, its complaints into `said`.
persist() {
  local complaints=$root/.local/complaints.$$ waits=0 status command
  [[ -d $root/.local ]] || mkdir -p "$root/.local"
  command_of "$@"
  while true; do
    status=0
    printed=$("${command[@]}" </dev/null 2>"$complaints") || status=$?
    if [[ $1 == bq && $status != 0 ]]; then # it complains on standard output, in lines of 80 characters
      tr '\n' ' ' <<<"$printed" >>"$complaints"
      printed=''
    fi
    ((status != 0 && status < 128)) && passes_by_itself || break
  done
  said=$(<"$complaints")
  rm -f "$complaints"
  return "$status"
}

# The command of these words, in the project, into `command`.
command_of() {
  if [[ $1 == bq ]]; then
    command=("$bq" "$2" --headless --project_id="$PROJECT_ID" "${@:3}")
  else
    command=("$gcloud" "$@" --project="$PROJECT_ID")
  fi
}

# The words of a command before its first option.
words_of() {
  local words=()
  while (($# > 0)) && [[ $1 != -* ]]; do words+=("$1") && shift; done
  printf %s "${words[*]}"
}

# gcloud or bq, to change something. Everything that changes the project goes through here, and nothing else does, but for
# the lease, which is there only while a run is.
change() {
  changes=$((changes + 1))
  if [[ -n $dry_run ]]; then
    local command
    command_of "$@"
    would_run "${command[@]}"
    return
  fi
  check_cli
  local printed said status=0
  if [[ "$1 $2" == 'functions deploy' ]]; then
    going_on "$3: deploying" persist "$@" || status=$?
  else
    persist "$@" || status=$?
  fi
  [[ -z $printed ]] || say "$printed"
  [[ -z $said ]] || say "$said"
  return "$status"
}

oldest_cli=481 # the first with --build-service-account for functions outside of beta
cli_checked=''

# A CLI that is too old for an option would say so in the middle of a deployment: look before the first change.
check_cli() {
  local version
  [[ -z $cli_checked ]] || return 0
  cli_checked=yes
  version=$("$gcloud" version --format='value("Google Cloud SDK")') || fail 'gcloud does not work (see above)'
  [[ $version =~ ^([0-9]+)\. ]] || fail "gcloud version must begin with a number like $oldest_cli.0.0, got $(shown "$version")"
  ((BASH_REMATCH[1] >= oldest_cli)) ||
    fail "the Google Cloud CLI must be $oldest_cli.0.0 or newer, it is $version: gcloud components update, or the package manager that installed it"
}

granted=''     # yes where this run, or one a moment ago, made a service account or granted a role
patience=''    # over once a wait for that was in vain
switched_on='' # yes where this run, or one a moment ago, enabled an API

# A change after which others have to wait, for the reason $1: `granted` or `enabled`. It is remembered beyond this run,
# which may be interrupted.
change_and_note() {
  local note=$root/.local/$1-$PROJECT_ID status=0
  [[ -d $root/.local ]] || mkdir -p "$root/.local"
  [[ -n $dry_run ]] || : >"$note"
  change "${@:2}" || status=$?
  [[ -z $dry_run ]] || return "$status"
  if ((status > 0)); then
    rm -f "$note"
  elif [[ $1 == granted ]]; then
    granted=yes
  else
    switched_on=yes
  fi
  return "$status"
}

# What runs of the last ten minutes granted and enabled from here.
recall_grants() {
  local path
  mkdir -p "$root/.local"
  while read -r path; do
    case ${path##*/} in
      "granted-$PROJECT_ID") granted=yes ;;
      "enabled-$PROJECT_ID") switched_on=yes ;;
    esac
  done < <(find "$root/.local" -name '*ed-*' -mmin -10)
}

# Whether the refusal in the file `complaints` passes by itself; if it does, this waits a while, counted in the caller's
# `waits`. The platform is busy: a minute at most. A role, an account or an API of this run is not known everywhere yet:
# Google speaks of a minute or two, seldom seven; five minutes at most.
passes_by_itself() {
  local reason='' most=0
  if grep -Eqi 'already ?exists|not available|pre-?condition' "$complaints"; then
    return 1
  elif grep -Eqi '(^|[^0-9])(409|429)([^0-9]|$)|RESOURCE_EXHAUSTED|ABORTED|too many requests|subject of a conflict|concurrent policy changes|already in progress' "$complaints"; then
    reason='the platform is busy' most=12
  elif [[ -n $switched_on ]] && grep -Eqi 'SERVICE_DISABLED|has not been used|is disabled' "$complaints"; then
    reason='an API that was enabled a moment ago is not known everywhere yet' most=60
  elif [[ -n $granted ]] && grep -Eqi 'permission|(^|[^0-9])403([^0-9]|$)|forbidden|service account.* does not exist' "$complaints"; then
    reason='a role that was granted a moment ago is not known everywhere yet' most=60
  fi
  if ((waits == most)); then
    ((most == 0)) || patience=over
    return 1
  fi
  ((waits % 6 > 0)) || say "waiting, since $reason ($((most / 12 - waits / 12)) minutes at most)"
  waits=$((waits + 1))
  pause
}

would_run() {
  { printf 'would run:' && printf ' %q' "$@" && echo; } >&2
}

look_at_apis() {
  local api seen
  look services list --enabled --format='value(config.name)'
  while read -r api; do [[ -z $api ]] || enabled[${api%.googleapis.com}]=1; done <<<"$seen"
}

# The APIs without which nothing can be seen, where they are off, into `off`.
api_is_off() {
  local api
  off=''
  for api in cloudfunctions run storage iam logging; do
    [[ -n ${enabled[$api]:-} ]] || off+="${off:+, }$api"
  done
  [[ -n $off ]]
}

ensure_apis() {
  local api missing=()
  for api in "${apis[@]}"; do
    [[ -n ${enabled[$api]:-} ]] || missing+=("$api.googleapis.com")
  done
  ((${#missing[@]} == 0)) && return
  say "APIs: enabling ${missing[*]%.googleapis.com}"
  change_and_note enabled services enable "${missing[@]}"
  if [[ -z $dry_run ]]; then
    for api in "${apis[@]}"; do enabled[$api]=1; done
  fi
}

pause() { sleep "${DEPLOY_PAUSE_SECONDS:-5}"; }
