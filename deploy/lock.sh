# Pin the requirements.
# shellcheck shell=bash

verb_lock() {
  check_python
  ensure_venv
  cd "$root"
  local compile=("$venv_python" -m uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest
    --generate-hashes --no-header --no-strip-extras --upgrade)
  {
    echo '# Exactly what is deployed. Made by ./deploy.sh lock from requirements.in; do not edit.'
    "${compile[@]}" functions/requirements.in
  } >functions/requirements.txt.new
  mv functions/requirements.txt.new functions/requirements.txt
  {
    echo '-r functions/requirements.txt'
    echo '# For offline work, tests and the local run. Made by ./deploy.sh lock from pyproject.toml; do not edit.'
    "${compile[@]}" --group pyproject.toml:offline --constraints functions/requirements.txt
  } >requirements.txt.new
  mv requirements.txt.new requirements.txt
  say 'functions/requirements.txt and requirements.txt are pinned anew'
}
