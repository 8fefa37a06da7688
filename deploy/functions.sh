# The two functions as they are, as this checkout wants them, and how they differ.
# shellcheck shell=bash

# Filled by `look_at_functions`, by function; a key is missing where there is nothing.
declare -A state=()        # ACTIVE, DEPLOYING, FAILED, …
declare -A owner=()        # the label made-by
declare -A served_model=() # MODEL_NAME in its environment
declare -A uri=()          # its address
declare -A shape=()        # its settings, as `wanted_shape` spells them
declare -A newest=()       # the newest revision
declare -A ready=()        # the newest revision that can serve
declare -A environment=()  # of the newest revision
declare -A split=()        # the traffic: revision=percent,… as --to-revisions takes it
declare -A tags=()         # tag=revision,… as --set-tags takes it
declare -A tag_uri=()      # [function tag]=address
declare -A deployed=()     # 1 for those that this run deployed
declare -A floating=()     # yes where traffic follows the newest revision by itself

look_at_functions() {
  state=() owner=() served_model=() uri=() shape=() newest=() ready=() environment=() split=() tags=() tag_uri=() floating=()
  local seen format name line
  format='name.basename(),state,labels.made-by,serviceConfig.environmentVariables.MODEL_NAME,serviceConfig.uri'
  format+=',serviceConfig.availableMemory,serviceConfig.availableCpu,serviceConfig.maxInstanceRequestConcurrency'
  format+=',serviceConfig.timeoutSeconds,serviceConfig.minInstanceCount,serviceConfig.maxInstanceCount'
  format+=',buildConfig.runtime,serviceConfig.serviceAccountEmail'
  look functions list --regions="$REGION" --format="value[separator='|']($format)"
  while IFS='|' read -ra line; do
    name_of_service "${line[0]:-}" || continue
    state[$name]=${line[1]:-OF_1ST_GENERATION} owner[$name]=${line[2]:-} served_model[$name]=${line[3]:-} uri[$name]=${line[4]:-}
    shape[$name]="$(in_mebibytes "${line[5]:-}") ${line[6]:-} ${line[7]:-} ${line[8]:-} ${line[9]:-0} ${line[10]:-} ${line[11]:-} ${line[12]:-}"
  done <<<"$seen"
  ((${#state[@]} > 0)) || return 0

  local revision percent tag follows address
  format='metadata.name,status.traffic.revisionName,status.traffic.percent,status.traffic.tag'
  format+=',status.traffic.latestRevision,status.traffic.url,status.latestReadyRevisionName'
  format+=',status.latestCreatedRevisionName,spec.template.spec.containers[0].env'
  look run services list --region="$REGION" --flatten='status.traffic[]' --format="value[separator='|']($format)"
  while IFS='|' read -ra line; do
    name_of_service "${line[0]:-}" || continue
    revision=${line[1]:-} percent=${line[2]:-0} tag=${line[3]:-} follows=${line[4]:-} address=${line[5]:-}
    [[ -n ${state[$name]:-} ]] || continue
    ready[$name]=${line[6]:-} newest[$name]=${line[7]:-} environment[$name]=${line[8]:-}
    if ((${percent:-0} > 0)); then
      split[$name]=$(sorted "${split[$name]:+${split[$name]},}$revision=$percent")
      [[ $follows != True ]] || floating[$name]=yes
    fi
    if [[ -n $tag ]]; then
      tags[$name]=$(sorted "${tags[$name]:+${tags[$name]},}$tag=$revision")
      tag_uri["$name $tag"]=$address
    fi
  done <<<"$seen"
}

# 2Gi and 2048Mi are the same.
in_mebibytes() {
  case $1 in
    *Gi) printf '%dMi' $((${1%Gi} * 1024)) ;;
    *) printf %s "$1" ;;
  esac
}

# The whole of what is to be deployed but for the digest, into `arguments` and `variables`; its settings in short, into
# `wanted_shape`.
describe_wanted() {
  local name=$1 kind=${1^^} setting variable rows=1
  [[ $name == stream ]] || rows=$BATCH_CAPTURE_ROWS
  local -A of=()
  for setting in MEMORY CPU CONCURRENCY TIMEOUT_SECONDS MIN_INSTANCES MAX_INSTANCES MAX_BODY_BYTES; do
    variable=${kind}_$setting
    of[$setting]=${!variable}
  done
  arguments=(--gen2 --region="$REGION" --runtime=python313 --entry-point="$name" --trigger-http --ingress-settings=all
    --service-account="$serving_account"
    --build-service-account="projects/$PROJECT_ID/serviceAccounts/$build_account"
    --memory="${of[MEMORY]}" --cpu="${of[CPU]}" --concurrency="${of[CONCURRENCY]}" --timeout="${of[TIMEOUT_SECONDS]}s"
    --min-instances="${of[MIN_INSTANCES]}" --max-instances="${of[MAX_INSTANCES]}" --update-labels=made-by="$made_by")
  wanted_shape="$(in_mebibytes "${of[MEMORY]}") ${of[CPU]} ${of[CONCURRENCY]} ${of[TIMEOUT_SECONDS]} ${of[MIN_INSTANCES]}"
  wanted_shape+=" ${of[MAX_INSTANCES]} python313 $serving_account"
  variables="MODEL_BUCKET=$MODEL_BUCKET|MODEL_NAME=$MODEL_NAME|MODEL_REFRESH_SECONDS=$MODEL_REFRESH_SECONDS"
  variables+="|MAX_BODY_BYTES=${of[MAX_BODY_BYTES]}|GOOGLE_CLOUD_PROJECT=$PROJECT_ID|LOG_EXECUTION_ID=true"
  variables+="|CAPTURE=$CAPTURE|CAPTURE_ROWS=$rows${CORS_ORIGINS:+|CORS_ORIGINS=$CORS_ORIGINS}"
}

# A digest of the files and of the settings of both functions, into `digest`. It travels with a revision as RELEASE in its
# environment. One for both, so that a release is always of both, and a rollback too.
name_release() {
  local name arguments variables wanted_shape everything=''
  for name in "${functions[@]}"; do
    describe_wanted "$name"
    everything+=$(printf '%s\n' "${arguments[@]}" "$variables")
  done
  everything+=$(uploaded_files | (cd "$root/functions" && xargs -0 sha256sum --)) || fail 'the files of functions/ could not be read (see above)'
  digest=$(sha256sum <<<"$everything") || fail 'sha256sum does not work (see above)'
  digest=${digest:0:16}
}

# The files of functions/ that are uploaded, sub-folders too, each ended by a NUL, in a fixed order. A link that leads
# nowhere is among them, so that reading it fails.
uploaded_files() {
  (cd "$root/functions" && find -L . -name __pycache__ -prune -o \( -type f -o -type l \) \( -name '*.py' -o -path ./requirements.txt -o -path './page/*' \) \
    -print0 | sort -z)
}

# How a function differs from what this checkout wants, in words; nothing when it does not.
difference() {
  local name=$1 arguments variables wanted_shape
  describe_wanted "$name"
  if [[ -z ${state[$name]+x} ]]; then
    printf 'there is none yet'
  elif [[ ${state[$name]} != ACTIVE ]]; then
    printf 'it is %s' "${state[$name]}"
  elif [[ ${environment[$name]:-} != *"$digest"* ]]; then
    printf 'code or settings differ'
  elif [[ ${newest[$name]:-} != "${ready[$name]:-}" ]]; then
    printf 'revision %s did not get ready' "${newest[$name]:-}"
  elif [[ ${shape[$name]:-} != "$wanted_shape" ]]; then
    printf 'its settings are %s, wanted are %s' "${shape[$name]:-}" "$wanted_shape"
  elif [[ -n ${made[$serving_account]:-} && -z ${deployed[$name]:-} ]]; then
    printf 'its service account was made anew'
  fi
}

deploy_function() {
  local name=$1 arguments variables wanted_shape
  describe_wanted "$name"
  arguments+=(--source="$root/functions" --set-env-vars="^|^$variables|RELEASE=$digest")
  # On an existing function the flag would rewrite who may call it, which takes a right that a release does not need.
  [[ -n ${state[$name]+x} ]] || arguments+=(--no-allow-unauthenticated)
  change functions deploy "${service[$name]}" "${arguments[@]}" --format=none || return
  deployed[$name]=1
}

refuse_foreign() {
  [[ -n ${state[$1]+x} ]] || return 0
  [[ ${owner[$1]} == "$made_by" ]] ||
    fail "function ${service[$1]} in $REGION was not made by this script, and is left alone; use a FUNCTION_PREFIX, another project, or another REGION with a MODEL_BUCKET there"
  [[ ${served_model[$1]:-$MODEL_NAME} == "$MODEL_NAME" ]] ||
    fail "function ${service[$1]} in $REGION serves the model ${served_model[$1]}, not $MODEL_NAME; use a FUNCTION_PREFIX, another project, or another REGION with a MODEL_BUCKET there"
}

need_functions() {
  local name
  for name in "${functions[@]}"; do
    [[ -n ${state[$name]:-} && -n ${split[$name]:-} ]] ||
      fail "function ${service[$name]} is not there, in $REGION of $PROJECT_ID; ./deploy.sh up makes it"
    refuse_foreign "$name"
  done
}

# An interrupted deployment goes on in the cloud; nothing can be said of a function until it has ended.
wait_until_settled() {
  local tries
  for ((tries = 0; tries < 120; tries++)); do
    [[ ${state[$1]:-} == *ING ]] || return 0
    ((tries > 0)) || say "$1: waiting for a deployment that is under way"
    pause
    look_at_functions
  done
  fail "$1 has been ${state[$1]} for too long; look at it in the console, then run this again"
}
