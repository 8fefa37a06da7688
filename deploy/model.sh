# The model in the project's bucket: `python -m model` with the account of gcloud, and a first version.
# shellcheck shell=bash

verb_model() {
  open_project
  check_python
  ensure_venv
  if [[ -n $dry_run ]]; then
    case ${1:-} in
      versions | show | history | smoke | -h | --help) ;;
      *) would_run ./deploy.sh model "$@" && return ;;
    esac
  fi
  model "$@"
}

# python -m model, on the project's bucket and with gcloud's account.
model() {
  env "${model_environment[@]}" "$venv_python" -m model "$@"
}

# The same where it writes.
change_model() {
  changes=$((changes + 1))
  if [[ -n $dry_run ]]; then
    would_run python -m model "$@"
    return
  fi
  model "$@" >&2
}

# If production has no version yet, train one and promote it. The alias is asked for by gcloud, which is there already.
ensure_model() {
  local printed='' said
  if [[ -z $dry_run || -z $bucket_is_new ]] && ! persist storage cat "gs://$MODEL_BUCKET/$MODEL_NAME/aliases/production.json"; then
    [[ $said == *'matched no objects'* ]] || {
      say "$said"
      fail "could not look at the model in production of $PROJECT_ID as $account (see above)"
    }
  fi
  if [[ -n $printed ]]; then
    check_memory "$printed"
    return
  fi
  say 'model: production has none yet; training one'
  change_model train
  change_model promote --reason 'first model'
}

# Name a function that has less memory than one took that answered from the model in production, as manifest $1 says.
check_memory() {
  local name setting needed
  [[ $1 =~ \"memory_bytes\":\ *([0-9]+) ]] || return 0
  needed=$(((BASH_REMATCH[1] + 1048575) / 1048576))
  for name in "${functions[@]}"; do
    setting=${name^^}_MEMORY
    (($(in_mebibytes "${!setting}" | tr -d Mi) >= needed)) ||
      say "$name: WARNING: with the model in production a function took $needed MiB of memory, and $setting is ${!setting}"
  done
}
