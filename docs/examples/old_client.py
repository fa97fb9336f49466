"""
A client of 2010: speaks hixie-76 to the chat, over a plain socket.
"""

import socket
import sys

from wsfallback.testing import Hixie76Client, request


def main(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request("hixie-76", path="/?name=grandma", host=f"127.0.0.1:{port}"))
        stream = connection.makefile("rb")
        for line in iter(stream.readline, b"\r\n"):
            print(line.decode().rstrip())
        # The answer to the challenge proves that the server speaks this draft.
        assert stream.read(16) == Hixie76Client.digest
        connection.sendall(b"\x00hello from 2010\xff")
        received = b""
        while b"hello" not in received:
            received += stream.read(1)
        connection.sendall(b"\xff\x00")  # the closing handshake
        received += stream.read()
    for frame in received.split(b"\xff"):
        if frame.strip(b"\x00"):
            print(frame[1:].decode())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
