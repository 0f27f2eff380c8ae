#!/bin/sh
# usage: apt_install.sh PURPOSE PACKAGE...
# Install those Debian packages that are missing, saying which; where that is not allowed, name
# them in one line and fail.
set -eu
purpose=$1
shift

give_up() {
    echo "For $purpose these system packages are missing:$missing ($1)." >&2
    exit 1
}

missing=
for package in "$@"; do missing="$missing $package"; done
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    # Provided names count: libglib2.0-0 became libglib2.0-0t64.
    present=$(dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Provides}\n' |
        sed -n 's/^ii //p' | tr -s ' ,()' '\n')
    missing=
    for package in "$@"; do
        printf '%s\n' "$present" | grep -qxF "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || exit 0
else
    give_up "not a Debian or Ubuntu system: install what your system calls them"
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    give_up "run as root: apt-get install$missing"
fi
echo "Installing system packages for $purpose:$missing"
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null; }
apt update || true # old lists may do
# shellcheck disable=SC2086 # the names are words
apt install -y -o Dpkg::Use-Pty=0 --no-install-recommends $missing ||
    give_up "apt-get could not install them"
