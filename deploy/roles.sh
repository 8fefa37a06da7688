# Who may do what: the service accounts of each verb and their roles.
# shellcheck shell=bash

declare -A accounts=() # [service account's address]=1
declare -A made=()     # [service account's address]=1 for those that this run made
declare -A policies=() # [kind name]=lines role|member|condition

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

# Every role of the account that Cloud Build releases with: look at everything, deploy functions and move their traffic,
# run as it and as the accounts of the functions, call the functions, read the model, hold the lease. It may not change who
# may call, nor the bucket, nor any role.
roles_of_trigger() {
  printf '%s\n' \
    "projects|$PROJECT_ID|$release_account|roles/logging.logWriter|" \
    "projects|$PROJECT_ID|$release_account|roles/browser|" \
    "projects|$PROJECT_ID|$release_account|roles/iam.securityReviewer|" \
    "projects|$PROJECT_ID|$release_account|roles/serviceusage.serviceUsageConsumer|" \
    "projects|$PROJECT_ID|$release_account|roles/cloudfunctions.developer|" \
    "projects|$PROJECT_ID|$release_account|roles/run.developer|" \
    "iam service-accounts|$serving_account|$release_account|roles/iam.serviceAccountUser|" \
    "iam service-accounts|$build_account|$release_account|roles/iam.serviceAccountUser|" \
    "iam service-accounts|$release_account|$release_account|roles/iam.serviceAccountOpenIdTokenCreator|" \
    "storage buckets|gs://$MODEL_BUCKET|$release_account|roles/storage.objectViewer|$(only_the_model)" \
    "storage buckets|gs://$MODEL_BUCKET|$release_account|roles/storage.objectUser|$(only_the_lease)" \
    "run services|${service[batch]}|$release_account|roles/run.invoker|" \
    "run services|${service[stream]}|$release_account|roles/run.invoker|"
}

# Every role of the account that a retraining runs as: read rows, captured predictions and models; write versions and
# reports, none over another; write rows, move the aliases, write logs. It deploys nothing, and calls nothing.
# And of the account that starts it: start builds, as the first.
roles_of_schedule() {
  local bucket=projects/_/buckets/$MODEL_BUCKET objects=projects/_/buckets/$MODEL_BUCKET/objects ours rows again all
  ours="resource.name.startsWith(\"$objects/$MODEL_NAME/\")"
  rows="resource.name.startsWith(\"$objects/data/\")"
  again="resource.name.startsWith(\"$objects/$MODEL_NAME/aliases/\") || $rows" # equal rows are written to the same name
  all="resource.name == \"$bucket\"" # to list
  printf '%s\n' \
    "projects|$PROJECT_ID|$retrain_account|roles/logging.logWriter|" \
    "projects|$PROJECT_ID|$retrain_account|roles/browser|" \
    "projects|$PROJECT_ID|$retrain_account|roles/serviceusage.serviceUsageConsumer|" \
    "storage buckets|gs://$MODEL_BUCKET|$retrain_account|roles/storage.objectViewer|$all || $ours || $rows" \
    "storage buckets|gs://$MODEL_BUCKET|$retrain_account|roles/storage.objectCreator|$ours" \
    "storage buckets|gs://$MODEL_BUCKET|$retrain_account|roles/storage.objectUser|$again" \
    "storage buckets|gs://$CAPTURE_BUCKET|$retrain_account|roles/storage.objectViewer|" \
    "projects|$PROJECT_ID|$schedule_account|projects/$PROJECT_ID/roles/$starter_role|" \
    "iam service-accounts|$retrain_account|$schedule_account|roles/iam.serviceAccountUser|"
}

only_the_model() {
  printf 'resource.name.startsWith("projects/_/buckets/%s/objects/%s/")' "$MODEL_BUCKET" "$MODEL_NAME"
}

# The CLI lists before it writes.
only_the_lease() {
  printf 'resource.name == "projects/_/buckets/%s" || resource.name == "projects/_/buckets/%s/objects/%s"' \
    "$MODEL_BUCKET" "$MODEL_BUCKET" "${lease_uri#gs://*/}"
}

ensure_accounts() {
  if [[ -n ${enabled[iam]:-} ]]; then look_at_accounts; fi
  ensure_account "$serving_account" "Runtime of ${service[batch]} and ${service[stream]}: reads models"
  ensure_account "$build_account" "Builds ${service[batch]} and ${service[stream]}"
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
  change_and_note granted iam service-accounts create "${1%%@*}" --display-name="$2"
  accounts[$1]=1 made[$1]=1
  policies["iam service-accounts $1"]=''
}

