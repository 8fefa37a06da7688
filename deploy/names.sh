# Every name that resources of the project get. The verbs share them, and nothing else in deploy/ makes one up.
# shellcheck shell=bash

functions=(batch stream) # by their entry points; `service` has the names under which they are deployed
declare -A service=()

is_function() {
  [[ $1 == batch || $1 == stream ]]
}

# The function that is deployed as $1, into `name`; fails where it is none of ours.
name_of_service() {
  local function
  for function in "${functions[@]}"; do
    if [[ ${service[$function]} == "$1" ]]; then name=$function && return; fi
  done
  return 1
}

made_by=deploy-sh                # the value of the label made-by
starter_role=modelRetrainStarter # a role of the project: start builds, and nothing else

# Names that follow from the settings. Those that are empty get their defaults here. With FUNCTION_PREFIX every name is
# another, so that models stand side by side in one project and region.
name_resources() {
  local domain=${PROJECT_ID#*:} dashed=${FUNCTION_PREFIX:+$FUNCTION_PREFIX-} family=${FUNCTION_PREFIX:-model} project=${PROJECT_ID//[:.]/-}
  if [[ $PROJECT_ID == *:* ]]; then domain+=.${PROJECT_ID%%:*}; fi
  domain+=.iam.gserviceaccount.com
  service=([batch]=${dashed}batch [stream]=${dashed}stream)
  serving_account=$family-serving@$domain # at most 30 characters before the @
  build_account=$family-build@$domain
  release_account=$family-release@$domain
  retrain_account=$family-retrain@$domain
  schedule_account=$family-schedule@$domain

  default_capture_bucket=$project-${dashed}predictions
  default_capture_dataset=${dashed//-/_}predictions
  MODEL_BUCKET=${MODEL_BUCKET:-$project-${dashed}models}
  CAPTURE_BUCKET=${CAPTURE_BUCKET:-$default_capture_bucket}
  CAPTURE_DATASET=${CAPTURE_DATASET:-$default_capture_dataset}
  lease_uri=gs://$MODEL_BUCKET/leases/$dashed$REGION
  captured_uri=gs://$CAPTURE_BUCKET/run.googleapis.com/stdout/ # Cloud Logging names objects by log, day and hour
  capture_sink=${dashed}predictions-$REGION

  bigquery_connection=${dashed}batch-$REGION # in the location of the data set, which may be a multi-region

  release_trigger=release-$dashed$REGION
  retrain_trigger=retrain-$dashed$REGION
  retrain_job=retrain-$dashed$REGION
  retrain_log=$family-retraining # a retraining writes one entry here; deploy/monitoring counts them

  metric_place=$REGION${FUNCTION_PREFIX:+.$FUNCTION_PREFIX} # a model's name and a metric's stand around it
  metric_prefix=$MODEL_NAME-$metric_place
  watched_place="in $REGION${FUNCTION_PREFIX:+, $FUNCTION_PREFIX}"
  watched_as="$MODEL_NAME $watched_place" # dashboard and channel; alerts are "$watched_as: NAME"
}
