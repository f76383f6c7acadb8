#!/usr/bin/env bash
# Does what docs/development.md says of a new statistic: copies the files that its example names to
# OUT, with the row and the line of the example added.
#   add_statistic.sh SOURCE OUT
set -euo pipefail

source="$1"
table="libs/statistics/step_table.h"
measured="services/learner/loss/loss_stats.cc"
rm -rf "$2"
mkdir -p "$2/$(dirname "$table")" "$2/$(dirname "$measured")"

# The example: a row of the table, an empty line, and the line that measures.
example="$(awk '/^## / { on = /^## A statistic$/ } on && /^```/ { fence++; next } on && fence == 1' \
  "$source/docs/development.md")"
row="$(awk 'NF == 0 { exit } 1' <<<"$example")"
line="$(awk 'on; NF == 0 { on = 1 }' <<<"$example")"
[ -n "$row" ] && [[ "$line" == *"// $measured" ]] ||
  { echo "docs/development.md shows no new statistic" >&2; exit 1; }

ROW="$row" awk '
  /^inline constexpr Statistic kRlTable\[\]/ { on = 1 }
  /^};/ && on { print ENVIRON["ROW"]; on = 0 }
  { print }' "$source/$table" > "$2/$table"
last="$(grep -n '^    tallies_\.Add(.*;$' "$source/$measured" | tail -1 | cut -d: -f1)"
LINE="${line%%  //*}" awk -v last="$last" \
  '{ print } NR == last { print ENVIRON["LINE"] }' "$source/$measured" > "$2/$measured"
