#!/usr/bin/env bash
# Does what docs/development.md says of a new key: copies every header that it names to
# OUT/libs/config/sections, with the member and the row of its example added.
#   add_key.sh SOURCE OUT
set -euo pipefail

source="$1"
header="libs/config/sections/evaluation.h"
rm -rf "$2"
mkdir -p "$2/$(dirname "$header")"

# The lines of the block that starts with a line of $2, in file $1.
block() { awk -v start="$2" 'index($0, start) == 1 { on = 1; next } /^}/ { on = 0 } on' "$1"; }

member="$(block "$source/docs/development.md" "struct EvaluationOptions")"
row="$(block "$source/docs/development.md" "void Describe(EvaluationOptions&")"
[ -n "$member" ] && [ -n "$row" ] || { echo "docs/development.md shows no new key" >&2; exit 1; }
MEMBER="$member" ROW="$row" awk '
  /^struct EvaluationOptions/ { adds = "MEMBER" }
  /^void Describe\(EvaluationOptions&/ { adds = "ROW" }
  /^}/ && adds { print ENVIRON[adds]; adds = "" }
  { print }' "$source/$header" > "$2/$header"
