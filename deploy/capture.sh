# Where captured predictions go: a sink of Cloud Logging copies the functions' request and row lines to a bucket that
# forgets, or to a dataset.
# shellcheck shell=bash

# Filled by `look_at_sink`; the destination is empty where there is no sink.
sink_destination='' sink_filter='' sink_writer='' sink_partitioned='' sink_disabled=''

capture_filter() {
  printf 'resource.type="cloud_run_revision" resource.labels.location="%s" resource.labels.service_name=(%s)' "$REGION" "$(or "${service[batch]}" "${service[stream]}")"
  printf ' logName="projects/%s/logs/run.googleapis.com%%2Fstdout"' "$PROJECT_ID"
  printf ' jsonPayload.kind=("request" OR "row") jsonPayload.model="%s"' "$MODEL_NAME"
}

look_at_sink() {
  local name destination filter writer partitioned disabled seen
  sink_destination='' sink_filter='' sink_writer='' sink_partitioned='' sink_disabled=''
  look logging sinks list --format="value[separator='|'](name,destination,filter,writerIdentity,bigqueryOptions.usePartitionedTables,disabled)"
  while IFS='|' read -r name destination filter writer partitioned disabled; do
    [[ $name == "$capture_sink" ]] || continue
    sink_destination=$destination sink_filter=$filter sink_writer=$writer
    sink_disabled=$disabled
    if [[ $destination == bigquery* ]]; then sink_partitioned=$partitioned; fi
  done <<<"$seen"
}

# Have the lines go where CAPTURE_SINK says. Lines captured elsewhere before stay there.
ensure_capture() {
  local destination='' partitioned=''
  if [[ -n ${enabled[logging]:-} ]]; then look_at_sink; fi
  case $CAPTURE_SINK in
    bucket)
      destination=storage.googleapis.com/$CAPTURE_BUCKET
      refuse_full_bucket
      ensure_bucket "$CAPTURE_BUCKET" CAPTURE_BUCKET "True|enforced||Delete|||$KEEP_CAPTURED_DAYS|" "{\"age\": $KEEP_CAPTURED_DAYS}"
      ;;
    bigquery) destination=bigquery.googleapis.com/projects/$PROJECT_ID/datasets/$CAPTURE_DATASET partitioned=True ;;
  esac
  # The right to write goes before the sink does, which alone knows where it was.
  if [[ -n $sink_destination && $sink_destination != "$destination" ]]; then drop_writer; fi
  if [[ -z $destination ]]; then
    remove_sink
    return
  fi
  if [[ -z $sink_destination ]]; then
    say "capture: making the sink $capture_sink to $destination"
    change logging sinks create "$capture_sink" "$destination" --log-filter="$(capture_filter)" \
      --description="Predictions of ${service[batch]} and ${service[stream]}, for python -m model monitor" ${partitioned:+--use-partitioned-tables}
  elif [[ "$sink_destination|$sink_filter|$sink_partitioned|$sink_disabled" != "$destination|$(capture_filter)|$partitioned|" ]]; then
    say "capture: correcting the sink $capture_sink, to $destination"
    change logging sinks update "$capture_sink" "$destination" --log-filter="$(capture_filter)" --no-disabled \
      ${partitioned:+--use-partitioned-tables}
  else
    grant_writer "$destination"
    return
  fi
  if [[ -z $dry_run ]]; then look_at_sink; fi
  sink_writer=${sink_writer:-serviceAccount:the-writer-of-$capture_sink}
  grant_writer "$destination"
}

# A bucket that deletes nothing and holds something is somebody's: a lifecycle would delete that.
refuse_full_bucket() {
  local seen found=${buckets[$CAPTURE_BUCKET]:-}
  [[ -n $found && $found != *'|Delete|||'* ]] || return 0
  look storage objects list "gs://$CAPTURE_BUCKET/**" --limit=1 --format='value(name)'
  [[ -z $seen ]] ||
    fail "gs://$CAPTURE_BUCKET holds objects and keeps them, so it is for something else; choose another name: CAPTURE_BUCKET=…"
}

# Where the sink may write, and as what: kind|name|role|condition of the destination $1. A dataset takes no grant from
# gcloud, so the project does, on the condition that it is about this dataset.
role_of_writer() {
  case $1 in
    storage.googleapis.com/*) printf 'storage buckets|gs://%s|roles/storage.objectCreator|\n' "${1#*/}" ;;
    bigquery.googleapis.com/*)
      local dataset=${1#bigquery.googleapis.com/}
      printf 'projects|%s|roles/bigquery.dataEditor|' "$PROJECT_ID"
      printf 'resource.name == "%s" || resource.name.startsWith("%s/")\n' "$dataset" "$dataset"
      ;;
    *) echo ;;
  esac
}

grant_writer() {
  local kind name role condition
  IFS='|' read -r kind name role condition < <(role_of_writer "$1")
  ensure_role "$kind" "$name" "$sink_writer" "$role" "$condition"
}

drop_writer() {
  local kind name role condition
  IFS='|' read -r kind name role condition < <(role_of_writer "$sink_destination")
  [[ -n $kind && -n $sink_writer ]] || return 0
  [[ $kind != 'storage buckets' || -n ${buckets[${name#gs://}]:-} ]] || return 0
  drop_role "$kind" "$name" "$sink_writer" "$role" "$condition"
}

remove_sink() {
  [[ -n $sink_destination ]] || return 0
  say "capture: removing the sink $capture_sink; what it wrote stays in $sink_destination"
  change logging sinks delete "$capture_sink"
}

# gcloud makes datasets in the United States only, and grants nothing on one: that one is made by hand.
need_dataset() {
  local id seen=''
  if [[ -n ${enabled[bigquery]:-} ]]; then
    look alpha bq datasets list --format='value(id)'
    while read -r id; do [[ $id != "$PROJECT_ID:$CAPTURE_DATASET" ]] || return 0; done <<<"$seen"
  fi
  fail "CAPTURE_SINK=bigquery needs the dataset $CAPTURE_DATASET, which gcloud can make in the United States only; make it, once:
bq --location=$REGION mk --dataset --default_partition_expiration=$((KEEP_CAPTURED_DAYS * 86400)) $PROJECT_ID:$CAPTURE_DATASET"
}
