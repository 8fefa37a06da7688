# The model in SQL: remote functions of BigQuery that ask `batch`.
# shellcheck shell=bash

bigquery_mark='made by deploy.sh; data sets:' # in the connection's description, before the data sets that use it
bigquery_location=''                          # where the connection is that was looked at last
connection_there='' connection_account='' connection_datasets=''

verb_bigquery() {
  local dataset=${1:-} off=${2:-}
  [[ $# == 1 || ($# == 2 && $off == off) ]] && [[ $dataset =~ ^[A-Za-z0-9_]{1,1024}$ ]] ||
    usage_error "bigquery takes the name of a data set: letters, digits and '_'. \`off\` behind it takes it back. Got: $(shown "${*:-nothing}")"
  open_project
  check_python
  need_bq
  take_lease
  look_at_apis
  if [[ -n $off ]]; then
    leave_dataset
    return
  fi
  local apis=(bigquery bigqueryconnection)
  ensure_apis
  if [[ -n $dry_run && (-z ${enabled[bigquery]:-} || -z ${enabled[bigqueryconnection]:-}) ]]; then
    say 'the rest can be seen once these APIs are on'
    return
  fi
  look_at_functions
  need_functions
  [[ -z $(tagged batch unproven) ]] || fail 'batch has not answered as it must yet, and gets no callers before: ./deploy.sh up'

  local seen fields=() standing=()
  need_dataset_near
  look storage cat "gs://$MODEL_BUCKET/$MODEL_NAME/aliases/production.json"
  mapfile -d '' -t fields < <("$python" "$root/deploy/bigquery.py" plan "$PROJECT_ID" "$dataset" "$MODEL_NAME" \
    "$bigquery_location" "$bigquery_connection" "${uri[batch]}" <<<"$seen")
  ((${#fields[@]} > 3)) || fail "the model in production could not be read (see above)"
  look_at_sql_functions
  ensure_connection
  ensure_role 'run services' "${service[batch]}" "serviceAccount:$connection_account" roles/run.invoker
  ensure_sql_functions
  ((changes > 0)) || say "everything is as it should be: nothing was changed"
  printf '%s\n' "${fields[-1]}"
}

need_bq() {
  command -v "$bq" >/dev/null ||
    fail "$bq is not on this machine; it belongs to the Google Cloud CLI: gcloud components install bq (BQ=…)"
}

# The data set must be where BigQuery may call the functions from; it stays where it was made, so that is for a person.
need_dataset_near() {
  if ! look_with_bq show --format=json --dataset "$PROJECT_ID:$dataset"; then
    fail "there is no data set $dataset in $PROJECT_ID; make it where the functions are, which nothing changes later:
bq --location=$REGION mk --dataset $PROJECT_ID:$dataset"
  fi
  local location
  location=$(told location)
  bigquery_location=${location,,}
  [[ " $(bigquery_locations) " == *" $bigquery_location "* ]] ||
    fail "the data set $dataset is in $location, and ${service[batch]} in $REGION: BigQuery calls a function from $(sed 's/ / or /g' <<<"$(bigquery_locations)") only; use a data set there, or functions in another REGION"
}

# The locations of data sets that may call a function in REGION: the region, and the multi-region around it. London and
# Zürich are in none.
bigquery_locations() {
  case $REGION in
    us-*) printf '%s us' "$REGION" ;;
    europe-west2 | europe-west6) printf %s "$REGION" ;;
    europe-*) printf '%s eu' "$REGION" ;;
    *) printf %s "$REGION" ;;
  esac
}

# bq, to look: what it prints goes into `seen`. Fails where there is no such thing; any other refusal ends the script.
look_with_bq() {
  local printed said status=0
  persist bq "$@" || status=$?
  seen=$printed
  ((status > 0)) || return 0
  [[ $status == 2 && $said == *'Not found'* ]] && return 1
  say "$said"
  fail "could not look at BigQuery of $PROJECT_ID as $account (see above)"
}

# From the JSON in `seen`, as deploy/bigquery.py spells it.
told() { "$python" "$root/deploy/bigquery.py" "$1" <<<"$seen"; }

# The connection in location $1, into the variables above.
look_at_connection() {
  local line seen
  bigquery_location=$1 connection_there='' connection_account='' connection_datasets=''
  look_with_bq show --format=json --connection --location="$1" "$bigquery_connection" || return 0
  line=$(told connection)
  [[ $line == *"|$bigquery_mark"* ]] ||
    fail "the connection $bigquery_connection in $1 was not made by this script, and is left alone"
  connection_there=yes connection_account=${line%%|*} connection_datasets=${line#*"$bigquery_mark"}
}

# The data set is noted before anything is made in it, so that `down` finds what an interrupted run left.
ensure_connection() {
  look_at_connection "$bigquery_location"
  if [[ -z $connection_there ]]; then
    say "connection: making $bigquery_connection in $bigquery_location"
    change_and_note granted bq mk --connection --connection_type=CLOUD_RESOURCE --location="$bigquery_location" \
      --description="$bigquery_mark $dataset" "$bigquery_connection"
    if [[ -z $dry_run ]]; then look_at_connection "$bigquery_location"; fi
  elif [[ " $connection_datasets " != *" $dataset "* ]]; then
    change bq update --connection --location="$bigquery_location" \
      --description="$bigquery_mark$connection_datasets $dataset" "$bigquery_connection"
  fi
  connection_account=${connection_account:-the-account-of-$bigquery_connection}
}

# What stands in the data set under the names of `fields`, into `standing`; what is not ours is refused before any change.
look_at_sql_functions() {
  local place name seen
  for ((place = 0; place + 2 < ${#fields[@]}; place += 3)); do
    name=${fields[place]} standing[$place]=''
    look_with_bq show --format=json --routine "$PROJECT_ID:$dataset.$name" || continue
    standing[$place]=$(told function)
    [[ ${standing[$place]} == "$bigquery_location/${bigquery_connection,,}|"* ]] ||
      fail "$dataset.$name was not made by this script, and is left alone; use another data set, or another MODEL_NAME"
  done
}

# A name, a shape and a statement each, from `fields`.
ensure_sql_functions() {
  local place
  for ((place = 0; place + 2 < ${#fields[@]}; place += 3)); do
    [[ ${standing[$place]#*|} != "${fields[place + 1]}" ]] || continue
    say "SQL: $([[ -z ${standing[$place]} ]] && echo making || echo correcting) $dataset.${fields[place]}"
    say "${fields[place + 2]}"
    change bq query --location="$bigquery_location" --use_legacy_sql=false --format=none "${fields[place + 2]}"
  done
  remove_stale_functions
}

# A class that the model no longer has keeps no function.
remove_stale_functions() {
  local name names place known=' '
  for ((place = 0; place + 2 < ${#fields[@]}; place += 3)); do known+="${fields[place]} "; done
  names=$(our_sql_functions) || exit
  for name in $names; do
    [[ $known == *" $name "* ]] || remove_sql_function "$name"
  done
}

remove_our_sql_functions() {
  local name names
  names=$(our_sql_functions) || exit
  for name in $names; do remove_sql_function "$name"; done
}

# The functions of `dataset` that ask through our connection, a line each.
our_sql_functions() {
  local name names seen ours=$bigquery_location/${bigquery_connection,,}
  look_with_bq ls --format=json --routines --max_results=10000 "$PROJECT_ID:$dataset" || return 0
  names=$(told functions)
  for name in $names; do
    look_with_bq show --format=json --routine "$PROJECT_ID:$dataset.$name" || continue
    [[ $(told function) != "$ours|"* ]] || printf '%s\n' "$name"
  done
}

remove_sql_function() {
  say "SQL: removing $dataset.$1"
  change bq rm --force --routine "$PROJECT_ID:$dataset.$1"
}

# `bigquery DATASET off`: its functions, and the connection with its permission where no other data set uses it.
leave_dataset() {
  local location left
  if [[ -n ${enabled[bigqueryconnection]:-} ]]; then
    look_at_functions
    for location in $(bigquery_locations); do
      look_at_connection "$location"
      [[ " $connection_datasets " == *" $dataset "* ]] || continue
      remove_our_sql_functions
      left=" $connection_datasets "
      left=$(xargs <<<"${left/" $dataset "/ }")
      if [[ -z $left ]]; then
        remove_connection
      else
        change bq update --connection --location="$location" --description="$bigquery_mark $left" "$bigquery_connection"
      fi
    done
  fi
  ((changes > 0)) || say "nothing of this is in $dataset"
}

# Its account goes with it.
remove_connection() {
  say "connection: removing $bigquery_connection in $bigquery_location"
  if [[ -n ${state[batch]:-} ]]; then
    drop_role 'run services' "${service[batch]}" "serviceAccount:$connection_account" roles/run.invoker
  fi
  change bq rm --force --connection --location="$bigquery_location" "$bigquery_connection"
}

# For `status` and `down`: a line LOCATION|DATASETS for each connection there is.
bigquery_connections() {
  local location
  [[ -n ${enabled[bigqueryconnection]:-} ]] && ! bigquery_is_hidden || return 0
  for location in $(bigquery_locations); do
    look_at_connection "$location"
    [[ -z $connection_there ]] || printf '%s|%s\n' "$location" "$(xargs <<<"$connection_datasets")"
  done
}

bigquery_is_hidden() { [[ -n ${enabled[bigqueryconnection]:-} ]] && ! command -v "$bq" >/dev/null; }

# The data sets of such lines, with commas.
datasets_of() { cut -d '|' -f 2 <<<"$1" | xargs | sed 's/ /, /g'; }

status_of_bigquery() {
  local lines
  lines=$(bigquery_connections) || exit
  if bigquery_is_hidden; then
    printf 'SQL      not to be seen; %s is not on this machine\n' "$bq"
  elif [[ -z $lines ]]; then
    printf 'SQL      none; ./deploy.sh bigquery DATASET makes it\n'
  else
    printf 'SQL      in %s, by the connection %s\n' "$(datasets_of "$lines")" "$bigquery_connection"
  fi
}

# For `down`: all of it, in the locations of the lines $1.
remove_bigquery() {
  local location datasets dataset
  while IFS='|' read -r location datasets; do
    [[ -n $location ]] || continue
    look_at_connection "$location"
    for dataset in $datasets; do
      remove_our_sql_functions
    done
    remove_connection
  done <<<"$1"
}
