# Ask the functions for predictions, with an identity token.
# shellcheck shell=bash

# Have both functions answer the model's golden instances, the reference calls and a bad one: the candidates at their own
# addresses, or whatever has the traffic.
smoke_test() {
  local name address asked=()
  for name in "${functions[@]}"; do
    address=${uri[$name]}
    if [[ $1 == candidate && -n $(tagged "$name" candidate) ]]; then address=${tag_uri["$name candidate"]:-its new address}; fi
    asked+=("$name=$address")
  done
  if [[ -n $dry_run ]]; then
    say "would ask for predictions: ${asked[*]}"
    return
  fi
  local - tokens
  { set +x; } 2>/dev/null # no trace shows a token
  tokens=$(for name in "${functions[@]}"; do identity_token "${uri[$name]}" || exit 1; done) || {
    say "no identity token for $account (see above)"
    return 2
  }
  model smoke "${asked[@]}" --tokens-stdin <<<"$tokens" \
    --within "${DEPLOY_WITHIN_SECONDS:-$((MODEL_REFRESH_SECONDS + (${#granted} > 0 ? 300 : 60)))}" >&2
}

token_there='' # yes once there was one

# Without a token nobody can ask a release, which is better known before there is one.
need_token() {
  [[ -z $dry_run && -z $token_there ]] || return 0
  local -
  { set +x; } 2>/dev/null # no trace shows a token
  identity_token "https://$REGION-$PROJECT_ID.cloudfunctions.net/batch" >/dev/null ||
    fail "no identity token for $account (see above), without which nobody can ask a release; nothing was deployed"
  token_there=yes
}

# An identity token for the address $1: from gcloud; else, for a service account, from the metadata server of the machine,
# or by the account's right to make one for itself. Callers keep it out of traces.
identity_token() {
  local token=''
  if [[ $account != *.gserviceaccount.com ]]; then
    "$gcloud" auth print-identity-token || {
      say 'an account of workforce identity has no identity token: work as a service account, gcloud config set auth/impersonate_service_account …'
      return 1
    }
    return
  fi
  "$gcloud" auth print-identity-token --audiences="$1" 2>/dev/null && return
  token=$(token_of_machine "$1") || token=$(token_by_own_right "$1") || token=''
  if [[ $token != *.*.* ]]; then
    "$gcloud" auth print-identity-token --audiences="$1" >/dev/null || true # its reason is the one to show
    return 1
  fi
  printf '%s\n' "$token"
}

token_of_machine() {
  curl --silent --fail --max-time 5 --header 'Metadata-Flavor: Google' --get --data-urlencode "audience=$1" --data format=full \
    "http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1/instance/service-accounts/default/identity"
}

token_by_own_right() {
  local url=${CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS:-https://iamcredentials.googleapis.com/}
  "$gcloud" auth print-access-token | sed 's/.*/header = "Authorization: Bearer &"/' |
    curl --config - --silent --fail --max-time 30 --header 'Content-Type: application/json' \
      --data "{\"audience\": \"$1\", \"includeEmail\": true}" \
      "${url%/}/v1/projects/-/serviceAccounts/$account:generateIdToken" |
    sed -n 's/.*"token": *"\([^"]*\)".*/\1/p'
}
