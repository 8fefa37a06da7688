# Monitor the captured predictions, train again, and report the outcome.
# shellcheck shell=bash

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
  if [[ $CAPTURE_SINK == bucket ]]; then watched+=(--captured "$captured_uri"); fi
  if [[ $CAPTURE_SINK == bucket && -n $LABELS ]]; then watched+=(--labels "$LABELS"); fi
  if [[ $CAPTURE_SINK != bucket && -n $LABELS ]]; then options+=(--labelled-rows "$LABELS"); fi
  run_monitor
  # A source that the monitor cannot read is no use to retrain, nor can labels be joined with it.
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
  local command=(monitor "$captured_uri" --json --report "$folder/report.html") when name
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
