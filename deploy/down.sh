# Remove everything that up, bigquery, trigger and schedule made.
# shellcheck shell=bash

verb_down() {
  local with_bucket='' yes='' name answer='' who off trigger kept=() watching elsewhere='' in_bigquery=''
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
  if [[ -n $yes ]]; then take_lease; fi
  look_for_all_to_remove
  if nothing_to_remove; then
    say 'nothing is there to remove'
    return
  fi
  say_all_to_remove
  if [[ -z $dry_run && -z $yes ]]; then
    printf 'type the project id to go on: ' >&2
    read -r answer || echo >&2
    [[ $answer == "$PROJECT_ID" ]] || fail 'nothing was removed (--yes goes on without asking)'
    take_lease
    look_for_all_to_remove # another run may have ended meanwhile
  fi

  [[ -z $trigger ]] || change builds triggers delete "$trigger" --region="$REGION"
  [[ -z $job_cron ]] || remove_job
  [[ -z $retrain_trigger_there ]] || change builds triggers delete "$retrain_trigger" --region="$REGION"
  remove_watching
  if [[ -n $sink_destination ]]; then drop_writer; fi
  remove_sink
  remove_bigquery "$in_bigquery"
  drop_roles < <(roles_of_up && roles_of_trigger && roles_of_schedule)
  for name in "${!state[@]}"; do change functions delete "${service[$name]}" --gen2 --region="$REGION"; done
  for who in "${!accounts[@]}"; do change iam service-accounts delete "$who"; done
  if [[ -n $with_bucket ]]; then
    release_lease # it goes with its bucket
    for name in "${kept[@]}"; do change storage rm "$name" --recursive; done
  fi
  [[ -n $dry_run ]] || say 'removed'
}

look_for_all_to_remove() {
  local name place who seen deployed_as
  policies=() accounts=() buckets=() kept=() elsewhere=''
  look_at_functions
  for name in "${functions[@]}"; do refuse_foreign "$name"; done
  look_at_accounts
  # The CLI shortens `name` to its last part, also where a format asks for it, so its region is asked for by itself.
  look functions list --format="value[separator='|'](name.segment(3),name.segment(5),labels.made-by)"
  while IFS='|' read -r place deployed_as who; do
    if [[ $who == "$made_by" && $place != "$REGION" ]] && name_of_service "$deployed_as"; then elsewhere+="${elsewhere:+, }$deployed_as in $place"; fi
  done <<<"$seen"
  if [[ -n $elsewhere ]]; then accounts=(); fi # they are the accounts of those functions too
  look_at_trigger "$release_trigger"
  trigger=${seen:+$release_trigger}
  look_at_retrain_trigger
  look_at_job
  look_at_sink
  look_at_watching
  in_bigquery=$(bigquery_connections) || exit
  look_at_buckets
  for name in "$MODEL_BUCKET" "$CAPTURE_BUCKET"; do
    if [[ -n ${buckets[$name]:-} ]]; then kept+=("gs://$name"); fi
  done
  watching=$((${#alert[@]} + ${#metric_digest[@]} + ${#channel[@]}))
}

nothing_to_remove() {
  [[ -z ${state[*]}$trigger$in_bigquery$retrain_trigger_there$job_cron$sink_destination$dashboard$with_bucket ]] &&
    ((${#accounts[@]} + watching == 0))
}

say_all_to_remove() {
  local name who
  say "in project $PROJECT_ID, region $REGION, this removes:"
  for name in "${!state[@]}"; do say "  function ${service[$name]}"; done
  [[ -z $trigger ]] || say "  trigger $trigger"
  [[ -z $retrain_trigger_there ]] || say "  trigger $retrain_trigger"
  [[ -z $job_cron ]] || say "  schedule $job_cron"
  [[ -z $in_bigquery ]] || say "  connection $bigquery_connection, with its SQL functions in $(datasets_of "$in_bigquery")"
  [[ -z $sink_destination ]] || say "  sink $capture_sink"
  [[ $watching == 0 && -z $dashboard ]] || say "  alerts, dashboard and metrics of $watched_as"
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
  ! bigquery_is_hidden || say "and keeps what ./deploy.sh bigquery made, if it made anything: $bq is not on this machine to look"
  [[ -z $elsewhere ]] || say "and keeps the service accounts, which serve elsewhere: $elsewhere"
}
