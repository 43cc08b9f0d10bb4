# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of this folder, which run in an empty folder with MINFOLD, the executable,
# and MINFOLD_SOURCE_DIR, the source tree, in the environment.
set -eu
: "${MINFOLD:?is the executable to test}"
: "${MINFOLD_SOURCE_DIR:?is the source tree}"
support=$MINFOLD_SOURCE_DIR/tests/cli/support

fail() {
  echo "FAILED: $*" >&2
  sed 's/^/  stdout: /' stdout.txt >&2
  sed 's/^/  stderr: /' stderr.txt >&2
  exit 1
}

# expect STATUS ARGUMENTS: runs minfold, keeps what it prints in stdout.txt and stderr.txt.
expect() {
  wanted=$1
  shift
  status=0
  "$MINFOLD" "$@" >stdout.txt 2>stderr.txt </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "minfold $*: exit status $status, expected $wanted"
}

# prints TEXT: it is on stdout. complains TEXT: one line on stderr, with the text.
prints() {
  grep -q -e "$1" stdout.txt || fail "stdout does not have: $1"
}
complains() {
  [ "$(wc -l <stderr.txt)" = 1 ] || fail "expected one sentence on stderr"
  grep -q -e "$1" stderr.txt || fail "stderr does not have: $1"
  ! grep -q 'internal error' stderr.txt || fail "called an internal error"
}

# only FILES: the folder has these and what expect wrote, nothing else.
only() {
  for file in $(ls -A); do
    case " $* stdout.txt stderr.txt " in
      *" $file "*) ;;
      *) fail "left behind: $file" ;;
    esac
  done
}