# Grant the roles that stand on standard input.
grant_roles() {
  local kind name who role condition
  while IFS='|' read -r kind name who role condition; do
    ensure_role "$kind" "$name" "serviceAccount:$who" "$role" "$condition"
  done
}

# Whatever was deleted by hand took its policy along: give the accounts of `trigger` and `schedule`, where there are
# some, their roles again.
ensure_roles_of_builds() {
  [[ $account != "$release_account" ]] || return 0
  grant_roles < <({ roles_of_trigger && roles_of_schedule; } | only_accounts_there | only_buckets_there)
}

# Pass on the roles of standard input that belong to accounts that are there.
only_accounts_there() {
  local kind name who rest
  while IFS='|' read -r kind name who rest; do
    if [[ -n ${accounts[$who]:-} ]]; then printf '%s|%s|%s|%s\n' "$kind" "$name" "$who" "$rest"; fi
  done
}

# Pass on the roles of standard input, except those on a bucket that is absent.
only_buckets_there() {
  local kind name rest
  while IFS='|' read -r kind name rest; do
    [[ $kind != 'storage buckets' || -n ${buckets[${name#gs://}]:-} ]] || continue
    printf '%s|%s|%s\n' "$kind" "$name" "$rest"
  done
}

# Drop every role of our accounts, also of deleted ones, on the buckets and the project that standard input names. A role
# on a function or on an account goes with it.
drop_roles() {
  local kind name who rest
  while IFS='|' read -r kind name who rest; do
    case $kind in
      'run services' | 'iam service-accounts') continue ;;
      'storage buckets') [[ -n ${buckets[${name#gs://}]:-} ]] || continue ;;
    esac
    if [[ -n ${accounts[$who]:-} ]]; then drop_roles_of "$kind" "$name" "serviceAccount:$who"; fi
    if [[ -z $elsewhere ]]; then drop_roles_of "$kind" "$name" "deleted:serviceAccount:$who\\?uid=*"; fi
  done
}

# Drop every role on $2 of the members that fit pattern $3.
drop_roles_of() {
  local kind=$1 name=$2 pattern=$3 role who condition
  look_at_policy "$kind" "$name"
  while IFS='|' read -r role who condition; do
    # shellcheck disable=SC2053 # it is a pattern
    [[ $who != $pattern ]] || drop_role "$kind" "$name" "$who" "$role" "$condition"
  done <<<"${policies["$kind $name"]}"
}

# Grant a role unless it is granted. An account that was made a moment ago is not known everywhere at once: try again.
ensure_role() {
  local kind=$1 name=$2 member=$3 role=$4 condition=${5:-} tries words
  look_at_policy "$kind" "$name"
  has_role "$@" && return
  say "roles: granting $role on $name to $member"
  read -ra words <<<"$kind"
  for ((tries = 1; ; tries++)); do
    change_and_note granted "${words[@]}" add-iam-policy-binding "$name" "${region_of_kind[@]}" --member="$member" --role="$role" \
      --condition="$(condition_flag "$condition")" --format=none && break
    [[ $tries -lt 6 && -z $patience ]] || fail "$role on $name could not be granted to $member (see above)"
    pause
  done
  policies["$kind $name"]+=$'\n'"$role|$member|$condition"
  drop_roles_of "$kind" "$name" "deleted:$member\\?uid=*" # an account of the same name that was deleted is another one
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

# `down` leaves it: a role that was removed keeps its name from being used again for weeks, and grants nothing meanwhile.
ensure_starter_role() {
  local name deleted seen found=''
  look iam roles list --show-deleted --format="value[separator='|'](name,deleted)"
  while IFS='|' read -r name deleted; do
    if [[ ${name##*/} == "$starter_role" ]]; then found=there$deleted; fi
  done <<<"$seen"
  case $found in
    '')
      say "roles: making $starter_role"
      change iam roles create "$starter_role" --title='Starts builds' --permissions=cloudbuild.builds.create --stage=GA --format=none
      ;;
    thereTrue)
      say "roles: bringing $starter_role back"
      change iam roles undelete "$starter_role" --format=none
      ;;
  esac
}
