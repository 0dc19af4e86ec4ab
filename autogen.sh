#!/bin/sh
# Makes configure and Makefile.in from configure.ac and Makefile.am. Needed in a git checkout only; a
# release brings both.
set -eu
cd "$(dirname "$0")"

missing=
command -v autoreconf >/dev/null || missing="$missing autoconf"
command -v automake >/dev/null || missing="$missing automake"
# Looked for where aclocal looks, since without its macros configure would come out broken.
command -v aclocal >/dev/null && [ -e "$(aclocal --print-ac-dir)/pkg.m4" ] || missing="$missing pkg-config"
if [ -n "$missing" ]; then
    echo "autogen.sh: missing:$missing" >&2
    echo "autogen.sh: on Debian: apt-get install$missing" >&2
    exit 1
fi

exec autoreconf --install --warnings=all,no-portability
