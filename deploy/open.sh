# A private function on this machine, at an address that puts the person's own token in.
# shellcheck shell=bash

verb_open() {
  local name=${1:-stream} port=${PORT:-}
  (($# < 2)) && is_function "$name" || usage_error "open takes batch, stream or nothing, got: $(shown "$*")"
  [[ -z $port ]] || check_port PORT "$port"
  open_project
  check_python
  look_at_functions
  need_functions
  local -
  { set +x; } 2>/dev/null # no trace shows a token
  identity_token "${uri[$name]}" >/dev/null || fail "no identity token for $account (see above)"
  coproc tokens { give_tokens "${uri[$name]}"; }
  # It takes the place of this process, so that Ctrl-C and any other signal reach it, and tokens pass through pipes alone.
  # They are opened anew, since a copy of a descriptor of a coprocess is closed by exec.
  exec "$python" "$root/deploy/open.py" "${uri[$name]}" "${port:-0}" 3>"/dev/fd/${tokens[1]}" 4<"/dev/fd/${tokens[0]}"
}

# A token for the address $1 for each line of standard input, until that ends; an empty line where there is none.
give_tokens() {
  local line
  while read -r line; do identity_token "$1" || echo; done
}
