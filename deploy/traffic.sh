# Which revision of a function gets which share of the traffic, and under which tags revisions are reachable.
# shellcheck shell=bash

verb_traffic() {
  [[ ${1:-} =~ ^([1-9][0-9]?|100)$ && $# == 1 ]] || usage_error "traffic takes a percentage from 1 to 100, got: $*"
  open_project
  check_python
  ensure_venv
  take_lease
  look_at_functions
  need_functions
  [[ -n $(tagged batch candidate)$(tagged stream candidate) ]] ||
    fail 'no release is under way (no revision is tagged candidate); ./deploy.sh status shows what serves'
  need_token
  shift_traffic "$1"
  [[ -n $dry_run ]] || report
}

# SPLIT is revision=percent,…, empty to leave it; TAGS is tag=revision,…, empty for none.
set_traffic() {
  local name=$1 options=(--clear-tags)
  if [[ -n $3 ]]; then options=(--set-tags="$3"); fi
  if [[ -n $2 ]]; then options+=(--to-revisions="$2"); fi
  change run services update-traffic "${service[$name]}" --region="$REGION" "${options[@]}" --format=none || return
  if [[ -n $2 ]]; then
    split[$name]=$(sorted "$2")
    unset "floating[$name]"
  fi
  tags[$name]=$(sorted "$3")
}

# The revision of function $1 with the most traffic, but for those named behind it.
serving() {
  local part best='' most=0 parts=${split[$1]:-} without=" ${*:2} "
  for part in ${parts//,/ }; do
    if [[ $without != *" ${part%=*} "* ]] && ((${part#*=} > most)); then best=${part%=*} most=${part#*=}; fi
  done
  printf %s "$best"
}

# The percentage of revision $2 of function $1.
share_of() {
  local part parts=${split[$1]:-}
  for part in ${parts//,/ }; do
    if [[ ${part%=*} == "$2" ]]; then printf %s "${part#*=}" && return; fi
  done
  printf 0
}

# The revision of function $1 that has tag $2.
tagged() {
  local part parts=${tags[$1]:-}
  for part in ${parts//,/ }; do
    if [[ ${part%%=*} == "$2" ]]; then printf %s "${part#*=}"; fi
  done
}

# The tag `unproven` of function $1, where it has one.
unproven_tag() {
  local revision
  revision=$(tagged "$1" unproven)
  printf %s "${revision:+unproven=$revision}"
}

# The tags of function $1 but for ours: somebody else's.
other_tags() {
  local part kept='' parts=${tags[$1]:-}
  for part in ${parts//,/ }; do
    [[ $part == candidate=* || $part == previous=* || $part == unproven=* ]] || kept+=,$part
  done
  printf %s "${kept#,}"
}

# Parts that are not empty, with commas between them.
joined() {
  local part whole=''
  for part in "$@"; do whole+=${part:+,$part}; done
  printf %s "${whole#,}"
}

sorted() {
  [[ $1 == *,* ]] || { printf '%s\n' "$1" && return; } # most are alone, and three processes sort the others
  tr , '\n' <<<"$1" | sort | paste -sd , -
}

# Give both candidates PERCENT of the traffic, or neither: what fails or is interrupted half-way is undone. The rest goes
# to what served before; a candidate of a release that was never finished is none of that.
shift_traffic() {
  local percent name new old wanted
  declare -gA before=() tags_before=()
  moving=yes
  for name in "${functions[@]}"; do
    percent=$1
    new=$(tagged "$name" candidate)
    [[ -n $new ]] || continue
    old=$(serving "$name" "$new" "${unfinished[$name]:-}")
    old=${old:-$(serving "$name" "$new")}
    if [[ -n $old && $old == "$(tagged "$name" unproven)" ]]; then
      ((percent == 100)) || say "$name: $old never answered as it must, so $new gets all the traffic"
      old='' percent=100
    fi
    if ((percent == 100)); then
      wanted=$new=100
    else
      [[ -n $old ]] || fail "$name: $new has all the traffic already; ./deploy.sh traffic 100 finishes the release"
      wanted=$(sorted "$new=$percent,$old=$((100 - percent))")
    fi
    [[ ${split[$name]} != "$wanted" || $percent == 100 ]] || continue
    if ((percent == 100 && $(share_of "$name" "$new") > 0)); then say "$name: this finishes the release that is under way"; fi
    ((${#before[@]} > 0)) || check_lease
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
  moving=''
  check_traffic
}

# Two runs at once may each move one function: the one that ends last sees it. `before` names the functions that were
# moved, `split` what they were given.
check_traffic() {
  local name
  local -A given=()
  ((${#before[@]} > 0)) && [[ -z $dry_run ]] || return 0
  for name in "${!before[@]}"; do given[$name]=${split[$name]}; done
  look_at_functions
  for name in "${!given[@]}"; do
    [[ ${split[$name]:-} == "${given[$name]}" ]] ||
      fail "$name: another run moved the traffic meanwhile, to ${split[$name]:-nothing}; the two functions may differ: ./deploy.sh status, then run this again"
  done
}

# The way back of `shift_traffic`, when the run ends in the middle of it.
return_traffic() {
  local name
  for name in "${!before[@]}"; do
    printf '%s\n' "$name: the traffic returns to ${before[$name]}" >&2 || exec 2>/dev/null
    set_traffic "$name" "${before[$name]}" "${tags_before[$name]}" ||
      say "$name: that failed too; ./deploy.sh status shows what serves"
  done
}
