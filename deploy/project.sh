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
  [[ $CAPTURE_BUCKET != "$MODEL_BUCKET" ]] ||
    settings_error "CAPTURE_BUCKET must be another bucket than MODEL_BUCKET, since it forgets after days; both are $MODEL_BUCKET"
  model_environment=(PYTHONPATH="$root" MODEL_CREDENTIALS=gcloud GCLOUD="$gcloud" PROJECT_ID="$PROJECT_ID"
    MODEL_BUCKET="$MODEL_BUCKET" MODEL_NAME="$MODEL_NAME" MODEL_BY="$account" MODEL_PROGRAM='./deploy.sh model')
}

# gcloud, to look: what it prints goes into `seen`. Not to be allowed to look is no sign of absence, and ends the script.
# Nor is a region that did not answer, of which gcloud only warns.
look() {
  local status=0 complaints=$root/.local/complaints.$$
  mkdir -p "$root/.local"
  seen=$("$gcloud" "$@" --project="$PROJECT_ID" </dev/null 2>"$complaints") || status=1
  cat "$complaints" >&2 || true
  if grep -q unreachable "$complaints"; then status=1; fi
  rm -f "$complaints"
  ((status == 0)) || fail "could not look at $(words_of "$@") of $PROJECT_ID as $account (see above)"
}

# The words of a command before its first option.
words_of() {
  local words=()
  while (($# > 0)) && [[ $1 != -* ]]; do words+=("$1") && shift; done
  printf %s "${words[*]}"
}

# gcloud, to change something. Everything that changes the project goes through here, and nothing else does.
change() {
  changes=$((changes + 1))
  if [[ -n $dry_run ]]; then
    would_run "$gcloud" "$@" --project="$PROJECT_ID"
    return
  fi
  "$gcloud" "$@" --project="$PROJECT_ID" </dev/null >&2
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
  change services enable "${missing[@]}"
  if [[ -z $dry_run ]]; then
    for api in "${apis[@]}"; do enabled[$api]=1; done
  fi
}

pause() { sleep "${DEPLOY_PAUSE_SECONDS:-5}"; }
