# Day two: ask, look, let in, keep out, hook up, take down.
# shellcheck shell=bash

verb_invoke() {
  local https=''
  if [[ ${1:-} == --http ]]; then https=yes && shift; fi
  [[ $# == 2 ]] && is_ours "$1" || usage_error "invoke takes [--http] batch|stream and instances, got: $*"
  local name=$1 instances=$2 body
  if [[ $name == batch ]]; then body="{\"instances\": $instances}"; else body="{\"instance\": $instances}"; fi
  open_project
  look_at_functions
  need_functions
  if [[ -z $https ]]; then
    "$gcloud" functions call "$name" --gen2 --region="$REGION" --project="$PROJECT_ID" --data="$body"
    return
  fi
  local status=0
  say 'GET:'
  call_with_token "$name" --globoff "${uri[$name]}/$name/$(percent_encoded "$instances")" || status=1
  say 'POST:'
  call_with_token "$name" "${uri[$name]}/$name" --header 'Content-Type: application/json' --data-raw "$body" || status=1
  return "$status"
}

# curl, with a token for function $1 that only pipes see. An answer that is an error is printed, and fails.
call_with_token() {
  local status=0
  identity_token "${uri[$1]}" | sed 's/.*/header = "Authorization: Bearer &"/' |
    curl --config - --silent --show-error --fail-with-body --max-time 300 "${@:2}" || status=1
  echo
  return "$status"
}

percent_encoded() {
  local LC_ALL=C text=$1 place character
  for ((place = 0; place < ${#text}; place++)); do
    character=${text:place:1}
    if [[ $character == [a-zA-Z0-9.,:_~[\]{}-] ]]; then
      printf %s "$character"
    else
      printf '%%%02X' "'$character"
    fi
  done
}

verb_model() {
  open_project
  check_python
  ensure_venv
  if [[ -n $dry_run ]]; then
    case ${1:-} in
      versions | show | history | smoke | -h | --help) ;;
      *) would_run ./deploy.sh model "$@" && return ;;
    esac
  fi
  model "$@"
}

verb_status() {
  (($# == 0)) || usage_error "status takes no arguments, got: $*"
  open_project
  printf 'project  %s, region %s, as %s\n' "$PROJECT_ID" "$REGION" "$account"
  printf 'bucket   gs://%s, model %s\n' "$MODEL_BUCKET" "$MODEL_NAME"
  look_at_apis
  if api_is_off; then
    printf 'APIs     %s off, without which nothing can be seen; ./deploy.sh up enables them\n' "$off"
    return
  fi
  look_at_functions
  local name seen revision made share
  local -A since=()
  if ((${#state[@]} > 0)); then
    look run revisions list --region="$REGION" --format="value[separator='|'](metadata.name,metadata.creationTimestamp)"
    while IFS='|' read -r revision made; do [[ -z $revision ]] || since[$revision]=${made%%.*}; done <<<"$seen"
  fi
  for name in "${functions[@]}"; do
    printf '\n'
    if [[ -z ${state[$name]:-} ]]; then
      printf '%-8s is not there; ./deploy.sh up makes it\n' "$name"
      continue
    fi
    printf '%-8s %s  %s\n' "$name" "${uri[$name]}/$name" "${state[$name]}"
    for revision in $(revisions_of "$name"); do
      share=$(share_of "$name" "$revision")
      printf '         %3s %%  %s  deployed %s%s\n' "$share" "$revision" "${since[$revision]:-?}" "$(tags_of "$name" "$revision")"
    done
  done
  printf '\n'
  status_of_watching
  printf '\n'
  check_python
  ensure_venv
  model history || say 'the history of the model could not be read (see above)'
  printf '\nerrors of the last day, newest first:\n'
  read_log 10 'severity>=ERROR' batch stream | or_none
}

# One line each: where predictions are captured, when it retrains, who is told.
status_of_watching() {
  local addresses
  look_at_sink
  if [[ -z $sink_destination ]]; then
    printf 'capture  none; CAPTURE_SINK is %s\n' "$CAPTURE_SINK"
  else
    printf 'capture  %s, by the sink %s%s\n' "$sink_destination" "$(capture_sink)" "${sink_disabled:+, WHICH IS DISABLED}"
  fi
  look_at_job
  show_schedule
  if [[ -z ${enabled[monitoring]:-} ]]; then
    printf 'alerts   none; MONITORING is %s\n' "$MONITORING"
    return
  fi
  look_at_alerts
  look_at_channels
  addresses=${!channel[*]}
  printf 'alerts   %s, to %s\n' "$(sorted "$(tr ' ' , <<<"${!alert[*]}")" | sed 's/,/, /g; s/^$/none/')" \
    "${addresses:-nobody: ALERT_EMAIL is not set}"
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

# The revisions of a function that matter: with traffic, with a tag, and the newest; newest first.
revisions_of() {
  { tr , '\n' <<<"${split[$1]:-}" | sed 's/=.*//' && tr , '\n' <<<"${tags[$1]:-}" | sed 's/.*=//' && echo "${newest[$1]:-}"; } |
    sort --unique --reverse
}

tags_of() {
  local part parts=${tags[$1]:-}
  for part in ${parts//,/ }; do
    if [[ ${part#*=} == "$2" ]]; then printf ' (%s)' "${part%%=*}"; fi
  done
  if [[ ${newest[$1]:-} == "$2" && $(share_of "$1" "$2") == 0 ]]; then printf ' (newest, does not serve)'; fi
}

verb_logs() {
  if [[ $# != 0 ]] && ! { [[ $# == 1 ]] && is_ours "$1"; }; then
    usage_error "logs takes batch, stream or nothing, got: $*"
  fi
  open_project
  read_log 100 '' "${@:-${functions[@]}}" | or_none
}

# The newest lines of the last day: how many, a condition or nothing, and the functions.
read_log() {
  local most=$1 condition=$2 services=("${@:3}")
  "$gcloud" logging read --project="$PROJECT_ID" --limit="$most" --freshness=1d --order=desc \
    --format='value[separator="  "](timestamp.date(format="%Y-%m-%d %H:%M:%S",tz=UTC),resource.labels.service_name,severity,jsonPayload.message,textPayload)' \
    "resource.type=\"cloud_run_revision\" resource.labels.location=\"$REGION\" resource.labels.service_name=($(or "${services[@]}")) $condition"
}

or_none() { awk '{ print } END { if (!NR) print "none in the last day" }'; }

or() {
  local words
  printf -v words ' OR "%s"' "$@"
  printf %s "${words# OR }"
}

verb_grant() { change_callers grant "$@"; }

verb_revoke() { change_callers revoke "$@"; }

change_callers() {
  local verb=$1 name member role who condition
  shift
  [[ $# == 1 && $1 =~ ^(user|group|serviceAccount|domain|principal|principalSet):[^[:space:]|]+$ ]] ||
    usage_error "$verb takes user:…, group:…, serviceAccount:… or domain:…, got: $(shown "$*"); for everybody: ALLOW_UNAUTHENTICATED=1 ./deploy.sh up"
  open_project
  look_at_functions
  need_functions
  member=${1%%:*}:$(tr '[:upper:]' '[:lower:]' <<<"${1#*:}") # addresses have no case; Google keeps them in lower case
  [[ $1 != principal* ]] || member=$1
  for name in "${functions[@]}"; do
    if [[ $verb == grant ]]; then
      ensure_role 'run services' "$name" "$member" roles/run.invoker
      continue
    fi
    look_at_policy 'run services' "$name"
    while IFS='|' read -r role who condition; do
      if [[ $role == roles/run.invoker && ${who,,} == "${member,,}" ]]; then
        drop_role 'run services' "$name" "$who" "$role" "$condition"
      fi
    done <<<"${policies["run services $name"]}"
  done
  ((changes > 0)) || say "nothing to $verb: that is so already"
}

# Every role of the account that Cloud Build releases with: look at everything, deploy functions and move their traffic,
# run as it and as the accounts of the functions, call the functions, read the model. It may not change who may call,
# nor the bucket, nor any role.
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
    "run services|batch|$release_account|roles/run.invoker|" \
    "run services|stream|$release_account|roles/run.invoker|"
}

verb_trigger() {
  [[ $# == 2 && $1 =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ && $2 =~ ^[A-Za-z0-9._/-]+$ ]] ||
    usage_error "trigger takes OWNER/REPO and BRANCH, got: $(shown "$*")"
  open_project strict
  look_at_functions
  need_functions # it may call them, which is granted on them
  look_at_accounts
  [[ -n ${accounts[$serving_account]:-} && -n ${accounts[$build_account]:-} ]] ||
    fail 'the accounts of the functions are not there; run ./deploy.sh up first'
  ensure_account "$release_account" 'Cloud Build: tests and releases batch and stream'
  grant_roles < <(roles_of_trigger)

  local trigger=release-${REGION} wanted seen
  wanted="$1|^${2//./\\.}\$|$(settings_for_build)"
  look_at_trigger "$trigger"
  if [[ $seen == "$wanted" ]]; then
    say "trigger $trigger: is there"
    return
  fi
  if [[ -n $seen ]]; then
    say "trigger $trigger: making it anew, since it was for other things"
    change builds triggers delete "$trigger" --region="$REGION"
  fi
  say "trigger $trigger: on each push to $2 of $1"
  change builds triggers create github --name="$trigger" --region="$REGION" --repo-owner="${1%/*}" --repo-name="${1#*/}" \
    --branch-pattern="^${2//./\\.}\$" --build-config=cloudbuild.yaml --include-logs-with-status \
    --service-account="projects/$PROJECT_ID/serviceAccounts/$release_account" \
    --substitutions="^;^_SETTINGS=$(settings_for_build)" --format=none ||
    fail "Cloud Build must be connected to $1 first, once, by hand: https://console.cloud.google.com/cloud-build/triggers;region=$REGION/connect?project=$PROJECT_ID"
}

# What `seen` tells of a trigger: OWNER/REPO|branch pattern|settings; nothing when there is none.
look_at_trigger() {
  local name owner repo pattern build_settings runs_as found=''
  look builds triggers list --region="$REGION" --format="value[separator='|'](name,github.owner,github.name,github.push.branch,substitutions._SETTINGS,serviceAccount)"
  while IFS='|' read -r name owner repo pattern build_settings runs_as; do
    [[ $name == "$1" ]] || continue
    [[ $runs_as == */"$release_account" ]] || fail "trigger $1 in $REGION was not made by this script, and is left alone"
    found="$owner/$repo|$pattern|$build_settings"
  done <<<"$seen"
  seen=$found
}

# The settings that are not as they are by default, for the .env of a build.
settings_for_build() {
  local name default pattern meaning found=("PROJECT_ID=$PROJECT_ID" "MODEL_BUCKET=$MODEL_BUCKET")
  while read -r name default pattern meaning; do
    case $name in
      PROJECT_ID | MODEL_BUCKET | MONITORING | ALERT_*) continue ;; # a build changes nothing that watches it
      CAPTURE_BUCKET) default=${PROJECT_ID//[:.]/-}-predictions ;;
    esac
    [[ ${!name} == "${default#-}" ]] || found+=("$name=${!name}")
  done < <(settings)
  printf %s "${found[*]}"
}

verb_down() {
  local with_bucket='' yes='' name answer='' who seen trigger kept=() watching elsewhere=''
  for name in "$@"; do
    case $name in
      --with-bucket) with_bucket=yes ;;
      --yes) yes=yes ;;
      *) usage_error "down takes --with-bucket and --yes, got: $*" ;;
    esac
  done
  open_project
  look_at_apis
  ! api_is_off || fail "of $PROJECT_ID nothing can be seen, and so nothing removed: APIs are off ($off); ./deploy.sh up enables them"
  look_at_functions
  for name in "${functions[@]}"; do refuse_foreign "$name"; done
  look_at_accounts
  look functions list --format="value[separator='|'](name,labels.made-by)"
  while IFS='|' read -r name who; do
    if [[ $who == deploy-sh && $name != */locations/$REGION/* ]]; then elsewhere+="${elsewhere:+, }$name"; fi
  done <<<"$seen"
  if [[ -n $elsewhere ]]; then accounts=(); fi # they are the accounts of those functions too
  look_at_trigger "release-$REGION"
  trigger=${seen:+release-$REGION}
  look_at_retrain_trigger
  look_at_job
  look_at_sink
  look_at_watching
  look_at_buckets
  for name in "$MODEL_BUCKET" "$CAPTURE_BUCKET"; do
    if [[ -n ${buckets[$name]:-} ]]; then kept+=("gs://$name"); fi
  done
  watching=$((${#alert[@]} + ${#metric_digest[@]} + ${#channel[@]}))
  if [[ -z ${state[*]}$trigger$retrain_trigger$job_cron$sink_destination$dashboard$with_bucket ]] &&
    ((${#accounts[@]} + watching == 0)); then
    say 'nothing is there to remove'
    return
  fi

  say "in project $PROJECT_ID, region $REGION, this removes:"
  for name in "${!state[@]}"; do say "  function $name"; done
  [[ -z $trigger ]] || say "  trigger $trigger"
  [[ -z $retrain_trigger ]] || say "  trigger retrain-$REGION"
  [[ -z $job_cron ]] || say "  schedule $job_cron"
  [[ -z $sink_destination ]] || say "  sink $(capture_sink)"
  [[ $watching == 0 && -z $dashboard ]] || say "  alerts, dashboard and metrics of $(watched_as)"
  for who in "${!accounts[@]}"; do say "  service account $who, with its roles"; done
  for name in "${kept[@]}"; do
    if [[ -z $with_bucket ]]; then
      say "and keeps $name"
    elif [[ $name == "gs://$MODEL_BUCKET" ]]; then
      say "  bucket $name WITH EVERY MODEL, ITS HISTORY AND ITS DATA"
    else
      say "  bucket $name WITH EVERY CAPTURED PREDICTION"
    fi
  done
  [[ -z $elsewhere ]] || say "and keeps the service accounts, which serve elsewhere: $elsewhere"
  if [[ -z $dry_run && -z $yes ]]; then
    printf 'type the project id to go on: ' >&2
    read -r answer || echo >&2
    [[ $answer == "$PROJECT_ID" ]] || fail 'nothing was removed (--yes goes on without asking)'
  fi

  [[ -z $trigger ]] || change builds triggers delete "$trigger" --region="$REGION"
  [[ -z $job_cron ]] || remove_job
  [[ -z $retrain_trigger ]] || change builds triggers delete "retrain-$REGION" --region="$REGION"
  remove_watching
  if [[ -n $sink_destination ]]; then drop_writer; fi
  remove_sink
  drop_roles < <(roles_of_up && roles_of_trigger && roles_of_schedule)
  for name in "${!state[@]}"; do change functions delete "$name" --gen2 --region="$REGION"; done
  for who in "${!accounts[@]}"; do change iam service-accounts delete "$who"; done
  if [[ -n $with_bucket ]]; then
    for name in "${kept[@]}"; do change storage rm "$name" --recursive; done
  fi
  [[ -n $dry_run ]] || say 'removed'
}

# Drop the roles that stand on standard input, where what they are on is still there.
drop_roles() {
  local kind name who role condition
  while IFS='|' read -r kind name who role condition; do
    case $kind in
      'run services') [[ -n ${state[$name]:-} ]] || continue ;;
      'iam service-accounts') [[ -n ${accounts[$name]:-} ]] || continue ;;
      'storage buckets') [[ -n ${buckets[${name#gs://}]:-} ]] || continue ;;
    esac
    [[ -z ${accounts[$who]:-} ]] || drop_role "$kind" "$name" "serviceAccount:$who" "$role" "$condition"
  done
}
