# The two buckets: private, in the region of the functions, and with a lifecycle.
# shellcheck shell=bash

bucket_is_new=''
declare -A buckets=() # [bucket]=its place, and the properties that `ensure_bucket` compares

# Every bucket of the project: its place, and what `ensure_bucket` compares.
look_at_buckets() {
  local name found seen format='name,location,uniform_bucket_level_access,public_access_prevention,versioning_enabled'
  format+=,lifecycle_config.rule[0].action.type,lifecycle_config.rule[0].condition.isLive
  format+=,lifecycle_config.rule[0].condition.daysSinceNoncurrentTime,lifecycle_config.rule[0].condition.age
  format+=,lifecycle_config.rule[1].action.type
  look storage buckets list --format="value[separator='|']($format)"
  while read -r found; do
    name=${found%%|*}
    [[ -z $name ]] || buckets[$name]=${found#*|}
  done <<<"$seen"
}

ensure_model_bucket() {
  if [[ -n ${enabled[storage]:-} ]]; then look_at_buckets; fi
  if [[ -z ${buckets[$MODEL_BUCKET]:-} ]]; then bucket_is_new=yes; fi
  refuse_shared_bucket
  ensure_bucket "$MODEL_BUCKET" MODEL_BUCKET "True|enforced|True|Delete|False|$KEEP_NONCURRENT_DAYS||" \
    "{\"isLive\": false, \"daysSinceNoncurrentTime\": $KEEP_NONCURRENT_DAYS}" --versioning
}

# A bucket without our lifecycle may hold models of `python -m model`; anything else in it is somebody's, and the
# lifecycle would delete its old generations.
refuse_shared_bucket() {
  local seen uri found=${buckets[$MODEL_BUCKET]:-} others=''
  [[ -n $found && $found != *"|Delete|False|"* ]] || return 0
  look storage ls "gs://$MODEL_BUCKET"
  while read -r uri; do
    case $uri in
      '' | "gs://$MODEL_BUCKET/$MODEL_NAME/" | "gs://$MODEL_BUCKET/data/" | "gs://$MODEL_BUCKET/leases/") ;;
      *) others=$uri ;;
    esac
  done <<<"$seen"
  [[ -z $others ]] ||
    fail "gs://$MODEL_BUCKET holds other things ($others), whose old generations a lifecycle would delete; choose another name: MODEL_BUCKET=…"
}

# Make bucket $1, which setting $2 names, look like $3: private, and what fits the condition $4 is deleted in time.
ensure_bucket() {
  local bucket=$1 setting=$2 wanted=$3 condition=$4 options=("${@:5}") place='' found='' url=gs://$1
  if [[ -n ${buckets[$bucket]:-} ]]; then place=${buckets[$bucket]%%|*} found=${buckets[$bucket]#*|}; fi
  if [[ -z $found ]]; then
    say "bucket: making $url"
    change storage buckets create "$url" --location="$REGION" --uniform-bucket-level-access --public-access-prevention ||
      fail "$url could not be made (see above); is the name taken? Choose one: $setting=…"
    policies["storage buckets $url"]=''
    buckets[$bucket]="$REGION|"
  elif [[ ${place,,} != "$REGION" ]]; then
    fail "$url is in ${place,,}, and the functions in $REGION: set REGION=${place,,}, or another $setting"
  fi
  [[ $found == "$wanted" ]] && return
  [[ -z $found ]] || say "bucket: correcting $url"
  mkdir -p "$root/.local"
  printf '{"rule": [{"action": {"type": "Delete"}, "condition": %s}]}\n' "$condition" >"$root/.local/lifecycle-$bucket.json"
  change storage buckets update "$url" --uniform-bucket-level-access --public-access-prevention "${options[@]}" \
    --lifecycle-file="$root/.local/lifecycle-$bucket.json"
}
