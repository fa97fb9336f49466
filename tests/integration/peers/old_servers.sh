#!/usr/bin/env bash
# Adds to DIR, which wstest.sh has made, what servers for old clients were once written with, each
# library in a directory of its own. Usage: old_servers.sh DIR
set -euo pipefail

root=$(cd "$1" && pwd)
for library in txWS==0.8 txWS==0.9.1 autobahn==0.10.9; do
    [ -d "$root/old/$library" ] ||
        "$root/python2" "$root/pip-20.3.4-py2.py3-none-any.whl/pip" install --quiet --isolated \
            --disable-pip-version-check --cert /etc/ssl/certs/ca-certificates.crt \
            --no-deps --target "$root/old/$library" "$library"
done
