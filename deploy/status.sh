# The serving releases, the resources that watch them, and the log.
# shellcheck shell=bash

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
      printf '%-8s is not there; ./deploy.sh up makes it\n' "${service[$name]}"
      continue
    fi
    printf '%-8s %s  %s\n' "${service[$name]}" "${uri[$name]}/$name" "${state[$name]}"
    for revision in $(revisions_of "$name"); do
      share=$(share_of "$name" "$revision")
      printf '         %3s %%  %s  deployed %s%s\n' "$share" "$revision" "${since[$revision]:-?}" "$(tags_of "$name" "$revision")"
    done
  done
  printf '\n'
  status_of_bigquery
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
    printf 'capture  %s, by the sink %s%s\n' "$sink_destination" "$capture_sink" "${sink_disabled:+, WHICH IS DISABLED}"
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
  if [[ $# != 0 ]] && ! { [[ $# == 1 ]] && is_function "$1"; }; then
    usage_error "logs takes batch, stream or nothing, got: $*"
  fi
  open_project
  read_log 100 '' "${@:-${functions[@]}}" | or_none
}

# The newest lines of the last day: how many, a condition or nothing, and the functions.
read_log() {
  local most=$1 condition=$2 services=() name
  for name in "${@:3}"; do services+=("${service[$name]}"); done
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
