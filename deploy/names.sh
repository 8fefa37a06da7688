# Every name that resources of the project get. The verbs share them, and nothing else in deploy/ makes one up.
# shellcheck shell=bash

functions=(batch stream)

is_ours() {
  [[ $1 == batch || $1 == stream ]]
}

made_by=deploy-sh                # the value of the label made-by
starter_role=modelRetrainStarter # a role of the project: start builds, and nothing else
retrain_log=model-retraining     # a retraining writes one entry here; deploy/monitoring counts them

# Names that follow from the settings. MODEL_BUCKET and CAPTURE_BUCKET get their defaults here.
name_resources() {
  local domain=${PROJECT_ID#*:}
  if [[ $PROJECT_ID == *:* ]]; then domain+=.${PROJECT_ID%%:*}; fi
  domain+=.iam.gserviceaccount.com
  serving_account=model-serving@$domain
  build_account=model-build@$domain
  release_account=model-release@$domain
  retrain_account=model-retrain@$domain
  schedule_account=model-schedule@$domain

  default_capture_bucket=${PROJECT_ID//[:.]/-}-predictions
  MODEL_BUCKET=${MODEL_BUCKET:-${PROJECT_ID//[:.]/-}-models}
  CAPTURE_BUCKET=${CAPTURE_BUCKET:-$default_capture_bucket}
  lease_uri=gs://$MODEL_BUCKET/leases/$REGION
  captured_uri=gs://$CAPTURE_BUCKET/run.googleapis.com/stdout/ # Cloud Logging names objects by log, day and hour
  capture_sink=predictions-$REGION

  release_trigger=release-$REGION
  retrain_trigger=retrain-$REGION
  retrain_job=retrain-$REGION

  metric_prefix=$MODEL_NAME-$REGION
  watched_as="$MODEL_NAME in $REGION" # dashboard and channel; alerts are "$watched_as: NAME"
}
