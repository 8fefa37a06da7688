# A build on a schedule: monitors, then retrains.
# shellcheck shell=bash

verb_schedule() {
  (($# <= 1)) || usage_error "schedule takes a cron expression in one word, off, or nothing, got: $(shown "$*")"
  if (($# == 1)) && [[ $1 != off ]]; then check_cron "$1"; fi
  if (($# == 0)); then open_project; else open_project strict; fi
  need_config_in_checkout
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
  look_at_trigger "$release_trigger"
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

ensure_retrain_trigger() {
  local wanted
  wanted="$1|$2|$(settings_for_build)|retrain"
  look_at_retrain_trigger
  [[ $retrain_trigger_there != "$wanted" ]] || return 0
  if [[ -n $retrain_trigger_there ]]; then
    say "trigger $retrain_trigger: making it anew, since it was for other things"
    change builds triggers delete "$retrain_trigger" --region="$REGION"
  fi
  say "trigger $retrain_trigger: retrains with the code of $2"
  change builds triggers create manual --name="$retrain_trigger" --region="$REGION" --repo="$1" --repo-type=GITHUB --branch="$2" \
    --build-config=cloudbuild.yaml --service-account="projects/$PROJECT_ID/serviceAccounts/$retrain_account" \
    --substitutions="^;^_SETTINGS=$(settings_for_build);_VERB=retrain" --format=none
}

# Read our trigger into `retrain_trigger_there`: repository|branch|settings|verb.
look_at_retrain_trigger() {
  local name uri ref build_settings build_verb runs_as seen
  retrain_trigger_there=''
  look builds triggers list --region="$REGION" --format="value[separator='|'](name,sourceToBuild.uri,sourceToBuild.ref,substitutions._SETTINGS,substitutions._VERB,serviceAccount)"
  while IFS='|' read -r name uri ref build_settings build_verb runs_as; do
    [[ $name == "$retrain_trigger" ]] || continue
    [[ $runs_as == */"$retrain_account" ]] || fail "trigger $name in $REGION was not made by this script, and is left alone"
    retrain_trigger_there="$uri|${ref#refs/heads/}|$build_settings|$build_verb"
  done <<<"$seen"
}

# Read our job; `job_cron` is empty where there is none.
look_at_job() {
  local name cron zone state uri who next last code seen
  job_cron='' job_rest='' job_state='' job_next='' job_last='' job_code=''
  [[ -n ${enabled[cloudscheduler]:-} ]] || return 0
  look scheduler jobs list --location="$REGION" --format="value[separator='|'](name.basename(),schedule,timeZone,state,httpTarget.uri,httpTarget.oauthToken.serviceAccountEmail,scheduleTime,lastAttemptTime,status.code)"
  while IFS='|' read -r name cron zone state uri who next last code; do
    [[ $name == "$retrain_job" ]] || continue
    [[ $who == "$schedule_account" ]] || fail "the scheduled job $name in $REGION was not made by this script, and is left alone"
    job_cron=$cron job_rest="$zone|$uri" job_state=$state job_next=$next job_last=$last job_code=$code
  done <<<"$seen"
}

ensure_job() {
  local uri=https://cloudbuild.googleapis.com/v1/projects/$PROJECT_ID/locations/$REGION/triggers/$retrain_trigger:run options
  options=(--location="$REGION" --schedule="$1" --time-zone=Etc/UTC --uri="$uri" --http-method=POST --message-body='{}'
    --oauth-service-account-email="$schedule_account" --format=none)
  if [[ -z $job_cron ]]; then
    say "schedule: $1 (UTC)"
    change scheduler jobs create http "$retrain_job" "${options[@]}" \
      --description="Monitors and retrains the model of ${service[batch]} and ${service[stream]}"
  elif [[ "$job_cron|$job_rest" != "$1|Etc/UTC|$uri" ]]; then
    say "schedule: $1 (UTC), was $job_cron"
    change scheduler jobs update http "$retrain_job" "${options[@]}"
  fi
  if [[ $job_state == PAUSED ]]; then
    say 'schedule: it was paused, and goes on'
    change scheduler jobs resume "$retrain_job" --location="$REGION"
  fi
}

remove_job() {
  [[ -n $job_cron ]] || return 0
  say "schedule: removing $job_cron (UTC)"
  change scheduler jobs delete "$retrain_job" --location="$REGION"
}

show_schedule() {
  if [[ -z $job_cron ]]; then
    printf "schedule none; ./deploy.sh schedule '0 3 * * 1' retrains on Mondays at 3:00 UTC\n"
    return
  fi
  printf 'schedule %s (UTC), %s; next %s, last %s%s\n' "$job_cron" "${job_state,,}" "${job_next:-?}" "${job_last:-never}" \
    "${job_code:+, WHICH COULD NOT BE STARTED (code $job_code)}"
}
