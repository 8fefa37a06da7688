# Ask a function by hand.
# shellcheck shell=bash

verb_invoke() {
  local https=''
  if [[ ${1:-} == --http ]]; then https=yes && shift; fi
  [[ $# == 2 ]] && is_function "$1" || usage_error "invoke takes [--http] batch|stream and instances, got: $*"
  local name=$1 instances=$2 body
  if [[ $name == batch ]]; then body="{\"instances\": $instances}"; else body="{\"instance\": $instances}"; fi
  open_project
  look_at_functions
  need_functions
  if [[ -z $https ]]; then
    "$gcloud" functions call "${service[$name]}" --gen2 --region="$REGION" --project="$PROJECT_ID" --data="$body"
    return
  fi
  local status=0
  say 'GET:'
  call_with_token "$name" --globoff "${uri[$name]}/$name/$(percent_encoded "$instances")" || status=1
  say 'POST:'
  call_with_token "$name" "${uri[$name]}/$name" --header 'Content-Type: application/json' --data-raw "$body" || status=1
  return "$status"
}

# curl, with a token for function $1 that only pipes see. An answer that is an error is printed, and fails.
call_with_token() {
  local status=0
  identity_token "${uri[$1]}" | sed 's/.*/header = "Authorization: Bearer &"/' |
    curl --config - --silent --show-error --fail-with-body --max-time 300 "${@:2}" || status=1
  echo
  return "$status"
}

percent_encoded() {
  local LC_ALL=C text=$1 place character
  for ((place = 0; place < ${#text}; place++)); do
    character=${text:place:1}
    if [[ $character == [a-zA-Z0-9.,:_~[\]{}-] ]]; then
      printf %s "$character"
    else
      printf '%%%02X' "'$character"
    fi
  done
}
