# The way back to the code that served before.
# shellcheck shell=bash

# While a release is under way, drop it; else return to what served before the last one.
verb_rollback() {
  (($# == 0)) || usage_error "rollback takes no arguments, got: $* (for the model: ./deploy.sh model rollback)"
  open_project
  take_lease
  look_at_functions
  need_functions
  local name target new under_way moved=''
  declare -gA before=()
  under_way=$(tagged batch candidate)$(tagged stream candidate)
  for name in "${functions[@]}"; do
    new=$(tagged "$name" candidate)
    target=$(tagged "$name" previous)
    if [[ -n $new && -n $(serving "$name" "$new") ]]; then target=$(serving "$name" "$new"); fi
    if [[ -n $target && $target == "$(tagged "$name" unproven)" ]]; then
      say "$name: behind the release stands only $target, which never answered as it must: nothing was changed"
      continue
    fi
    if [[ -z $target ]]; then
      say "$name: $(serving "$name") serves already, and nothing stands behind it: nothing $([[ -n $dry_run ]] && echo 'would be' || echo was) changed"
      continue
    fi
    # Without our tags, so that a second rollback, after one whose answer got lost, goes no further back.
    set_traffic "$name" "$target=100" "$(joined "$(unproven_tag "$name")" "$(other_tags "$name")")" ||
      fail "$name did not take the traffic (see above); run ./deploy.sh rollback again"
    if [[ -n $dry_run ]]; then say "$name: $target would serve all traffic"; else say "$name: $target serves all traffic"; fi
    moved=yes before[$name]=moved
  done
  [[ -n $moved ]] || fail 'there is nothing to roll back to'
  [[ -z $dry_run ]] || return 0
  check_traffic
  [[ -z $under_way ]] || say 'the release that was under way is dropped'
  say 'the next ./deploy.sh up, or push, releases its checkout again; the model is another thing: ./deploy.sh model history'
}
