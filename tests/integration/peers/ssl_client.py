"""
Foreign client: Python's "ssl", on the OpenSSL that Python has, which is not that of the server.

Usage: ``ssl_client.py PORT SCRIPT``, where the script is a list in JSON of connections, each with

- ``name``: whom it asks for by SNI, and then wants a certificate of; ``null``: neither;
- ``trust``: the file with the authority of that;
- ``version``: the only version of TLS that it speaks, ``TLSv1``; ``null``: those of today;
- ``send``: bytes in hexadecimal; ``until``: with which bytes ends what comes then.

Then it ends its half of TLS, and waits for the server to do the same.

It prints a list with ``version``, ``certificate``, which is the SHA-256 of it, and ``heard`` in
hexadecimal, or ``error``.
"""

import hashlib
import json
import socket
import ssl
import sys
import warnings
from pathlib import Path

TIMEOUT = 20  # seconds


def converse(port, asked):
    """
    One connection.
    """
    context = ssl.create_default_context(cafile=asked["trust"])
    if asked["name"] is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if asked["version"] is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        only = ssl.TLSVersion[asked["version"]]
        context.minimum_version = context.maximum_version = only
    heard = b""
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT) as bare,
        context.wrap_socket(bare, server_hostname=asked["name"]) as secure,
    ):
        secure.sendall(bytes.fromhex(asked["send"]))
        while not heard.endswith(bytes.fromhex(asked["until"])):
            received = secure.recv(65536)
            if not received:
                break
            heard += received
        certificate = secure.getpeercert(binary_form=True)
        version = secure.version()
        secure.unwrap()
    return {
        "version": version,
        "certificate": hashlib.sha256(certificate).hexdigest(),
        "heard": heard.hex(),
    }


def main(port, file):
    """
    One after the other.
    """
    seen = []
    for asked in json.loads(Path(file).read_text()):
        try:
            seen.append(converse(int(port), asked))
        except (OSError, ValueError) as error:
            seen.append({"error": repr(error)})
    return seen


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is; that is the point
    print(json.dumps(main(*sys.argv[1:])))
