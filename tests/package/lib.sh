# Shared by the tests of this folder. Sourced, never run; `root` and `build` are set.

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
version() { sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p' "$root/libs/base/version.h"; }

# expect NAME TEXT COMMAND...: the command succeeds and its output contains TEXT.
expect() {
  local output
  output=$("${@:3}" 2>&1) || fail "$1: exit code $?: $output"
  [[ $output == *"$2"* ]] || fail "$1: expected \"$2\" in: $output"
}
# expect_failure TEXT COMMAND...: the command fails and says TEXT.
expect_failure() {
  local output
  if output=$("${@:2}" 2>&1); then fail "expected a failure that says \"$1\": ${*:2}"; fi
  # CMake breaks the lines of its messages.
  [[ $(tr -s ' \n' ' ' <<< "$output") == *"$1"* ]] || fail "expected \"$1\" in: $output"
}
# expect_none COMPLAINT COMMAND...: the command prints nothing.
expect_none() {
  local output
  output=$("${@:2}" || true)
  [[ -z $output ]] || fail "$1: $output"
}

titles() {
  printf '%s\n' "Heat (1995)" "Aliens (1986)" "Fargo (1996)" "The Matrix (1999)" "Amelie (2001)"
}
# A tiny model, a catalog of five titles, and two lists to score.
make_inputs() {
  "$build/bin/make_tiny_model" "$scratch/model"
  titles | sed 's/\(.*\) (\(.*\))/{"title": "\1", "year": \2}/' > "$scratch/catalog.jsonl"
  echo '{"text": "1. Heat (1995)\n2. Jaws (1975)", "groundtruth": [["Heat", 1995]]}' \
    > "$scratch/lists.jsonl"
}
