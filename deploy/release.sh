# From what this checkout holds to two functions that serve it, and the way back: up, traffic, rollback.
#
# What a release leaves behind is kept where the traffic is, in tags: `candidate` is a revision that was deployed and
# does not have all the traffic yet, `previous` the one that had it before. There is no other state, so that a run that
# was interrupted anywhere is completed by the next.
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
  [[ $CAPTURE_SINK != bigquery ]] || apis+=(bigquery)
  [[ $MONITORING == off ]] || apis+=(monitoring)
  look_at_apis
  if [[ -n ${enabled[cloudfunctions]:-} && -n ${enabled[run]:-} ]]; then look_at_functions; fi
  for name in "${functions[@]}"; do refuse_foreign "$name"; done
  if [[ $CAPTURE_SINK == bigquery ]]; then need_dataset; fi
  ensure_apis
  ensure_model_bucket
  ensure_accounts
  ensure_capture
  ensure_model
  release "$percent"
  ensure_watching
  ((changes > 0)) || say 'everything is as it should be: nothing was changed'
  [[ -n $dry_run ]] || report
}

verb_traffic() {
  [[ ${1:-} =~ ^([1-9][0-9]?|100)$ && $# == 1 ]] || usage_error "traffic takes a percentage from 1 to 100, got: $*"
  open_project
  check_python
  ensure_venv
  look_at_functions
  need_functions
  [[ -n $(tagged batch candidate)$(tagged stream candidate) ]] ||
    fail 'no release is under way (no revision is tagged candidate); ./deploy.sh status shows what serves'
  shift_traffic "$1"
  [[ -n $dry_run ]] || report
}

# While a release is under way, drop it; else return to what served before the last one.
verb_rollback() {
  (($# == 0)) || usage_error "rollback takes no arguments, got: $* (for the model: ./deploy.sh model rollback)"
  open_project
  look_at_functions
  need_functions
  local name target new under_way moved=''
  under_way=$(tagged batch candidate)$(tagged stream candidate)
  for name in "${functions[@]}"; do
    new=$(tagged "$name" candidate)
    target=$(tagged "$name" previous)
    if [[ -n $new && -n $(serving "$name" "$new") ]]; then target=$(serving "$name" "$new"); fi
    if [[ -z $target ]]; then
      say "$name: $(serving "$name") serves already, and nothing stands behind it: nothing was changed"
      continue
    fi
    # Without our tags, so that a second rollback, after one whose answer got lost, goes no further back.
    set_traffic "$name" "$target=100" "$(other_tags "$name")" ||
      fail "$name did not take the traffic (see above); run ./deploy.sh rollback again"
    [[ -n $dry_run ]] || say "$name: $target serves all traffic"
    moved=yes
  done
  [[ -n $moved ]] || fail 'there is nothing to roll back to'
  [[ -z $dry_run ]] || return 0
  [[ -z $under_way ]] || say 'the release that was under way is dropped'
  say 'the next ./deploy.sh up, or push, releases its checkout again; the model is another thing: ./deploy.sh model history'
}

declare -A unfinished=() # candidate of an earlier release that did not get all the traffic

# Make both functions serve this checkout; the release gets PERCENT of the traffic.
release() {
  local percent=$1 name why digest pending=() repair=''
  local -A tags_at_first=()
  name_release
  if [[ ${#state[@]} == 0 && -n ${enabled[cloudfunctions]:-} && -n ${enabled[run]:-} ]]; then look_at_functions; fi
  for name in "${functions[@]}"; do
    refuse_foreign "$name"
    wait_until_settled "$name"
  done
  for name in "${functions[@]}"; do
    tags_at_first[$name]=${tags[$name]:-}
    unfinished[$name]=$(tagged "$name" candidate)
    if [[ ${environment[$name]:-} == *"$digest"* && -n $(difference "$name") ]]; then repair="$name was changed by hand"; fi
  done
  for name in "${functions[@]}"; do
    why=$(difference "$name")
    why=${why:-$repair}
    [[ -n $why ]] || continue
    pin "$name"
    say "$name: deploying, since $why"
    deploy_function "$name" || fail "$name was not deployed (see above); the traffic stays where it was"
    pending+=("$name")
  done
  if ((${#pending[@]} > 0)); then look_at_deployed "${pending[@]}"; fi
  for name in "${functions[@]}"; do
    pin "$name"
    ensure_callers "$name"
    tag_candidate "$name"
  done
  smoke_test candidate || {
    # A release that failed is none: the tags say what they said before.
    for name in "${functions[@]}"; do
      [[ ${tags[$name]:-} == "${tags_at_first[$name]}" ]] || set_traffic "$name" '' "${tags_at_first[$name]}"
    done
    fail 'the release does not answer as it must (see above); the traffic stays where it was. Its log: ./deploy.sh logs'
  }
  shift_traffic "$percent"
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

# What came of a deployment. In a dry run nothing did: go on with names that stand for it.
look_at_deployed() {
  local name why
  if [[ -n $dry_run ]]; then
    for name in "$@"; do
      ready[$name]=$name-NEW
      split[$name]=${split[$name]:-$name-NEW=100}
      uri[$name]=${uri[$name]:-its new address}
      [[ -n ${newest[$name]:-} ]] || policies["run services $name"]=''
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

# Who may call: nobody by default; everybody only where that was asked for.
ensure_callers() {
  if [[ $ALLOW_UNAUTHENTICATED == 1 ]]; then
    say "$1: WARNING: ALLOW_UNAUTHENTICATED=1: anybody on the internet may call it, and you pay"
    ensure_role 'run services' "$1" allUsers roles/run.invoker
  elif [[ -n ${state[$1]:-} ]]; then
    drop_role 'run services' "$1" allUsers roles/run.invoker
    drop_role 'run services' "$1" allAuthenticatedUsers roles/run.invoker
  fi
}

# The newest revision gets a tag, and with it an address, unless it has all the traffic already.
tag_candidate() {
  local name=$1 previous
  [[ ${split[$name]} != "${ready[$name]}=100" && $(tagged "$name" candidate) != "${ready[$name]}" ]] || return 0
  previous=$(tagged "$name" previous)
  set_traffic "$name" '' "$(joined "candidate=${ready[$name]}" "${previous:+previous=$previous}" "$(other_tags "$name")")"
  [[ -n $dry_run ]] || look_at_functions
}

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

# Give both candidates PERCENT of the traffic, or neither: what fails or is interrupted half-way is undone. The rest goes
# to what served before; a candidate of a release that was never finished is none of that.
shift_traffic() {
  local percent=$1 name new old wanted
  declare -gA before=() tags_before=()
  trap return_traffic EXIT
  trap 'exit 143' TERM HUP
  trap '' PIPE
  for name in "${functions[@]}"; do
    new=$(tagged "$name" candidate)
    [[ -n $new ]] || continue
    old=$(serving "$name" "$new" "${unfinished[$name]:-}")
    old=${old:-$(serving "$name" "$new")}
    if ((percent == 100)); then
      wanted=$new=100
    else
      [[ -n $old ]] || fail "$name: $new has all the traffic already; ./deploy.sh traffic 100 finishes the release"
      wanted=$(sorted "$new=$percent,$old=$((100 - percent))")
    fi
    [[ ${split[$name]} != "$wanted" || $percent == 100 ]] || continue
    if ((percent == 100 && $(share_of "$name" "$new") > 0)); then say "$name: this finishes the release that is under way"; fi
    before[$name]=${split[$name]} tags_before[$name]=${tags[$name]}
    say "$name: $new gets $percent % of the traffic"
    if ((percent == 100)); then
      set_traffic "$name" "$wanted" "$(joined "${old:+previous=$old}" "$(other_tags "$name")")"
    else
      set_traffic "$name" "$wanted" "${tags[$name]}"
    fi || fail "$name did not take the traffic (see above)"
  done
  if ((${#before[@]} > 0)); then
    smoke_test traffic || fail 'the functions do not answer as they must with the traffic (see above)'
  fi
  trap - EXIT
}

# The way back of `shift_traffic`. Nothing may stop it, not even that nobody reads what it says.
return_traffic() {
  local status=$? name
  set +e
  trap '' INT TERM HUP PIPE
  printf '' >&2 || exec 2>/dev/null
  for name in "${!before[@]}"; do
    printf '%s\n' "$name: the traffic returns to ${before[$name]}" >&2 || exec 2>/dev/null
    set_traffic "$name" "${before[$name]}" "${tags_before[$name]}" ||
      say "$name: that failed too; ./deploy.sh status shows what serves"
  done
  exit "$status"
}

# What serves, and how to call it.
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
