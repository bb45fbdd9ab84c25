#!/bin/sh
# Write both lock files anew from pyproject.toml. Needs uv on the PATH (pip install uv).
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --extra postgres --extra s3 --extra imap-client --extra imaging --extra hsm --extra trust \
        pyproject.toml requirements/build.in "$@" --output-file "$out"
}
lock requirements/runtime.lock
lock requirements/dev.lock --extra validation --group dev --constraint requirements/runtime.lock
