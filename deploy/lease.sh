# One run at a time: a lease, which is an object in the bucket of models. It is made only where there is none, it is
# renewed while its run lives, and taken over from a run that no longer renews it.
# shellcheck shell=bash

lease=''         # the generation of our lease; `unknown` while nobody knows whether it was made
lease_id=''      # tells it from every other
lease_renewal='' # the process that renews it
moving=''        # yes while traffic moves, which an end of this run must undo

renewal_seconds=${DEPLOY_LEASE_SECONDS:-45}
polls_until_stale=30 # of `pause` and a look: more than three minutes, which is four renewals
polls_at_most=240    # some 25 minutes: longer than an `up` takes
stale_seconds=900    # of a clock that may be wrong by minutes

# Take the lease, or wait for the run that has it. Everything that may differ afterwards is to be looked at afterwards.
take_lease() {
  [[ -z $dry_run ]] || return 0
  check_cli
  trap end_run EXIT
  trap 'exit 143' TERM HUP
  trap '' PIPE
  lease_id=${HOSTNAME:-machine}.$$.$RANDOM$RANDOM
  local polls unchanged=0 failures=0 before='' found generation metageneration id renewed holder
  for ((polls = 0; polls < polls_at_most; polls++)); do
    ! write_lease 0 || break
    [[ -n $lease ]] || return 0
    look_at_lease || continue
    IFS='|' read -r generation metageneration id renewed holder <<<"$found"
    if [[ $id == "$lease_id" ]]; then
      lease=$generation # the answer to our writing got lost
      break
    fi
    unchanged=$((unchanged + 1))
    if [[ $before != "$generation|$metageneration" ]]; then unchanged=0 before="$generation|$metageneration"; fi
    if ((unchanged >= polls_until_stale || $(now) - ${renewed:-0} > stale_seconds)); then
      say "taking over from a run that no longer lives: $holder"
      ! write_lease "$generation" "$metageneration" || break
      continue
    fi
    if ((polls % 12 == 0)); then say "waiting for another run to end: $holder (25 minutes at most)"; fi
    lease='' # it is theirs
    pause
  done
  [[ $lease =~ ^[0-9]+$ ]] ||
    fail "another run has not ended: $holder; run this again later, or if there is no such run: gcloud storage rm $lease_uri"
  renew_lease </dev/null >/dev/null 2>&1 &
  lease_renewal=$!
  disown "$lease_renewal"
}

# Write the lease over generation $1 and metageneration $2, 0 for none. Fails where somebody was faster; where the bucket
# is absent, `lease` is empty.
write_lease() {
  local printed said options=(--if-generation-match="$1")
  if [[ -n ${2:-} ]]; then options+=(--if-metageneration-match="$2"); fi
  [[ -d $root/.local ]] || mkdir -p "$root/.local"
  printf '%s\n' 'deploy.sh: one run at a time; the metadata of this object say which' >"$root/.local/lease"
  lease=unknown
  if persist storage cp "$root/.local/lease" "$lease_uri" "${options[@]}" --print-created-message \
    --custom-metadata="^;^id=$lease_id;renewed=$(now);holder=./deploy.sh $verb by $account on ${HOSTNAME:-?} since $(date -u '+%F %T') UTC"; then
    [[ $said =~ \#([0-9]+) ]] || fail "gcloud did not say which object it made: $said"
    lease=${BASH_REMATCH[1]}
    return
  fi
  case $said in
    *412*) ;;
    *' not found: 404'*)
      lease=''
      say "gs://$MODEL_BUCKET is not there, so nothing keeps this run and others apart"
      ;;
    *403* | *[Pp]ermission*)
      say "$said"
      fail "the lease $lease_uri could not be written as $account (see above); Storage Object User on it is needed. The account of a trigger gets it by ./deploy.sh trigger, run again"
      ;;
    *) # it may have been written all the same
      say "$said"
      failures=$((failures + 1))
      ((failures < 6)) || fail "the lease $lease_uri could not be written (see above)"
      pause
      ;;
  esac
  return 1
}

# generation|metageneration|id|renewed|holder into `found`; fails where there is none any more.
look_at_lease() {
  local printed said
  persist storage objects describe "$lease_uri" \
    --format="value[separator='|'](generation,metageneration,custom_fields.id,custom_fields.renewed,custom_fields.holder)" && {
    found=$printed
    return
  }
  [[ $said == *404* ]] || {
    say "$said"
    fail "the lease $lease_uri could not be looked at as $account (see above)"
  }
  return 1
}

# In the background, as long as the run lives.
renew_lease() {
  while sleep "$renewal_seconds" && kill -0 $$; do
    "$gcloud" storage objects update "$lease_uri" --project="$PROJECT_ID" --if-generation-match="$lease" \
      --update-custom-metadata=renewed="$(now)" || true
  done
}

# A run that slept, or had no network, may have lost its lease: it must not move traffic beside another.
check_lease() {
  local found=''
  [[ -n $lease ]] || return 0
  look_at_lease && [[ $found == "$lease|"* ]] ||
    fail "another run has taken over meanwhile: ${found##*|}; the traffic stays where it is. Run this again"
}

# What becomes of the lease, and of traffic that is moving, when the run ends. Nothing may stop it, not even that nobody
# reads what it says.
end_run() {
  local status=$?
  set +e
  trap '' INT TERM HUP PIPE
  printf '' >&2 || exec 2>/dev/null
  [[ -z $moving ]] || return_traffic
  release_lease
  exit "$status"
}

release_lease() {
  local printed said
  [[ -n $lease ]] || return 0
  [[ -z $lease_renewal ]] || kill "$lease_renewal" 2>/dev/null
  if [[ $lease == unknown ]]; then
    persist storage objects describe "$lease_uri" --format="value[separator='|'](generation,custom_fields.id)"
    [[ $printed == *"|$lease_id" ]] || return 0
    lease=${printed%%|*}
  fi
  persist storage rm "$lease_uri" --if-generation-match="$lease" || [[ $said == *412* || $said == *'no objects'* ]] ||
    say "the lease could not be given back; the next run takes it over in some minutes: $said"
  lease=''
}

now() { printf '%(%s)T' -1; }
