# Shared by the scripts of this folder: paths, messages and errors.
# Sourced, never run.

set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Downloads, compiler cache and models are outside the tree.
CACHE="${CONVREC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/convrec}"
BUILD="${CONVREC_BUILD:-$ROOT/build}"
export CONVREC_CACHE="$CACHE"
export CCACHE_DIR="${CCACHE_DIR:-$CACHE/ccache}"
export CCACHE_SLOPPINESS=pch_defines,time_macros
export CCACHE_BASEDIR="$ROOT"
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-8G}"

step() {  # step TEXT: prints the next step and how long the run has taken so far.
  if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
    printf '\033[1m[%3ds] %s\033[0m\n' "$SECONDS" "$*"
  else
    printf '[%3ds] %s\n' "$SECONDS" "$*"
  fi
}
die() {
  printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
CURRENT_STEP="start"
trap 'die "failed during: $CURRENT_STEP (line $LINENO); see the messages above"' ERR
begin() {
  CURRENT_STEP="$*"
  step "$*"
}
build_folder() {  # build_folder PRESET: where a preset of CMakePresets.json is built.
  if [ "$1" = release ]; then echo "$BUILD"; else echo "$BUILD-$1"; fi
}
jobs_for_build() {  # One job per core, and per 1.5 GB of memory: a torch file needs that much.
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}
