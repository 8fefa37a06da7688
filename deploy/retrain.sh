# Continuous training: look at what was captured, train again, say what came of it; and the schedule that starts this.
# shellcheck shell=bash

starter_role=modelRetrainStarter # in the project: may start builds, and nothing else

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

verb_schedule() {
  (($# <= 1)) || usage_error "schedule takes a cron expression in one word, off, or nothing, got: $(shown "$*")"
  if (($# == 1)) && [[ $1 != off ]]; then check_cron "$1"; fi
  if (($# == 0)); then open_project; else open_project strict; fi
  look_at_apis
  look_at_job
  if (($# == 0)); then
    show_schedule
  elif [[ $1 == off ]]; then
    remove_job
    ((changes > 0)) || say 'nothing is scheduled'
  else
    ensure_schedule "$1"
    ((changes > 0)) || say 'scheduled already: nothing was changed'
  fi
}

ensure_schedule() {
  local cron=$1 repository branch pattern seen
  look_at_trigger "release-$REGION"
  IFS='|' read -r repository pattern _ <<<"$seen"
  [[ -n $repository ]] ||
    fail 'a retraining takes its code from where releases come from, and there is no trigger yet: ./deploy.sh trigger OWNER/REPO BRANCH'
  branch=${pattern#^}
  branch=${branch%\$}
  branch=${branch//'\.'/.}
  apis+=(cloudscheduler)
  ensure_apis
  look_at_buckets
  [[ $CAPTURE_SINK != bucket || -n ${buckets[$CAPTURE_BUCKET]:-} ]] ||
    fail "gs://$CAPTURE_BUCKET, which a retraining reads, is not there; run ./deploy.sh up first"
  look_at_accounts
  ensure_account "$retrain_account" 'Cloud Build: monitors and retrains'
  ensure_account "$schedule_account" 'Cloud Scheduler: starts retrainings'
  ensure_starter_role
  grant_roles < <(roles_of_schedule | only_buckets_there)
  ensure_retrain_trigger "https://github.com/$repository" "$branch"
  ensure_job "$cron"
}

# Of roles on standard input those that are not on a bucket that is absent.
only_buckets_there() {
  local kind name rest
  while IFS='|' read -r kind name rest; do
    [[ $kind != 'storage buckets' || -n ${buckets[${name#gs://}]:-} ]] || continue
    printf '%s|%s|%s\n' "$kind" "$name" "$rest"
  done
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

ensure_retrain_trigger() {
  local trigger=retrain-$REGION wanted
  wanted="$1|$2|$(settings_for_build)|retrain"
  look_at_retrain_trigger
  [[ $retrain_trigger != "$wanted" ]] || return 0
  if [[ -n $retrain_trigger ]]; then
    say "trigger $trigger: making it anew, since it was for other things"
    change builds triggers delete "$trigger" --region="$REGION"
  fi
  say "trigger $trigger: retrains with the code of $2"
  change builds triggers create manual --name="$trigger" --region="$REGION" --repo="$1" --repo-type=GITHUB --branch="$2" \
    --build-config=cloudbuild.yaml --service-account="projects/$PROJECT_ID/serviceAccounts/$retrain_account" \
    --substitutions="^;^_SETTINGS=$(settings_for_build);_VERB=retrain" --format=none
}

# What there is of our trigger into `retrain_trigger`: repository|branch|settings|verb.
look_at_retrain_trigger() {
  local name uri ref build_settings build_verb runs_as seen
  retrain_trigger=''
  look builds triggers list --region="$REGION" --format="value[separator='|'](name,sourceToBuild.uri,sourceToBuild.ref,substitutions._SETTINGS,substitutions._VERB,serviceAccount)"
  while IFS='|' read -r name uri ref build_settings build_verb runs_as; do
    [[ $name == "retrain-$REGION" ]] || continue
    [[ $runs_as == */"$retrain_account" ]] || fail "trigger $name in $REGION was not made by this script, and is left alone"
    retrain_trigger="$uri|${ref#refs/heads/}|$build_settings|$build_verb"
  done <<<"$seen"
}

# What there is of our job; `job_cron` is empty where there is none.
look_at_job() {
  local name cron zone state uri who next last code seen
  job_cron='' job_rest='' job_state='' job_next='' job_last='' job_code=''
  [[ -n ${enabled[cloudscheduler]:-} ]] || return 0
  look scheduler jobs list --location="$REGION" --format="value[separator='|'](name.basename(),schedule,timeZone,state,httpTarget.uri,httpTarget.oauthToken.serviceAccountEmail,scheduleTime,lastAttemptTime,status.code)"
  while IFS='|' read -r name cron zone state uri who next last code; do
    [[ $name == "retrain-$REGION" ]] || continue
    [[ $who == "$schedule_account" ]] || fail "the scheduled job $name in $REGION was not made by this script, and is left alone"
    job_cron=$cron job_rest="$zone|$uri" job_state=$state job_next=$next job_last=$last job_code=$code
  done <<<"$seen"
}

ensure_job() {
  local uri=https://cloudbuild.googleapis.com/v1/projects/$PROJECT_ID/locations/$REGION/triggers/retrain-$REGION:run options
  options=(--location="$REGION" --schedule="$1" --time-zone=Etc/UTC --uri="$uri" --http-method=POST --message-body='{}'
    --oauth-service-account-email="$schedule_account" --format=none)
  if [[ -z $job_cron ]]; then
    say "schedule: $1 (UTC)"
    change scheduler jobs create http "retrain-$REGION" "${options[@]}" \
      --description='Monitors and retrains the model of batch and stream'
  elif [[ "$job_cron|$job_rest" != "$1|Etc/UTC|$uri" ]]; then
    say "schedule: $1 (UTC), was $job_cron"
    change scheduler jobs update http "retrain-$REGION" "${options[@]}"
  fi
  if [[ $job_state == PAUSED ]]; then
    say 'schedule: it was paused, and goes on'
    change scheduler jobs resume "retrain-$REGION" --location="$REGION"
  fi
}

remove_job() {
  [[ -n $job_cron ]] || return 0
  say "schedule: removing $job_cron (UTC)"
  change scheduler jobs delete "retrain-$REGION" --location="$REGION"
}

show_schedule() {
  if [[ -z $job_cron ]]; then
    printf "schedule none; ./deploy.sh schedule '0 3 * * 1' retrains on Mondays at 3:00 UTC\n"
    return
  fi
  printf 'schedule %s (UTC), %s; next %s, last %s%s\n' "$job_cron" "${job_state,,}" "${job_next:-?}" "${job_last:-never}" \
    "${job_code:+, WHICH COULD NOT BE STARTED (code $job_code)}"
}

# Five fields as in crontab(5): *, a number, a name, a range, a list, and /steps behind a * or a range.
check_cron() {
  local fields place names
  read -ra fields <<<"$1"
  [[ ${#fields[@]} == 5 && $1 != *$'\n'* ]] ||
    usage_error "schedule takes a cron expression of five fields (minute, hour, day of the month, month, day of the week), like '0 3 * * 1', got: $(shown "$1")"
  names=('minute 0 59' 'hour 0 23' 'day-of-the-month 1 31' 'month 1 12 jan feb mar apr may jun jul aug sep oct nov dec'
    'day-of-the-week 0 7 sun mon tue wed thu fri sat')
  for ((place = 0; place < 5; place++)); do
    check_cron_field "${fields[place],,}" ${names[place]}
  done
}

# A field, and what it is: its name, the least, the most, and the names of the values from the least on.
check_cron_field() {
  local field=$1 called=$2 least=$3 most=$4 part low high step
  local names=("${@:5}") number value='([0-9]{1,2}|[a-z]{3})'
  local wrong="schedule: the ${called//-/ } must be * or numbers from $least to $most (lists 1,2 · ranges 1-5 · steps */2), got: $(shown "$1")"
  [[ $field =~ ^[^,]+(,[^,]+)*$ ]] || usage_error "$wrong"
  while read -r part; do
    [[ $part =~ ^(\*|$value(-$value)?)(/([0-9]{1,2}))?$ ]] || usage_error "$wrong"
    low=${BASH_REMATCH[2]:-$least} high=${BASH_REMATCH[4]:-${BASH_REMATCH[2]:-$most}} step=${BASH_REMATCH[6]:-1}
    [[ -z ${BASH_REMATCH[5]} || -n ${BASH_REMATCH[4]} || ${BASH_REMATCH[1]} == '*' ]] || usage_error "$wrong"
    for ((number = 0; number < ${#names[@]}; number++)); do
      if [[ $low == "${names[number]}" ]]; then low=$((least + number)); fi
      if [[ $high == "${names[number]}" ]]; then high=$((least + number)); fi
    done
    [[ $low$high =~ ^[0-9]+$ ]] || usage_error "$wrong"
    ((10#$low >= least && 10#$low <= 10#$high && 10#$high <= most && 10#$step >= 1 && 10#$step <= most)) || usage_error "$wrong"
  done <<<"${field//,/$'\n'}"
}

retrain_log=model-retraining # the log that a retraining writes its entry to; deploy/monitoring counts those

# Monitor, retrain, and say what came of it: a report in the bucket and an entry in the log, whatever the decision.
# Ends as the retraining did; where that is well and the monitor failed, or what it found could not be kept or told, with 1.
verb_retrain() {
  (($# == 0)) || usage_error "retrain takes no arguments, got: $(shown "$*")"
  open_project
  retrain_status=1 monitor_status=-1 entry_written='' report_uri='' report_lost='' folder=$root/.local/retrain
  if [[ -z $dry_run ]]; then
    rm -rf "$folder" # what an earlier run left is not what this one came to
    trap write_entry EXIT
    trap 'exit 143' TERM HUP
  fi
  check_python
  ensure_venv
  mkdir -p "$folder"
  local options=() status=0 watched=()
  if [[ $CAPTURE_SINK == bucket ]]; then watched+=(--captured "$(captured)"); fi
  if [[ $CAPTURE_SINK == bucket && -n $LABELS ]]; then watched+=(--labels "$LABELS"); fi
  if [[ $CAPTURE_SINK != bucket && -n $LABELS ]]; then options+=(--labelled-rows "$LABELS"); fi
  run_monitor
  # What the monitor cannot read, retrain cannot either, nor join labels with.
  if [[ $monitor_status =~ ^[03]$ || -n $dry_run ]]; then options+=("${watched[@]}"); fi
  if [[ -n $dry_run ]]; then
    would_run python -m model retrain "${options[@]}" --json
    change logging write "$retrain_log" '{…}' --payload-type=json --severity=…
    return
  fi
  model retrain "${options[@]}" --json >"$folder/retrain.json" || status=$?
  retrain_status=$status
  [[ $monitor_status =~ ^(-1|0|3)$ && -z $report_lost ]] || ((status != 0)) || status=1
  write_entry || ((status != 0)) || status=1
  trap - EXIT
  exit "$status"
}

# Only what is in a bucket can be read; without it the data alone decide.
run_monitor() {
  if [[ $CAPTURE_SINK != bucket ]]; then
    say "monitor: CAPTURE_SINK=$CAPTURE_SINK, so there is nothing that it could read; the data alone decide"
    return
  fi
  local command=(monitor "$(captured)" --json --report "$folder/report.html") when name
  if [[ -n $LABELS ]]; then command+=(--labels "$LABELS"); fi
  when=$(date -u +%Y-%m-%dT%H-%M-%SZ)
  name=gs://$MODEL_BUCKET/$MODEL_NAME/monitoring/$when.html
  if [[ -n $dry_run ]]; then
    would_run python -m model "${command[@]}"
    change storage cp "$folder/report.html" "$name" --if-generation-match=0
    return
  fi
  monitor_status=0
  model "${command[@]}" >"$folder/monitor.json" || monitor_status=$?
  [[ $monitor_status =~ ^[03]$ ]] || say "monitor: it failed (see above, exit status $monitor_status); the data alone decide"
  [[ -s $folder/report.html ]] || return 0
  if change storage cp "$folder/report.html" "$name" --if-generation-match=0; then
    report_uri=$name
  else
    say 'monitor: its report could not be kept (see above)'
    report_lost=yes
  fi
}

# One entry a run, also where it ends early: an alert on nothing cannot be.
write_entry() {
  local severity entry
  [[ -z $entry_written ]] || return 0
  entry_written=yes
  { IFS= read -r severity && IFS= read -r entry; } < <(
    "$python" "$root/deploy/outcome.py" "$folder" "$MODEL_NAME" "$REGION" "$monitor_status" "$retrain_status" "$report_uri"
  ) || {
    say 'deploy.sh: what came of it could not be put together (see above)'
    return 1
  }
  printf '%s\n' "$entry"
  change logging write "$retrain_log" "$entry" --payload-type=json --severity="$severity" || {
    say 'deploy.sh: what came of it could not be written to the log (see above)'
    return 1
  }
}
