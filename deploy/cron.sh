# Five fields as in crontab(5): *, a number, a name, a range, a list, and /steps behind a * or a range.
# shellcheck shell=bash

# Five fields as in crontab(5): *, a number, a name, a range, a list, and /steps behind a * or a range.
check_cron() {
  local fields place names
  read -ra fields <<<"$1"
  [[ ${#fields[@]} == 5 && $1 != *$'\n'* ]] ||
    usage_error "schedule takes a cron expression of five fields (minute, hour, day of the month, month, day of the week), like '0 3 * * 1', got: $(shown "$1")"
  names=('minute 0 59' 'hour 0 23' 'day-of-the-month 1 31' 'month 1 12 jan feb mar apr may jun jul aug sep oct nov dec'
    'day-of-the-week 0 7 sun mon tue wed thu fri sat')
  for ((place = 0; place < 5; place++)); do
    check_cron_field "${fields[place],,}" ${names[place]}
  done
}

# A field, and what it is: its name, the least, the most, and the names of the values from the least on.
check_cron_field() {
  local field=$1 called=$2 least=$3 most=$4 part low high step
  local names=("${@:5}") number value='([0-9]{1,2}|[a-z]{3})'
  local wrong="schedule: the ${called//-/ } must be * or numbers from $least to $most (lists 1,2 · ranges 1-5 · steps */2), got: $(shown "$1")"
  [[ $field =~ ^[^,]+(,[^,]+)*$ ]] || usage_error "$wrong"
  while read -r part; do
    [[ $part =~ ^(\*|$value(-$value)?)(/([0-9]{1,2}))?$ ]] || usage_error "$wrong"
    low=${BASH_REMATCH[2]:-$least} high=${BASH_REMATCH[4]:-${BASH_REMATCH[2]:-$most}} step=${BASH_REMATCH[6]:-1}
    [[ -z ${BASH_REMATCH[5]} || -n ${BASH_REMATCH[4]} || ${BASH_REMATCH[1]} == '*' ]] || usage_error "$wrong"
    for ((number = 0; number < ${#names[@]}; number++)); do
      if [[ $low == "${names[number]}" ]]; then low=$((least + number)); fi
      if [[ $high == "${names[number]}" ]]; then high=$((least + number)); fi
    done
    [[ $low$high =~ ^[0-9]+$ ]] || usage_error "$wrong"
    ((10#$low >= least && 10#$low <= 10#$high && 10#$high <= most && 10#$step >= 1 && 10#$step <= most)) || usage_error "$wrong"
  done <<<"${field//,/$'\n'}"
}
