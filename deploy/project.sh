# The project and what both functions stand on: account, APIs, bucket, service accounts, roles, a first model.
#
# Look, then act: each `ensure_…` asks what is there and changes only what differs. What a list does not name is absent;
# a look-up that fails (403, no network) ends the script.
# shellcheck shell=bash

apis=(artifactregistry cloudbuild cloudfunctions cloudresourcemanager iam iamcredentials logging run storage)

changes=0            # how many changes were made, or printed
bucket_is_new=''
declare -A enabled=()   # [API]=1
declare -A buckets=()   # [bucket]=what `look_at_buckets` sees of it
declare -A accounts=()  # [service account's address]=1
declare -A policies=()  # [kind name]=lines role|member|condition

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
  MODEL_BUCKET=${MODEL_BUCKET:-${PROJECT_ID//[:.]/-}-models}
  CAPTURE_BUCKET=${CAPTURE_BUCKET:-${PROJECT_ID//[:.]/-}-predictions}
  [[ $CAPTURE_BUCKET != "$MODEL_BUCKET" ]] ||
    settings_error "CAPTURE_BUCKET must be another bucket than MODEL_BUCKET, since it forgets after days; both are $MODEL_BUCKET"

  local domain=${PROJECT_ID#*:}
  if [[ $PROJECT_ID == *:* ]]; then domain+=.${PROJECT_ID%%:*}; fi
  serving_account=model-serving@$domain.iam.gserviceaccount.com
  build_account=model-build@$domain.iam.gserviceaccount.com
  release_account=model-release@$domain.iam.gserviceaccount.com
  retrain_account=model-retrain@$domain.iam.gserviceaccount.com
  schedule_account=model-schedule@$domain.iam.gserviceaccount.com
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

# python -m model, on the project's bucket and with gcloud's account.
model() {
  env "${model_environment[@]}" "$venv_python" -m model "$@"
}

# The same where it writes.
change_model() {
  changes=$((changes + 1))
  if [[ -n $dry_run ]]; then
    would_run python -m model "$@"
    return
  fi
  model "$@" >&2
}

would_run() {
  { printf 'would run:' && printf ' %q' "$@" && echo; } >&2
}

look_at_apis() {
  local api seen
  look services list --enabled --format='value(config.name)'
  while read -r api; do [[ -z $api ]] || enabled[${api%.googleapis.com}]=1; done <<<"$seen"
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

# Every bucket of the project: its place, and what `ensure_bucket` compares.
look_at_buckets() {
  local name found seen format='name,location,uniform_bucket_level_access,public_access_prevention,versioning_enabled'
  format+=,lifecycle_config.rule[0].action.type,lifecycle_config.rule[0].condition.isLive
  format+=,lifecycle_config.rule[0].condition.daysSinceNoncurrentTime,lifecycle_config.rule[0].condition.age
  format+=,lifecycle_config.rule[1].action.type
  look storage buckets list --format="value[separator='|']($format)"
  while read -r found; do
    name=${found%%|*}
    [[ -z $name ]] || buckets[$name]=${found#*|}
  done <<<"$seen"
}

ensure_model_bucket() {
  if [[ -n ${enabled[storage]:-} ]]; then look_at_buckets; fi
  if [[ -z ${buckets[$MODEL_BUCKET]:-} ]]; then bucket_is_new=yes; fi
  ensure_bucket "$MODEL_BUCKET" MODEL_BUCKET "True|enforced|True|Delete|False|$KEEP_NONCURRENT_DAYS||" \
    "{\"isLive\": false, \"daysSinceNoncurrentTime\": $KEEP_NONCURRENT_DAYS}" --versioning
}

# Make bucket $1, which setting $2 names, look like $3: private, and what fits the condition $4 is deleted in time.
ensure_bucket() {
  local bucket=$1 setting=$2 wanted=$3 condition=$4 options=("${@:5}") place='' found='' url=gs://$1
  if [[ -n ${buckets[$bucket]:-} ]]; then place=${buckets[$bucket]%%|*} found=${buckets[$bucket]#*|}; fi
  if [[ -z $found ]]; then
    say "bucket: making $url"
    change storage buckets create "$url" --location="$REGION" --uniform-bucket-level-access --public-access-prevention ||
      fail "$url could not be made (see above); is the name taken? Choose one: $setting=…"
    policies["storage buckets $url"]=''
    buckets[$bucket]="$REGION|"
  elif [[ ${place,,} != "$REGION" ]]; then
    fail "$url is in ${place,,}, and the functions in $REGION: set REGION=${place,,}, or another $setting"
  fi
  [[ $found == "$wanted" ]] && return
  [[ -z $found ]] || say "bucket: correcting $url"
  mkdir -p "$root/.local"
  printf '{"rule": [{"action": {"type": "Delete"}, "condition": %s}]}\n' "$condition" >"$root/.local/lifecycle-$bucket.json"
  change storage buckets update "$url" --uniform-bucket-level-access --public-access-prevention "${options[@]}" \
    --lifecycle-file="$root/.local/lifecycle-$bucket.json"
}

# Every role that is granted to the accounts of `up`: on what, to whom, which, on what condition.
# The serving account may read objects of this one model by name: no list, no training data, no other bucket.
# The build account is the one that turns what is uploaded into an image, with the roles that Google documents for it.
roles_of_up() {
  printf '%s\n' \
    "storage buckets|gs://$MODEL_BUCKET|$serving_account|roles/storage.objectViewer|$(only_the_model)" \
    "projects|$PROJECT_ID|$build_account|roles/logging.logWriter|" \
    "projects|$PROJECT_ID|$build_account|roles/artifactregistry.writer|" \
    "projects|$PROJECT_ID|$build_account|roles/storage.objectViewer|resource.name.startsWith(\"projects/_/buckets/gcf-v2-\")"
}

only_the_model() {
  printf 'resource.name.startsWith("projects/_/buckets/%s/objects/%s/")' "$MODEL_BUCKET" "$MODEL_NAME"
}

ensure_accounts() {
  if [[ -n ${enabled[iam]:-} ]]; then look_at_accounts; fi
  ensure_account "$serving_account" 'Runtime of batch and stream: reads models'
  ensure_account "$build_account" 'Builds batch and stream'
  grant_roles < <(roles_of_up)
}

# Which of our accounts there are.
look_at_accounts() {
  local address seen
  look iam service-accounts list --format='value(email)'
  while read -r address; do
    case $address in
      "$serving_account" | "$build_account" | "$release_account" | "$retrain_account" | "$schedule_account") accounts[$address]=1 ;;
    esac
  done <<<"$seen"
}

ensure_account() {
  [[ -z ${accounts[$1]:-} ]] || return 0
  say "service accounts: making $1"
  change iam service-accounts create "${1%%@*}" --display-name="$2"
  accounts[$1]=1
  policies["iam service-accounts $1"]=''
}

# Grant the roles that stand on standard input.
grant_roles() {
  local kind name who role condition
  while IFS='|' read -r kind name who role condition; do
    ensure_role "$kind" "$name" "serviceAccount:$who" "$role" "$condition"
  done
}

# Grant a role unless it is granted. An account that was made a moment ago is not known everywhere at once: try again.
ensure_role() {
  local kind=$1 name=$2 member=$3 role=$4 condition=${5:-} tries words
  look_at_policy "$kind" "$name"
  has_role "$@" && return
  say "roles: granting $role on $name to $member"
  read -ra words <<<"$kind"
  for ((tries = 1; ; tries++)); do
    change "${words[@]}" add-iam-policy-binding "$name" "${region_of_kind[@]}" --member="$member" --role="$role" \
      --condition="$(condition_flag "$condition")" --format=none && break
    ((tries < 6)) || fail "$role on $name could not be granted to $member (see above)"
    pause
  done
  policies["$kind $name"]+=$'\n'"$role|$member|$condition"
}

drop_role() {
  local kind=$1 name=$2 member=$3 role=$4 condition=${5:-} words
  look_at_policy "$kind" "$name"
  has_role "$@" || return 0
  say "roles: taking $role on $name from $member"
  read -ra words <<<"$kind"
  change "${words[@]}" remove-iam-policy-binding "$name" "${region_of_kind[@]}" --member="$member" --role="$role" \
    --condition="$(condition_flag "$condition")" --format=none
  policies["$kind $name"]=${policies["$kind $name"]//"$role|$member|$condition"/}
}

has_role() {
  [[ $'\n'${policies["$1 $2"]}$'\n' == *$'\n'"$4|$3|${5:-}"$'\n'* ]]
}

look_at_policy() {
  local words seen
  region_of_kind=()
  [[ $1 == 'run services' ]] && region_of_kind=(--region="$REGION")
  [[ -z ${policies["$1 $2"]+x} ]] || return 0
  read -ra words <<<"$1"
  look "${words[@]}" get-iam-policy "$2" "${region_of_kind[@]}" --flatten='bindings[].members[]' \
    --format="value[separator='|'](bindings.role,bindings.members,bindings.condition.expression)"
  policies["$1 $2"]=$seen
}

condition_flag() {
  if [[ -n $1 ]]; then printf 'expression=%s,title=%s' "$1" only-what-it-needs; else printf None; fi
}

# If production has no version yet, train one and promote it.
ensure_model() {
  local found='[]'
  if [[ -z $dry_run || -z $bucket_is_new ]]; then found=$(model history --json) || exit; fi
  [[ $found == '[]' ]] || return 0
  say 'model: production has none yet; training one'
  change_model train
  change_model promote --reason 'first model'
}

pause() { sleep "${DEPLOY_PAUSE_SECONDS:-5}"; }
