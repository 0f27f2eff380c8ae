#!/bin/sh
# RELION 3.1, whose programs read what we write in the tests marked `relion`: about 16 MB to fetch
# and 100 MB on the disk, from Debian and Ubuntu.
set -eu
! command -v relion_refine >/dev/null || exit 0
exec sh "$(dirname "$0")/apt_install.sh" "tests with RELION's own programs" relion
