# Who may call the functions.
# shellcheck shell=bash

verb_grant() { change_callers grant "$@"; }

verb_revoke() { change_callers revoke "$@"; }

change_callers() {
  local verb=$1 name member role who condition
  shift
  [[ $# == 1 && $1 =~ ^(user|group|serviceAccount|domain|principal|principalSet):[^[:space:]|]+$ ]] ||
    usage_error "$verb takes user:…, group:…, serviceAccount:… or domain:…, got: $(shown "$*"); for everybody: ALLOW_UNAUTHENTICATED=1 ./deploy.sh up"
  open_project
  look_at_functions
  need_functions
  member=${1%%:*}:$(tr '[:upper:]' '[:lower:]' <<<"${1#*:}") # addresses have no case; Google keeps them in lower case
  [[ $1 != principal* ]] || member=$1
  for name in "${functions[@]}"; do
    [[ $verb != grant || -z $(tagged "$name" unproven) ]] ||
      fail "$name has not answered as it must yet, and gets no callers before: ./deploy.sh up"
  done
  for name in "${functions[@]}"; do
    if [[ $verb == grant ]]; then
      ensure_role 'run services' "${service[$name]}" "$member" roles/run.invoker
      continue
    fi
    look_at_policy 'run services' "${service[$name]}"
    while IFS='|' read -r role who condition; do
      if [[ $role == roles/run.invoker && ${who,,} == "${member,,}" ]]; then
        drop_role 'run services' "${service[$name]}" "$who" "$role" "$condition"
      fi
    done <<<"${policies["run services ${service[$name]}"]}"
  done
  ((changes > 0)) || say "nothing to $verb: that is so already"
}

# Nobody may call by default: everybody may only where that was asked for.
refuse_everybody() {
  [[ $ALLOW_UNAUTHENTICATED != 1 && -n ${state[$1]:-} ]] || return 0
  drop_role 'run services' "${service[$1]}" allUsers roles/run.invoker
  drop_role 'run services' "${service[$1]}" allAuthenticatedUsers roles/run.invoker
}

# To what answered as it must.
admit_everybody() {
  [[ $ALLOW_UNAUTHENTICATED == 1 ]] || return 0
  say "$1: WARNING: ALLOW_UNAUTHENTICATED=1: anybody on the internet may call it, and you pay"
  ensure_role 'run services' "${service[$1]}" allUsers roles/run.invoker
}

# A browser asks by a preflight, without a token, whether a page may call; the platform refuses what has no token.
warn_of_preflights() {
  [[ -n $CORS_ORIGINS && $ALLOW_UNAUTHENTICATED != 1 ]] || return 0
  say "WARNING: CORS_ORIGINS is set and the functions are private: a browser's preflight has no token, and is refused before it reaches them; see deploy/README.md"
}
