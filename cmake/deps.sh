#!/bin/sh
# Are the libraries and tools there that the build needs?  On Debian and Ubuntu what is missing is installed.
# usage: deps.sh [release]      release: without what only the tests need
set -eu

libs="libcurl libcjson sqlite3 libuv libconfig libgit2 libmicrohttpd check"
tools="cc cmake ninja pkg-config git python3 file"
packages="build-essential cmake ninja-build pkg-config git python3 file \
libcurl4-openssl-dev libcjson-dev libsqlite3-dev libuv1-dev libconfig-dev libgit2-dev libmicrohttpd-dev check"

if [ "${1:-}" = release ]; then
	libs=${libs% libmicrohttpd check}
	packages=${packages% libmicrohttpd-dev check}
fi

missing() {
	for tool in $tools; do
		command -v "$tool" >/dev/null 2>&1 || { echo "$tool"; return; }
	done
	for lib in $libs; do
		pkg-config --exists "$lib" || { echo "$lib"; return; }
	done
}

what=$(missing)
[ -n "$what" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "$what is missing. batchd is built with these (names as in Debian):" >&2
	echo "  $packages" >&2
	exit 1
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
if [ -n "$as_root" ] && ! command -v sudo >/dev/null 2>&1; then
	echo "$what is missing; as root: apt-get install $packages" >&2
	exit 1
fi
echo "$what is missing: installing what the build needs"
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
