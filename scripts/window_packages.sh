#!/bin/sh
# What a napari window needs on Linux without a display: a virtual one (Xvfb), Mesa's OpenGL and
# the libraries of Qt's xcb plugin.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
[ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || exit 0
command -v apt-get >/dev/null || ! command -v Xvfb >/dev/null || exit 0
exec sh "$(dirname "$0")/apt_install.sh" "a window without a display" \
    xvfb libgl1-mesa-dri libegl1 libopengl0 libfontconfig1 libglib2.0-0 libdbus-1-3 \
    libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 \
    libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0
