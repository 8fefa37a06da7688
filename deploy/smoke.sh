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
  for name in "${functions[@]}"; do identity_token "${uri[$name]}" || return 1; done |
    model smoke "${asked[@]}" --tokens-stdin --within "${DEPLOY_WITHIN_SECONDS:-$((MODEL_REFRESH_SECONDS + 60))}" >&2
}

# Never in a variable, so that no trace of this script shows it.
identity_token() {
  if [[ $account == *.gserviceaccount.com ]]; then
    "$gcloud" auth print-identity-token --audiences="$1"
  else
    "$gcloud" auth print-identity-token
  fi
}
