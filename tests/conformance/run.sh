#!/usr/bin/env bash
# Runs another language against a real server, with nothing but the code that its own tools generate
# from the proto files: the cases (README.md), or the quick start of client/examples/.
# usage: tests/conformance/run.sh cases|quick_start python|go|java|node SERVER FOLDER
# SERVER is the binary (TIMERD_BINARY wins); all that is downloaded and built goes to FOLDER.
# Without the language's toolchain it says so and exits with 77.
set -euo pipefail

what=$1 language=$2
server=$(readlink -f "${TIMERD_BINARY:-$3}")
folder=$(readlink -m "$4")
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(readlink -f "$here/../..")
example=$folder/checkout/client/examples/$language

fail() {
  echo "$language: $*" >&2
  exit 1
}

missing=$("$here/toolchains.sh" "$language")
if [[ -n $missing ]]; then
  while IFS=: read -r package toolchain; do
    echo "skipped: no$toolchain on this machine: install $package"
  done <<<"$missing"
  exit 77
fi

# How the language runs a folder of cases, where its source for that goes in the example, and how it
# is built where the example is not.
build=
case $language in
  python) cases=(venv/bin/python conformance.py) place=. ;;
  go) cases=(bin/conformance) place=conformance build='go build -o bin/ ./conformance' ;;
  java)
    cases=(java -cp 'target/classes:target/lib/*' dev.timerd.conformance.Conformance)
    place=src/main/java/dev/timerd/conformance
    ;;
  node) cases=(node conformance.mjs) place=. ;;
esac

# Everything that these download stays in the build tree.
export PIP_CACHE_DIR=$folder/cache PIP_DISABLE_PIP_VERSION_CHECK=1
export GOMODCACHE=$folder/cache/modules GOCACHE=$folder/cache/build
export GOFLAGS="-modcacherw -buildvcs=false"
export MAVEN_OPTS="${MAVEN_OPTS:-} -Dmaven.repo.local=$folder/cache"
export npm_config_cache=$folder/cache npm_config_update_notifier=false

# The commands of the example's README: the last one runs it, those before it prepare.
mapfile -t commands < <(awk '/^```/ {inside = !inside; next} inside' \
  "$root/client/examples/$language/README.md")
((${#commands[@]} > 1)) || fail "its README has no commands"
preparation=$(printf '%s\n' "${commands[@]:0:${#commands[@]}-1}" "$build")
quick_start=${commands[-1]}

sources() {
  git -C "$root" -c safe.directory="$root" ls-files --cached --others --exclude-standard -- \
    proto/timerd/v1 "client/examples/$language" "tests/conformance/$language"
}

# Downloads, generates and builds in a copy of the sources, unless that copy is of the same sources.
prepare() {
  cd "$root"
  local digest attempt
  digest=$(sources | xargs sha256sum | sha256sum)
  if [[ -f $folder/prepared && $(<"$folder/prepared") == "$digest" ]]; then
    return
  fi
  rm -rf "$folder/prepared" "$folder/checkout"
  mkdir -p "$folder/checkout" "$folder/cache"
  sources | xargs cp --parents --target-directory="$folder/checkout"
  mkdir -p "$example/$place"
  cp "$here/$language/"* "$example/$place"
  cd "$example"
  for attempt in 1 2 3; do
    if timeout --kill-after=5 280 bash -euc "$preparation" >"$folder/preparation.log" 2>&1; then
      echo "$digest" >"$folder/prepared"
      return
    fi
    echo "$language: attempt $attempt at its preparation failed" >&2
  done
  cat "$folder/preparation.log" >&2
  fail "its preparation failed"
}

scratch=$(mktemp -d)
finish() {
  if [[ -n ${server_pid:-} ]]; then
    { kill -KILL "$server_pid" && wait "$server_pid"; } 2>/dev/null || true
    cat "$scratch/log" >&2
  fi
  rm -rf "$scratch"
}
trap finish EXIT

# Starts a server with the flags of a file; sets `address`.
start_server() {
  local line
  coproc { exec "$server" --listen=127.0.0.1:0 --http=off --data-dir="$scratch/data" --config="$1" \
    2>"$scratch/log"; }
  server_pid=$COPROC_PID
  read -r -t 30 line <&"${COPROC[0]}" || fail "the server did not get ready; its log:"
  [[ $line =~ ^"timerd ready: grpc="([^ ]+) ]] || fail "not a readiness line: $line"
  address=${BASH_REMATCH[1]}
}

stop_server() {
  kill -TERM "$server_pid"
  wait "$server_pid" || fail "the server did not stop cleanly"
  unset server_pid
}

run_cases() {
  local group code last
  for group in "$here"/cases/*; do
    start_server "$group/server.conf"
    code=0
    timeout 120 "${cases[@]}" "$address" "$group" >"$scratch/report" || code=$?
    last=$(tail -n 1 "$scratch/report")
    if [[ $(basename "$group") == self_test ]]; then
      [[ $last =~ ^0\ passed,\ [1-9] ]] || {
        cat "$scratch/report"
        fail "cases that must fail did not"
      }
      echo "$language: $last, as they must"
    else
      cat "$scratch/report"
      ((code == 0)) || fail "$(basename "$group"): $last (exit code $code)"
    fi
    stop_server
  done
}

run_quick_start() {
  local expected line
  start_server "$here/cases/real_clock/server.conf"
  timeout 60 bash -c "${quick_start/127.0.0.1:7400/$address}" | tee "$scratch/report"
  exec 3<"$scratch/report"
  while read -r expected; do
    read -r line <&3 || fail "no line like: $expected"
    [[ $line =~ ^$expected$ ]] || fail "\"$line\" is not like: $expected"
  done <"$here/quick_start.expected"
  ! read -r line <&3 || fail "one line too many: $line"
  stop_server
}

prepare
cd "$example"
"run_$what"
