#!/usr/bin/env bash
# Builds the image timerd:latest. usage: docker/build.sh docker|buildah [--base-from-debootstrap]
# Run by ./dev image, which installs what this needs.
#
# --base-from-debootstrap makes the Debian base image here, from the packages of this machine's
# mirror, for where no image registry can be reached. It needs root. This machine's mirror and proxy
# are used during the build and do not get into the image.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

engine=$1
base=debian:bookworm-slim
build_options=()

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# This machine's Debian archives and how it reaches them, as apt configuration for a container.
host_apt_sources() {
  # shellcheck disable=SC2016  # the $(...) are for apt
  apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | grep ' bookworm' || true
}
host_apt_settings() { apt-config dump | grep -E '^Acquire::(https?::|Check-)' || true; }

make_base() {
  ((EUID == 0)) || { echo "debootstrap needs root: sudo ./dev image ..." >&2 && return 1; }
  local root=$scratch/root mirror proxy=
  mirror=$(host_apt_sources | awk '$3 == "bookworm" {print $2; exit}')
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  http_proxy=${proxy:-${http_proxy:-}} debootstrap --variant=minbase bookworm "$root" \
    "${mirror:-http://deb.debian.org/debian}"
  cat >"$root/etc/apt/sources.list" <<'END'
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
END
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
  rm -rf "$root"/usr/share/{doc,info,locale,man}/*
  base=localhost/timerd-base:bookworm
  if [[ $engine == docker ]]; then
    tar -C "$root" -c . | docker import - "$base"
  else
    local container
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$root" /
    buildah commit --quiet --rm "$container" "$base"
  fi
}

if [[ ${2:-} == --base-from-debootstrap ]]; then
  make_base
  host_apt_sources >"$scratch/sources.list"
  host_apt_settings >"$scratch/apt.conf"
  # docker has no volumes during a build; there the daemon's own proxy settings do.
  if [[ $engine == buildah && -s $scratch/sources.list ]]; then
    build_options+=(--volume "$scratch/sources.list:/etc/apt/sources.list:ro"
      --volume "$scratch/apt.conf:/etc/apt/apt.conf.d/90host:ro")
  fi
fi

version=$(sed -n 's/^project(timerd VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
build_options+=(--file docker/Dockerfile --tag timerd:latest --build-arg "BASE=$base"
  --label "org.opencontainers.image.version=$version"
  --label "org.opencontainers.image.revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)")

if [[ $engine == docker ]]; then
  DOCKER_BUILDKIT=1 docker build "${build_options[@]}" .
else
  # chroot: works in containers and sandboxes too, where no namespaces can be made. The docker
  # format keeps HEALTHCHECK, which OCI's has no place for.
  buildah bud --isolation chroot --format docker "${build_options[@]}" .
fi
