# Metrics that are counted from log lines, a dashboard, alerts, and who gets them, from the files in deploy/monitoring.
# Each carries a digest of its file, filled in; only one whose digest differs is changed.
# shellcheck shell=bash

# Filled by `look_at_watching`: resources that this script made in this region, for this FUNCTION_PREFIX. Its functions
# serve one model, so those of another MODEL_NAME, whose keys are MODEL/…, are left from before, and go.
declare -A metric_digest=()   # [metric]=digest
declare -A alert=()           # [name]=projects/…/alertPolicies/…|digest
declare -A channel=()         # [address]=projects/…/notificationChannels/…
declare -A other_dashboard=() # [model]=projects/…/dashboards/…
dashboard=''                  # projects/…/dashboards/…|digest|etag

look_at_watching() {
  metric_digest=() alert=() channel=() other_dashboard=() dashboard=''
  [[ -n ${enabled[monitoring]:-} && -n ${enabled[logging]:-} ]] || return 0
  local name description label digest etag seen
  look logging metrics list --format="value[separator='|'](name,description)"
  while IFS='|' read -r name description; do
    if [[ $name == *-"$metric_place"-* && $description =~ \(deploy\.sh\ ([0-9a-f]{16})\)$ ]]; then metric_digest[$name]=${BASH_REMATCH[1]}; fi
  done <<<"$seen"
  look monitoring dashboards list --format="value[separator='|'](name,labels.made-by,labels.digest,etag,displayName)"
  while IFS='|' read -r name label digest etag description; do
    [[ $label == "$made_by" && $description == *" $watched_place" ]] || continue
    if [[ $description == "$watched_as" ]]; then
      dashboard="$name|$digest|$etag"
    else
      other_dashboard[${description%% *}]=$name
    fi
  done <<<"$seen"
  look_at_alerts
  look_at_channels
}

