# SPDX-License-Identifier: Apache-2.0
# The program on the first page is the one that is compiled.
awk '/^```cpp$/ {on = 1; next} /^```$/ {on = 0} on' "$MINFOLD_SOURCE_DIR/README.md" >shown
tail -n +3 "$MINFOLD_SOURCE_DIR/drivers/examples/01_one_page.cpp" >compiled
[ -s shown ] || { echo 'README.md shows no program'; exit 1; }
diff shown compiled
