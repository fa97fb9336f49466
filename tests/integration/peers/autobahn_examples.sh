#!/usr/bin/env bash
# Makes DIR/examples: the examples of the Autobahn that PYTHON has installed, as they are shipped.
# Usage: autobahn_examples.sh DIR PYTHON
set -euo pipefail

mkdir -p "$1"
version=$("$2" -c 'import autobahn; print(autobahn.__version__)')
# The wheel has no examples; nothing is installed.
"$2" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary autobahn \
    --dest "$1" "autobahn==$version"
rm -rf "$1/examples" "$1/unpacked"
mkdir "$1/unpacked"
tar -xzf "$1/autobahn-$version.tar.gz" -C "$1/unpacked" --strip-components 1 \
    "autobahn-$version/examples"
mv "$1/unpacked/examples" "$1/examples" # last: where it is, it is complete
rmdir "$1/unpacked"