look_at_alerts() {
  local name label digest description seen
  look alpha monitoring policies list --format="value[separator='|'](name,userLabels.made-by,userLabels.digest,displayName)"
  while IFS='|' read -r name label digest description; do
    [[ $label == "$made_by" && $description == *" $watched_place: "* ]] || continue
    alert[$(owned "$description")${description#*: }]="$name|$digest"
  done <<<"$seen"
}

look_at_channels() {
  local name label address description seen
  look beta monitoring channels list --format="value[separator='|'](name,userLabels.made-by,labels.email_address,displayName)"
  while IFS='|' read -r name label address description; do
    [[ $label == "$made_by" && $description == *" $watched_place" ]] || continue
    channel[$(owned "$description")$address]=$name
  done <<<"$seen"
}

# MODEL/ where a name to display, "MODEL in REGION…", is that of another model; nothing where it is ours.
owned() {
  [[ ${1%% *} == "$MODEL_NAME" ]] || printf '%s/' "${1%% *}"
}

# After the functions, so that a push cannot silence who would tell of it, and nothing here stands in a release's way.
ensure_watching() {
  if [[ $account == "$release_account" ]]; then
    say 'watching: left as it is; metrics and alerts are changed by the up of a person'
    return
  fi
  look_at_watching
  if [[ $MONITORING == off ]]; then
    remove_watching
    return
  fi
  ensure_metrics
  ensure_channel
  ensure_dashboard
  ensure_alerts
  remove_other_metrics
  remove_other_channels
}

# Template $1 of deploy/monitoring, filled in, into the file `filled`; its digest into `digest`.
fill() {
  local text name=${1##*/}
  filled=$root/.local/watching/$1
  mkdir -p "${filled%/*}"
  name=${name%.json}
  text=$(<"$root/deploy/monitoring/$1") || fail "deploy/monitoring/$1 could not be read (see above)"
  text=${text//@PROJECT@/"$PROJECT_ID"}
  text=${text//@REGION@/"$REGION"}
  text=${text//@MODEL@/"$MODEL_NAME"}
  text=${text//@BUCKET@/"$MODEL_BUCKET"}
  text=${text//@METRICS@/"$metric_prefix"}
  text=${text//@PROMQL@/"${metric_prefix//[^A-Za-z0-9_]/_}"}
  text=${text//@NAME@/"$name"}
  text=${text//@WATCHED@/"$watched_as"}
  text=${text//@LOG@/"$retrain_log"}
  text=${text//@BATCH@/"${service[batch]}"}
  text=${text//@STREAM@/"${service[stream]}"}
  if [[ -n $ALERT_EMAIL ]]; then text=${text//@CHANNEL@/"${channel[$ALERT_EMAIL]:-}"}; else text=${text//'"@CHANNEL@"'/}; fi
  digest=$(sha256sum <<<"$text") || fail 'sha256sum does not work (see above)'
  digest=${digest:0:16}
  printf '%s\n' "${text//@DIGEST@/"$digest"}" >"$filled"
}

ensure_metrics() {
  local path name digest filled
  for path in "$root"/deploy/monitoring/metrics/*.json; do
    fill "metrics/${path##*/}"
    name=${path##*/}
    name=$metric_prefix-${name%.json}
    if [[ -z ${metric_digest[$name]:-} ]]; then
      say "watching: making the metric $name"
      change logging metrics create "$name" --config-from-file="$filled"
    elif [[ ${metric_digest[$name]} != "$digest" ]]; then
      say "watching: changing the metric $name"
      change logging metrics update "$name" --config-from-file="$filled"
    fi
  done
}

# After the alerts that name them.
remove_other_metrics() {
  local name
  for name in "${!metric_digest[@]}"; do
    [[ $name == "$metric_prefix"-* && -e $root/deploy/monitoring/metrics/${name#"$metric_prefix-"}.json ]] || remove_metric "$name"
  done
}

remove_metric() {
  say "watching: removing the metric $1"
  change logging metrics delete "$1"
}

ensure_channel() {
  [[ -n $ALERT_EMAIL && -z ${channel[$ALERT_EMAIL]:-} ]] || return 0
  say "watching: alerts go to $ALERT_EMAIL"
  change beta monitoring channels create --type=email --display-name="$watched_as" \
    --channel-labels=email_address="$ALERT_EMAIL" --user-labels=made-by="$made_by"
  if [[ -n $dry_run ]]; then channel[$ALERT_EMAIL]=its-new-name; else look_at_channels; fi
}

remove_other_channels() {
  local address
  for address in "${!channel[@]}"; do
    [[ $address != "$ALERT_EMAIL" ]] || continue
    say "watching: alerts no longer go to $address"
    change beta monitoring channels delete "${channel[$address]}"
  done
}

# The whole is replaced on a change, on the condition that nobody else changed it since we looked.
ensure_dashboard() {
  local name found etag digest filled text
  remove_other_dashboards
  IFS='|' read -r name found etag <<<"$dashboard"
  fill dashboard.json
  if [[ -z $name ]]; then
    say "watching: making the dashboard $watched_as"
    change monitoring dashboards create --config-from-file="$filled" --format=none
  elif [[ $found != "$digest" ]]; then
    say "watching: changing the dashboard $watched_as"
    text=$(<"$filled")
    printf '%s\n' "${text/'{'/"{ \"etag\": \"$etag\","}" >"$filled"
    change monitoring dashboards update "$name" --config-from-file="$filled" --format=none
  fi
}

remove_other_dashboards() {
  local model
  for model in "${!other_dashboard[@]}"; do
    say "watching: removing the dashboard $model $watched_place"
    change monitoring dashboards delete "${other_dashboard[$model]}"
  done
}

ensure_alerts() {
  local path name id found digest filled wanted=' '
  for path in "$root"/deploy/monitoring/alerts/*.json; do
    name=${path##*/}
    name=${name%.json}
    [[ $name != silence || $ALERT_SILENCE == on ]] || continue
    wanted+="$name "
    fill "alerts/$name.json"
    IFS='|' read -r id found <<<"${alert[$name]:-|}"
    if [[ -z $id ]]; then
      say "watching: making the alert $name"
      change_alert alpha monitoring policies create --policy-from-file="$filled"
    elif [[ $found != "$digest" ]]; then
      say "watching: changing the alert $name"
      change_alert alpha monitoring policies update "$id" --policy-from-file="$filled"
    fi
  done
  for name in "${!alert[@]}"; do
    [[ $wanted == *" $name "* ]] || remove_alert "$name"
  done
}

remove_alert() {
  say "watching: removing the alert $1"
  change alpha monitoring policies delete "${alert[$1]%%|*}"
}

# An alert on a metric that was made a moment ago is refused until that is known everywhere, in ten minutes at most.
change_alert() {
  local tries complaints=$root/.local/refusals.$$ refused
  if [[ -n $dry_run ]]; then
    change "$@" --format=none
    return
  fi
  for ((tries = 1; ; tries++)); do
    refused=''
    change "$@" --format=none 2>"$complaints" || refused=yes
    if [[ -z $refused ]] || ((tries == 120)) || ! grep -q 'Cannot find metric' "$complaints"; then break; fi
    ((tries > 1)) || say 'watching: waiting until the new metrics are known, ten minutes at most'
    pause
  done
  cat "$complaints" >&2 || true
  rm -f "$complaints"
  [[ -z $refused ]] || fail 'the functions serve, but not all that watches them could be made (see above); run ./deploy.sh up again'
}

# Alerts before the metrics and the channels that they name.
remove_watching() {
  local name
  for name in "${!alert[@]}"; do remove_alert "$name"; done
  for name in "${!channel[@]}"; do
    say "watching: alerts no longer go to $name"
    change beta monitoring channels delete "${channel[$name]}"
  done
  if [[ -n $dashboard ]]; then
    say "watching: removing the dashboard $watched_as"
    change monitoring dashboards delete "${dashboard%%|*}"
  fi
  remove_other_dashboards
  for name in "${!metric_digest[@]}"; do remove_metric "$name"; done
}
