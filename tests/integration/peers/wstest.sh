#!/usr/bin/env bash
# Makes DIR/wstest: the Autobahn conformance suite, which runs on Python 2.7 alone.
# Usage: wstest.sh DIR. For Debian on amd64 with gcc and pip; all of it stays in DIR.
#
# The interpreter is Debian 11's, unpacked and not installed, from wherever this machine gets its
# Debian. Neither Python 2.7 nor its OpenSSL is maintained any more: for tests on loopback only.
set -euo pipefail

mkdir -p "$1"
root=$(cd "$1" && pwd)
mkdir -p "$root"/apt/{lists/partial,cache/archives/partial} "$root"/{debs,python,site}
: >"$root/apt/status"
# shellcheck disable=SC2016  # apt's placeholder
mirror=$(apt-get indextargets --format '$(SITE)' | head -n 1)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror bullseye main" >"$root/apt/sources.list"
apt=(apt-get -qq
    -o Dir::Etc::sourcelist="$root/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State::lists="$root/apt/lists" -o Dir::State::status="$root/apt/status"
    -o Dir::Cache="$root/apt/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$root/debs" && "${apt[@]}" download python2.7-minimal libpython2.7-minimal \
    libpython2.7-stdlib libpython2.7-dev libssl1.1 libffi7)
for package in "$root"/debs/*.deb; do
    dpkg-deb -x "$package" "$root/python"
done

# Their own variables, set here alone: they would break any other Python.
cat >"$root/python2" <<E2
#!/bin/sh
export LD_LIBRARY_PATH=$root/python/usr/lib/x86_64-linux-gnu PYTHONPATH=$root/site PYTHONNOUSERSITE=1
exec $root/python/usr/bin/python2.7 "\$@"
E2
cat >"$root/wstest" <<E2
#!/bin/sh
exec $root/python2 -c 'import sys; sys.argv[0] = "wstest"; from autobahntestsuite.wstest import run; run()' "\$@"
E2
chmod +x "$root/python2"

python3 -m pip download --quiet --no-deps --dest "$root" pip==20.3.4
pip=("$root/python2" "$root/pip-20.3.4-py2.py3-none-any.whl/pip" install --quiet --isolated
    --disable-pip-version-check --cert /etc/ssl/certs/ca-certificates.crt --target "$root/site")
"${pip[@]}" setuptools==44.0.0 wheel==0.37.1
"${pip[@]}" txaio==2.1.0 incremental==16.10.1 pyOpenSSL==19.1.0 cryptography==3.3.2 \
    Twisted==19.10.0 zope.interface==4.6.0 jinja2==2.11.3 markupsafe==1.1.1 Werkzeug==1.0.1 \
    klein==17.10.0 service_identity==18.1.0 unittest2==1.1.0 six==1.16.0 autobahn==0.10.9
touch "$root/site/zope/__init__.py" # a namespace package, which --target doesn't set up
"${pip[@]}" --no-deps autobahntestsuite==25.10.1
# Five times as fast with it.
headers="-I$root/python/usr/include/python2.7 -I$root/python/usr/include"
CFLAGS="$headers" "${pip[@]}" --no-deps wsaccel==0.6.2
"$root/python2" -c 'import autobahntestsuite, wsaccel'
chmod +x "$root/wstest" # last: where it can be run it is complete
