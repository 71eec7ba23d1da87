#!/usr/bin/env bash
# Makes a Debian trixie base image without a container registry: debootstrap (or a root that is there) and buildah.
#   kubeflow/image/bootstrap_base.sh localhost/debian-trixie [ROOT]
# Needs root. In a place without user namespaces: BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: bootstrap_base.sh NAME [ROOT]" >&2; exit 2; }
name=$1 root=${2:-}
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/imagemill-base-XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
if [ -z "$root" ]; then
    root=$scratch/root
    debootstrap --variant=minbase --include=ca-certificates trixie "$root" >"$scratch/log" 2>&1 \
        || { tail -n 30 "$scratch/log" >&2; exit 1; }
fi
# The certificates of this machine, where it reaches package registries through a proxy of its own.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root"/var/cache/apt/archives/*.deb
container=$(buildah from scratch)
buildah add --quiet "$container" "$root" / >/dev/null
buildah commit --quiet --rm "$container" "$name"
