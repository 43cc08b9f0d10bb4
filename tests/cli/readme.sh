# SPDX-License-Identifier: Apache-2.0
# The program on the first page is the one that is compiled.
set -eu
readme=$MINFOLD_SOURCE_DIR/README.md
awk '/^```cpp$/ {on = 1; next} /^```$/ {on = 0} on' "$readme" >shown
tail -n +3 "$MINFOLD_SOURCE_DIR/drivers/examples/01_one_page.cpp" >compiled
[ -s shown ] || { echo 'README.md shows no program'; exit 1; }
diff shown compiled

# And what it prints is what is shown below it. Processors round differently: of F nine decimals
# count, of |grad F| one digit, and none where it is rounding error.
[ -n "${MINFOLD_EXAMPLE:-}" ] || exit 0
rough() {
  awk '{
    if (match($0, /F = -?[0-9.]+/)) {
      f = sprintf("F = %.9f", substr($0, RSTART + 4, RLENGTH - 4))
      $0 = substr($0, 1, RSTART - 1) f substr($0, RSTART + RLENGTH)
    }
    if (match($0, /\|grad F\| = [0-9.]+e[-+][0-9]+/)) {
      value = substr($0, RSTART + 11, RLENGTH - 11) + 0
      h = value < 1e-8 ? "noise" : sprintf("%.0e", value)
      $0 = substr($0, 1, RSTART - 1) "|grad F| = " h substr($0, RSTART + RLENGTH)
    }
    print
  }'
}
awk '/^Its output/ {next_block = 1} /^```$/ && next_block {on = !on; if (!on) exit; next} on' "$readme" |
  rough >shown
"$MINFOLD_EXAMPLE" >printed
rough <printed >printed_roughly
[ -s shown ] || { echo 'README.md shows no output'; exit 1; }
diff shown printed_roughly
