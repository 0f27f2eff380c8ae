#!/bin/sh
# Make .venv with the pinned development constraints and the project in it, editable.
# PYTHON names the interpreter to use; without it the first that is new enough is taken.
set -eu
cd "$(dirname "$0")/.."
venv=.venv

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$candidate" -c "$new_enough" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "no Python")
    echo "napari-deepem needs Python 3.11 or newer and found $found:" \
        "install one, or name it with PYTHON=/path/to/python3." >&2
    exit 1
fi

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then # Debian keeps it apart
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        sh scripts/apt_install.sh "making a virtual environment" "$version-venv"
    fi
    "$python" -m venv --clear "$venv"
fi
echo "Installing napari-deepem and what it needs into $venv (minutes the first time)."
"$venv/bin/python" -m pip install --disable-pip-version-check \
    --constraint constraints-dev.txt --editable '.[dev]'
touch "$venv/.installed"
