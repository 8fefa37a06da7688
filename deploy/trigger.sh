# A build on each push: tests, then releases.
# shellcheck shell=bash

verb_trigger() {
  [[ $# == 2 && $1 =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ && $2 =~ ^[A-Za-z0-9._/-]+$ ]] ||
    usage_error "trigger takes OWNER/REPO and BRANCH, got: $(shown "$*")"
  open_project strict
  need_config_in_checkout
  look_at_functions
  need_functions # it may call them, which is granted on them
  look_at_accounts
  [[ -n ${accounts[$serving_account]:-} && -n ${accounts[$build_account]:-} ]] ||
    fail 'the accounts of the functions are not there; run ./deploy.sh up first'
  ensure_account "$release_account" "Cloud Build: tests and releases ${service[batch]} and ${service[stream]}"
  grant_roles < <(roles_of_trigger)

  local wanted seen
  wanted="$1|^${2//./\\.}\$|$(settings_for_build)"
  look_at_trigger "$release_trigger"
  if [[ $seen == "$wanted" ]]; then
    say "trigger $release_trigger: is there"
    return
  fi
  if [[ -n $seen ]]; then
    say "trigger $release_trigger: making it anew, since it was for other things"
    change builds triggers delete "$release_trigger" --region="$REGION"
  fi
  say "trigger $release_trigger: on each push to $2 of $1"
  change builds triggers create github --name="$release_trigger" --region="$REGION" --repo-owner="${1%/*}" --repo-name="${1#*/}" \
    --branch-pattern="^${2//./\\.}\$" --build-config=cloudbuild.yaml --include-logs-with-status \
    --service-account="projects/$PROJECT_ID/serviceAccounts/$release_account" \
    --substitutions="^;^_SETTINGS=$(settings_for_build)" --format=none ||
    fail "Cloud Build must be connected to $1 first, once, by hand: https://console.cloud.google.com/cloud-build/triggers;region=$REGION/connect?project=$PROJECT_ID"
}

# Fields of a trigger in `seen`: OWNER/REPO|branch pattern|settings; nothing when there is none.
look_at_trigger() {
  local name owner repo pattern build_settings runs_as found=''
  look builds triggers list --region="$REGION" --format="value[separator='|'](name,github.owner,github.name,github.push.branch,substitutions._SETTINGS,serviceAccount)"
  while IFS='|' read -r name owner repo pattern build_settings runs_as; do
    [[ $name == "$1" ]] || continue
    [[ $runs_as == */"$release_account" ]] || fail "trigger $1 in $REGION was not made by this script, and is left alone"
    found="$owner/$repo|$pattern|$build_settings"
  done <<<"$seen"
  seen=$found
}

# The settings that are not as they are by default, for the .env of a build.
settings_for_build() {
  local name default pattern meaning value found=("PROJECT_ID=$PROJECT_ID" "MODEL_BUCKET=$MODEL_BUCKET")
  while read -r name default pattern meaning; do
    case $name in
      PROJECT_ID | MODEL_BUCKET | MONITORING | ALERT_*) continue ;; # a build changes nothing that watches it
      CAPTURE_BUCKET) default=$default_capture_bucket ;;
      CAPTURE_DATASET) default=$default_capture_dataset ;;
    esac
    value=${!name}
    if [[ $name == MODEL_CONFIG ]]; then value=${value#"$root/"}; fi # a build has a checkout of its own
    [[ $value == "${default#-}" ]] || found+=("$name=$value")
  done < <(settings)
  printf %s "${found[*]}"
}
