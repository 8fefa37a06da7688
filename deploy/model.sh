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

# If production has no version yet, train one and promote it.
ensure_model() {
  local found='[]'
  if [[ -z $dry_run || -z $bucket_is_new ]]; then found=$(model history --json) || exit; fi
  [[ $found == '[]' ]] || return 0
  say 'model: production has none yet; training one'
  change_model train
  change_model promote --reason 'first model'
}
