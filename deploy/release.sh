# From this checkout to two functions that serve it: up.
#
# The state of a release is kept in tags: `candidate` is a revision that was deployed and does not have all the traffic
# yet, `previous` the one that had it before, `unproven` a first one that has not answered as it must. There is no other
# state, so that the next run completes an interrupted one.
# shellcheck shell=bash

verb_up() {
  local percent=100 name
  if [[ ${1:-} == --canary && ${2:-} =~ ^[1-9][0-9]?$ && $# == 2 ]]; then
    percent=$2
  elif (($# > 0)); then
    usage_error "up takes --canary and a percentage from 1 to 99, or nothing, got: $* (--dry-run comes before the verb)"
  fi
  open_project strict
  check_python
  ensure_venv
  say "project $PROJECT_ID, region $REGION, as $account"
  warn_of_preflights
  [[ $CAPTURE_SINK != bigquery ]] || apis+=(bigquery)
  [[ $MONITORING == off ]] || apis+=(monitoring)
  look_at_apis
  if [[ -n ${enabled[cloudfunctions]:-} && -n ${enabled[run]:-} ]]; then look_at_functions; fi
  for name in "${functions[@]}"; do refuse_foreign "$name"; done
  if [[ $CAPTURE_SINK == bigquery ]]; then need_dataset; fi
  # A service account may need an API to make a token for itself.
  if [[ -n ${enabled[iamcredentials]:-} || $account != *.gserviceaccount.com ]]; then need_token; fi
  ensure_apis
  need_token
  ensure_model_bucket
  take_lease
  ensure_accounts
  ensure_capture
  ensure_model
  release "$percent"
  ensure_roles_of_builds
  ensure_watching
  ((changes > 0)) || say 'everything is as it should be: nothing was changed'
  [[ -n $dry_run ]] || report
}

declare -A unfinished=() # candidate of an earlier release that did not get all the traffic

# Make both functions serve this checkout; the release gets PERCENT of the traffic.
release() {
  local percent=$1 name why digest pending=() repair=''
  local -A tags_at_first=() fresh=()
  name_release
  # Anew, since another run may have ended while this one waited for the lease.
  if [[ -n ${enabled[cloudfunctions]:-} && -n ${enabled[run]:-} ]]; then look_at_functions; fi
  for name in "${functions[@]}"; do
    refuse_foreign "$name"
    wait_until_settled "$name"
  done
  for name in "${functions[@]}"; do
    tags_at_first[$name]=${tags[$name]:-}
    unfinished[$name]=$(tagged "$name" candidate)
    if never_asked "$name"; then fresh[$name]=yes; fi
    if [[ ${environment[$name]:-} == *"$digest"* && -n $(difference "$name") ]]; then repair="$name was changed by hand"; fi
  done
  for name in "${functions[@]}"; do
    why=$(difference "$name")
    why=${why:-$repair}
    [[ -n $why ]] || continue
    pin "$name"
    say "$name: deploying, since $why"
    deploy_function "$name" ||
      fail "$name was not deployed (see above); $([[ -n ${fresh[$name]:-} ]] && echo 'nothing served before' || echo 'the traffic stays where it was')"
    pending+=("$name")
  done
  if ((${#pending[@]} > 0)); then look_at_deployed "${pending[@]}"; fi
  for name in "${functions[@]}"; do
    if [[ -n ${fresh[$name]:-} ]]; then
      tags[$name]=$(joined "unproven=${ready[$name]}" "$(other_tags "$name")")
      tags_at_first[$name]=${tags[$name]}
    fi
    pin "$name"
    refuse_everybody "$name"
    tag_candidate "$name"
  done
  local status=0
  smoke_test candidate || status=$?
  ((status == 0)) || give_up_release "$status"
  for name in "${functions[@]}"; do
    if [[ -z $(tagged "$name" candidate) && -n $(tagged "$name" unproven) ]]; then set_traffic "$name" '' "$(other_tags "$name")"; fi
    admit_everybody "$name"
  done
  shift_traffic "$percent"
}

# Whether function $1 serves nothing, or a first revision that an interrupted run did not come to ask for predictions.
never_asked() {
  [[ -z ${ready[$1]:-} || (-n ${floating[$1]:-} && ${ready[$1]} == *-00001-*) ]]
}

# A release that failed is none: the tags say what they said before. A first one has the traffic all the same, and stays
# `unproven`, so that callers get no right to it and no rollback leads there.
give_up_release() {
  local name first=''
  for name in "${functions[@]}"; do
    [[ ${tags[$name]:-} == "${tags_at_first[$name]}" ]] || set_traffic "$name" '' "${tags_at_first[$name]}"
    [[ -z $(tagged "$name" unproven) ]] || first+="${first:+ and }$name"
  done
  first=${first:+"nothing served before at $first, which gets no callers until an up succeeds"}
  (($1 != 2)) || fail "without an identity token nobody can ask the release; ${first:-the traffic stays where it was}"
  fail "the release does not answer as it must (see above); ${first:-the traffic stays where it was}. Its log: ./deploy.sh logs"
}

# Traffic that follows the newest revision by itself would follow a bad one: name the revision that has it.
pin() {
  [[ -n ${floating[$1]:-} ]] || return 0
  local part parts=${split[$1]}
  local -A shares=()
  for part in ${parts//,/ }; do shares[${part%=*}]=$((${shares[${part%=*}]:-0} + ${part#*=})); done
  parts=''
  for part in "${!shares[@]}"; do parts+=,$part=${shares[$part]}; done
  say "$1: the traffic stays with ${parts#,} % until told otherwise"
  set_traffic "$1" "${parts#,}" "${tags[$1]:-}"
}

# The outcome of a deployment. A dry run has none: go on with names that stand for it.
look_at_deployed() {
  local name why
  if [[ -n $dry_run ]]; then
    for name in "$@"; do
      ready[$name]=$name-NEW
      split[$name]=${split[$name]:-$name-NEW=100}
      uri[$name]=${uri[$name]:-its new address}
      if [[ -z ${newest[$name]:-} ]]; then policies["run services ${service[$name]}"]='' floating[$name]=yes; fi
    done
    return
  fi
  look_at_functions
  for name in "$@"; do
    why=$(difference "$name")
    if [[ $why == 'its settings'* ]]; then
      say "$name: WARNING: $why; the next up will deploy again"
    elif [[ -n $why ]]; then
      fail "$name was deployed, and still $why; the traffic stays where it was"
    fi
  done
}

# The newest revision gets a tag, and with it an address, unless it has all the traffic already.
tag_candidate() {
  local name=$1 previous
  [[ ${split[$name]} != "${ready[$name]}=100" && $(tagged "$name" candidate) != "${ready[$name]}" ]] || return 0
  previous=$(tagged "$name" previous)
  set_traffic "$name" '' "$(joined "candidate=${ready[$name]}" "${previous:+previous=$previous}" "$(unproven_tag "$name")" "$(other_tags "$name")")"
  [[ -n $dry_run ]] || look_at_functions
}

# Say which release serves, and how to call it.
report() {
  local name new call shares
  printf '\n'
  for name in "${functions[@]}"; do
    shares=${split[$name]//=/ }
    printf '%-7s %s  (%s %%)\n' "$name" "${uri[$name]}/$name" "${shares//,/ %, }"
  done
  printf '\n'
  for name in "${functions[@]}"; do
    call=0.5
    [[ $name == stream ]] || call=[0.5,0.2,0.6]
    printf "curl -g -H \"Authorization: Bearer \$(gcloud auth print-identity-token)\" '%s'\n" "${uri[$name]}/$name/$call"
  done
  new=$(tagged batch candidate)$(tagged stream candidate)
  if [[ -n $new ]]; then
    printf '\n%s\n' 'A release is under way. To finish it: ./deploy.sh traffic 100. To drop it: ./deploy.sh rollback'
  fi
}
