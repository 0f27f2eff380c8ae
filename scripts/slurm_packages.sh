#!/bin/sh
# SLURM and munge, by whose jobs the tests marked `slurm` pick: about 20 MB to fetch.
set -eu
! command -v slurmctld >/dev/null || ! command -v munged >/dev/null || exit 0
exec sh "$(dirname "$0")/apt_install.sh" "tests with SLURM's own programs" slurm-wlm munge
