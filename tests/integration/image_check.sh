#!/usr/bin/env bash
# Starts the image timerd:latest as it ships and uses it from outside with the timerctl of the build
# tree: it answers health checks, runs as nobody special, fires a timer on time, shows that in its
# metrics, keeps what it acknowledged over a restart, and stops with exit code 0 on SIGTERM.
# usage: tests/integration/image_check.sh docker|buildah
# ./dev image --check builds all that it needs and runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

engine=$1
image=timerd:latest
timerctl=build/release/client/timerctl
scratch=$(mktemp -d)

fail() {
  echo "image_check: FAILED: $*" >&2
  if [[ -s $scratch/server.err ]]; then
    cat "$scratch/server.err" >&2
  fi
  exit 1
}
pass() { echo "image_check: ok: $*"; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  until "${@:2}"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# http_get PATH: what the server answers at `http`.
http_get() {
  exec {connection}<>"/dev/tcp/${http%:*}/${http##*:}"
  printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&"$connection"
  cat <&"$connection"
  exec {connection}>&-
}

# Each engine has: prepare, start (sets `target` and `http` to where the server is reached),
# is_healthy, server_uid, stop (sets `exit_code`), data_files, clean_up.
case $engine in
  docker)
    volume=timerd-image-check-$$
    container=$volume
    prepare() { docker volume create "$volume" >/dev/null; }
    start() {
      docker run --detach --name "$container" --read-only --cap-drop ALL \
        --publish 127.0.0.1::7400 --publish 127.0.0.1::7480 \
        --volume "$volume:/var/lib/timerd" "$image" >/dev/null
      target=$(docker port "$container" 7400/tcp)
      http=$(docker port "$container" 7480/tcp)
    }
    reports_healthy() {
      [[ $(docker inspect --format '{{.State.Health.Status}}' "$container") == healthy ]]
    }
    is_healthy() { wait_for 60 reports_healthy; }
    server_uid() { docker exec "$container" id -u; }
    stop() {
      docker stop --time 30 "$container" >/dev/null
      exit_code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
      docker logs "$container" >"$scratch/server.out" 2>"$scratch/server.err"
      docker rm "$container" >/dev/null
    }
    data_files() {
      docker run --rm --volume "$volume:/data" --entrypoint ls "$image" -A /data
    }
    clean_up() {
      docker rm --force "$container" >/dev/null 2>&1 || true
      docker volume rm --force "$volume" >/dev/null
    }
    ;;
  buildah)
    # buildah runs one command of a container and no healthchecks by itself; the container shares
    # this machine's network, so the server takes free ports instead of 7400 and 7480.
    prepare() {
      container=$(buildah from "$image")
      mkdir "$scratch/data"
      chmod 755 "$scratch"
      chown 10001:10001 "$scratch/data"
      mapfile -t entrypoint < <(buildah inspect --type container \
        --format '{{range .Docker.Config.Entrypoint}}{{println .}}{{end}}' "$container" | grep .)
      mapfile -t healthcheck < <(buildah inspect --type container \
        --format '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" |
        grep . | tail -n +2) # the first is CMD
    }
    in_container() {
      buildah run --isolation chroot --volume "$scratch/data:/var/lib/timerd" "$container" -- "$@"
    }
    start() {
      : >"$scratch/server.out"
      in_container "${entrypoint[@]}" --listen=127.0.0.1:0 --http=127.0.0.1:0 \
        >"$scratch/server.out" 2>"$scratch/server.err" &
      buildah_run=$!
      wait_for 30 grep -q '^timerd ready' "$scratch/server.out" || fail "not ready within 30 s"
      target=$(sed -n 's/^timerd ready: grpc=\([^ ]*\).*/\1/p' "$scratch/server.out")
      http=$(sed -n 's/^timerd ready: .* http=\([^ ]*\).*/\1/p' "$scratch/server.out")
    }
    is_healthy() { in_container "${healthcheck[@]/127.0.0.1:7400/$target}"; }
    # The server is a descendant of `buildah run`.
    server_pid() {
      local process=$buildah_run
      while [[ $(basename "$(readlink "/proc/$process/exe")") != timerd ]]; do
        process=$(pgrep --parent "$process" | head -n 1)
      done
      echo "$process"
    }
    server_uid() { awk '/^Uid:/ {print $3}' "/proc/$(server_pid)/status"; }
    stop() {
      exit_code=0
      kill -TERM "$(server_pid)"
      wait "$buildah_run" || exit_code=$?
    }
    data_files() { ls -A "$scratch/data"; }
    clean_up() {
      if [[ -n ${buildah_run:-} ]] && kill -0 "$buildah_run" 2>/dev/null; then
        stop
      fi
      buildah rm "$container" >/dev/null
    }
    ;;
  *)
    echo "usage: $0 docker|buildah" >&2
    exit 2
    ;;
esac
trap 'clean_up; rm -rf "$scratch"' EXIT

prepare
start
is_healthy || fail "the health check did not pass"
pass "answers its health check at $target"

uid=$(server_uid)
[[ $uid == 10001 ]] || fail "runs as uid $uid"
pass "runs as uid $uid"

began=$(date +%s%N)
events=$("$timerctl" --server="$target" schedule --in=1s --id=image-check/fired --json)
took_ms=$((($(date +%s%N) - began) / 1000000))
grep -q FIRED <<<"$events" || fail "no FIRED event: $events"
((took_ms >= 1000)) || fail "a timer of 1 s fired after $took_ms ms"
((took_ms < 5000)) || fail "a timer of 1 s took $took_ms ms"
pass "a timer of 1 s fired: $took_ms ms, with the start of timerctl"

[[ $(http_get /healthz) == *$'\nserving' ]] || fail "not serving: $(http_get /healthz)"
grep -q '^timerd_events_total{namespace="default",type="FIRED"} 1' <<<"$(http_get /metrics)" ||
  fail "the metrics do not show the timer that fired: $(http_get /metrics)"
pass "shows its metrics at $http"

"$timerctl" --server="$target" schedule --in=1h --id=image-check/kept --detach >/dev/null
stop
((exit_code == 0)) || fail "exit code $exit_code on SIGTERM"
pass "stops with exit code 0 on SIGTERM"
[[ -n $(data_files) ]] || fail "nothing was written to /var/lib/timerd"
pass "wrote to its volume: $(data_files | tr '\n' ' ')"

start
"$timerctl" --server="$target" get image-check/kept --json | grep -qi pending ||
  fail "the timer that was acknowledged is gone after a restart"
pass "keeps its timers over a restart"
stop
((exit_code == 0)) || fail "exit code $exit_code on the second SIGTERM"
